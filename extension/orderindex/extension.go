package orderindex

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"

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
	keep  *keeper    // nil without storage
	cast  *broadcast // nil without broadcast
}

var (
	_ extensioncapabilities.Dependent       = (*orderIndex)(nil)
	_ extensioncapabilities.PipelineWatcher = (*orderIndex)(nil)
)

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
	if o.cfg.Broadcast.Redis != "" {
		s, err := openStream(ctx, &o.cfg.Broadcast)
		if err != nil {
			return err
		}
		o.cast = startBroadcast(o.index, s, o.set.Logger)
		if err := o.reportBroadcast(); err != nil {
			return err
		}
	}
	return o.report()
}

// Ready begins to listen to other gateways: by now every processor has said which identifiers it wants.
func (o *orderIndex) Ready() error {
	if o.cast != nil {
		o.cast.listen()
	}
	return nil
}

// NotReady changes nothing: what others tell is worth knowing until the end.
func (o *orderIndex) NotReady() error { return nil }

// Shutdown ends reporting, tells others the last news and stores the index; what is in memory goes with its last user.
func (o *orderIndex) Shutdown(ctx context.Context) error {
	o.tb.Shutdown()
	var errs []error
	if b := o.cast; b != nil {
		o.cast = nil
		errs = append(errs, b.shutdown(ctx))
	}
	if k := o.keep; k != nil {
		o.keep = nil
		errs = append(errs, k.shutdown(ctx))
	}
	return errors.Join(errs...)
}
