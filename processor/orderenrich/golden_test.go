package orderenrich

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/metadata"
)

var update = flag.Bool("update", false, "write want.yaml of the golden cases anew; read the difference before you commit it")

// keyFile is a key as the README documents it; git keeps no modes, so it is written when a test needs it.
const keyFile = `{"keys":[{"id":"k1","key":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=","status":"primary"}]}`

// sharedIndex stands in for the order_index extension.
type sharedIndex struct {
	component.StartFunc
	component.ShutdownFunc
	index *binding.Index
}

func (s *sharedIndex) Index() *binding.Index { return s.index }

type fakeHost struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h fakeHost) GetExtensions() map[component.ID]component.Component { return h.extensions }

func hostWithIndex() fakeHost {
	return fakeHost{componenttest.NewNopHost(), map[component.ID]component.Component{
		component.MustNewID("order_index"): &sharedIndex{index: binding.New(binding.Options{})},
	}}
}

func loadConfig(t testing.TB, text string) *Config {
	t.Helper()
	var m map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &m))
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(m).Unmarshal(cfg))
	return cfg
}

// pair is the processor in a traces and a logs pipeline of one collector.
type pair struct {
	traces   processor.Traces
	logs     processor.Logs
	outSpans *consumertest.TracesSink
	outLogs  *consumertest.LogsSink
}

func newPair(t testing.TB, cfg *Config) *pair {
	t.Helper()
	require.NoError(t, cfg.Validate())
	p := &pair{outSpans: &consumertest.TracesSink{}, outLogs: &consumertest.LogsSink{}}
	var err error
	f, set, host := NewFactory(), processortest.NewNopSettings(metadata.Type), hostWithIndex()
	p.traces, err = f.CreateTraces(context.Background(), set, cfg, p.outSpans)
	require.NoError(t, err)
	p.logs, err = f.CreateLogs(context.Background(), set, cfg, p.outLogs)
	require.NoError(t, err)
	for _, c := range []component.Component{p.traces, p.logs} {
		require.NoError(t, c.Start(context.Background(), host))
		t.Cleanup(func() { require.NoError(t, c.Shutdown(context.Background())) })
	}
	return p
}

// payload is one entry of in.yaml and want.yaml: OTLP as in its JSON form.
type payload struct {
	Traces any `yaml:"traces,omitempty"`
	Logs   any `yaml:"logs,omitempty"`
}

func (p *pair) feed(t testing.TB, in payload) (out payload) {
	t.Helper()
	if in.Traces != nil {
		td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(toJSON(t, in.Traces))
		require.NoError(t, err)
		require.NoError(t, p.traces.ConsumeTraces(context.Background(), td))
		raw, err := (&ptrace.JSONMarshaler{}).MarshalTraces(td)
		require.NoError(t, err)
		out.Traces = fromJSON(t, raw)
	}
	if in.Logs != nil {
		ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(toJSON(t, in.Logs))
		require.NoError(t, err)
		require.NoError(t, p.logs.ConsumeLogs(context.Background(), ld))
		raw, err := (&plog.JSONMarshaler{}).MarshalLogs(ld)
		require.NoError(t, err)
		out.Logs = fromJSON(t, raw)
	}
	return out
}

func toJSON(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return raw
}

func fromJSON(t testing.TB, raw []byte) (v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(raw, &v))
	return v
}

func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/in.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	key := filepath.Join(t.TempDir(), "hmac.json")
	require.NoError(t, os.WriteFile(key, []byte(keyFile), 0o600))
	for _, in := range cases {
		dir := filepath.Dir(in)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			config, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
			require.NoError(t, err)
			p := newPair(t, loadConfig(t, strings.ReplaceAll(string(config), "HMAC_KEY_FILE", key)))
			raw, err := os.ReadFile(in)
			require.NoError(t, err)
			var payloads, got []payload
			require.NoError(t, yaml.Unmarshal(raw, &payloads))
			for _, pl := range payloads {
				got = append(got, p.feed(t, pl))
			}
			var text bytes.Buffer
			enc := yaml.NewEncoder(&text)
			enc.SetIndent(2)
			require.NoError(t, enc.Encode(got))
			want := filepath.Join(dir, "want.yaml")
			if *update {
				require.NoError(t, os.WriteFile(want, text.Bytes(), 0o600))
			}
			expected, err := os.ReadFile(want)
			require.NoError(t, err)
			if string(expected) != text.String() {
				t.Errorf("%s: %s\nrun the test with -update and read the difference", want, firstDifference(string(expected), text.String()))
			}
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d: want %q, got %q", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("want %d lines, got %d", len(w), len(g))
}
