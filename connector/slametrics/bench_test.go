package slametrics_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/connector/slametrics"
)

// shopBatch is what a busy service sends at once: HTTP, database and messaging spans, one in twenty of which moves an
// order on.
func shopBatch(spans int) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	rs.Resource().Attributes().PutStr("service.version", "1.2.3")
	rs.Resource().Attributes().PutStr("host.name", "node-17")
	ss := rs.ScopeSpans().AppendEmpty()
	now := time.Now()
	for i := range spans {
		s := ss.Spans().AppendEmpty()
		s.SetName(fmt.Sprintf("operation %d", i%25))
		s.SetKind(ptrace.SpanKind(1 + i%5))
		s.SetTraceID([16]byte{byte(i), byte(i >> 8), 1})
		s.SetSpanID([8]byte{byte(i), 1})
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Duration(1+i*i%997) * time.Millisecond)))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
		a := s.Attributes()
		a.PutStr("http.request.method", "POST")
		a.PutStr("url.path", "/api/orders")
		a.PutInt("http.response.status_code", 200)
		a.PutStr("server.address", "shop.internal")
		a.PutStr("session.id", "f4c1")
		a.PutStr("order.id", fmt.Sprintf("ORD-%08d", i%40))
		if i%5 == 3 {
			a.PutStr("db.system.name", "postgresql")
		}
		if i%20 == 0 {
			a.PutStr("order.status", "SUBMITTED")
		}
	}
	return td
}

func benchConnector(b testing.TB) connector.Traces {
	factory, cfg := slametrics.NewFactory(), loadConfig(b, simple)
	c, err := factory.CreateTracesToMetrics(context.Background(), connectortest.NewNopSettings(factory.Type()), cfg, consumertest.NewNop())
	require.NoError(b, err)
	require.NoError(b, c.Start(context.Background(), componenttest.NewNopHost()))
	b.Cleanup(func() { require.NoError(b, c.Shutdown(context.Background())) })
	return c
}

// BenchmarkConsumeTraces reads one batch of 1,000 spans again and again: RED and order tracking on.
func BenchmarkConsumeTraces(b *testing.B) {
	c, td, ctx := benchConnector(b), shopBatch(1000), context.Background()
	require.NoError(b, c.ConsumeTraces(ctx, td))
	b.ReportAllocs()
	for b.Loop() {
		_ = c.ConsumeTraces(ctx, td)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/span")
}

func TestABatchAllocatesNothingForEachSpan(t *testing.T) {
	c, td, ctx := benchConnector(t), shopBatch(1000), context.Background()
	require.NoError(t, c.ConsumeTraces(ctx, td))
	allocs := testing.AllocsPerRun(20, func() { _ = c.ConsumeTraces(ctx, td) })
	require.Less(t, allocs, 100.0, "allocations for a batch of 1,000 spans")
}

// TestNoBatchIsKeptAlive: a series or an order that kept a string of the telemetry would keep its whole batch.
func TestNoBatchIsKeptAlive(t *testing.T) {
	c := benchConnector(t)
	freed := make(chan struct{})
	func() {
		big := []byte(strings.Repeat("decoded message ", 1<<16)) // as a decoder would leave it: every string points into it
		runtime.AddCleanup(&big[0], func(ch chan struct{}) { close(ch) }, freed)
		piece := func(at int) string { return unsafe.String(&big[at], 7) }
		td := shopBatch(100)
		rs := td.ResourceSpans().At(0)
		rs.Resource().Attributes().PutStr("service.version", piece(0))
		for i := range 100 {
			span := rs.ScopeSpans().At(0).Spans().At(i)
			span.SetName(piece(i))
			span.Attributes().PutStr("order.id", piece(16*i))
			span.Attributes().PutStr("order.status", "SUBMITTED")
			span.Attributes().PutStr("db.system.name", piece(i))
		}
		require.NoError(t, c.ConsumeTraces(context.Background(), td))
	}()
	for range 50 {
		runtime.GC()
		select {
		case <-freed:
			return
		default:
			runtime.Gosched()
		}
	}
	t.Fatal("the first batch of the resource is still alive")
}
