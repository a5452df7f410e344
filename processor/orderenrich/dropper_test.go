package orderenrich

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// dropper is a component that takes spans out of the payload before it passes that on: a filter drops, a router moves.
type dropper struct {
	moody
	drops func(name string) bool
}

func (d *dropper) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		rs.ScopeSpans().At(0).Spans().RemoveIf(func(s ptrace.Span) bool { return d.drops(s.Name()) })
		return rs.ScopeSpans().At(0).Spans().Len() == 0
	})
	return d.moody.ConsumeTraces(ctx, td)
}

func filter() *dropper {
	return &dropper{drops: func(name string) bool { return strings.HasSuffix(name, "/9") }}
}

func TestWhatAFilterLeftIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		sink := filter()
		p, reader := journaling(t, disk, sink)
		consume(t, p, sp{1, 1, 0, ""}, sp{1, 9, 1, ""}) // both wait until their deadline
		consume(t, p, sp{2, 1, 0, ""}, sp{2, 9, 0, ""})
		sink.say(errors.New("queue is full"))
		consume(t, p, sp{2, 2, 1, "B"}, sp{2, 3, 0, "B"}, sp{3, 9, 0, "C"}, sp{3, 1, 0, ""}) // a part of this passes, and is filtered
		time.Sleep(10 * time.Second)
		killed := disk.after()
		sink.say(nil)
		time.Sleep(5 * time.Second)
		want := map[string]string{"1/1": "", "2/1": "", "2/2": "B", "2/3": "B", "3/1": "C"}
		got := orders(&sink.TracesSink)
		require.Equal(t, "", got["1/1"])
		require.Len(t, got, len(want))
		require.NotContains(t, got, "1/9")
		require.Empty(t, counted(t, reader, "otelcol_order_enrich_lost", "signal"))
		require.Zero(t, disk.records())
		require.Zero(t, p.hold.room.Stats().Bytes)
		require.NoError(t, p.Shutdown(context.Background()))

		after := filter()
		p, _ = journaling(t, killed, after)
		time.Sleep(10 * time.Second)
		require.Len(t, orders(&after.TracesSink), len(want), "all of it was still in the journal: %v", orders(&after.TracesSink))
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

// TestFilteredRestOfAPayloadIsKept: the sender cannot send it again, since part of it waits.
func TestFilteredRestOfAPayloadIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		sink := filter()
		p, _ := journaling(t, disk, sink)
		consume(t, p, sp{1, 1, 0, "A"})
		consume(t, p, sp{2, 1, 0, ""})
		time.Sleep(4 * time.Second) // traces 1 and 2 have waited: their late spans pass
		sink.say(errors.New("queue is full"))
		td := payloadOf(sp{1, 9, 0, ""})
		payloadOf(sp{1, 2, 1, ""}, sp{1, 9, 1, ""}, sp{3, 1, 0, ""}, sp{3, 2, 1, "C"}).ResourceSpans().MoveAndAppendTo(td.ResourceSpans())
		require.NoError(t, p.ConsumeTraces(context.Background(), td))
		killed := disk.after()
		sink.say(nil)
		time.Sleep(5 * time.Second)
		require.Equal(t, map[string]string{"1/1": "A", "1/2": "A", "2/1": "", "3/1": "C", "3/2": "C"}, orders(&sink.TracesSink))
		require.Zero(t, disk.records())
		require.Zero(t, p.hold.room.Stats().Bytes)
		require.NoError(t, p.Shutdown(context.Background()))

		after := filter()
		p, _ = journaling(t, killed, after)
		time.Sleep(5 * time.Second)
		got := orders(&after.TracesSink)
		require.Contains(t, got, "1/2")
		require.Contains(t, got, "3/2")
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

// TestWhatARouterTookAndRefusedStaysInTheJournal: nothing is left that could be sent again.
func TestWhatARouterTookAndRefusedStaysInTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		sink := &dropper{drops: func(string) bool { return true }}
		sink.say(errors.New("queue is full"))
		p, reader := journaling(t, disk, sink)
		consume(t, p, sp{1, 1, 0, ""})
		require.Error(t, p.ConsumeTraces(context.Background(), payloadOf(sp{2, 1, 0, ""}, sp{2, 2, 0, "B"})), "better twice than never")
		time.Sleep(10 * time.Second)
		require.Empty(t, counted(t, reader, "otelcol_order_enrich_lost", "signal"))
		require.Zero(t, p.hold.room.Stats().Bytes)
		killed := disk.after()
		_ = p.Shutdown(context.Background())
		after := &consumertest.TracesSink{}
		p, _ = journaling(t, killed, after)
		time.Sleep(5 * time.Second)
		require.Contains(t, orders(after), "1/1")
		require.Contains(t, orders(after), "2/1")
		require.NoError(t, p.Shutdown(context.Background()))

		p = holding(t, "", sink)
		consume(t, p, sp{1, 1, 0, ""})
		require.NoError(t, p.Shutdown(context.Background()), "without a journal it is lost, and nothing is left to try")
	})
}

func TestWhatIsRefusedForGoodIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		sink := filter()
		sink.say(consumererror.NewPermanent(errors.New("bad data")))
		p, reader := journaling(t, disk, sink)
		consume(t, p, sp{1, 1, 0, ""}, sp{1, 9, 1, ""})
		time.Sleep(5 * time.Second)
		require.EqualValues(t, 2, counted(t, reader, "otelcol_order_enrich_lost", "signal")["traces"])
		require.Zero(t, disk.records())
		require.NoError(t, p.Shutdown(context.Background()))
	})
}
