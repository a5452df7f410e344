package pipeline

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/loadbalancingexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/attributesprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/distro/presets"
)

// gateways are servers that note which traces each of them was sent, and by which signal.
type gateways struct {
	mu     sync.Mutex
	spans  map[[16]byte]map[string]bool // the gateways that got spans of a trace
	logs   map[[16]byte]map[string]bool
	lines  map[string]map[string]bool // without a trace, by order
	counts map[string]int             // traces' spans by gateway
}

type tracesServer struct {
	ptraceotlp.UnimplementedGRPCServer
	name string
	all  *gateways
}

func (s *tracesServer) Export(_ context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	resources := r.Traces().ResourceSpans()
	for i := range resources.Len() {
		for j := range resources.At(i).ScopeSpans().Len() {
			spans := resources.At(i).ScopeSpans().At(j).Spans()
			for k := range spans.Len() {
				note(s.all.spans, [16]byte(spans.At(k).TraceID()), s.name)
				s.all.counts[s.name]++
			}
		}
	}
	return ptraceotlp.NewExportResponse(), nil
}

type logsServer struct {
	plogotlp.UnimplementedGRPCServer
	name string
	all  *gateways
}

func (s *logsServer) Export(_ context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	resources := r.Logs().ResourceLogs()
	for i := range resources.Len() {
		for j := range resources.At(i).ScopeLogs().Len() {
			records := resources.At(i).ScopeLogs().At(j).LogRecords()
			for k := range records.Len() {
				note(s.all.logs, [16]byte(records.At(k).TraceID()), s.name)
				if order, ok := records.At(k).Attributes().Get("order.id"); ok {
					note(s.all.lines, order.Str(), s.name)
				}
			}
		}
	}
	return plogotlp.NewExportResponse(), nil
}

func note[K comparable](m map[K]map[string]bool, trace K, name string) {
	if m[trace] == nil {
		m[trace] = map[string]bool{}
	}
	m[trace][name] = true
}

// preset is a section of a preset, as it stands.
func preset(t *testing.T, name string) map[string]any {
	t.Helper()
	for _, p := range presets.All() {
		if p.Name == name {
			var whole map[string]any
			require.NoError(t, yaml.Unmarshal(p.YAML, &whole))
			return whole
		}
	}
	require.Fail(t, "no such preset", name)
	return nil
}

func at(m map[string]any, path ...string) map[string]any {
	for _, p := range path {
		m = m[p].(map[string]any)
	}
	return m
}

