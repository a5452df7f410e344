package orderindex

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/extension/orderindex/internal/relay"
	"github.com/ordertrace/ordertrace/internal/binding"
)

const (
	// linger is how long the first piece of news waits for others.
	linger = 20 * time.Millisecond
	// After a failure the server is asked again after firstPause, then twice that, up to lastPause.
	firstPause, lastPause = 100 * time.Millisecond, 5 * time.Second
	// lastWords bounds the sending of what waits at shutdown.
	lastWords = 2 * time.Second
)

// broadcast tells other gateways what the index learns, and the index what they tell. One goroutine writes, one reads.
type broadcast struct {
	index  *binding.Index
	stream *stream
	out    *relay.Outbox
	in     *relay.Inbox
	log    *zap.Logger

	ctx     context.Context // ends both goroutines
	stop    context.CancelFunc
	stopped sync.WaitGroup
	listens sync.Once

	failures atomic.Uint64
	unsent   atomic.Uint64 // news that shutdown left
	reads    contact
	writes   contact
}

// contact is whether one direction works, and since when it does not.
type contact struct{ brokenAt atomic.Int64 } // nanoseconds; 0: it works

func startBroadcast(index *binding.Index, s *stream, log *zap.Logger) *broadcast {
	var self [8]byte
	_, _ = rand.Read(self[:]) // never fails: it ends the program instead
	ctx, cancel := context.WithCancel(context.Background())
	b := &broadcast{
		index: index, stream: s, log: log, ctx: ctx, stop: cancel,
		out: relay.NewOutbox(index, self), in: relay.NewInbox(index, self),
	}
	index.Share(b.out.Put)
	b.stopped.Go(func() { b.write(ctx) })
	return b
}

// listen begins to read. Before that everybody who uses the index must have named its identifiers: what is told of others is
// left out.
func (b *broadcast) listen() {
	b.listens.Do(func() { b.stopped.Go(func() { b.read(b.ctx) }) })
}

func (b *broadcast) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.out.Ready():
		}
		if !pause(ctx, linger) {
			return
		}
		for pack := b.out.Next(); pack != nil; pack = b.out.Next() {
			ok := b.insist(ctx, &b.writes, "write to", func() error { return b.stream.add(ctx, pack) })
			if !ok {
				return
			}
			b.out.Sent()
		}
	}
}

func (b *broadcast) read(ctx context.Context) {
	take := func(pack []byte, sent time.Time) { b.in.Take(pack, sent, time.Now()) }
	for {
		broken := false
		ok := b.insist(ctx, &b.reads, "read", func() error {
			if broken {
				if err := b.stream.resume(ctx); err != nil {
					return err
				}
			}
			n, err := b.stream.read(ctx, take)
			if err == nil && n == 0 {
				b.in.Idle()
				_ = b.stream.resume(ctx) // the stream may be another one by now, though nothing broke
			}
			broken = broken || err != nil
			return err
		})
		if !ok {
			return
		}
	}
}

// insist tries until it works; false if the context ended.
func (b *broadcast) insist(ctx context.Context, c *contact, what string, try func() error) bool {
	for wait := firstPause; ; wait = min(2*wait, lastPause) {
		err := try()
		if err == nil {
			if c.brokenAt.Swap(0) != 0 {
				b.log.Info("The broadcast works again.", zap.String("direction", what))
			}
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		b.failures.Add(1)
		if c.brokenAt.CompareAndSwap(0, time.Now().UnixNano()) {
			b.log.Warn("The broadcast cannot "+what+" its stream; it is tried again until it works. Joins with other gateways come late or, when too much waits, not at all.",
				zap.String("stream", b.stream.key), zap.Error(err))
		}
		if !pause(ctx, wait) {
			return false
		}
	}
}

// shutdown sends what waits, for a moment, and counts what it leaves.
func (b *broadcast) shutdown(ctx context.Context) error {
	b.index.Share(nil)
	b.stop()
	b.stopped.Wait()
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	for pack := b.out.Next(); pack != nil; pack = b.out.Next() {
		if err := b.stream.add(ctx, pack); err != nil {
			left := b.out.Stats().Waiting
			b.unsent.Store(left)
			b.log.Warn("The collector stops before other gateways were told everything.", zap.Uint64("bindings", left), zap.Error(err))
			break
		}
		b.out.Sent()
	}
	return b.stream.close()
}

// lag is how old the news were that were read last, or since when nothing can be read.
func (b *broadcast) lag(now time.Time) time.Duration {
	if at := b.reads.brokenAt.Load(); at != 0 {
		return now.Sub(time.Unix(0, at))
	}
	return b.in.Stats().Lag
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
