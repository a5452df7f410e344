package replay

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ordertrace/ordertrace/processor/orderenrich"
)

// balance is the book of what went in and what came out, by the number of the span.
type balance struct {
	in, out, twice int
	bytes          [2]int64          // of content, in and out; what comes twice counts once
	owed           map[uint64]uint64 // what went in and did not come out yet: number → content
	strange        int               // spans that never went in, or whose content is another
	orders         int
}

func newBalance() *balance { return &balance{owed: map[uint64]uint64{}} }

// enter books a span that was sent and accepted.
func (b *balance) enter(number, content uint64, size int) {
	b.in++
	b.bytes[0] += int64(size)
	b.owed[number] = content
}

// leave books a span that came out.
func (b *balance) leave(number, content uint64, size int) {
	b.out++
	want, ok := b.owed[number]
	switch {
	case ok && want == 0:
		b.twice++
	case !ok || want != content:
		b.strange++
	default:
		b.bytes[1] += int64(size)
		b.owed[number] = 0
	}
}

func (b *balance) lost() (n int) {
	for _, content := range b.owed {
		if content != 0 {
			n++
		}
	}
	return n
}

func (b *balance) line(name, note string) string {
	return fmt.Sprintf("%-34s%10d%10d%8d%8d%14d%14d  %s\n", name, b.in, b.out, b.lost(), b.twice, b.bytes[0], b.bytes[1], note)
}

const heading = "%-34s%10s%10s%8s%8s%14s%14s\n"

// requireEven fails if anything is missing, changed, or there twice.
func (b *balance) requireEven(t *testing.T) {
	t.Helper()
	require.Zero(t, b.lost(), "lost")
	require.Zero(t, b.strange, "strange")
	require.Zero(t, b.twice, "twice")
	require.Equal(t, b.in, b.out)
	require.Equal(t, b.bytes[0], b.bytes[1], "bytes of content")
}

var size ptrace.ProtoMarshaler

// content is the encoded size and a hash of all that a span and its resource say, without what order_enrich writes.
func content(rs ptrace.ResourceSpans, s ptrace.Span) (bytes int, sum uint64) {
	td := ptrace.NewTraces()
	to := td.ResourceSpans().AppendEmpty()
	rs.Resource().CopyTo(to.Resource())
	span := to.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.CopyTo(span)
	for _, k := range []string{"order.id", "order.id.source", "order.ids"} {
		span.Attributes().Remove(k)
	}
	raw, err := size.MarshalTraces(td)
	if err != nil {
		panic(err)
	}
	h := fnv.New64a()
	_, _ = h.Write(raw)
	return size.SpanSize(span), h.Sum64() | 1
}

func eachSpan(td ptrace.Traces, f func(ptrace.ResourceSpans, ptrace.Span)) {
	for i := range td.ResourceSpans().Len() {
		rs := td.ResourceSpans().At(i)
		for j := range rs.ScopeSpans().Len() {
			spans := rs.ScopeSpans().At(j).Spans()
			for k := range spans.Len() {
				f(rs, spans.At(k))
			}
		}
	}
}

func numberOf(s ptrace.Span) uint64 {
	v, _ := s.Attributes().Get("number")
	return uint64(v.Int())
}

// scale books what comes out, and refuses while it is told to.
type scale struct {
	mu   sync.Mutex
	book *balance
	err  error
}

func (s *scale) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (s *scale) refuse(err error) { s.mu.Lock(); defer s.mu.Unlock(); s.err = err }

func (s *scale) ConsumeTraces(_ context.Context, td ptrace.Traces) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	eachSpan(td, func(rs ptrace.ResourceSpans, span ptrace.Span) {
		n, sum := content(rs, span)
		s.book.leave(numberOf(span), sum, n)
		if _, ok := span.Attributes().Get("order.id"); ok {
			s.book.orders++
		}
	})
	return nil
}

