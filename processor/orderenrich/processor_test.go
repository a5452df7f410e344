package orderenrich

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/metadata"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/pseudonym"
)

func TestConfigReportsEveryProblemAtOnce(t *testing.T) {
	cfg := loadConfig(t, `
source: sometimes
identifiers:
  order.id: {pattern: "(", url_path: [/api/orders]}
  order.ids: {attributes: [""]}
  "bad name": {}
`)
	err := cfg.Validate()
	for _, want := range []string{"source:", `identifiers::order.id::pattern: "(": `, `order.id::url_path: "/api/orders": must contain {order.id} once`, "order.ids: is written by order.id itself", `order.ids::attributes: ""`, "bad name: not a name"} {
		require.ErrorContains(t, err, want)
	}
	err = loadConfig(t, `identifiers: {a: {follows: [a, b, c]}, b: {follows: [d]}, d: {}}`).Validate()
	for _, want := range []string{"a::follows: it cannot follow itself", "a::follows: b follows others itself; follow those", `a::follows: "c" is not among identifiers`} {
		require.ErrorContains(t, err, want)
	}
	err = loadConfig(t, `identifiers: {a: {attributes: [orderRef], headers: [x-ref], query: [ref], pattern: "a)|(b"}, b: {attributes: [order_ref, a], headers: [X_Ref], query: [ref], sql: ["(?=x)"]}}`).Validate()
	for _, want := range []string{
		`identifiers::b::attributes: "order_ref" is read as a already; remove it from one of them`, `b::attributes: "a" is read as a already`,
		`b::headers: "X_Ref" is read as a already`, `b::query: "ref" is read as a already`, `a::pattern: "a)|(b": error`, `b::sql: "(?=x)": error`,
	} {
		require.ErrorContains(t, err, want)
	}
	table := "tables: [{file: f.csv, key: ref, value: v}]"
	require.NoError(t, loadConfig(t, `identifiers: {a: {`+table+`}, b: {attributes: [ref2], `+table+`}}`).Validate(), "one reference may stand for both")
	require.ErrorContains(t, loadConfig(t, `identifiers: {}`).Validate(), "name at least one")
}

func TestUsersIdentifiersReplaceTheDefault(t *testing.T) {
	require.Len(t, loadConfig(t, `{}`).Identifiers, 2)
	cfg := loadConfig(t, `identifiers: {shop.order: {attributes: [order]}}`)
	require.Len(t, cfg.Identifiers, 1)
	require.Equal(t, []string{"order"}, cfg.Identifiers["shop.order"].Attributes)
}

func TestUnknownFieldsAreRefused(t *testing.T) {
	for _, text := range []string{`indexx: a`, `identifiers: {order.id: {attribute: [a]}}`} {
		var m map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(text), &m))
		require.Error(t, confmap.NewFromStringMap(m).Unmarshal(createDefaultConfig()), text)
	}
}

func TestEmptyKeyIsNotAnAbsentKey(t *testing.T) {
	cfg := loadConfig(t, "identifiers:\n  a: {pseudonym_key: }\n  b: {pseudonym_key: \"\"}\n  c: {}\n  d: {pseudonym_key: file}\n")
	for name, want := range map[string]bool{"a": true, "b": true, "c": false, "d": true} {
		require.Equal(t, want, cfg.Identifiers[name].PseudonymKey != nil, name)
	}
	require.Equal(t, "file", *cfg.Identifiers["d"].PseudonymKey)
}

func start(t *testing.T, cfg *Config, host component.Host) error {
	t.Helper()
	p, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(t, err)
	defer func() {
		require.NoError(t, p.Shutdown(context.Background()))
		require.NoError(t, p.Shutdown(context.Background()), "a second shutdown")
	}()
	return p.Start(context.Background(), host)
}

func TestStartNamesWhatIsMissing(t *testing.T) {
	none := fakeHost{componenttest.NewNopHost(), nil}
	require.ErrorContains(t, start(t, loadConfig(t, `index: order_index`), none), "list it under extensions")
	other := fakeHost{componenttest.NewNopHost(), map[component.ID]component.Component{
		component.MustNewID("order_index"): struct {
			component.StartFunc
			component.ShutdownFunc
		}{},
	}}
	require.ErrorContains(t, start(t, loadConfig(t, `index: order_index`), other), "not of type order_index")
	open := filepath.Join(t.TempDir(), "hmac.json")
	require.NoError(t, os.WriteFile(open, []byte(keyFile), 0o600))
	require.NoError(t, os.Chmod(open, 0o640))
	err := start(t, loadConfig(t, `identifiers: {enduser.pseudo.id: {pseudonym_key: `+open+`}}`), none)
	require.ErrorContains(t, err, "chmod 600")
	require.ErrorContains(t, start(t, loadConfig(t, `identifiers: {enduser.pseudo.id: {pseudonym_key: /none}}`), none), "identifiers::enduser.pseudo.id::pseudonym_key")
}

func TestRandomKeyIsSaidOnce(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	for range 2 {
		set := processortest.NewNopSettings(metadata.Type)
		set.Logger = zap.New(core)
		p, err := NewFactory().CreateLogs(context.Background(), set, loadConfig(t, `identifiers: {enduser.pseudo.id: {attributes: [user.id], pseudonym_key: ""}}`), consumertest.NewNop())
		require.NoError(t, err)
		require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
		require.NoError(t, p.Shutdown(context.Background()))
	}
	require.LessOrEqual(t, logs.Len(), 1)
	require.Equal(t, pseudonym.Random("a").Make("x"), pseudonym.Random("a").Make("x"))
}

