package orderenrich

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/metadatatest"
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
		synctest.Wait() // until it was read
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

// slow takes what it is given at once, but for the first payload: that it refuses after a while.
type slow struct {
	consumertest.TracesSink
	asked atomic.Bool
}

func (s *slow) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if s.asked.CompareAndSwap(false, true) {
		time.Sleep(3 * time.Second)
		return errors.New("queue is full")
	}
	return s.TracesSink.ConsumeTraces(ctx, td)
}

func TestShutdownSendsWhatIsRefusedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &slow{}
		p := holding(t, "", sink)
		answer := make(chan error, 1)
		go func() {
			answer <- p.ConsumeTraces(context.Background(), payloadOf(sp{1, 1, 0, ""}, sp{1, 2, 1, "A"}, sp{2, 1, 0, ""}))
		}()
		time.Sleep(time.Second)
		require.NoError(t, p.Shutdown(context.Background()))
		require.NoError(t, <-answer, "a part of it waited")
		require.Equal(t, map[string]string{"1/1": "A", "1/2": "A", "2/1": ""}, orders(&sink.TracesSink))
		require.NoError(t, p.Shutdown(context.Background()), "twice")
		consume(t, p, sp{3, 1, 0, ""})
		require.Contains(t, orders(&sink.TracesSink), "3/1", "what comes too late does not wait")
	})
}

func TestWhatIsRefusedAfterTheShutdownsDeadlineIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tel := componenttest.NewTelemetry()
		next, err := consumer.NewTraces(func(context.Context, ptrace.Traces) error {
			time.Sleep(time.Minute)
			return errors.New("queue is full")
		})
		require.NoError(t, err)
		set := metadatatest.NewSettings(tel)
		c, err := NewFactory().CreateTraces(context.Background(), set, loadConfig(t, "identifiers: {order.id: {attributes: [orderId]}}\nhold: {max_wait: 3s}"), next)
		require.NoError(t, err)
		p := c.(*tracesProcessor)
		require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = p.ConsumeTraces(context.Background(), payloadOf(sp{1, 1, 0, ""}, sp{1, 2, 1, "A"}))
		}()
		time.Sleep(time.Second)
		require.ErrorIs(t, p.Shutdown(context.Background()), context.DeadlineExceeded)
		<-done
		metadatatest.AssertEqualOrderEnrichLost(t, tel, []metricdata.DataPoint[int64]{{
			Value: 2, Attributes: attribute.NewSet(attribute.String("signal", "traces")),
		}}, metricdatatest.IgnoreTimestamp())
	})
}