// mixed is a payload of several services over some traces, numbered from first on; every ninth span names its order.
func mixed(r *rand.Rand, first uint64, spans, traces, filler int) ptrace.Traces {
	td := ptrace.NewTraces()
	for spans > 0 {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", r.IntN(5)))
		out := rs.ScopeSpans().AppendEmpty().Spans()
		for range min(spans, 1+r.IntN(40)) {
			trace := 1 + r.IntN(traces)
			s := out.AppendEmpty()
			s.SetTraceID(traceID(trace))
			s.SetSpanID([8]byte{1, 4: byte(first >> 24), 5: byte(first >> 16), 6: byte(first >> 8), 7: byte(first)})
			s.SetParentSpanID([8]byte{1, 7: byte(r.IntN(int(first)%50 + 1))})
			s.Attributes().PutInt("number", int64(first))
			s.Attributes().PutStr("filler", strings.Repeat("f", r.IntN(filler)))
			if r.IntN(9) == 0 {
				s.Attributes().PutStr("orderId", fmt.Sprint("O-", trace))
			}
			first++
			spans--
		}
	}
	return td
}

func begin(t testing.TB, next consumer.Traces, h component.Host, hold map[string]any) processor.Traces {
	t.Helper()
	return observed(t, next, h, hold, sdk.NewMeterProvider())
}

func observed(t testing.TB, next consumer.Traces, h component.Host, hold map[string]any, meters *sdk.MeterProvider) processor.Traces {
	t.Helper()
	f := orderenrich.NewFactory()
	cfg := f.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"hold": hold}).Unmarshal(cfg))
	require.NoError(t, cfg.(*orderenrich.Config).Validate())
	set := processortest.NewNopSettings(f.Type())
	set.MeterProvider = meters
	p, err := f.CreateTraces(context.Background(), set, cfg, next)
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), h))
	return p
}

// degraded is how often what waited took too much room, by the processor's own metric.
func degraded(t *testing.T, reader *sdk.ManualReader) (turns int64) {
	t.Helper()
	var rm metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.Background(), &rm))
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "otelcol_order_enrich_degraded" {
				turns += sum.DataPoints[0].Value
			}
		}
	}
	return turns
}

// send books a payload and sends it, once. If it is refused its sender gives up: then nothing of it may ever come out.
func send(p consumer.Traces, s *scale, td ptrace.Traces) (accepted bool) {
	s.mu.Lock()
	var numbers []uint64
	bytes := s.book.bytes[0]
	eachSpan(td, func(rs ptrace.ResourceSpans, span ptrace.Span) {
		n, sum := content(rs, span)
		numbers = append(numbers, numberOf(span))
		s.book.enter(numberOf(span), sum, n)
	})
	bytes = s.book.bytes[0] - bytes
	s.mu.Unlock()
	if p.ConsumeTraces(context.Background(), td) == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.book.in -= len(numbers)
	s.book.bytes[0] -= bytes
	for _, n := range numbers {
		if s.book.owed[n] == 0 {
			s.book.strange++
		}
		delete(s.book.owed, n)
	}
	return false
}

// TestInEqualsOut counts spans and bytes of content in and out where something gets in their way.
func TestInEqualsOut(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "\nspans and bytes of content, in and out\n"+heading, "", "spans in", "out", "lost", "twice", "bytes in", "bytes out")
	defer func() { t.Log(table.String()) }()
	down := errors.New("queue is full")
	for _, c := range []struct {
		name, max string
		filler    int
		at        func(i int, s *scale) // before payload i of 400
		stop      bool                  // the collector stops right after the last payload
		turns     int64                 // how often it must degrade at least, and have recovered at the end
	}{
		{name: "overflow of max_bytes", max: "1MiB", filler: 3000, turns: 1},
		{name: "degraded, and recovered", max: "6MiB", filler: 1200, turns: 1},
		{name: "shutdown while holding", max: "256MiB", filler: 900, stop: true},
		{name: "the next component refuses", max: "256MiB", filler: 900, at: func(i int, s *scale) {
			s.refuse(map[bool]error{true: down}[i%40 > 25])
		}},
		{name: "refuses for long, and overflow", max: "2MiB", filler: 1500, at: func(i int, s *scale) {
			s.refuse(map[bool]error{true: down}[i%200 > 80 && i%200 < 190])
		}, stop: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scale{book: newBalance()}
				reader := sdk.NewManualReader()
				p := observed(t, s, componenttest.NewNopHost(), map[string]any{"max_wait": "3s", "max_bytes": c.max}, sdk.NewMeterProvider(sdk.WithReader(reader)))
				refused := 0
				for i := range 400 {
					if c.at != nil {
						c.at(i, s)
					}
					r := rand.New(rand.NewPCG(uint64(i), 5))
					if !send(p, s, mixed(r, uint64(i)*200+1, 40+i%100, 300, c.filler)) {
						refused++
					}
					time.Sleep(30 * time.Millisecond)
				}
				s.refuse(nil)
				if !c.stop {
					time.Sleep(5 * time.Second)
				}
				turns := degraded(t, reader)
				if c.turns > 0 {
					requireHeld(t, p, s)
				}
				require.NoError(t, p.Shutdown(context.Background()))
				s.book.requireEven(t)
				require.GreaterOrEqual(t, turns, c.turns, "the row shows nothing else")
				require.Equal(t, c.at != nil, refused > 0, "the row shows nothing else")
				table.WriteString(s.book.line(c.name, fmt.Sprintf("%d with an order, %d payloads refused, degraded %d times", s.book.orders, refused, turns)))
			})
		})
	}
	t.Run("live traces", func(t *testing.T) { table.WriteString(millionTraces(t)) })
	t.Run("kill", func(t *testing.T) { table.WriteString(killed(t)) })
}

