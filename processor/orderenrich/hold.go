package orderenrich

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/waiting"
)

const (
	// tick is how exactly deadlines are kept.
	tick = 100 * time.Millisecond
	// fullPayload and fullBytes are how many spans of released traces go into one payload, and about how many bytes of memory
	// they take; it is never more than they take on the wire, where gRPC refuses 4 MiB by default. A larger trace goes alone.
	fullPayload, fullBytes = 4096, 2 << 20
	// retryEvery is how long a payload that the next component refused waits.
	retryEvery = time.Second
	// drainTime bounds shutdown: the collector itself sets no deadline, and whoever stops it kills it some time later.
	drainTime = 10 * time.Second
)

// reason says why spans no longer wait.
type reason uint8

const (
	taught    reason = iota // they or an ancestor name the order
	deadline                // their time was over
	budget                  // the trace did not fit into max_bytes
	spanLimit               // the trace has too many spans
	shutdown                // the collector stops
	unheld                  // they never waited: the room was degraded
	unwritten               // they never waited: the journal did not take them
	reasons
)

var reasonNames = [reasons]string{"taught", "deadline", "budget", "span_limit", "shutdown", "not_held", "journal"}

// holder lets spans wait. The room owns the spans; pending belongs to the mutex, and is sent by one goroutine only: run
// until it has stopped, then Shutdown.
type holder struct {
	e     *enricher
	next  consumer.Traces
	room  *waiting.Room[*crate]
	diary *diary // nil without a journal
	rule  int
	eager bool
	// settled marks in the index the traces that have waited, so that their late spans pass.
	settled binding.Name

	crates   atomic.Uint64
	refusing atomic.Bool // the next component refused the last payload for the moment
	door     door        // closed by shutdown

	mu      sync.Mutex
	pending []parcel
	over    bool // nobody sends what is pending any more

	stop     chan struct{}
	stopped  sync.WaitGroup
	sending  context.Context // of what run and replay send; ends at the shutdown's deadline
	cut      context.CancelFunc
	degraded bool // as last logged
	retryAt  time.Time
}

// parcel is a payload of released spans, and the bytes that they take until they are passed on.
type parcel struct {
	td    ptrace.Traces
	spans int
	bytes int64
	done  []tally
}

func newHolder(ctx context.Context, e *enricher, next consumer.Traces, host component.Host) (*holder, error) {
	h := &holder{e: e, next: next, eager: e.cfg.Hold.Eager, stop: make(chan struct{})}
	for i, n := range e.names {
		if n == e.cfg.Hold.Identifier {
			h.rule = i
		}
	}
	var err error
	if h.settled, err = e.index.Name("settled by "+e.set.ID.String(), 0); err != nil {
		return nil, err
	}
	h.room = waiting.New[*crate](waiting.Options{MaxWait: e.cfg.Hold.MaxWait, MaxBytes: int64(e.cfg.Hold.MaxBytes)})
	if h.diary, err = openDiary(ctx, e, host); err != nil {
		return nil, err
	}
	h.sending, h.cut = context.WithCancel(context.Background())
	h.stopped.Go(h.run)
	if h.diary != nil {
		h.stopped.Go(h.replay)
	}
	return h, nil
}

func (h *holder) run() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-h.stop:
			return
		case now := <-t.C:
			h.release(h.room.Due(now, false, nil), deadline)
			if now.Before(h.retryAt) {
				continue
			}
			if !h.flush(h.sending) {
				h.retryAt = now.Add(retryEvery)
			}
			h.logDegraded()
		}
	}
}

// shutdown releases everything and sends it, until ctx ends or drainTime is over. Payloads that are on their way through
// the holder are waited for: what they leave here is sent as well.
func (h *holder) shutdown(ctx context.Context) error {
	if !h.door.close() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	defer context.AfterFunc(ctx, h.cut)()
	close(h.stop)
	h.stopped.Wait()
	var err error
	for err == nil {
		empty := h.door.empty() // before the rest: what comes out of it later is released in the next turn
		h.release(h.room.Due(time.Now(), true, nil), shutdown)
		if h.flush(ctx) && empty {
			break
		}
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(tick):
		}
	}
	h.end(ctx, err != nil)
	return errors.Join(err, h.diary.close(ctx))
}

// release decides entries that ended and makes payloads of their spans. Those of one crate go together, so that it can
// leave as it is.
func (h *holder) release(entries []*waiting.Entry[*crate], why reason) {
	slices.SortStableFunc(entries, func(a, b *waiting.Entry[*crate]) int {
		return cmp.Compare(a.Nodes[0].Held.seq, b.Nodes[0].Held.seq)
	})
	for len(entries) > 0 {
		d := h.e.desk()
		c := &cart{}
		n := fitting(entries)
		h.e.meters.released(context.Background(), why, h.decide(d, entries[:n], c, false))
		c.seal()
		entries = entries[n:]
		h.e.meters.items(context.Background(), &d.counts)
		h.e.putBack(d)
		h.pend(parcel{c.td, c.spans, c.bytes, c.done})
	}
}

