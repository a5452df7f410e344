package orderenrich

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// chain is a processor that changes spans in place, and the collector's fan-out behind it: what several read only is marked.
type chain struct {
	consumertest.Consumer
	readers []consumer.Traces
}

func (c *chain) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	eachSpan(td, func(s ptrace.Span) { s.Attributes().PutStr("seen", "yes") })
	if len(c.readers) > 1 {
		td.MarkReadOnly()
	}
	var errs error
	for _, r := range c.readers {
		errs = errors.Join(errs, r.ConsumeTraces(ctx, td))
	}
	return errs
}

func TestFanOutThatRefusesIsSentToAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jaeger, judge := &moody{err: errors.New("queue is full")}, &consumertest.TracesSink{}
		p := holding(t, "", &chain{readers: []consumer.Traces{judge, jaeger}})
		consume(t, p, sp{1, 1, 0, ""}, sp{1, 2, 1, "A"}) // the second is refused at once
		time.Sleep(5 * time.Second)                      // and the first at its deadline
		require.Error(t, p.ConsumeTraces(context.Background(), payloadOf(sp{1, 3, 1, ""})), "all of it passes: its sender keeps it")
		jaeger.say(nil)
		time.Sleep(2 * time.Second)
		require.Equal(t, map[string]string{"1/1": "A", "1/2": "A"}, orders(&jaeger.TracesSink))
		require.Zero(t, p.hold.room.Stats().Bytes)
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestFanOutThatRefusesWhatIsReplayedIsSentToAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		p, _ := journaling(t, disk, consumertest.NewNop())
		consume(t, p, sp{1, 1, 0, ""}, sp{2, 1, 0, ""})
		consume(t, p, sp{1, 2, 1, ""}, sp{1, 3, 1, ""})
		killed := disk.after()
		consume(t, p, sp{1, 4, 1, "A"}, sp{2, 2, 1, "B"})
		require.NoError(t, p.Shutdown(context.Background()))

		jaeger, judge := &moody{err: errors.New("queue is full")}, &consumertest.TracesSink{}
		p, _ = journaling(t, killed, &chain{readers: []consumer.Traces{judge, jaeger}})
		consume(t, p, sp{1, 4, 1, "A"}, sp{2, 2, 1, "B"}, sp{3, 1, 0, ""})
		time.Sleep(10 * time.Second)
		after := killed.after() // and killed again
		require.Error(t, p.Shutdown(context.Background()))

		p, _ = journaling(t, after, &chain{readers: []consumer.Traces{judge, jaeger}})
		time.Sleep(10 * time.Second)
		jaeger.say(nil)
		time.Sleep(10 * time.Second)
		require.Equal(t, map[string]string{"1/1": "A", "1/2": "A", "1/3": "A", "1/4": "A", "2/1": "B", "2/2": "B", "3/1": ""}, orders(&jaeger.TracesSink))
		require.Zero(t, after.records())
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

// TestWhatOneConsumerTookStaysAsItIs: a queue keeps the payload that it was given, although another consumer refused it. A
// single reader beside consumers that change theirs gets the original, unmarked.
func TestWhatOneConsumerTookStaysAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue, refusing := &consumertest.TracesSink{}, &moody{err: errors.New("queue is full")}
		next, err := consumer.NewTraces(func(ctx context.Context, td ptrace.Traces) error {
			own := ptrace.NewTraces()
			td.CopyTo(own)
			return errors.Join(refusing.ConsumeTraces(ctx, own), queue.ConsumeTraces(ctx, td))
		})
		require.NoError(t, err)
		p := holding(t, "", next)
		consume(t, p, sp{1, 1, 0, ""}, sp{1, 2, 1, "A"})
		consume(t, p, sp{2, 1, 0, "B"}, sp{3, 1, 0, ""})
		took := queue.AllTraces()
		require.Len(t, took, 2)
		for _, td := range took {
			require.Equal(t, 1, td.SpanCount())
		}
		time.Sleep(5 * time.Second)
		refusing.say(nil)
		time.Sleep(5 * time.Second)
		require.Len(t, orders(&refusing.TracesSink), 4)
		require.NoError(t, p.Shutdown(context.Background()))
	})
}
