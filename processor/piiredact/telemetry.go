package piiredact

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/redact"
)

// addOptions are the attributes of the counters, made once: making them costs more than redacting a value.
type addOptions struct {
	signal string
	bySig  []metric.AddOption
	over   [redact.Budgets][]metric.AddOption
	found  [finding.FirstRule + 1][policy.MaxActions][]metric.AddOption // the last one is of all rules
}

func newAddOptions(signal string) *addOptions {
	o := &addOptions{signal: signal}
	o.bySig = []metric.AddOption{o.of()}
	for b := range o.over {
		o.over[b] = []metric.AddOption{o.of("reason", redact.Budget(b).String())}
	}
	for _, e := range append(finding.Builtins(), finding.FirstRule) {
		for a := range o.found[e] {
			o.found[e][a] = []metric.AddOption{o.of("detector", e.String(), "action", string(policy.Actions[a]))}
		}
	}
	return o
}

func (o *addOptions) of(kv ...string) metric.MeasurementOption {
	all := []attribute.KeyValue{attribute.String("signal", o.signal)}
	for i := 0; i < len(kv); i += 2 {
		all = append(all, attribute.String(kv[i], kv[i+1]))
	}
	return metric.WithAttributeSet(attribute.NewSet(all...))
}

// report turns a session's counts into metrics and gives the session back.
func (r *redactor) report(ctx context.Context, se *redact.Session) {
	c := &se.Counts
	r.tel.PiiRedactValues.Add(ctx, c.Values, r.add.bySig...)
	r.tel.PiiRedactBytes.Add(ctx, c.Bytes, r.add.bySig...)
	if c.Remembered > 0 {
		r.tel.PiiRedactKnownValues.Add(ctx, c.Remembered, r.add.bySig...)
	}
	for b, n := range c.Over {
		if n > 0 {
			r.tel.PiiRedactBudgetExceeded.Add(ctx, n, r.add.over[b]...)
		}
	}
	if c.Dirty() {
		for e := range c.Found {
			for a, n := range c.Found[e] {
				if n > 0 {
					r.tel.PiiRedactFindings.Add(ctx, n, r.add.found[min(e, int(finding.FirstRule))][a]...)
				}
			}
		}
	}
	se.Release()
}
