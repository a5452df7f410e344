package lifecycle

import (
	"hash/maphash"
	"math"
	"time"
)

// Limits bound a book.
type Limits struct {
	MaxOrders int           // orders remembered, open and finished
	MaxAge    time.Duration // how long an order is remembered after its last event
}

// Book holds the orders of one flow and judges them as time goes on. It is owned by its caller's lock.
//
// Observe and Advance append to facts and return it; the caller may reuse the slice.
type Book struct {
	flow     *Flow
	limits   Limits
	mark     int64
	seed     maphash.Seed
	index    index
	slab     slab
	timers   timers
	stages   []StageGauge
	problems map[problemKey]problem
	overdue  []int // open problems of each transition that are breached or lost
	promises map[problemKey]promises
	oldest   uint32 // list of resting orders
	newest   uint32
	count    int
	scratch  []visit
	current  []visit
	facts    []Fact
	frozen   *frozen // nil unless a state is being saved
	adopting bool    // orders of another book are being taken over: nothing is decided
	putOff   bool    // a promise that came late is being considered: it may put off a deadline that has passed
}

// timers is what the book needs of a timing wheel.
type timers interface {
	Arm(id uint32, due int64)
	Due(id uint32) (int64, bool)
	Disarm(id uint32)
	Advance(to int64, fire func(id uint32))
}

type problemKey struct {
	order      uint32
	transition uint16
}

type problem struct {
	entered int64
	verdict Verdict // Open stands for stuck
}

// NewBook makes an empty book for a flow.
func NewBook(flow *Flow, limits Limits, wheel timers) *Book {
	return &Book{
		flow: flow, limits: limits, mark: math.MinInt64, timers: wheel,
		seed:   maphash.MakeSeed(),
		stages: make([]StageGauge, len(flow.Stages)), overdue: make([]int, len(flow.Transitions)), problems: map[problemKey]problem{}, promises: map[problemKey]promises{},
		oldest: nobody, newest: nobody,
	}
}

// Flow is what the book judges by.
func (b *Book) Flow() *Flow { return b.flow }

// Len is the number of orders remembered, open and finished.
func (b *Book) Len() int { return b.count }

// Mark is the watermark up to which verdicts have been decided.
func (b *Book) Mark() int64 { return b.mark }

// Observe adds an event to the order named key. The key is copied if it is kept.
func (b *Book) Observe(key string, e Event, facts []Fact) []Fact {
	b.facts = facts
	if id, ok := b.find(key); ok {
		b.addEvent(id, e)
	} else {
		b.emit(Fact{Kind: Refused})
	}
	return b.facts
}

// Advance moves the watermark to w and decides all that is due. It never goes back.
func (b *Book) Advance(w int64, facts []Fact) []Fact {
	b.facts = facts
	if w > b.mark {
		b.mark = w
		b.timers.Advance(w, b.fire)
	}
	return b.facts
}

// find returns the order, made if need be; false if the book is full.
func (b *Book) find(key string) (uint32, bool) {
	hash := maphash.String(b.seed, key)
	if id, ok := b.index.find(hash, &b.slab, key); ok {
		return id, true
	}
	if b.count >= b.limits.MaxOrders {
		if b.oldest == nobody {
			return 0, false
		}
		b.forget(b.oldest, Evicted)
	}
	id := b.slab.alloc(key, hash)
	b.index.add(hash, id, &b.slab)
	b.count++
	return id, true
}

func (b *Book) addEvent(id uint32, e Event) {
	b.touch(id)
	o := b.slab.order(id)
	events := b.slab.events(o)
	i := len(events)
	for i > 0 && e.before(&events[i-1]) {
		i--
	}
	if i > 0 && events[i-1].At == e.At && events[i-1].Stage == e.Stage {
		// The longer of two is kept, so that the history does not depend on the order of arrival.
		events[i-1].lag = max(events[i-1].lag, e.lag)
		b.emit(Fact{Kind: Repeated})
	} else {
		if limit := b.flow.room(&e); len(events) >= limit {
			if !b.makeRoom(o, limit) {
				sever(b.slab.events(o), &e)
				b.emit(Fact{Kind: Crowded})
				return
			}
			b.addEvent(id, e)
			return
		}
		b.double(events, &e)
		b.slab.insert(o, i, e)
	}
	if !o.is(started) && e.flags&unarmed == 0 {
		o.flags |= started
		o.current = nowhere
		b.emit(Fact{Kind: Started, Stage: int(e.Stage), Party: e.lag, Trace: e.Trace, Span: e.Span})
	}
	b.locate(o)
	b.rest(id, o, false)
	if e.At <= b.mark {
		b.decideNow(id)
		return
	}
	if due, ok := b.timers.Due(id); !ok || e.At < due || o.n == 1 {
		b.timers.Arm(id, e.At)
	}
}

