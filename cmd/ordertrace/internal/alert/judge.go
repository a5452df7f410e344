package alert

import (
	"fmt"
	"time"

	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/promise"
)

// watermarkStalled: a path is silent, so orders are not judged. An outage of telemetry looks like lost orders, and is not.
func watermarkStalled(l Links) entry {
	r := &Rule{
		Alert: "WatermarkStalled", Expr: "max by (path) (sla_watermark_stalled) == 1", For: "2m", Labels: map[string]string{"severity": critical},
		Annotations: l.notes("WatermarkStalled",
			"No telemetry over path {{ $labels.path }}; orders cannot be judged",
			"The path {{ $labels.path }} has been silent for longer than path_silence. Until it speaks again no order is "+
				"called late or lost. Check the agent, its queue and the network.", "collector", ""),
	}
	return entry{r, []Case{{
		Name: "a silent path is told after two minutes, and resolves when it speaks", Step: 15 * time.Second,
		Series: []Series{{`sla_watermark_stalled{path="direct",instance="judge"}`, "0 0 1x10 0 0"}, {`sla_watermark_stalled{path="agent-2",instance="judge"}`, "0x14"}},
		Checks: []Check{
			{At: 135 * time.Second, Rule: r},
			{At: 150 * time.Second, Rule: r, Firing: []Firing{{Labels: map[string]string{"path": "direct"}, Said: map[string]string{"{{ $labels.path }}": "direct"}}}},
			{At: 210 * time.Second, Rule: r},
		},
	}}}
}

// judgeSilent: who judges tells of every flow with every batch. Without it no other alert can come.
func judgeSilent(p *promise.Promises, l Links) entry {
	r := &Rule{
		Alert: "JudgeSilent", For: "5m", Labels: map[string]string{"severity": critical},
		Annotations: l.notes("JudgeSilent",
			"Nothing is told of orders of flow {{ $labels.flow }}",
			"No metrics of flow {{ $labels.flow }} have reached Prometheus for five minutes: the collector that judges orders is down, "+
				"or cannot send. Until it does, no other alert on orders can come.", "collector", ""),
	}
	c := Case{Name: "a judge that is gone is told after five minutes", Step: time.Minute}
	var firing []Firing
	for i, f := range p.Flows {
		if i > 0 {
			r.Expr += "\nor "
		}
		r.Expr += fmt.Sprintf("absent(order_started_total{flow=%q})", f.Name)
		c.Series = append(c.Series, Series{fmt.Sprintf("order_started_total{flow=%q,instance=\"judge\"}", f.Name), "0x5 stale"})
		firing = append(firing, Firing{
			Labels: map[string]string{"flow": f.Name},
			Said:   map[string]string{"{{ $labels.flow }}": f.Name},
		})
	}
	if len(p.Flows) == 0 {
		r.Expr = "absent(sla_watermark_lag_seconds)"
		c.Series = []Series{{`sla_watermark_lag_seconds{instance="judge"}`, "0x5 stale"}}
		firing = []Firing{{Said: map[string]string{"{{ $labels.flow }}": ""}}}
	}
	c.Checks = []Check{{At: 10 * time.Minute, Rule: r}, {At: 12 * time.Minute, Rule: r, Firing: firing}}
	return entry{r, []Case{c}}
}

// stateLost also asks for series that are new: a counter is born with its first failure, and increase sees no step.
func stateLost(l Links) entry {
	const failures = "otelcol_sla_metrics_state_failures_total"
	r := &Rule{
		Alert: "StateLost",
		Expr: "sum by (reason) (increase(" + failures + "[15m])) > 0\nor sum by (reason) (" + failures +
			" unless " + failures + " offset 15m) > 0",
		Labels: map[string]string{"severity": warning},
		Annotations: l.notes("StateLost",
			"State of orders: {{ $labels.reason }} did not work",
			"The judge could not load (load, replay) or keep (checkpoint, journal) its state. After a load that did not work "+
				"orders in flight are known again from their next stage on; while it cannot be kept, a restart forgets them. "+
				"The collector's log says why.", "collector", ""),
	}
	said := func(reason string) Firing {
		return Firing{Labels: map[string]string{"reason": reason}, Said: map[string]string{"{{ $labels.reason }}": reason}}
	}
	return entry{r, []Case{{
		Name: "the first failure is told, though its counter is born with it; so is a further one", Step: time.Minute,
		Series: []Series{
			{`otelcol_sla_metrics_state_failures_total{reason="load",instance="judge"}`, "_x2 1x40"},
			{`otelcol_sla_metrics_state_failures_total{reason="journal",instance="judge"}`, "1x20 2x22"},
		},
		Checks: []Check{
			{At: 3 * time.Minute, Rule: r, Firing: []Firing{said("load"), said("journal")}},
			{At: 19 * time.Minute, Rule: r},
			{At: 22 * time.Minute, Rule: r, Firing: []Firing{said("journal")}},
			{At: 40 * time.Minute, Rule: r},
		},
	}}}
}

// checkpointOld waits for several checkpoints, which come once a minute, and are told with the next flush.
func checkpointOld(p *promise.Promises, l Links) entry {
	limit := max(5*time.Minute, 10*p.Flush)
	r := &Rule{
		Alert: "CheckpointOld", Expr: fmt.Sprintf("max by (instance) (sla_state_checkpoint_age_seconds) > %g", limit.Seconds()),
		Labels: map[string]string{"severity": warning},
		Annotations: l.notes("CheckpointOld",
			"The newest checkpoint of {{ $labels.instance }} is {{ $value | humanizeDuration }} old",
			"The judge {{ $labels.instance }} has kept no checkpoint of the orders in flight for {{ $value | humanizeDuration }}. "+
				"A restart would go back to it, and to the journal since. Look at the storage's disk and the collector's log.", "collector", ""),
	}
	step := limit / 5
	return entry{r, []Case{{
		Name: "a checkpoint that grows old is told, until there is a newer one", Step: step,
		Series: []Series{
			{`sla_state_checkpoint_age_seconds{instance="judge"}`, fmt.Sprintf("0+%gx6 0x3", step.Seconds())},
			{`sla_state_checkpoint_age_seconds{instance="standby"}`, "0x9"},
		},
		Checks: []Check{
			{At: 5 * step, Rule: r},
			{At: 6 * step, Rule: r, Firing: []Firing{{Labels: map[string]string{"instance": "judge"}, Said: map[string]string{
				"{{ $labels.instance }}": "judge", "{{ $value | humanizeDuration }}": humanize(6 * step),
			}}}},
			{At: 8 * step, Rule: r},
		},
	}}}
}

// humanize writes a time as Prometheus' humanizeDuration does.
func humanize(d time.Duration) string {
	s := int(d.Seconds())
	switch {
	case s >= 86400:
		return fmt.Sprintf("%dd %dh %dm %ds", s/86400, s/3600%24, s/60%60, s%60)
	case s >= 3600:
		return fmt.Sprintf("%dh %dm %ds", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%dm %ds", s/60, s%60)
}
