package orderindex

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ordertrace/ordertrace/internal/binding"
)

// count is one series of a metric.
type count struct {
	label string
	n     int64
}

func (o *orderIndex) report() error {
	plain := func(f func(binding.Stats) int64) metric.Int64Callback {
		return func(_ context.Context, ob metric.Int64Observer) error {
			ob.Observe(f(o.index.Stats(time.Now())))
			return nil
		}
	}
	labelled := func(key string, f func(binding.Stats) []count) metric.Int64Callback {
		return func(_ context.Context, ob metric.Int64Observer) error {
			for _, c := range f(o.index.Stats(time.Now())) {
				ob.Observe(c.n, metric.WithAttributes(attribute.String(key, c.label)))
			}
			return nil
		}
	}
	return errors.Join(
		o.tb.RegisterOrderIndexBytesCallback(plain(func(s binding.Stats) int64 { return s.Bytes })),
		o.tb.RegisterOrderIndexLimitCallback(plain(func(s binding.Stats) int64 { return s.MaxBytes })),
		o.tb.RegisterOrderIndexGenerationsCallback(plain(func(s binding.Stats) int64 { return s.Generations })),
		o.tb.RegisterOrderIndexQuarantinedCallback(plain(func(s binding.Stats) int64 { return s.Quarantined })),
		o.tb.RegisterOrderIndexRefusedCallback(plain(func(s binding.Stats) int64 { return s.Refused })),
		o.tb.RegisterOrderIndexEntriesCallback(labelled("kind", func(s binding.Stats) []count {
			return []count{{"trace", s.Traces}, {"message", s.Messages}, {"order", s.Values}}
		})),
		o.tb.RegisterOrderIndexDroppedCallback(labelled("reason", func(s binding.Stats) []count {
			return []count{{"expired", s.Expired}, {"evicted", s.Evicted}}
		})),
	)
}

// reportBroadcast reports on what gateways tell each other.
func (o *orderIndex) reportBroadcast() error {
	b := o.cast
	plain := func(f func() int64) metric.Int64Callback {
		return func(_ context.Context, ob metric.Int64Observer) error {
			ob.Observe(f())
			return nil
		}
	}
	reasons := func(f func() []count) metric.Int64Callback {
		return func(_ context.Context, ob metric.Int64Observer) error {
			for _, c := range f() {
				ob.Observe(c.n, metric.WithAttributes(attribute.String("reason", c.label)))
			}
			return nil
		}
	}
	return errors.Join(
		o.tb.RegisterOrderIndexBroadcastAppliedCallback(plain(func() int64 { return int64(b.in.Stats().Applied) })),
		o.tb.RegisterOrderIndexBroadcastFailuresCallback(plain(func() int64 { return int64(b.failures.Load()) })),
		o.tb.RegisterOrderIndexBroadcastSentCallback(plain(func() int64 { return int64(b.out.Stats().Sent) })),
		o.tb.RegisterOrderIndexBroadcastWaitingCallback(plain(func() int64 { return int64(b.out.Stats().Bytes) })),
		o.tb.RegisterOrderIndexBroadcastLagCallback(func(_ context.Context, ob metric.Float64Observer) error {
			ob.Observe(b.lag(time.Now()).Seconds())
			return nil
		}),
		o.tb.RegisterOrderIndexBroadcastLostCallback(reasons(func() []count {
			return []count{
				{"queue_full", int64(b.out.Stats().Lost)}, {"missed", int64(b.in.Stats().Missed)}, {"shutdown", int64(b.unsent.Load())},
			}
		})),
		o.tb.RegisterOrderIndexBroadcastRejectedCallback(reasons(func() []count {
			s := b.in.Stats()
			return []count{{"damaged", int64(s.Damaged)}, {"version", int64(s.Foreign)}, {"malformed", int64(s.Unfit)}}
		})),
	)
}
