package binding

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Options of an Index.
type Options struct {
	// MaxBytes bounds everything the index keeps. At least MinBytes.
	MaxBytes int64
	// TraceTTL is how long a trace is remembered after it was last seen. Default 45 minutes.
	TraceTTL time.Duration
	// MessageTTL is how long a message or conversation is remembered. Default 7 days.
	MessageTTL time.Duration
	// ValueTTL is how long a value, such as an order, is remembered after it was last seen. Default 30 days.
	ValueTTL time.Duration
}

// MinBytes is the smallest bound that an Index can work in.
const MinBytes = 1 << 20

const (
	maxShards          = 16
	traceGenerations   = 4
	messageGenerations = 8
	valueGenerations   = 4
)

// Index is a bounded map from nodes to bindings; it is safe for concurrent use.
type Index struct {
	seed   [2]uint64
	shards []shard

	names struct {
		sync.RWMutex
		list  []string
		joins [MaxNames]Joins
	}
	guard  guard
	share  atomic.Pointer[func(News)]
	toSelf atomic.Uint32 // a bit for each identifier that is not told
	watch  atomic.Pointer[watch]
}

// shard owns its tables; the mutex guards all of them.
type shard struct {
	sync.Mutex
	tables  [spaces]table
	refused int64
	_       [64]byte // keep neighbours off this cache line
}

// New makes an Index; values outside the limits are brought inside.
func New(o Options) *Index {
	o.MaxBytes = max(o.MaxBytes, MinBytes)
	if o.TraceTTL <= 0 {
		o.TraceTTL = 45 * time.Minute
	}
	if o.MessageTTL <= 0 {
		o.MessageTTL = 7 * 24 * time.Hour
	}
	if o.ValueTTL <= 0 {
		o.ValueTTL = 30 * 24 * time.Hour
	}
	x := &Index{}
	var seed [16]byte
	_, _ = rand.Read(seed[:]) // never fails: it ends the program instead
	x.seed = [2]uint64{binary.LittleEndian.Uint64(seed[:8]) | 1, binary.LittleEndian.Uint64(seed[8:]) | 1}

	n := 1
	for n < maxShards && o.MaxBytes/int64(2*n) >= MinBytes {
		n *= 2
	}
	x.shards = make([]shard, n)
	per := int(o.MaxBytes-guardBytes) / n
	for i := range x.shards {
		x.shards[i].tables = [spaces]table{
			TraceSpace:   {seed: x.seed, limit: per / 8 * 5, count: traceGenerations, ttl: int64(o.TraceTTL)},
			MessageSpace: {seed: x.seed, limit: per / 4, count: messageGenerations, ttl: int64(o.MessageTTL)},
			ValueSpace:   {seed: x.seed, limit: per / 8, count: valueGenerations, ttl: int64(o.ValueTTL)},
		}
	}
	return x
}

// Name gives the number of an identifier, adding it if it is new, and the joins over which its bindings travel from
// trace to trace. Asking again adds joins and never takes them away, since instances share the index.
func (x *Index) Name(name string, joins Joins) (Name, error) {
	x.names.Lock()
	defer x.names.Unlock()
	for i, n := range x.names.list {
		if n == name {
			x.names.joins[i] |= joins
			return Name(i), nil
		}
	}
	if len(x.names.list) == MaxNames {
		return 0, fmt.Errorf("identifier %q: an index holds at most %d identifiers", name, MaxNames)
	}
	if name == "" {
		return 0, errors.New("an identifier needs a name")
	}
	x.names.list = append(x.names.list, name)
	x.names.joins[len(x.names.list)-1] = joins
	return Name(len(x.names.list) - 1), nil
}

func (x *Index) joinsOf(n Name) Joins {
	x.names.RLock()
	defer x.names.RUnlock()
	if int(n) >= len(x.names.list) {
		return 0
	}
	return x.names.joins[n]
}

func (x *Index) shard(id [16]byte) *shard {
	return &x.shards[hash(x.seed, id)>>60%uint64(len(x.shards))]
}

// Lookup appends the bindings of a node to dst.
func (x *Index) Lookup(n Node, now time.Time, dst []Binding) []Binding {
	if n.IsZero() {
		return dst
	}
	sh := x.shard(n.ID)
	sh.Lock()
	defer sh.Unlock()
	t := &sh.tables[n.Space]
	for ref := t.seek(n.ID, now.UnixNano()); ref != 0; {
		r := t.read(ref)
		if r.name < MaxNames && !x.guard.has(r.tag) {
			dst = append(dst, Binding{
				Name: Name(r.name), Source: r.source, Hops: r.hops, Several: r.several, Tag: r.tag, Value: string(r.value),
			})
		}
		ref = r.next
	}
	return dst
}

// Bind merges a binding into a node and, if that changed something, into the nodes it is connected to.
func (x *Index) Bind(n Node, b Binding, now time.Time) Outcome {
	if n.IsZero() || b.Value == "" || len(b.Value) > MaxValue || b.Name >= MaxNames || b.Source == NoSource || x.guard.has(b.Tag) {
		return Refused
	}
	var edges [MaxEdges]edge
	out, count := x.merge(n, b, now.UnixNano(), &edges)
	if b.Several && (out == Bound || out == Better) {
		out = Contradicted
	}
	if out == Bound || out == Better || out == Nearer {
		x.travel(n, b, edges[:count], now)
	}
	if out == Bound {
		x.found(n, b, now.UnixNano())
	}
	return out
}

