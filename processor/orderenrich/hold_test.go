package orderenrich

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/metadata"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/waiting"
)

func holding(t testing.TB, extra string, next consumer.Traces) *tracesProcessor {
	t.Helper()
	return holdingFor(t, "3s", extra, next)
}

func holdingFor(t testing.TB, wait, extra string, next consumer.Traces) *tracesProcessor {
	t.Helper()
	cfg := loadConfig(t, "identifiers: {order.id: {attributes: [orderId], message_id: true}}\nhold: {max_wait: "+wait+", "+extra+"}")
	require.NoError(t, cfg.Validate())
	p, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, next)
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
	return p.(*tracesProcessor)
}

// sp is a span for these tests: trace, id, parent, and the order that it names.
type sp struct {
	trace, id, parent int
	order             string
}

func payloadOf(spans ...sp) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop-api")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("scope")
	for _, x := range spans {
		s := ss.Spans().AppendEmpty()
		s.SetName(fmt.Sprintf("%d/%d", x.trace, x.id))
		s.SetTraceID([16]byte{1, byte(x.trace >> 16), byte(x.trace >> 8), byte(x.trace)})
		s.SetSpanID([8]byte{1, byte(x.id >> 8), byte(x.id)})
		if x.parent > 0 {
			s.SetParentSpanID([8]byte{1, byte(x.parent >> 8), byte(x.parent)})
		}
		if x.order != "" {
			s.Attributes().PutStr("orderId", x.order)
		}
	}
	return td
}

// orders lists the spans that came out, with their order.
func orders(sink *consumertest.TracesSink) map[string]string {
	out := map[string]string{}
	for _, td := range sink.AllTraces() {
		eachSpan(td, func(s ptrace.Span) {
			if _, twice := out[s.Name()]; twice {
				out[s.Name()] = "came out twice"
				return
			}
			out[s.Name()] = text(s, "order.id") + text(s, "order.ids")
		})
	}
	return out
}

func text(s ptrace.Span, key string) string {
	if v, ok := s.Attributes().Get(key); ok {
		return v.AsString()
	}
	return ""
}

func consume(t testing.TB, p *tracesProcessor, spans ...sp) {
	t.Helper()
	require.NoError(t, p.ConsumeTraces(context.Background(), payloadOf(spans...)))
}

func TestSpansWaitForTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &consumertest.TracesSink{}
		p := holding(t, "", sink)
		consume(t, p, sp{1, 1, 0, ""}, sp{1, 2, 1, ""}, sp{1, 3, 2, ""})
		time.Sleep(time.Second)
		require.Empty(t, orders(sink), "nothing is known yet")
		consume(t, p, sp{1, 4, 2, "A"}, sp{1, 5, 4, ""})
		require.Equal(t, map[string]string{"1/4": "A", "1/5": "A"}, orders(sink), "the teacher and what is below it go at once")
		consume(t, p, sp{1, 6, 5, ""})
		require.Equal(t, "A", orders(sink)["1/6"])
		time.Sleep(2200 * time.Millisecond)
		require.Equal(t, map[string]string{"1/1": "A", "1/2": "A", "1/3": "A", "1/4": "A", "1/5": "A", "1/6": "A"}, orders(sink))
		consume(t, p, sp{1, 7, 1, ""})
		require.Equal(t, "A", orders(sink)["1/7"], "a trace with a binding does not wait")
		require.Zero(t, p.hold.room.Stats().Bytes)
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestNamelessSpansLeaveAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &consumertest.TracesSink{}
		p := holding(t, "", sink)
		consume(t, p, sp{1, 1, 0, ""})
		time.Sleep(2900 * time.Millisecond)
		require.Empty(t, orders(sink))
		time.Sleep(300 * time.Millisecond)
		require.Equal(t, map[string]string{"1/1": ""}, orders(sink))
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestSecondOrderWithinTheHoldIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &consumertest.TracesSink{}
		p := holding(t, "", sink)
		consume(t, p, sp{1, 1, 0, ""}, sp{1, 2, 1, "A"})
		time.Sleep(time.Second)
		consume(t, p, sp{1, 3, 1, "B"}, sp{1, 4, 3, ""}, sp{1, 5, 2, ""}, sp{1, 6, 1, ""})
		time.Sleep(3 * time.Second)
		require.Equal(t, map[string]string{"1/1": `["A","B"]`, "1/2": "A", "1/3": "B", "1/4": "B", "1/5": "A", "1/6": ""}, orders(sink))
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestEagerReleasesTheWholeTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &consumertest.TracesSink{}
		p := holding(t, "eager: true", sink)
		consume(t, p, sp{1, 1, 0, ""}, sp{2, 1, 0, ""})
		consume(t, p, sp{1, 2, 1, "A"})
		require.Equal(t, map[string]string{"1/1": "A", "1/2": "A"}, orders(sink))
		require.NoError(t, p.Shutdown(context.Background()))
		require.Len(t, orders(sink), 3)
	})
}

func TestShutdownReleasesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &consumertest.TracesSink{}
		p := holding(t, "", sink)
		for i := range 10_000 {
			consume(t, p, sp{i, 1, 0, ""}, sp{i, 2, 1, ""})
		}
		require.NoError(t, p.Shutdown(context.Background()))
		require.NoError(t, p.Shutdown(context.Background()))
		require.Len(t, orders(sink), 20_000)
		for _, td := range sink.AllTraces() {
			require.LessOrEqual(t, td.SpanCount(), fullPayload+2, "payloads of a reasonable size")
		}
		require.Less(t, len(sink.AllTraces()), 10, "releases are coalesced")
	})
}

func TestFullRoomDegradesAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &consumertest.TracesSink{}
		p := holding(t, "max_bytes: 1MiB", sink)
		big := strings.Repeat("x", 10_000)
		n := 0
		for !p.hold.room.Stats().Degraded {
			td := payloadOf(sp{n, 1, 0, ""})
			td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("big", big)
			require.NoError(t, p.ConsumeTraces(context.Background(), td))
			n++
			require.LessOrEqual(t, p.hold.room.Stats().Bytes, int64(1<<20))
		}
		require.Empty(t, orders(sink))
		require.InDelta(t, 0.8*(1<<20), float64(p.hold.room.Stats().Bytes), 12_000)
		consume(t, p, sp{100_000, 1, 0, ""})
		require.Len(t, orders(sink), 1, "a new trace passes")
		consume(t, p, sp{0, 2, 1, ""})
		require.Len(t, orders(sink), 1, "a waiting trace still waits")
		for i := range 100 { // one trace grows until it does not fit
			td := payloadOf(sp{1, i + 2, 1, ""})
			td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("big", big)
			require.NoError(t, p.ConsumeTraces(context.Background(), td))
			require.LessOrEqual(t, p.hold.room.Stats().Bytes, int64(1<<20))
		}
		require.Greater(t, len(orders(sink)), 20)
		time.Sleep(4 * time.Second)
		require.Len(t, orders(sink), n+102)
		require.Equal(t, waiting.Stats{Turns: 1}, p.hold.room.Stats())
		consume(t, p, sp{200_000, 1, 0, ""})
		require.Len(t, orders(sink), n+102, "it recovered: new traces wait")
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestEndlessTraceDoesNotWaitForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &consumertest.TracesSink{}
		p := holding(t, "", sink)
		for i := range 120 {
			var spans []sp
			for k := range 100 {
				spans = append(spans, sp{1, i*100 + k + 1, i * 100, ""})
			}
			consume(t, p, spans...)
		}
		require.GreaterOrEqual(t, len(orders(sink)), 10_000)
		require.NoError(t, p.Shutdown(context.Background()))
		require.Len(t, orders(sink), 12_000)
	})
}

// TestBytesAreCountedAsTheyAre compares what the room counts with the heap, for payloads as they come off the wire.
func TestBytesAreCountedAsTheyAre(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	p := holdingFor(t, "10m", "max_bytes: 256MiB", consumertest.NewNop()) // however slow the machine is, nothing leaves
	raw, err := encoder.MarshalTraces(benchPayload(false))
	require.NoError(t, err)
	before := heap()
	var decoder ptrace.ProtoUnmarshaler
	for i := range uint32(50) {
		td, err := decoder.UnmarshalTraces(raw)
		require.NoError(t, err)
		eachSpan(td, func(s ptrace.Span) {
			id := s.TraceID()
			binary.BigEndian.PutUint32(id[8:], i)
			s.SetTraceID(id)
		})
		require.NoError(t, p.ConsumeTraces(context.Background(), td))
	}
	spent, counted := heap()-before, p.hold.room.Stats().Bytes
	t.Logf("%d bytes a span on the heap, %d counted", spent/50_000, counted/50_000)
	require.InEpsilon(t, spent, counted, 0.25)
	require.NoError(t, p.Shutdown(context.Background()))
}