func asYAML(t *testing.T, v any) string {
	t.Helper()
	text, err := yaml.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// agentExporter is the exporter of the agent preset, pointed at gateways of the test, in clear and without a queue.
func agentExporter(agent map[string]any, hosts []any) map[string]any {
	cfg := at(agent, "exporters", "load_balancing")
	cfg["resolver"] = map[string]any{"static": map[string]any{"hostnames": hosts}}
	delete(cfg, "sending_queue")
	otlp := at(cfg, "protocol", "otlp")
	otlp["tls"] = map[string]any{"insecure": true}
	delete(otlp, "auth")
	return cfg
}

// An agent sends all that belongs to one trace, spans and logs, to one gateway, whatever service they come from. The
// exporter's routing_key: traceID does not: it hashes 16 bytes for spans and 32 letters for logs.
func TestTheAgentPresetSendsSpansAndLogsOfATraceToOneGateway(t *testing.T) {
	all := &gateways{spans: map[[16]byte]map[string]bool{}, logs: map[[16]byte]map[string]bool{}, lines: map[string]map[string]bool{}, counts: map[string]int{}}
	var hosts []any
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		server := grpc.NewServer()
		ptraceotlp.RegisterGRPCServer(server, &tracesServer{name: l.Addr().String(), all: all})
		plogotlp.RegisterGRPCServer(server, &logsServer{name: l.Addr().String(), all: all})
		go func() { _ = server.Serve(l) }()
		t.Cleanup(server.Stop)
		hosts = append(hosts, l.Addr().String())
	}
	agent := preset(t, "agent")
	for _, signal := range []string{"traces", "logs"} {
		pipeline := at(agent, "service", "pipelines", signal)
		require.Contains(t, pipeline["exporters"], "load_balancing", signal)
		processors := pipeline["processors"].([]any)
		require.Equal(t, "transform/route", processors[len(processors)-1], "behind everything that could change it")
	}
	h := componenttest.NewNopHost()
	f := loadbalancingexporter.NewFactory()
	cfg := configured(t, f, asYAML(t, agentExporter(agent, hosts)))
	toTraces, err := f.CreateTraces(t.Context(), exportertest.NewNopSettings(f.Type()), cfg)
	running(t, h, toTraces, err)
	toLogs, err := f.CreateLogs(t.Context(), exportertest.NewNopSettings(f.Type()), cfg)
	running(t, h, toLogs, err)
	route := asYAML(t, at(agent, "processors", "transform/route"))
	traces := tracesProcessor(t, hostOf(h), transformprocessor.NewFactory(), route, toTraces)
	logs := logsProcessor(t, hostOf(h), transformprocessor.NewFactory(), route, toLogs)

	const n = 300
	td, ld := ptrace.NewTraces(), plog.NewLogs()
	for service := range 4 {
		rs, rl := td.ResourceSpans().AppendEmpty(), ld.ResourceLogs().AppendEmpty()
		name := string(rune('a' + service))
		rs.Resource().Attributes().PutStr("service.name", name)
		rl.Resource().Attributes().PutStr("service.name", name)
		spans, records := rs.ScopeSpans().AppendEmpty().Spans(), rl.ScopeLogs().AppendEmpty().LogRecords()
		for i := range n {
			id := [16]byte{1}
			binary.BigEndian.PutUint32(id[12:], uint32(i))
			s := spans.AppendEmpty()
			s.SetTraceID(id)
			s.SetSpanID([8]byte{1, byte(service)})
			records.AppendEmpty().SetTraceID(id)
			line := records.AppendEmpty() // of a legacy system
			if i%2 == 0 {
				line.Attributes().PutStr("order.id", fmt.Sprint("ORD-", i%20))
			}
		}
	}
	require.NoError(t, traces.ConsumeTraces(t.Context(), td))
	require.NoError(t, logs.ConsumeLogs(t.Context(), ld))
	require.Eventually(t, func() bool {
		all.mu.Lock()
		defer all.mu.Unlock()
		return len(all.spans) == n && len(all.logs) == n+1
	}, 20*time.Second, 20*time.Millisecond)
	stop(t, traces, logs, toTraces, toLogs)
	require.Len(t, all.counts, len(hosts), "every gateway has some: the test shows something")
	require.Len(t, all.logs[[16]byte{}], len(hosts), "lines without a trace do not all go to one")
	delete(all.logs, [16]byte{})
	for id, there := range all.spans {
		require.Len(t, there, 1, "spans of one trace")
		require.Equal(t, there, all.logs[id], "logs go where the spans go")
	}
	require.Len(t, all.lines, 10)
	for order, there := range all.lines {
		require.Len(t, there, 1, "lines of %s", order)
	}

	// The gateway takes the mark away before anything else sees it.
	gateway := preset(t, "gateway")
	for _, signal := range []string{"traces", "logs"} {
		require.Equal(t, "attributes/route", at(gateway, "service", "pipelines", signal)["processors"].([]any)[1], signal)
	}
	out := &consumertest.TracesSink{}
	clean := tracesProcessor(t, hostOf(h), attributesprocessor.NewFactory(), asYAML(t, at(gateway, "processors", "attributes/route")), out)
	require.NoError(t, clean.ConsumeTraces(t.Context(), oneSpan(1, 1, 0, "ordertrace.route", "x", "kept", "y")))
	stop(t, clean)
	require.Equal(t, map[string]any{"kept": "y"}, out.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().AsRaw())
}

func hostOf(h component.Host) host { return host{h, nil} }
