package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/processor/orderenrich"
)

// TestWhatManySendersSendComesOutOnce lets senders go on while order_enrich stops and the next component refuses now and
// then: what was accepted comes out once, and what was not never does.
func TestWhatManySendersSendComesOutOnce(t *testing.T) {
	for _, hold := range []string{"max_bytes: 1MiB", "max_bytes: 64MiB", "max_bytes: 64MiB, eager: true"} {
		var mu sync.Mutex
		out := map[string]int{}
		var calls, refusals atomic.Int64
		next, err := consumer.NewTraces(func(_ context.Context, td ptrace.Traces) error {
			if calls.Add(1)%7 == 0 && refusals.Add(1) <= 20 {
				return errors.New("queue is full")
			}
			mu.Lock()
			defer mu.Unlock()
			eachName(td, func(name string) { out[name]++ })
			return nil
		})
		require.NoError(t, err)
		h := withIndex(t)
		p := tracesProcessor(t, h, orderenrich.NewFactory(), "index: order_index\nhold: {max_wait: 50ms, "+hold+"}\nidentifiers:\n"+everything, next)
		var senders sync.WaitGroup
		var done atomic.Bool
		accepted := make([][]string, 16)
		for k := range accepted {
			senders.Go(func() {
				r := rand.New(rand.NewPCG(uint64(k), 1))
				for i := 1; !done.Load(); i++ {
					td := spansOf(t, chatter(r, k<<8|i&255))
					var names []string
					eachName(td, func(name string) { names = append(names, name) })
					if i < 256 && p.ConsumeTraces(context.Background(), td) == nil { // then the numbers would begin anew
						accepted[k] = append(accepted[k], names...)
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		time.Sleep(150 * time.Millisecond)
		go func() { time.Sleep(20 * time.Millisecond); done.Store(true) }()
		stop(t, p)
		senders.Wait()
		stop(t, h.extensions[component.MustNewID("order_index")])
		want := map[string]int{}
		for _, names := range accepted {
			for _, n := range names {
				want[n]++
			}
		}
		require.NotEmpty(t, want)
		mu.Lock()
		require.Equal(t, want, out, hold)
		mu.Unlock()
	}
}

// chatter is a few spans of some of 500 traces, with names of their own; some say something.
func chatter(r *rand.Rand, number int) (out []told) {
	for n := range 1 + r.IntN(16) {
		x := told{trace: 1 + r.IntN(500), id: number<<4 | n, parent: number<<4 | r.IntN(n+1)}
		switch r.IntN(8) {
		case 0:
			x.own = attrs{"orderId": fmt.Sprintf("ORD-%08d", x.trace)}
		case 1:
			x.own = attrs{"messaging.message.id": fmt.Sprint(r.IntN(100))}
		case 2:
			x.links = []link{{trace: 1 + r.IntN(500)}}
		}
		out = append(out, x)
	}
	return out
}

func eachName(td ptrace.Traces, f func(string)) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				f(s.Name())
			}
		}
	}
}
