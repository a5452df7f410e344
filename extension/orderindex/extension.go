package orderindex

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ordertrace/ordertrace/extension/orderindex/internal/metadata"
	"github.com/ordertrace/ordertrace/internal/binding"
)

// NewFactory makes the factory of order_index.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, create, metadata.ExtensionStability)
}

// orderIndex owns one index. The index is made with the component, so that it is there when processors start.
type orderIndex struct {
	set   extension.Settings
	cfg   *Config
	index *binding.Index
	tb    *metadata.TelemetryBuilder
	keep  *keeper // nil without storage
}

var _ extensioncapabilities.Dependent = (*orderIndex)(nil)

func create(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	c := cfg.(*Config)
	tb, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &orderIndex{
		set: set, cfg: c,
		index: binding.New(binding.Options{MaxBytes: int64(c.MaxBytes), TraceTTL: c.TraceTTL, MessageTTL: c.MessageTTL, ValueTTL: c.OrderTTL}),
		tb:    tb,
	}, nil
}

// Index is how order_enrich gets at what is shared.
func (o *orderIndex) Index() *binding.Index { return o.index }

// Dependencies makes the storage start before the index and stop after it.
func (o *orderIndex) Dependencies() []component.ID {
	if o.cfg.Storage == nil {
		return nil
	}
	return []component.ID{*o.cfg.Storage}
}

// Start begins reporting, and reads in the background what was stored.
func (o *orderIndex) Start(ctx context.Context, host component.Host) error {
	if o.cfg.Storage != nil {
		client, err := openStorage(ctx, host, *o.cfg.Storage, o.set.ID)
		if err != nil {
			return err
		}
		o.keep = startKeeper(o.index, client, o.cfg.SnapshotInterval, o.set.Logger)
	}
	return o.report()
}

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

// Shutdown ends reporting and stores the index; what is in memory goes with its last user.
func (o *orderIndex) Shutdown(ctx context.Context) error {
	o.tb.Shutdown()
	if o.keep == nil {
		return nil
	}
	k := o.keep
	o.keep = nil
	return k.shutdown(ctx)
}
