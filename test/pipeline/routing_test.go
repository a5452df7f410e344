package pipeline

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/loadbalancingexporter"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
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
	counts map[string]int // traces' spans by gateway
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
				note(s.all.spans, spans.At(k).TraceID(), s.name)
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
				note(s.all.logs, records.At(k).TraceID(), s.name)
			}
		}
	}
	return plogotlp.NewExportResponse(), nil
}

func note(m map[[16]byte]map[string]bool, trace [16]byte, name string) {
	if m[trace] == nil {
		m[trace] = map[string]bool{}
	}
	m[trace][name] = true
}

// agentExporter is the exporter of the agent preset, pointed at gateways of the test, in clear and without a queue.
func agentExporter(t *testing.T, hosts []any) (cfg map[string]any, pipelines map[string]any) {
	t.Helper()
	for _, p := range presets.All() {
		if p.Name != "agent" {
			continue
		}
		var whole map[string]any
		require.NoError(t, yaml.Unmarshal(p.YAML, &whole))
		cfg = whole["exporters"].(map[string]any)["load_balancing"].(map[string]any)
		pipelines = whole["service"].(map[string]any)["pipelines"].(map[string]any)
	}
	cfg["resolver"] = map[string]any{"static": map[string]any{"hostnames": hosts}}
	delete(cfg, "sending_queue")
	otlp := cfg["protocol"].(map[string]any)["otlp"].(map[string]any)
	otlp["tls"] = map[string]any{"insecure": true}
	delete(otlp, "auth")
	return cfg, pipelines
}

// An agent sends all that belongs to one trace, spans and logs, to one gateway, whatever service they come from. The
// exporter's own default would send the logs of a service to one gateway and the trace's spans to another.
func TestTheAgentPresetSendsSpansAndLogsOfATraceToOneGateway(t *testing.T) {
	all := &gateways{spans: map[[16]byte]map[string]bool{}, logs: map[[16]byte]map[string]bool{}, counts: map[string]int{}}
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
	section, pipelines := agentExporter(t, hosts)
	for _, signal := range []string{"traces", "logs"} {
		require.Contains(t, pipelines[signal].(map[string]any)["exporters"], "load_balancing", signal)
	}
	f := loadbalancingexporter.NewFactory()
	cfg := f.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(section).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	traces, err := f.CreateTraces(t.Context(), exportertest.NewNopSettings(f.Type()), cfg)
	running(t, componenttest.NewNopHost(), traces, err)
	logs, err := f.CreateLogs(t.Context(), exportertest.NewNopSettings(f.Type()), cfg)
	running(t, componenttest.NewNopHost(), logs, err)
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
		}
	}
	require.NoError(t, traces.ConsumeTraces(t.Context(), td))
	require.NoError(t, logs.ConsumeLogs(t.Context(), ld))
	require.Eventually(t, func() bool {
		all.mu.Lock()
		defer all.mu.Unlock()
		return len(all.spans) == n && len(all.logs) == n
	}, 20*time.Second, 20*time.Millisecond)
	stop(t, traces, logs)
	require.Len(t, all.counts, len(hosts), "every gateway has some: the test shows something")
	for id, at := range all.spans {
		require.Len(t, at, 1, "spans of one trace")
		require.Equal(t, at, all.logs[id], "logs go where the spans go")
	}
}
