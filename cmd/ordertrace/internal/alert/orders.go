package alert

import (
	"fmt"
	"strings"
	"time"
)

const trace = "0af7651916cd43dd8448eb211c80319c"

// namedOrder reads the only metric that names an order, so that an alert can: the oldest 100 open problems of each
// transition and outcome. Its series end when the order arrives or ends, and the alert resolves.
func namedOrder(outcome string) string {
	return `max by (flow, transition, order_id, trace_id) (order_problem_seconds{outcome="` + outcome + `"})`
}

const ofFlow = "var-flow={{ $labels.flow | urlquery }}"

func lostOrder(l Links) entry {
	r := &Rule{
		Alert: "LostOrder", Expr: namedOrder("lost"), Labels: map[string]string{"severity": critical},
		Annotations: l.trace(l.notes("LostOrder",
			"Order {{ $labels.order_id }} is lost in {{ $labels.transition }}",
			"Order {{ $labels.order_id }} entered the first stage of {{ $labels.transition }} (flow {{ $labels.flow }}) "+
				"{{ $value | humanizeDuration }} ago and nothing has been seen of it since lost_after passed. "+
				"Its last trace is {{ $labels.trace_id }}.", "trouble", ofFlow), "$labels.trace_id"),
	}
	return entry{r, []Case{{
		Name: "a lost order is named at once, with its last trace, until it turns up", Step: 15 * time.Second,
		Series: []Series{{problem("lost"), "_x3 86400+15x3 stale"}},
		Checks: []Check{
			{At: 30 * time.Second, Rule: r},
			{At: 45 * time.Second, Rule: r, Firing: []Firing{problemFiring("1d 0h 0m 0s")}},
			{At: 2 * time.Minute, Rule: r},
		},
	}, {
		Name: "an order over its deadline is not called lost", Step: 15 * time.Second,
		Series: []Series{{problem("breached"), "7200+15x8"}, {problem("stuck"), "7200+15x8"}},
		Checks: []Check{{At: 2 * time.Minute, Rule: r}},
	}}}
}

func problem(outcome string) string {
	return `order_problem_seconds{flow="order",transition="submitted->priced",outcome="` + outcome +
		`",order_id="ORD-10000042",trace_id="` + trace + `",job="ordertrace",instance="judge"}`
}

func problemFiring(age string) Firing {
	return Firing{
		Labels: map[string]string{"flow": "order", "transition": "submitted->priced", "order_id": "ORD-10000042", "trace_id": trace},
		Said: map[string]string{
			"{{ $labels.order_id }}": "ORD-10000042", "{{ $labels.transition }}": "submitted->priced", "{{ $labels.flow }}": "order",
			"{{ $labels.flow | urlquery }}": "order", "{{ $value | humanizeDuration }}": age, "{{ $labels.trace_id }}": trace,
			"{{ with $labels.trace_id }}": "", "{{ . }}{{ end }}": trace,
		},
	}
}

func orderTimeExceeded(l Links) entry {
	r := &Rule{
		Alert: "OrderTimeExceeded", Expr: namedOrder("breached"), Labels: map[string]string{"severity": warning},
		Annotations: l.trace(l.notes("OrderTimeExceeded",
			"Order {{ $labels.order_id }} takes too long in {{ $labels.transition }}",
			"Order {{ $labels.order_id }} entered the first stage of {{ $labels.transition }} (flow {{ $labels.flow }}) "+
				"{{ $value | humanizeDuration }} ago; its deadline has passed. Its last trace is {{ $labels.trace_id }}.",
			"trouble", ofFlow), "$labels.trace_id"),
	}
	return entry{r, []Case{{
		Name: "an order over its deadline is named", Step: 15 * time.Second,
		Series: []Series{{problem("breached"), "7200+15x4 stale"}},
		Checks: []Check{
			{At: 0, Rule: r, Firing: []Firing{problemFiring("2h 0m 0s")}},
			{At: 90 * time.Second, Rule: r},
		},
	}, {
		Name: "a lost order is past being late, and a stuck one is not late yet", Step: 15 * time.Second,
		Series: []Series{{problem("lost"), "86400+15x8"}, {problem("stuck"), "7200+15x8"}},
		Checks: []Check{{At: time.Minute, Rule: r}},
	}}}
}

// named is how many orders of a transition and outcome order.problem names at most.
const named = 100