func TestTelemetryCountsWhatHappened(t *testing.T) {
	tel := componenttest.NewTelemetry()
	set := processortest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = tel.NewTelemetrySettings()
	p, err := NewFactory().CreateTraces(context.Background(), set, loadConfig(t, `identifiers: {order.id: {attributes: [orderId]}}`), consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range 4 {
		s := spans.AppendEmpty()
		s.SetTraceID([16]byte{1, byte(i / 3)})
		s.SetSpanID([8]byte{byte(i + 1)})
	}
	spans.At(0).Attributes().PutStr("orderId", "ORD-1")
	spans.At(1).Attributes().PutStr("order.id", "ORD-1")
	require.NoError(t, p.ConsumeTraces(context.Background(), td))

	m, err := tel.GetMetric("otelcol_order_enrich_items")
	require.NoError(t, err)
	got := map[string]int64{}
	for _, dp := range m.Data.(metricdata.Sum[int64]).DataPoints {
		o, _ := dp.Attributes.Value("outcome")
		got[o.AsString()] = dp.Value
	}
	require.Equal(t, map[string]int64{"present": 1, "stamped": 2, "none": 1}, got)
	for _, name := range []string{"otelcol_order_enrich_learnt", "otelcol_order_enrich_index_bytes", "otelcol_order_enrich_index_dropped"} {
		_, err := tel.GetMetric(name)
		require.NoError(t, err, name)
	}
	require.NoError(t, p.Shutdown(context.Background()))
	require.NoError(t, tel.Shutdown(context.Background()))
}

func TestPoisonIsNotStampedAfterItIsFound(t *testing.T) {
	for _, on := range []bool{true, false} {
		cfg := createDefaultConfig().(*Config)
		cfg.Quarantine = on
		id := component.MustNewID("order_index")
		cfg.Index = &id
		p := newPair(t, cfg)
		names := func(trace int, key, order, service string) ptrace.Traces {
			td := payloadOf(sp{trace, 1, 0, ""}, sp{trace, 2, 1, ""})
			td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.name", service)
			if key != "" {
				td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1).Attributes().PutStr(key, order)
			}
			return td
		}
		send := func(td ptrace.Traces) string {
			require.NoError(t, p.traces.ConsumeTraces(context.Background(), td))
			return text(td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0), "order.id")
		}
		require.Equal(t, "ACCOUNT", send(names(99, "orderId", "ACCOUNT", "legacy")), "before it is found")
		for i := range 3 {
			send(names(i, "orderId", "ACCOUNT", "legacy"))
			send(names(i, "order.id", fmt.Sprint("ORD-", i+1), "shop-api"))
		}
		want := map[bool]string{true: "", false: "ACCOUNT"}[on]
		require.Equal(t, want, send(names(99, "", "", "shop-api")), "bound before it was found")
		require.Equal(t, want, send(names(100, "orderId", "ACCOUNT", "legacy")))
		require.Equal(t, "ORD-9", send(names(101, "orderId", "ORD-9", "shop-api")), "the same field of another service")
		require.Equal(t, "ORD-1", send(names(0, "", "", "shop-api")))
	}
}

func TestHugeSpansPass(t *testing.T) {
	p := newPair(t, createDefaultConfig().(*Config))
	td := ptrace.NewTraces()
	s := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetTraceID([16]byte{1})
	s.Attributes().PutStr("url.full", "https://x/"+strings.Repeat("a/", 1<<19))
	s.Attributes().PutStr("orderId", "ORD-1")
	for i := range 10_000 {
		l := s.Links().AppendEmpty()
		l.SetTraceID([16]byte{2, byte(i >> 8), byte(i)})
		l.Attributes().PutStr("messaging.message.id", strings.Repeat("m", i%300))
	}
	list := s.Attributes().PutEmptySlice("order_id")
	for range 100_000 {
		list.AppendEmpty().SetStr("ORD-2")
	}
	require.NoError(t, p.traces.ConsumeTraces(context.Background(), td))
	require.Equal(t, 10_000, s.Links().Len())
	v, ok := s.Attributes().Get("order.ids")
	require.True(t, ok)
	require.Equal(t, []any{"ORD-1", "ORD-2"}, v.Slice().AsRaw())
}

var fence = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestReadmeExamplesLoad(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	require.NoError(t, err)
	fences := fence.FindAllStringSubmatch(string(raw), -1)
	require.NotEmpty(t, fences)
	loaded := 0
	for _, f := range fences {
		path := filepath.Join(t.TempDir(), "f.yaml")
		require.NoError(t, os.WriteFile(path, []byte(f[1]), 0o600))
		conf, err := confmaptest.LoadConf(path)
		require.NoError(t, err)
		processors, err := conf.Sub("processors")
		require.NoError(t, err)
		for id := range processors.ToStringMap() {
			sub, err := processors.Sub(id)
			require.NoError(t, err)
			cfg := createDefaultConfig().(*Config)
			require.NoError(t, sub.Unmarshal(cfg), f[1])
			require.NoError(t, cfg.Validate(), f[1])
			loaded++
		}
	}
	require.GreaterOrEqual(t, loaded, 3)
}