// requireHeld sends a span of a trace of its own, which has to wait.
func requireHeld(t *testing.T, p consumer.Traces, s *scale) {
	t.Helper()
	const number = 1 << 40
	td := mixed(rand.New(rand.NewPCG(1, 1)), number, 1, 1, 1)
	eachSpan(td, func(_ ptrace.ResourceSpans, span ptrace.Span) {
		span.SetTraceID(traceID(1 << 20))
		span.Attributes().Remove("orderId")
	})
	waits := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.book.owed[number] != 0
	}
	require.True(t, send(p, s, td))
	require.True(t, waits(), "it did not recover: nothing waits any more")
	time.Sleep(5 * time.Second)
	synctest.Wait()
	require.False(t, waits())
}

// millionTraces lets a million traces wait at once.
func millionTraces(t *testing.T) (line string) {
	t.Helper()
	const traces, perPayload = 1_000_000, 1000
	synctest.Test(t, func(t *testing.T) {
		s := &scale{book: newBalance()}
		counter := &tally{}
		p := begin(t, counter, componenttest.NewNopHost(), map[string]any{"max_wait": "3s", "max_bytes": "8GiB"})
		before := heapNow()
		in, bytes, cpu0 := 0, int64(0), cpuNow()
		for i := range traces / perPayload {
			td := ptrace.NewTraces()
			rs := td.ResourceSpans().AppendEmpty()
			rs.Resource().Attributes().PutStr("service.name", "checkout")
			out := rs.ScopeSpans().AppendEmpty().Spans()
			for k := range perPayload {
				n := i*perPayload + k + 1
				span := out.AppendEmpty()
				span.SetTraceID(traceID(n))
				span.SetSpanID([8]byte{1, 5: byte(n >> 16), 6: byte(n >> 8), 7: byte(n)})
				span.SetName("POST /api/orders")
				span.Attributes().PutStr("http.request.method", "POST")
				span.Attributes().PutInt("number", int64(n))
				bytes += int64(size.SpanSize(span))
				in++
			}
			require.NoError(t, p.ConsumeTraces(context.Background(), td))
		}
		require.Zero(t, counter.spans, "all of them wait")
		kept := heapNow() - before
		time.Sleep(4 * time.Second)
		spent := cpuNow() - cpu0
		require.NoError(t, p.Shutdown(context.Background()))
		s.book.in, s.book.out, s.book.bytes = in, counter.spans, [2]int64{bytes, counter.bytes}
		s.book.requireEven(t)
		line = s.book.line("1,000,000 live traces", fmt.Sprintf("%d MiB while they wait, %v CPU in all", kept>>20, spent.Round(10*time.Millisecond)))
	})
	return line
}

// tally counts spans and their bytes.
type tally struct {
	spans int
	bytes int64
}

func (c *tally) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (c *tally) ConsumeTraces(_ context.Context, td ptrace.Traces) error {
	eachSpan(td, func(_ ptrace.ResourceSpans, s ptrace.Span) {
		c.spans++
		c.bytes += int64(size.SpanSize(s))
	})
	return nil
}

func heapNow() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func cpuNow() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}