// sever notes where an event that found no room would have been.
func sever(events []Event, e *Event) {
	for i := len(events) - 1; i >= 0; i-- {
		if !e.before(&events[i]) {
			if events[i].Stage != e.Stage {
				events[i].flags |= severed
			}
			return
		}
	}
}

// double tells an event whose party has reached the stage before, with another span.
func (b *Book) double(events []Event, e *Event) {
	if !b.flow.CountDoubles || e.flags&unarmed != 0 {
		return
	}
	for i := range events {
		if events[i].Stage == e.Stage && events[i].lag == e.lag && events[i].Span != e.Span {
			b.emit(Fact{Kind: Doubled, Stage: int(e.Stage), Party: e.lag, Trace: e.Trace, Span: e.Span})
			return
		}
	}
}

const nowhere = 255

// locate finds the stage the order is in by all that is known of it, ahead of the watermark.
func (b *Book) locate(o *order) {
	if !o.is(started) {
		return
	}
	b.current = b.flow.visits(b.slab.events(o), never, o.gone, b.current, func(int, int) {})
	last := b.current[len(b.current)-1]
	if last.stage == o.current && last.at == o.entered {
		return
	}
	b.leave(o)
	o.current, o.entered = last.stage, last.at
	if b.flow.ends&(1<<last.stage) == 0 {
		b.stages[last.stage].InFlight++
	}
}

// leave takes the order out of the gauges of its stage.
func (b *Book) leave(o *order) {
	if !o.is(started) || o.current == nowhere {
		return
	}
	if b.flow.ends&(1<<o.current) == 0 {
		b.stages[o.current].InFlight--
	}
	if o.is(isStuck) {
		b.stages[o.current].Stuck--
		o.flags &^= isStuck
	}
}

// fire decides what is due for an order, and arms its next instant.
func (b *Book) fire(id uint32) {
	b.touch(id)
	o := b.slab.order(id)
	events := b.slab.events(o)
	last := after(events[len(events)-1].At, int64(b.limits.MaxAge))
	next := b.evaluate(id, o, events)
	if next == never && last <= b.mark {
		b.forget(id, Expired)
		return
	}
	b.rest(id, o, next == never && !o.is(troubled))
	if next == never {
		next = last
	}
	b.timers.Arm(id, max(next, after(b.mark, 1)))
}

// forget removes an order and all that was counted of it in gauges.
func (b *Book) forget(id uint32, why Kind) {
	o := b.slab.order(id)
	b.emit(Fact{Kind: why})
	b.remove(id, o)
}

func (b *Book) remove(id uint32, o *order) {
	b.touch(id)
	b.leave(o)
	b.rest(id, o, false)
	b.clearProblems(id, o)
	b.clearPromises(id)
	b.timers.Disarm(id)
	b.index.remove(o.hash, id, &b.slab)
	b.slab.release(id)
	b.count--
}

// rest puts an order at the end of the list of those that may be evicted, or takes it out.
func (b *Book) rest(id uint32, o *order, on bool) {
	if o.is(resting) == on {
		return
	}
	o.flags ^= resting
	if on {
		o.prev, o.next = b.newest, nobody
		if b.newest != nobody {
			b.slab.order(b.newest).next = id
		} else {
			b.oldest = id
		}
		b.newest = id
		return
	}
	if o.prev != nobody {
		b.slab.order(o.prev).next = o.next
	} else {
		b.oldest = o.next
	}
	if o.next != nobody {
		b.slab.order(o.next).prev = o.prev
	} else {
		b.newest = o.prev
	}
}

func (b *Book) emit(f Fact) { b.facts = append(b.facts, f) }
