package piiredact

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/metadata"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/redact"
)

// redactor is the processor of one signal.
type redactor struct {
	cfg    *Config
	signal string
	dry    bool
	engine *redact.Engine
	keys   *keys
	log    *zap.Logger
	tel    *metadata.TelemetryBuilder
	add    *addOptions
	stop   sync.Once
}

// warned: one warning a start is enough for three signals.
var warned sync.Once

func newRedactor(set processor.Settings, cfg *Config, signal string) (*redactor, error) {
	r := &redactor{cfg: cfg, signal: signal, dry: cfg.Mode == DryRun, log: set.Logger}
	r.keys = newKeys(cfg.Keys)
	rules, names := cfg.rules()
	r.engine = redact.New(redact.Options{
		Table: cfg.table(signal), Keys: r.keys.ring, Box: &r.keys.box, Loose: cfg.loose(),
		Allow: cfg.Attributes.Allow, Secret: cfg.Attributes.Secret, Rules: rules, Names: names,
		Needs: cfg.needs(), Overrides: cfg.overrides(signal),
		Limits: redact.Limits{Bytes: cfg.Limits.MaxValueBytes, Depth: cfg.Limits.MaxDepth, Findings: cfg.Limits.MaxFindings,
			Time: cfg.Limits.MaxValueTime, Keys: cfg.Limits.MaxKeys},
	})
	tel, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	r.tel = tel
	r.add = newAddOptions(signal)
	return r, nil
}

// start reads the keys: nothing is opened before, so that `validate` needs no secrets.
func (r *redactor) start(context.Context, component.Host) error {
	if err := r.keys.load(); err != nil {
		return err
	}
	if r.cfg.Keys.HMAC == "" {
		warned.Do(func() {
			r.log.Warn("keys::hmac is not set: pseudonyms use a random key of this start; they will not match those of other collectors or of the next start")
		})
	}
	r.keys.watch(r.reloaded)
	return r.tel.RegisterPiiRedactKeyCacheFullCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(r.engine.KeyCacheFull(), r.add.of())
		return nil
	})
}

// reloaded is told of every change of a key file that was seen.
func (r *redactor) reloaded(err error) {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
		r.log.Error("a key file changed and cannot be used; the keys before it stay", zap.Error(err))
	} else {
		r.log.Info("key files were read again", zap.String("signal", r.signal))
	}
	r.tel.PiiRedactKeyReloads.Add(context.Background(), 1, r.add.of("outcome", outcome))
}

func (r *redactor) shutdown(context.Context) error {
	r.stop.Do(func() {
		r.keys.stop()
		r.tel.Shutdown()
	})
	return nil
}
