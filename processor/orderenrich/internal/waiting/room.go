package waiting

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Options of a Room.
type Options struct {
	// MaxWait is how long an entry lives.
	MaxWait time.Duration
	// MaxBytes bounds what all entries hold.
	MaxBytes int64
}

const (
	shardCount = 16
	// MaxSpans ends an entry with more spans: a trace without end must not be searched again and again.
	MaxSpans = 10_000

	degradeAt = 80 // percent of MaxBytes
	recoverAt = 60
)

// Room holds the entries.
type Room[T any] struct {
	wait     time.Duration
	max      int64
	bytes    atomic.Int64
	spans    atomic.Int64
	traces   atomic.Int64
	degraded atomic.Bool
	turns    atomic.Int64 // how often it degraded
	shards   [shardCount]shard[T]
}

// shard owns its entries under its mutex. All of them live equally long, so that the queue is in the order of deadlines.
type shard[T any] struct {
	sync.Mutex
	entries     map[[16]byte]*Entry[T]
	first, last *Entry[T]
}

// Stats is what a Room holds at one moment.
type Stats struct {
	Bytes, Spans, Traces int64
	Degraded             bool
	Turns                int64 // how often it degraded since the start
}

// New makes a Room.
func New[T any](o Options) *Room[T] {
	r := &Room[T]{wait: o.MaxWait, max: o.MaxBytes}
	for i := range r.shards {
		r.shards[i].entries = map[[16]byte]*Entry[T]{}
	}
	return r
}

func (r *Room[T]) shard(trace [16]byte) *shard[T] {
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(trace[:8])^0xa0761d6478bd642f, binary.LittleEndian.Uint64(trace[8:])^0xe7037ed1a0b428db)
	return &r.shards[(hi^lo)%shardCount]
}

// With calls f with the entry of a trace while nobody else has it. If there is none, begin says whether one may begin;
// f is then called with nil if the room is degraded. f must not call the Room, but for Add and Drop of this entry.
func (r *Room[T]) With(trace [16]byte, begin bool, now time.Time, f func(*Entry[T])) {
	s := r.shard(trace)
	s.Lock()
	defer s.Unlock()
	e := s.entries[trace]
	if e == nil && begin && !r.degraded.Load() && r.take(entryBytes) {
		e = &Entry[T]{Trace: trace, deadline: now.Add(r.wait), bytes: entryBytes}
		s.entries[trace] = e
		if s.last == nil {
			s.first = e
		} else {
			s.last.next = e
		}
		s.last = e
		r.traces.Add(1)
	}
	f(e)
	if e != nil && e.ended {
		delete(s.entries, trace) // the queue lets go of it at its deadline
	}
}

// Add puts spans into an entry, within With; false if they do not all fit, and then the caller must end it.
func (r *Room[T]) Add(e *Entry[T], nodes []Node[T]) bool {
	n := len(e.Nodes) + len(nodes)
	if n > MaxSpans {
		return false
	}
	size, room := int64(0), cap(e.Nodes)
	if n > room {
		room = max(n, room+room/2)
		size = int64(room-cap(e.Nodes)) * int64(unsafe.Sizeof(Node[T]{}))
	}
	for i := range nodes {
		size += int64(nodes[i].Size) + nodes[i].Said.bytes()
	}
	if !r.take(size) {
		return false
	}
	e.bytes += size
	if room > cap(e.Nodes) {
		e.Nodes = append(make([]Node[T], 0, room), e.Nodes...)
	}
	e.Nodes = append(e.Nodes, nodes...)
	for i := range nodes {
		e.named = e.named || nodes[i].Names
	}
	r.spans.Add(int64(len(nodes)))
	return true
}

// Drop takes a span out of its entry, within With. Its bytes are returned: they stay taken until the caller has passed it
// on, and gives them back.
func (r *Room[T]) Drop(e *Entry[T], node int) (bytes int64) {
	n := &e.Nodes[node]
	n.Item = Gone
	e.bytes -= int64(n.Size)
	r.spans.Add(-1)
	return int64(n.Size)
}

// Has says whether a trace waits.
func (r *Room[T]) Has(trace [16]byte) bool {
	s := r.shard(trace)
	s.Lock()
	defer s.Unlock()
	return s.entries[trace] != nil
}

// Degraded says that new traces do not wait.
func (r *Room[T]) Degraded() bool { return r.degraded.Load() }

// End ends an entry early, within With. The caller keeps it, and calls Leave when its spans are gone.
func (r *Room[T]) End(e *Entry[T]) { e.ended = true }

// Leave takes an entry that ended out of the figures but for its bytes, which it returns: they stay taken until the
// caller has passed on what the entry held, and gives them back.
func (r *Room[T]) Leave(e *Entry[T]) (bytes int64) {
	held := int64(0)
	for i := range e.Nodes {
		if e.Nodes[i].Item != Gone {
			held++
		}
	}
	r.spans.Add(-held)
	r.traces.Add(-1)
	bytes, e.bytes = e.bytes, 0
	return bytes
}

// Due appends the entries whose time has come, or all of them, and ends them.
func (r *Room[T]) Due(now time.Time, all bool, dst []*Entry[T]) []*Entry[T] {
	for i := range r.shards {
		s := &r.shards[i]
		s.Lock()
		for s.first != nil && (all || s.first.ended || !now.Before(s.first.deadline)) {
			e := s.first
			s.first = e.next
			e.next = nil
			if s.first == nil {
				s.last = nil
			}
			if !e.ended {
				e.ended = true
				delete(s.entries, e.Trace)
				dst = append(dst, e)
			}
		}
		s.Unlock()
	}
	return dst
}

// take asks for bytes; the bound is never exceeded.
func (r *Room[T]) take(n int64) bool {
	for {
		old := r.bytes.Load()
		if old+n > r.max {
			r.degrade()
			return false
		}
		if r.bytes.CompareAndSwap(old, old+n) {
			if old+n >= r.max/100*degradeAt {
				r.degrade()
			}
			return true
		}
	}
}

func (r *Room[T]) degrade() {
	if r.degraded.CompareAndSwap(false, true) {
		r.turns.Add(1)
	}
}

func (r *Room[T]) give(n int64) {
	if r.bytes.Add(-n) < r.max/100*recoverAt {
		r.degraded.Store(false)
	}
}

// Take and Give account for what entries share. Take may be refused.
func (r *Room[T]) Take(n int64) bool { return r.take(n) }

// Force takes bytes that are there already and that nobody else answers for: the bound may be exceeded.
func (r *Room[T]) Force(n int64) {
	if r.bytes.Add(n) >= r.max/100*degradeAt {
		r.degrade()
	}
}

// Give is the opposite of Take and Force.
func (r *Room[T]) Give(n int64) { r.give(n) }

// Stats reads the figures.
func (r *Room[T]) Stats() Stats {
	return Stats{
		Bytes: r.bytes.Load(), Spans: r.spans.Load(), Traces: r.traces.Load(),
		Degraded: r.degraded.Load(), Turns: r.turns.Load(),
	}
}
