package orderindex

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ordertrace/ordertrace/extension/orderindex/internal/metadata"
	"github.com/ordertrace/ordertrace/internal/binding"
)

func TestConfig(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, cfg.Validate())
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"max_bytes": "2MiB", "trace_ttl": "15m"}).Unmarshal(cfg))
	require.EqualValues(t, 2<<20, cfg.MaxBytes)
	require.Equal(t, 15*time.Minute, cfg.TraceTTL)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"max_bytes": 4 << 20}).Unmarshal(cfg))
	require.EqualValues(t, 4<<20, cfg.MaxBytes)
	require.Error(t, confmap.NewFromStringMap(map[string]any{"max_bytes": "many"}).Unmarshal(cfg))
	err := (&Config{MaxBytes: 1}).Validate()
	for _, field := range []string{"max_bytes", "trace_ttl", "message_ttl"} {
		require.ErrorContains(t, err, field)
	}
}

func TestIndexIsThereBeforeStartAndReportsAfterIt(t *testing.T) {
	tel := componenttest.NewTelemetry()
	set := extensiontest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = tel.NewTelemetrySettings()
	ext, err := NewFactory().Create(context.Background(), set, &Config{MaxBytes: 2 << 20, TraceTTL: time.Hour, MessageTTL: time.Hour})
	require.NoError(t, err)
	x := ext.(interface{ Index() *binding.Index }).Index()
	require.Equal(t, binding.Bound, x.Bind(binding.Trace([16]byte{1}), binding.Binding{Source: binding.URL, Value: "ORD-1"}, time.Now()))
	require.NoError(t, ext.Start(context.Background(), componenttest.NewNopHost()))
	for name, want := range map[string]int64{
		"otelcol_order_index_generations": 1, "otelcol_order_index_entries": 1,
		"otelcol_order_index_quarantined": 0, "otelcol_order_index_refused": 0, "otelcol_order_index_dropped": 0,
	} {
		m, err := tel.GetMetric(name)
		require.NoError(t, err, name)
		sum := int64(0)
		switch d := m.Data.(type) {
		case metricdata.Gauge[int64]:
			for _, p := range d.DataPoints {
				sum += p.Value
			}
		case metricdata.Sum[int64]:
			for _, p := range d.DataPoints {
				sum += p.Value
			}
		}
		require.Equal(t, want, sum, name)
	}
	require.NoError(t, ext.Shutdown(context.Background()))
	require.NoError(t, ext.Shutdown(context.Background()))
	require.NoError(t, tel.Shutdown(context.Background()))
}

var fence = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestReadmeExamplesLoad(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	require.NoError(t, err)
	loaded := 0
	for _, f := range fence.FindAllStringSubmatch(string(raw), -1) {
		path := filepath.Join(t.TempDir(), "f.yaml")
		require.NoError(t, os.WriteFile(path, []byte(f[1]), 0o600))
		conf, err := confmaptest.LoadConf(path)
		require.NoError(t, err)
		extensions, err := conf.Sub("extensions")
		require.NoError(t, err)
		for id := range extensions.ToStringMap() {
			if !strings.HasPrefix(id, "order_index") {
				continue
			}
			sub, err := extensions.Sub(id)
			require.NoError(t, err)
			cfg := createDefaultConfig().(*Config)
			require.NoError(t, sub.Unmarshal(cfg))
			require.NoError(t, confmap.Validate(cfg))
			loaded++
		}
	}
	require.Equal(t, 5, loaded)
}
