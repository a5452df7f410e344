package redact

import (
	"context"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/processor/piiredact"
)

// theirs are twelve patterns for what our detectors find, as contrib's documentation writes such patterns.
var theirs = map[string]any{
	"allow_all_keys": true,
	"summary":        "silent",
	"blocked_values": []any{
		`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}`,
		`\+?[0-9]{1,3}[ (-]{0,2}[0-9]{3}[ )-]{0,2}[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{2}`,
		`\b4[0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}\b`,
		`\b5[1-5][0-9]{2}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}\b`,
		`\b220[0-4][ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}\b`,
		`\b[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\b`,
		`\b[0-9]{3}-[0-9]{3}-[0-9]{3} [0-9]{2}\b`,
		`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`,
		`(?i)bearer\s+[A-Za-z0-9._~+/=-]+`,
		`[a-z][a-z0-9+.-]*://[^:/\s]+:[^@/\s]+@`,
		`(?i)(?:password|passwd|secret|token|api_key)\s*[=:]\s*\S+`,
		`\b(?:AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36})\b`,
	},
}

// contender is one of the two processors, for all signals.
type contender struct {
	name    string
	factory processor.Factory
	config  map[string]any
}

var contenders = []contender{
	{"pii_redact", piiredact.NewFactory(), map[string]any{"attributes": map[string]any{"allow": []any{"order.id", "session.id"}}}},
	{"redaction", redactionprocessor.NewFactory(), theirs},
}

// start returns what runs a batch through the contender, in place.
func (c contender) start(t *testing.T) func(batch) {
	t.Helper()
	ctx, set := context.Background(), processortest.NewNopSettings(c.factory.Type())
	cfg := c.factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(c.config).Unmarshal(cfg))
	traces, err := c.factory.CreateTraces(ctx, set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	logs, err := c.factory.CreateLogs(ctx, set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	metrics, err := c.factory.CreateMetrics(ctx, set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	for _, p := range []component.Component{traces, logs, metrics} {
		require.NoError(t, p.Start(ctx, componenttest.NewNopHost()))
		t.Cleanup(func() { require.NoError(t, p.Shutdown(ctx)) })
	}
	return func(b batch) {
		var err error
		switch {
		case b.traces.SpanCount() > 0:
			err = traces.ConsumeTraces(ctx, b.traces)
		case b.logs.LogRecordCount() > 0:
			err = logs.ConsumeLogs(ctx, b.logs)
		default:
			err = metrics.ConsumeMetrics(ctx, b.metrics)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
