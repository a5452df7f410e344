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

// patient is an exporter without a queue, whose back end is away: it tries again until its caller has had enough.
func patient(t *testing.T) consumer.Traces {
	t.Helper()
	next, err := consumer.NewTraces(func(ctx context.Context, _ ptrace.Traces) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Hour):
			return errors.New("gave up")
		}
	})
	require.NoError(t, err)
	return next
}

func TestShutdownEndsThoughTheNextComponentHasNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := holding(t, "", patient(t))
		consume(t, p, sp{1, 1, 0, ""})
		time.Sleep(5 * time.Second) // it is being sent
		began := time.Now()
		require.ErrorIs(t, p.Shutdown(context.Background()), context.DeadlineExceeded)
		require.LessOrEqual(t, time.Since(began), drainTime+time.Second)

		p = holding(t, "", patient(t))
		consume(t, p, sp{1, 1, 0, ""})
		time.Sleep(5 * time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		began = time.Now()
		require.ErrorIs(t, p.Shutdown(ctx), context.DeadlineExceeded)
		require.LessOrEqual(t, time.Since(began), 3*time.Second, "whoever stops it may have less patience")
	})
}

func TestShutdownDuringReplayEndsAndKeepsTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		p, _ := journaling(t, disk, consumertest.NewNop())
		consume(t, p, sp{1, 1, 0, ""}, sp{2, 1, 0, "B"})
		killed := disk.after()
		require.NoError(t, p.Shutdown(context.Background()))
		p, _ = journaling(t, killed, patient(t))
		time.Sleep(time.Second)
		began := time.Now()
		require.ErrorIs(t, p.Shutdown(context.Background()), context.DeadlineExceeded)
		require.LessOrEqual(t, time.Since(began), drainTime+time.Second)
		sink := &consumertest.TracesSink{}
		p, _ = journaling(t, killed.after(), sink)
		require.NoError(t, p.Shutdown(context.Background()))
		require.Contains(t, orders(sink), "1/1")
	})
}

func TestReplayGoesOnAfterARefusalThatItsSenderKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		p, _ := journaling(t, disk, consumertest.NewNop())
		consume(t, p, sp{1, 1, 0, ""})
		killed := disk.after()
		require.NoError(t, p.Shutdown(context.Background()))
		killed.takes = time.Second
		sink := &moody{}
		p, _ = journaling(t, killed, sink)
		sink.say(errors.New("queue is full"))
		td := payloadOf(sp{2, 1, 0, ""})
		eachSpan(td, func(s ptrace.Span) { s.SetTraceID([16]byte{}) }) // does not wait
		require.Error(t, p.ConsumeTraces(context.Background(), td))    // while the journal is read
		sink.say(nil)                                                  // and nothing more comes
		time.Sleep(10 * time.Second)
		require.Contains(t, orders(&sink.TracesSink), "1/1")
		require.NoError(t, p.Shutdown(context.Background()))
	})
}
