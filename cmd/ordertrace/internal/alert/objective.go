package alert

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/promise"
)

// account names the exact counters of an objective. Compliance is never read from the buckets of a histogram.
type account struct {
	bad  string // what failed
	back string // what failed and did not after all; empty if there is no such thing
	good string
	all  string // of what was judged, good and bad
}

func accountOf(o *promise.Objective) account {
	if o.Service != "" {
		of := func(outcome string) string {
			return fmt.Sprintf(`service_requests_total{service=%q, span_kind=~"server|consumer"%s}`, o.Service, outcome)
		}
		return account{bad: of(`, outcome="error"`), good: of(`, outcome="ok"`), all: of("")}
	}
	metric, of, failed := "order_transitions_total", fmt.Sprintf(`flow=%q, transition=%q`, o.Flow, o.Transition), "breached"
	if o.Destination != "" {
		metric, of, failed = "messages_total", fmt.Sprintf(`destination=%q`, o.Destination), "lost"
	}
	outcome := func(match string) string { return metric + "{" + of + ", outcome" + match + "}" }
	return account{
		bad: outcome(`="` + failed + `"`), back: outcome(`="retracted"`), good: outcome(`="on_time"`),
		all: outcome(`=~"on_time|` + failed + `"`),
	}
}

// increase is how many there were of both in a window. A sum of nothing is nothing, not zero.
func increase(selector, window string) string {
	return "sum(increase(" + selector + "[" + window + "]))"
}

// objectives records, for every objective and window, the events, the bad ones and their ratio: sums first, then the
// ratio, so that a busy hour weighs more than a quiet one. The alerts come in the same group, after what they read.
func (s *Set) objectives(p *promise.Promises, l Links) {
	if len(p.Objectives) == 0 {
		return
	}
	budgets := Group{Name: "ordertrace-budgets", Interval: "1m"}
	burning := Group{Name: "ordertrace-burning"}
	for i := range p.Objectives {
		o := &p.Objectives[i]
		for _, window := range windows(o) {
			burning.Rules = append(burning.Rules, record(o, window)...)
		}
		for n := range o.Burns {
			r := budgetBurn(o, &o.Burns[n], l)
			burning.Rules = append(burning.Rules, *r)
			s.Burning = append(s.Burning, burnCases(o, &o.Burns[n], r, n == 0)...)
		}
		if !slices.Contains(windows(o), o.Window) {
			budgets.Rules = append(budgets.Rules, record(o, o.Window)...)
		}
		budgets.Rules = append(budgets.Rules, Rule{
			Record: "slo:error_budget:remaining",
			Expr:   fmt.Sprintf("1 - %s / %v", recorded("slo:error_ratio:increase", o, o.Window), o.Budget()),
			Labels: windowLabels(o, o.Window),
		})
	}
	s.Burning = together(s.Burning)
	s.Groups = append(s.Groups, burning, budgets)
}

// windows are those in which the budget is watched, each once, shortest first.
func windows(o *promise.Objective) []time.Duration {
	var all []time.Duration
	for _, b := range o.Burns {
		all = append(all, b.Short, b.Long)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func windowLabels(o *promise.Objective, window time.Duration) map[string]string {
	all := o.Labels()
	all["window"] = promise.Span(window)
	return all
}

func recorded(name string, o *promise.Objective, window time.Duration) string {
	return fmt.Sprintf("%s{slo=%q,window=%q}", name, o.Name, promise.Span(window))
}

func record(o *promise.Objective, window time.Duration) []Rule {
	a, span, labels := accountOf(o), promise.Span(window), windowLabels(o, window)
	// The counter of failures may not exist before the first one.
	bad := increase(a.bad, span) + "\nor 0 * " + increase(a.all, span)
	if a.back != "" { // it may come back in another window than it failed in
		bad = "clamp_min(" + increase(a.bad, span) + "\n- " + increase(a.back, span) + ", 0)"
	}
	events, failures := recorded("slo:events:increase", o, window), recorded("slo:bad_events:increase", o, window)
	return []Rule{
		{Record: "slo:events:increase", Expr: increase(a.all, span), Labels: labels},
		{Record: "slo:bad_events:increase", Expr: bad, Labels: labels},
		{Record: "slo:error_ratio:increase", Expr: failures + "\n/ (" + events + " > 0)\nor 0 * " + events, Labels: labels},
	}
}

// budgetBurn fires when both windows burn too fast, if there are enough events for a ratio to mean something; with fewer,
// when enough of them failed. increase extrapolates, so that a whole number comes out a little beside it: hence the halves.
func budgetBurn(o *promise.Objective, b *promise.Burn, l Links) *Rule {
	name, severity := "BudgetBurnSlow", warning
	if b.Fast {
		name = "BudgetBurnFast"
		if o.Page {
			severity = critical
		}
	}
	long, short := recorded("slo:error_ratio:increase", o, b.Long), recorded("slo:error_ratio:increase", o, b.Short)
	events := recorded("slo:events:increase", o, b.Long)
	floor := number(float64(b.Floor) - 0.5)
	r := &Rule{
		Alert: name,
		Expr: fmt.Sprintf("%s > %s\nand ignoring (window) (\n  %s > %s\n  and ignoring (window) %s >= %s\n  or\n  %s > %s\n  and %s < %s\n)",
			long, number(b.Ratio), short, number(b.Ratio), events, floor,
			recorded("slo:bad_events:increase", o, b.Long), number(promise.LeastBad-0.5), events, floor),
		// Those of the window are in the series as well: here they tell rules of one name apart.
		Labels: map[string]string{"severity": severity, "slo": literal(o.Name), "window": promise.Span(b.Long)},
	}
	pace := number(b.Factor) + " times as fast as it may"
	if b.Factor == 1 {
		pace = "faster than it may"
	}
	r.Annotations = l.notes(name,
		fmt.Sprintf("%s: the error budget burns %s", literal(o.Name), pace),
		fmt.Sprintf("In the last %s {{ $value | humanizePercentage }} of %s failed; over %s %.6g %% may. A pace of %.6g %% uses the budget up in %s.",
			promise.Span(b.Long), literal(subject(o)), promise.Span(o.Window), o.Budget()*100, b.Ratio*100, lasts(o, b)),
		"slo", "var-slo={{ $labels.slo | urlquery }}")
	if o.Transition != "" {
		query := fmt.Sprintf(`topk(1, max by (trace_id) (order_problem_seconds{flow=%q, transition=%q, outcome!="stuck"}))`, o.Flow, o.Transition)
		r.Annotations["trace_url"] = "{{ with query " + strconv.Quote(query) + " }}{{ with (first .).Labels.trace_id }}" + l.Jaeger + "/trace/{{ . }}{{ end }}{{ end }}"
	}
	return r
}

func subject(o *promise.Objective) string {
	switch {
	case o.Service != "":
		return "the requests to " + o.Service
	case o.Destination != "":
		return "the messages to " + o.Destination
	}
	return fmt.Sprintf("the verdicts on %s (flow %s)", o.Transition, o.Flow)
}

// lasts is how long a whole budget lasts while it burns.
func lasts(o *promise.Objective, b *promise.Burn) string {
	d, unit := time.Duration(float64(o.Window)/b.Factor), time.Minute
	if d > 48*time.Hour {
		unit = time.Hour
	}
	return promise.Span(d.Round(unit))
}

// number writes a factor or a ratio without an exponent.
func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// sortedLabels writes labels as a selector holds them.
func sortedLabels(of map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, fmt.Sprintf("%s=%q", name, of[name]))
	}
	return "{" + strings.Join(all, ",") + "}"
}