// travel takes a binding that is new at n over the connections of n.
func (x *Index) travel(n Node, b Binding, edges []edge, now time.Time) {
	joins := x.joinsOf(b.Name)
	for _, e := range edges {
		step := Step(e.via)
		if !joins.Has(e.via) || b.Hops+step > MaxHops || e.to == n {
			continue
		}
		next := b
		next.Source = min(b.Source, e.via)
		next.Hops = b.Hops + step
		next.Several = false
		if e.via == Link || e.to.Space != TraceSpace {
			x.Tell(e.to, next, now) // it may live elsewhere, or others may meet there
		} else {
			x.Bind(e.to, next, now)
		}
	}
}

// Step is how far a join takes a binding: over a link twice as far as to or from a message.
func Step(via Source) uint8 {
	if via == Link {
		return 2
	}
	return 1
}

// merge is Bind for one node; it also reads the connections while the lock is held.
func (x *Index) merge(n Node, b Binding, now int64, edges *[MaxEdges]edge) (Outcome, int) {
	sh := x.shard(n.ID)
	sh.Lock()
	defer sh.Unlock()
	t := &sh.tables[n.Space]
	count := 0
	for ref := t.seek(n.ID, now); ref != 0; {
		r := t.read(ref)
		switch {
		case r.name == nameEdge:
			if count < MaxEdges {
				edges[count] = decodeEdge(r)
				count++
			}
		case r.name == uint8(b.Name):
			if x.guard.has(r.tag) {
				r.source = NoSource // whatever is said now is better
			}
			if n.Space == ValueSpace && r.source != NoSource {
				return settled(r, b), count
			}
			out, done := mergeRecord(t, ref, r, b)
			if out == Nearer {
				return out, x.edgesLocked(t, n, now, edges)
			}
			if done {
				return out, count
			}
			if ok := sh.replace(t, n, ref, b, now); !ok {
				return Refused, 0
			}
			return Better, x.edgesLocked(t, n, now, edges)
		}
		ref = r.next
	}
	rec := record{name: uint8(b.Name), source: b.Source, hops: b.Hops, several: b.Several, tag: b.Tag, value: []byte(b.Value)}
	if !t.add(n.ID, rec, now) {
		sh.refused++
		return Refused, 0
	}
	return Bound, count
}

// settled is what becomes of a binding to a value that has one already.
func settled(r record, b Binding) Outcome {
	if string(r.value) == b.Value {
		return Known
	}
	return Weaker
}

// mergeRecord settles what needs no new record; done is false if b must replace r.
func mergeRecord(t *table, ref uint32, r record, b Binding) (Outcome, bool) {
	same := string(r.value) == b.Value
	switch {
	case same && r.source == b.Source && b.Hops < r.hops && !b.Several && !r.several:
		t.setHops(ref, b.Hops)
		return Nearer, true
	case same && r.source >= b.Source && (!b.Several || r.several):
		return Known, true
	case b.Source < r.source:
		return Weaker, true
	case b.Source == r.source && r.several:
		return Known, true
	case b.Source == r.source:
		t.markSeveral(ref)
		return Contradicted, true
	}
	return Better, false
}

// replace puts b where the record at ref was.
func (sh *shard) replace(t *table, n Node, ref uint32, b Binding, now int64) bool {
	t.kill(ref)
	rec := record{name: uint8(b.Name), source: b.Source, hops: b.Hops, several: b.Several, tag: b.Tag, value: []byte(b.Value)}
	if !t.add(n.ID, rec, now) {
		sh.refused++
		return false
	}
	return true
}

// Stats is what an Index holds at one moment.
type Stats struct {
	Bytes, MaxBytes int64
	Traces          int64 // entries
	Messages        int64
	Values          int64
	Generations     int64
	Expired         int64 // entries dropped at their time, since the start
	Evicted         int64 // entries dropped before their time because of the byte bound, since the start
	Quarantined     int64 // sources that bind no more
	Refused         int64 // bindings and connections for which there was no room, since the start
}

// Stats counts, and drops what is past its time.
func (x *Index) Stats(now time.Time) Stats {
	s := Stats{Bytes: guardBytes, MaxBytes: guardBytes}
	for i := range x.shards {
		sh := &x.shards[i]
		sh.Lock()
		for k := range sh.tables {
			t := &sh.tables[k]
			t.age(now.UnixNano())
			s.Bytes += int64(t.bytes())
			s.MaxBytes += int64(t.limit)
			s.Generations += int64(len(t.gens))
			s.Expired += t.expired
			s.Evicted += t.evicted
		}
		s.Traces += int64(sh.tables[TraceSpace].entries())
		s.Messages += int64(sh.tables[MessageSpace].entries())
		s.Values += int64(sh.tables[ValueSpace].entries())
		s.Refused += sh.refused
		sh.Unlock()
	}
	s.Quarantined = int64(x.guard.count.Load())
	return s
}