// lostOrders counts verdicts where LostOrder does not name every order: the metric has no room for more.
func lostOrders(l Links) entry {
	r := &Rule{
		Alert: "LostOrders",
		Expr: `sum by (flow, transition) (increase(order_transitions_total{outcome="lost"}[15m])) > 0` +
			fmt.Sprintf(" unless on (flow, transition) count by (flow, transition) (%s) < %d", namedOrder("lost"), named),
		For: "1m", Labels: map[string]string{"severity": critical},
		Annotations: l.notes("LostOrders",
			"About {{ $value | humanize }} orders were lost in {{ $labels.transition }}",
			"In the last fifteen minutes about {{ $value | humanize }} orders of flow {{ $labels.flow }} were lost in {{ $labels.transition }}. "+
				"LostOrder names the oldest hundred; the verdict records name all.", "trouble", ofFlow),
	}
	series := func(outcome string) string {
		return `order_transitions_total{flow="order",transition="submitted->priced",outcome="` + outcome + `",instance="judge"}`
	}
	crowd := func(n int) []Series {
		all := []Series{{series("lost"), "0x15 5x30"}}
		for i := range n {
			all = append(all, Series{strings.Replace(problem("lost"), "ORD-10000042", fmt.Sprintf("ORD-%08d", i), 1), "90000x45"})
		}
		return all
	}
	five := Firing{
		Labels: map[string]string{"flow": "order", "transition": "submitted->priced"},
		Said: map[string]string{
			"{{ $value | humanize }}": "5", "{{ $labels.transition }}": "submitted->priced", "{{ $labels.flow }}": "order",
			"{{ $labels.flow | urlquery }}": "order",
		},
	}
	return entry{r, []Case{{
		Name: "lost orders that are all named are not counted as well", Step: time.Minute,
		Series: crowd(5), Checks: []Check{{At: 20 * time.Minute, Rule: r}},
	}, {
		Name: "lost orders beyond the hundred that are named are counted", Step: time.Minute,
		Series: crowd(named), Checks: []Check{{At: 20 * time.Minute, Rule: r, Firing: []Firing{five}}},
	}, {
		Name: "orders that are lost are counted for a quarter of an hour, breaches are not", Step: time.Minute,
		Series: []Series{{series("lost"), "0x15 5x30"}, {series("breached"), "0+1x45"}, {series("on_time"), "0+9x45"}},
		Checks: []Check{
			{At: 15 * time.Minute, Rule: r},
			{At: 20 * time.Minute, Rule: r, Firing: []Firing{five}},
			{At: 40 * time.Minute, Rule: r},
		},
	}}}
}

// oldestStuck is the last trace of the oldest order that is stuck in the alert's stage.
const oldestStuck = `{{ with printf "topk(1, label_replace(order_problem_seconds{outcome=\"stuck\", flow=%q}, \"stage\", \"$1\", \"transition\", \"(.+?)->.+\") ` +
	`and on (flow, stage) order_stuck{flow=%q, stage=%q})" $labels.flow $labels.flow $labels.stage | query }}` +
	`{{ with (first .).Labels.trace_id }}`

func stuckOrders(l Links) entry {
	r := &Rule{
		Alert: "StuckOrders", Expr: "sum by (flow, stage) (order_stuck) > 0", For: "1m", Labels: map[string]string{"severity": warning},
		Annotations: l.notes("StuckOrders",
			"{{ $value }} orders are stuck in {{ $labels.stage }}",
			"{{ $value }} orders of flow {{ $labels.flow }} have been in {{ $labels.stage }} for longer than stuck_after. "+
				`order_problem_seconds{outcome="stuck"} names the oldest.`, "trouble", ofFlow),
	}
	r.Annotations["trace_url"] = oldestStuck + l.Jaeger + "/trace/{{ . }}{{ end }}{{ end }}"
	gauge := func(stage string) string {
		return `order_stuck{flow="order",stage="` + stage + `",job="ordertrace",instance="judge"}`
	}
	said := map[string]string{
		"{{ $value }}": "3", "{{ $labels.stage }}": "submitted", "{{ $labels.flow }}": "order", "{{ $labels.flow | urlquery }}": "order",
		oldestStuck: "", "{{ . }}{{ end }}{{ end }}": trace,
	}
	other := `order_problem_seconds{flow="order",transition="priced->approved",outcome="stuck",order_id="ORD-10000043",trace_id="1bf7651916cd43dd8448eb211c80319c",instance="judge"}`
	return entry{r, []Case{{
		Name: "stuck orders are told after a minute, with the trace of the oldest", Step: 15 * time.Second,
		Series: []Series{{gauge("submitted"), "0 3x10 0x4"}, {gauge("priced"), "0x15"}, {problem("stuck"), "300+15x14"}, {other, "900+15x14"}},
		Checks: []Check{
			{At: time.Minute, Rule: r},
			{At: 90 * time.Second, Rule: r, Firing: []Firing{{Labels: map[string]string{"flow": "order", "stage": "submitted"}, Said: said}}},
			{At: 3 * time.Minute, Rule: r},
		},
	}}}
}
