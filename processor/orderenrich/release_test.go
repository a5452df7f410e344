package orderenrich

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// moody refuses payloads while it is told to.
type moody struct {
	consumertest.TracesSink
	mu  sync.Mutex
	err error
}

func (m *moody) say(err error) { m.mu.Lock(); defer m.mu.Unlock(); m.err = err }

func (m *moody) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	return m.TracesSink.ConsumeTraces(ctx, td)
}

func TestRefusedSpansAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &moody{}
		p := holding(t, "", sink)
		consume(t, p, sp{1, 1, 0, ""})
		sink.say(errors.New("queue is full"))
		time.Sleep(5 * time.Second)
		require.NotZero(t, p.hold.room.Stats().Bytes, "what is not passed on still counts")
		// Part of this payload waits: the sender must not send it again, although the rest was refused.
		require.NoError(t, p.ConsumeTraces(context.Background(), payloadOf(sp{2, 1, 0, ""}, sp{2, 2, 1, "A"})))
		sink.say(nil)
		time.Sleep(4 * time.Second)
		require.Equal(t, map[string]string{"1/1": "", "2/1": "A", "2/2": "A"}, orders(&sink.TracesSink))
		// None of this one waits: the sender hears of it.
		sink.say(errors.New("queue is full"))
		require.Error(t, p.ConsumeTraces(context.Background(), payloadOf(sp{2, 3, 1, ""})))
		sink.say(nil)
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

// halver takes every second resource of the first payloads, and says which part it did not take.
type halver struct {
	consumertest.TracesSink
	left int
}

func (h *halver) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if h.left == 0 {
		return h.TracesSink.ConsumeTraces(ctx, td)
	}
	h.left--
	took, left := ptrace.NewTraces(), ptrace.NewTraces()
	for i := range td.ResourceSpans().Len() {
		td.ResourceSpans().At(i).MoveTo([]ptrace.Traces{took, left}[i%2].ResourceSpans().AppendEmpty())
	}
	_ = h.TracesSink.ConsumeTraces(ctx, took) // never fails
	return fmt.Errorf("export: %w", consumererror.NewTraces(errors.New("one of two back ends is away"), left))
}

func TestOfAPayloadThatWasTakenInPartTheRestIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &halver{left: 2}
		p := holding(t, "", sink)
		for i := range 8 {
			consume(t, p, sp{i + 1, 1, 0, ""}) // a resource each, released together
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		want := map[string]string{}
		for i := range 8 {
			want[fmt.Sprint(i+1, "/1")] = ""
		}
		require.Equal(t, want, orders(&sink.TracesSink))
		require.Zero(t, p.hold.room.Stats().Bytes)
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestShutdownEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &moody{err: errors.New("never")}
		p := holding(t, "", sink)
		consume(t, p, sp{1, 1, 0, ""})
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		require.ErrorIs(t, p.Shutdown(ctx), context.DeadlineExceeded)
	})
}

// TestWhatGoesInComesOut sends arbitrary traffic and compares every span with what came out.
func TestShutdownEndsWithoutADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := holding(t, "", &moody{err: errors.New("never")})
		consume(t, p, sp{1, 1, 0, ""})
		began := time.Now()
		require.ErrorIs(t, p.Shutdown(context.Background()), context.DeadlineExceeded)
		require.LessOrEqual(t, time.Since(began), drainTime+time.Second)
	})
}

func TestWhatGoesInComesOut(t *testing.T) {
	for seed := range uint64(6) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			sink := &consumertest.TracesSink{}
			p := holding(t, []string{"max_bytes: 1MiB", "max_bytes: 64MiB", "max_bytes: 64MiB, eager: true"}[seed%3], sink)
			in := map[string]int{}
			n := 0
			for range 300 {
				td := ptrace.NewTraces()
				for range 1 + r.IntN(3) {
					rs := td.ResourceSpans().AppendEmpty()
					rs.Resource().Attributes().PutStr("service.name", fmt.Sprint(r.IntN(3)))
					rs.SetSchemaUrl("https://schema")
					for range 1 + r.IntN(2) {
						ss := rs.ScopeSpans().AppendEmpty()
						ss.Scope().SetName(fmt.Sprint("scope", r.IntN(3)))
						for range r.IntN(20) {
							n++
							s := ss.Spans().AppendEmpty()
							s.SetName(fmt.Sprint("span-", n))
							s.SetTraceID([16]byte{0: byte(r.IntN(2)), 15: byte(r.IntN(60))})
							s.SetSpanID([8]byte{7: byte(r.IntN(20))})
							s.SetParentSpanID([8]byte{7: byte(r.IntN(20))})
							s.Attributes().PutStr("filler", strings.Repeat("f", r.IntN(2_000)))
							s.Events().AppendEmpty().SetName("event")
							if r.IntN(30) == 0 {
								s.Attributes().PutStr("orderId", fmt.Sprint("O", r.IntN(50)))
							}
						}
					}
				}
				collect(td, in, 1)
				require.NoError(t, p.ConsumeTraces(context.Background(), td))
				require.LessOrEqual(t, p.hold.room.Stats().Bytes, int64(64<<20))
				time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
			}
			require.NoError(t, p.Shutdown(context.Background()))
			require.Zero(t, p.hold.room.Stats().Bytes, "nothing is left")
			for _, td := range sink.AllTraces() {
				collect(td, in, -1)
			}
			for what, count := range in {
				if count != 0 {
					t.Fatalf("%+d of %.120s", count, what)
				}
			}
		})
	}
}

// collect counts spans by all that they hold, without what the processor writes.
func collect(td ptrace.Traces, into map[string]int, by int) {
	for i := range td.ResourceSpans().Len() {
		rs := td.ResourceSpans().At(i)
		for j := range rs.ScopeSpans().Len() {
			ss := rs.ScopeSpans().At(j)
			for k := range ss.Spans().Len() {
				s := ptrace.NewSpan()
				ss.Spans().At(k).CopyTo(s)
				if text(s, "order.id") != "" && text(s, "order.ids") != "" {
					into["one order and several on "+s.Name()]++
				}
				for _, name := range []string{"order.id", "order.ids", "order.id.source"} {
					s.Attributes().Remove(name)
				}
				key := fmt.Sprint(rs.Resource().Attributes().AsRaw(), rs.SchemaUrl(), ss.Scope().Name(), s.Name(), s.TraceID(), s.SpanID(),
					s.ParentSpanID(), s.Events().Len(), s.Attributes().AsRaw())
				into[key] += by
			}
		}
	}
}