// pend lets a payload be sent by flush, in its turn.
func (h *holder) pend(p parcel) {
	if p.spans == 0 {
		h.settle(p.bytes, p.done)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		h.abandon(context.Background(), p)
		return
	}
	h.pending = append(h.pending, p)
}

// decide looks at whole traces, stamps the spans that still wait and puts them into the cart. What comes later of a trace
// passes, if anything is known of it or forced says so.
func (h *holder) decide(d *desk, entries []*waiting.Entry[*crate], c *cart, forced bool) (spans int) {
	for _, e := range entries {
		for i := range e.Nodes {
			addNode(d, e.Trace, &e.Nodes[i])
		}
	}
	now := time.Now()
	d.batch.Learn(now)
	n := 0
	for _, e := range entries {
		if len(e.Nodes) > 0 {
			d.batch.Settle(n, h.rule, h.settled, forced, now)
		}
		c.bytes += h.room.Leave(e)
		for i := range e.Nodes {
			if node := &e.Nodes[i]; node.Item != waiting.Gone {
				d.stamp(n, node.Held.span(node.Item).Attributes())
				c.take(node.Held, node.Item)
				spans++
			}
			n++
		}
		e.Nodes = nil // the room knows the entry until its deadline
	}
	return spans
}

// flush sends what is pending, oldest first; false if the next component refused and there is something left.
func (h *holder) flush(ctx context.Context) bool {
	for {
		h.mu.Lock()
		if len(h.pending) == 0 {
			h.mu.Unlock()
			return true
		}
		p := h.pending[0]
		h.mu.Unlock()
		sent := h.send(ctx, &p)
		h.mu.Lock()
		h.pending[0] = p
		if sent {
			h.pending[0] = parcel{}
			h.pending = h.pending[1:]
		}
		h.mu.Unlock()
		if !sent {
			return false
		}
	}
}

// send passes a payload on and answers for it; false if what is left of it is to be sent again. What components behind this
// one dropped before they refused the rest is their business.
func (h *holder) send(ctx context.Context, p *parcel) bool {
	err := h.next.ConsumeTraces(ctx, p.td)
	switch {
	case err == nil:
		h.refusing.Store(false)
	case consumererror.IsPermanent(err):
		h.e.meters.lost(ctx, p.spans)
		h.e.set.Logger.Error("The next component refused spans for good.", zap.Int("spans", p.spans), zap.Error(err))
	default:
		rest := refused(p.td, err)
		if rest.SpanCount() == 0 {
			h.vanish(ctx, *p)
			return true
		}
		h.e.meters.retried(ctx)
		h.refusing.Store(true)
		p.td, p.spans = rest, rest.SpanCount()
		return false
	}
	h.settle(p.bytes, p.done)
	return true
}

// vanish answers for spans that the next component took out of their payload and refused nevertheless: nothing is left that
// could be sent again. In the journal they stay for the next start.
func (h *holder) vanish(ctx context.Context, p parcel) {
	h.room.Give(p.bytes)
	if h.diary != nil {
		h.e.meters.journal(ctx, kept)
		return
	}
	h.e.meters.lost(ctx, p.spans)
}

// settle lets go of what the next component has, or will never have.
func (h *holder) settle(bytes int64, done []tally) {
	h.room.Give(bytes)
	for _, t := range done {
		t.record.Done(t.spans)
	}
}

// end counts what the shutdown's deadline cut off. Whoever comes out of the door after it finds nobody who would send.
func (h *holder) end(ctx context.Context, late bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	if !late {
		return
	}
	n := 0
	for _, p := range h.pending {
		n += p.spans
		h.abandon(ctx, p)
	}
	h.pending = nil
	if h.diary != nil {
		h.e.set.Logger.Warn("The next component did not take all spans before the shutdown's deadline. They stay in hold::journal and are sent after the next start.", zap.Int("spans", n))
		return
	}
	h.e.set.Logger.Error("The next component did not take all spans before the shutdown's deadline.", zap.Int("spans", n))
}

// abandon lets go of what is not sent any more. The journal keeps it for the next start.
func (h *holder) abandon(ctx context.Context, p parcel) {
	h.room.Give(p.bytes)
	if h.diary == nil {
		h.e.meters.lost(ctx, p.spans)
	}
}

func (h *holder) logDegraded() {
	s := h.room.Stats()
	if s.Degraded == h.degraded {
		return
	}
	h.degraded = s.Degraded
	if s.Degraded {
		h.e.set.Logger.Warn("What waits takes 80 % of hold::max_bytes: new traces pass without waiting.", zap.Int64("bytes", s.Bytes))
		return
	}
	h.e.set.Logger.Info("What waits takes less than 60 % of hold::max_bytes again: new traces wait.", zap.Int64("bytes", s.Bytes))
}
