package service

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/examples/shop/internal/store"
)

// books writes what must be known outside of telemetry (which trace worked for
// which order, which order a fault has hit), from a goroutine of its own: an
// order must not wait for it, and a held lock must not lose it.
type books struct {
	db     *store.DB
	warn   func(msg string, args ...any)
	queue  chan func(context.Context) error
	ending chan struct{}
	worker sync.WaitGroup

	mu   sync.Mutex
	seen map[string]bool // trace and order, written already; guarded by mu; emptied at maxSeen
}

const maxSeen = 50_000

func openBooks(db *store.DB, warn func(string, ...any)) *books {
	b := &books{db: db, warn: warn, queue: make(chan func(context.Context) error, 10_000), ending: make(chan struct{}), seen: map[string]bool{}}
	b.worker.Add(1)
	go b.write()
	return b
}

// truth notes the trace of ctx. A full queue makes the caller wait: the books
// are what tests compare telemetry with.
func (b *books) truth(ctx context.Context, orderID string) {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return
	}
	traceID := sc.TraceID().String()
	b.mu.Lock()
	known := b.seen[traceID+orderID]
	if len(b.seen) >= maxSeen {
		clear(b.seen)
	}
	b.seen[traceID+orderID] = true
	b.mu.Unlock()
	if !known {
		b.enter(func(ctx context.Context) error { return b.db.NoteTruth(ctx, traceID, orderID) })
	}
}

func (b *books) fault(name, mode, orderID, service string) {
	b.enter(func(ctx context.Context) error { return b.db.NoteFault(ctx, name, mode, orderID, service) })
}

func (b *books) enter(entry func(context.Context) error) {
	select {
	case b.queue <- entry:
	case <-b.ending:
		b.warn("an entry of the books came after their end")
	}
}

func (b *books) write() {
	defer b.worker.Done()
	for {
		select {
		case entry := <-b.queue:
			b.insist(entry)
		case <-b.ending:
			for len(b.queue) > 0 {
				b.insist(<-b.queue)
			}
			return
		}
	}
}

// insist waits out a held lock, for a minute.
func (b *books) insist(entry func(context.Context) error) {
	for deadline := time.Now().Add(time.Minute); ; {
		err := entry(context.Background())
		if err == nil {
			return
		}
		if !store.Locked(err) || time.Now().After(deadline) {
			b.warn("an entry of the books is lost", "error", err)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// close writes what is left.
func (b *books) close() {
	close(b.ending)
	b.worker.Wait()
}
