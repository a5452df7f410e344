package orderenrich

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/metadata"
)

const benchTraces, benchSpans = 100, 10

// benchPayload is 1,000 spans of 100 traces, interleaved as batching leaves them, 13 attributes each.
func benchPayload(named bool) ptrace.Traces {
	td := ptrace.NewTraces()
	for r := range 4 {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", r))
		spans := rs.ScopeSpans().AppendEmpty().Spans()
		for i := range benchTraces * benchSpans / 4 {
			s := spans.AppendEmpty()
			s.SetTraceID([16]byte{1, 2, byte(i % benchTraces)})
			s.SetSpanID([8]byte{byte(r + 1), byte(i >> 8), byte(i)})
			a := s.Attributes()
			a.EnsureCapacity(20)
			for _, k := range []string{
				"http.request.method", "http.response.status_code", "server.address", "server.port", "network.protocol.version", "url.scheme",
				"user_agent.original", "thread.id", "thread.name", "db.system.name", "db.namespace", "code.function.name",
			} {
				a.PutStr(k, "some value")
			}
			a.PutStr("url.path", "/api/catalogue/rings/17")
			if named && r == 3 && i < benchTraces {
				a.PutStr("orderId", fmt.Sprintf("ORD-%08d", 10_000_000+i))
			}
		}
	}
	return td
}

func benchProcessor(b testing.TB) processor.Traces {
	cfg := loadConfig(b, `
identifiers:
  order.id: {attributes: [order.id, orderId, app.order.id], url_path: ["/api/orders/{order.id}/**"], query: [orderId], message_id: true, span_links: true, pattern: "ORD-[0-9]{8}"}
  session.id: {attributes: [session.id, sessionId], headers: [x-session-id]}
`)
	p, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(b, err)
	require.NoError(b, p.Start(context.Background(), componenttest.NewNopHost()))
	b.Cleanup(func() { require.NoError(b, p.Shutdown(context.Background())) })
	return p
}

func TestNothingIsAllocatedWhereNothingIsStamped(t *testing.T) {
	p := benchProcessor(t).(*tracesProcessor)
	td := benchPayload(false)
	d := p.desk() // without the pool, which forgets at random under the race detector
	n := testing.AllocsPerRun(20, func() {
		d.readTraces(td)
		p.learn(context.Background(), d)
		d.stampTraces(td)
		p.meters.items(context.Background(), &d.counts)
		d.clear()
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkStreamNothingKnown(b *testing.B) {
	p := benchProcessor(b)
	td := benchPayload(false)
	b.ReportAllocs()
	for b.Loop() {
		_ = p.ConsumeTraces(context.Background(), td)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(td.SpanCount()), "ns/span")
}

func BenchmarkStreamEverySpanStamped(b *testing.B) {
	p := benchProcessor(b)
	td := benchPayload(true)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		in := ptrace.NewTraces()
		td.CopyTo(in)
		for i := range in.ResourceSpans().Len() {
			spans := in.ResourceSpans().At(i).ScopeSpans().At(0).Spans()
			for k := range spans.Len() {
				spans.At(k).Attributes().EnsureCapacity(20)
			}
		}
		b.StartTimer()
		_ = p.ConsumeTraces(context.Background(), in)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(td.SpanCount()), "ns/span")
}

// BenchmarkHold is a span's whole way: into the room, and out of it at the deadline, stamped.
func BenchmarkHold(b *testing.B) {
	cfg := loadConfig(b, `
hold: {max_wait: 10m, max_bytes: 1GiB}
identifiers:
  order.id: {attributes: [order.id, orderId, app.order.id], url_path: ["/api/orders/{order.id}/**"], query: [orderId], message_id: true, span_links: true, pattern: "ORD-[0-9]{8}"}
  session.id: {attributes: [session.id, sessionId], headers: [x-session-id]}
`)
	next, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(b, err)
	require.NoError(b, next.Start(context.Background(), componenttest.NewNopHost()))
	p := next.(*tracesProcessor)
	td := benchPayload(true)
	b.ReportAllocs()
	for n := uint32(0); b.Loop(); n++ {
		b.StopTimer()
		in := ptrace.NewTraces()
		td.CopyTo(in)
		eachSpan(in, func(s ptrace.Span) {
			id := s.TraceID()
			binary.BigEndian.PutUint32(id[8:], n)
			s.SetTraceID(id)
			s.Attributes().EnsureCapacity(20)
		})
		b.StartTimer()
		_ = p.ConsumeTraces(context.Background(), in)
		p.hold.release(p.hold.room.Due(time.Now(), true, nil), deadline)
		p.hold.flush(context.Background())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(td.SpanCount()), "ns/span")
	require.Zero(b, p.hold.room.Stats().Spans)
	require.NoError(b, p.Shutdown(context.Background()))
}
