package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // what exporters send is compressed
)

// sink takes what the collector sends and counts the spans, in place of Jaeger and Prometheus.
type sink struct {
	ptraceotlp.UnimplementedGRPCServer
	traces  string // host:port
	metrics string // URL
	spans   atomic.Int64
	grpc    *grpc.Server
	http    *http.Server
}

func newSink() (*sink, error) {
	traces, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	metrics, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{traces: traces.Addr().String(), metrics: "http://" + metrics.Addr().String() + "/api/v1/otlp"}
	s.grpc = grpc.NewServer(grpc.MaxRecvMsgSize(32 << 20))
	ptraceotlp.RegisterGRPCServer(s.grpc, s)
	go func() { _ = s.grpc.Serve(traces) }() // ends with close
	s.http = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	})}
	go func() { _ = s.http.Serve(metrics) }() // ends with close
	return s, nil
}

func (s *sink) close() {
	s.grpc.Stop()
	_ = s.http.Close()
}

// Export counts the spans of one request.
func (s *sink) Export(_ context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	s.spans.Add(int64(r.Traces().SpanCount()))
	return ptraceotlp.NewExportResponse(), nil
}

const (
	batchSize      = 100 // spans a request, as an SDK sends them
	spansPerTrace  = 10
	ordersInFlight = 50_000
)

// batch makes the i-th request: ten traces of ten spans of one service. The first span of a trace names its order,
// every tenth order changes its status, and the spans say what a shop's spans say.
func batch(i int) ptrace.Traces {
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", []string{"shop-api", "crm-api", "mes-api"}[i%3])
	rs.Resource().Attributes().PutStr("service.instance.id", "a3f0c2d1")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	spans.EnsureCapacity(batchSize)
	now := time.Now()
	for n := range batchSize {
		trace := i*batchSize/spansPerTrace + n/spansPerTrace
		s := spans.AppendEmpty()
		s.SetTraceID(pcommon.TraceID{1, byte(trace >> 40), byte(trace >> 32), byte(trace >> 24), 7, byte(trace >> 16), byte(trace >> 8), byte(trace)})
		s.SetSpanID(pcommon.SpanID{byte(n + 1), byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-20 * time.Millisecond)))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
		fill(s, trace, n%spansPerTrace)
	}
	return traces
}

func fill(s ptrace.Span, trace, n int) {
	a := s.Attributes()
	a.EnsureCapacity(13)
	order := fmt.Sprintf("ORD-%08d", 10_000_000+trace%ordersInFlight)
	switch {
	case n == 0:
		s.SetName("POST /api/orders")
		s.SetKind(ptrace.SpanKindServer)
		a.PutStr("order.id", order)
		a.PutStr("session.id", "6f1f2a4e-31b2-4a0c-9c1e-0d7c2b5a9f10")
		a.PutStr("http.request.method", "POST")
		a.PutStr("url.path", "/api/orders")
		a.PutInt("http.response.status_code", 201)
		a.PutStr("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	case n == 1 && trace%10 == 0:
		s.SetName("order.status")
		a.PutStr("order.status", "SUBMITTED")
	default:
		s.SetName("INSERT orders")
		s.SetKind(ptrace.SpanKindClient)
		a.PutStr("db.system.name", "postgresql")
		a.PutStr("db.query.text", "INSERT INTO orders (id, name, email) VALUES ('"+order+"', 'Anna', 'anna@example.com')")
		a.PutStr("db.namespace", "shop")
		a.PutStr("db.operation.name", "INSERT")
		a.PutStr("db.collection.name", "orders")
	}
	a.PutStr("server.address", "10.0.3.17")
	a.PutInt("server.port", 5432)
	a.PutStr("network.protocol.version", "1.1")
	a.PutStr("thread.name", "http-nio-8080-exec-7")
	a.PutInt("thread.id", 41)
	a.PutStr("code.function.name", "shop.orders.Repository.insert")
	a.PutBool("retry", false)
}
