package lifecycle

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

// ErrOtherFlow says that state was saved under other stages or transitions.
var ErrOtherFlow = errors.New("state was saved for other stages or transitions")

// kept are the flags of an order that outlive a restart; the others follow from its events.
const kept = started | finished

// Save appends the book's state: what was seen, and what was decided on it. Timers, gauges and problems follow from it.
func (b *Book) Save(to []byte) []byte {
	to = wire.Int(b.saveFlow(to), b.mark)
	to = wire.Uint(to, uint64(b.count))
	for id := range b.slab.used {
		if o := b.slab.order(id); o.n > 0 {
			to = b.saveOrder(to, id, o)
		}
	}
	return to
}

// saveFlow appends the names by which the flow's stages and transitions are numbered.
func (b *Book) saveFlow(to []byte) []byte {
	to = wire.Uint(to, uint64(len(b.flow.Stages)))
	for _, s := range b.flow.Stages {
		to = wire.String(to, s.Name)
	}
	to = wire.Uint(to, uint64(len(b.flow.names)))
	for _, name := range b.flow.names {
		to = wire.String(to, name)
	}
	return to
}

// sameFlow reads what saveFlow wrote and compares.
func (b *Book) sameFlow(r *wire.Reader) bool {
	same := func(names []string) bool {
		saved := make([]string, 0, len(names))
		for range r.Len(1) {
			saved = append(saved, r.String())
		}
		return slices.Equal(saved, names)
	}
	stages := make([]string, len(b.flow.Stages))
	for i := range b.flow.Stages {
		stages[i] = b.flow.Stages[i].Name
	}
	return same(stages) && same(b.flow.names)
}

func (b *Book) saveOrder(to []byte, id uint32, o *order) []byte {
	to = wire.String(to, b.slab.key(id))
	to = wire.Uint(to, o.gone)
	to = append(to, o.flags&kept, byte(o.endToEnd))
	to = wire.Uint(to, uint64(o.n))
	for _, e := range b.slab.events(o) {
		to = AppendEvent(to, &e)
		to = wire.Uint(to, uint64(e.verdict))
	}
	return b.savePromises(to, id)
}

// AppendEvent appends an event as it was observed.
func AppendEvent(to []byte, e *Event) []byte {
	to = wire.Int(to, e.At)
	to = append(to, e.Trace[:]...)
	to = append(to, e.Span[:]...)
	to = wire.Uint(to, uint64(e.lag))
	return append(to, e.Stage, e.flags)
}

// ReadEvent reads an event of the flow.
func (f *Flow) ReadEvent(r *wire.Reader) (Event, error) {
	e := Event{At: r.Int()}
	copy(e.Trace[:], r.Bytes(16))
	copy(e.Span[:], r.Bytes(8))
	e.lag = uint32(r.Uint())
	if rest := r.Bytes(2); rest != nil {
		e.Stage, e.flags = rest[0], rest[1]
	}
	if r.Err() == nil && int(e.Stage) >= len(f.Stages) {
		return e, ErrOtherFlow
	}
	return e, r.Err()
}

// Load fills an empty book from saved state. After an error the book must not be used.
func (b *Book) Load(r *wire.Reader, facts []Fact) ([]Fact, error) {
	b.facts = facts
	if !b.sameFlow(r) {
		return b.facts, errors.Join(r.Err(), ErrOtherFlow)
	}
	b.mark = r.Int()
	for range r.Len(4) {
		if err := b.loadOrder(r); err != nil {
			return b.facts, err
		}
	}
	return b.facts, r.Err()
}

func (b *Book) loadOrder(r *wire.Reader) error {
	key, gone, state, n := r.String(), r.Uint(), r.Bytes(2), r.Len(28)
	if r.Err() != nil || n == 0 || n > MaxEvents {
		return errors.Join(r.Err(), fmt.Errorf("an order of %d events: %w", n, wire.ErrShort))
	}
	_, known := b.index.find(maphash.String(b.seed, key), &b.slab, key)
	id, ok := b.find(key)
	if !ok {
		b.emit(Fact{Kind: Refused}) // max_orders was lowered
	}
	if !ok || known { // known: it was adopted before
		id = nobody
	}
	for i := range n {
		e, err := b.flow.ReadEvent(r)
		if err != nil {
			return err
		}
		e.verdict = uint16(r.Uint())
		if id != nobody {
			b.slab.insert(b.slab.order(id), i, e)
		}
	}
	b.loadPromises(r, id)
	if r.Err() != nil || id == nobody {
		return r.Err()
	}
	o := b.slab.order(id)
	o.gone, o.flags, o.endToEnd, o.current = gone, state[0]&kept, Verdict(state[1]), nowhere
	b.locate(o)
	b.decideNow(id)
	return nil
}

// Give appends the orders for which of holds, as Save does, for another book to Adopt.
func (b *Book) Give(to []byte, of func(key string) bool) (blob []byte, orders int) {
	var body []byte
	for id := range b.slab.used {
		if o := b.slab.order(id); o.n > 0 && of(b.slab.key(id)) {
			body = b.saveOrder(body, id, o)
			orders++
		}
	}
	return append(wire.Uint(b.saveFlow(to), uint64(orders)), body...), orders
}

// Drop forgets the orders for which of holds, and says nothing of it: another book has them now.
func (b *Book) Drop(of func(key string) bool) {
	for id := range b.slab.used {
		if o := b.slab.order(id); o.n > 0 && of(b.slab.key(id)) {
			b.remove(id, o)
		}
	}
}

// Adopt takes the orders that another book gave, but for those that it has already.
func (b *Book) Adopt(r *wire.Reader, facts []Fact) ([]Fact, error) {
	b.facts = facts
	if !b.sameFlow(r) {
		return b.facts, errors.Join(r.Err(), ErrOtherFlow)
	}
	for range r.Len(4) {
		if err := b.loadOrder(r); err != nil {
			return b.facts, err
		}
	}
	return b.facts, r.Err()
}

// Adopting says that nothing is decided for now on events that are observed, whatever their time: others of the same
// orders may follow. What they change is decided with the next Advance.
func (b *Book) Adopting(on bool) { b.adopting = on }

// decideNow judges an order now, or, while orders are adopted, as soon as time moves on.
func (b *Book) decideNow(id uint32) {
	if b.adopting {
		b.timers.Arm(id, after(b.mark, 1))
		return
	}
	b.fire(id)
}

// frozen is the state of one instant while it is being saved: an order that is about to change is saved before it does.
type frozen struct {
	next, end uint32   // orders that have not been looked at
	done      []uint64 // bit by order: saved, or not of that instant
	early     []byte   // orders that were about to change
}

// Freeze begins to save the book as it is now, and appends the beginning. Thaw appends the rest, piece by piece, while the
// book goes on: together they are what Save would have appended.
func (b *Book) Freeze(to []byte) []byte {
	b.frozen = &frozen{end: b.slab.used, done: make([]uint64, (b.slab.used+63)/64)}
	return wire.Uint(wire.Int(b.saveFlow(to), b.mark), uint64(b.count))
}

// Thaw appends orders as they were when the book was frozen, about size bytes of them, and says whether there are more.
func (b *Book) Thaw(to []byte, size int) (_ []byte, more bool) {
	f := b.frozen
	if f == nil {
		return to, false
	}
	most := len(to) + size
	to, f.early = append(to, f.early...), nil
	for ; f.next < f.end; f.next++ {
		if len(to) >= most {
			return to, true
		}
		if o := b.slab.order(f.next); o.n > 0 && f.take(f.next) {
			to = b.saveOrder(to, f.next, o)
		}
	}
	b.frozen = nil
	return to, false
}

// touch is called before an order changes. One without events is new, in a place that was free: it is not of that instant.
func (b *Book) touch(id uint32) {
	f := b.frozen
	if f == nil || id < f.next || id >= f.end || !f.take(id) {
		return
	}
	if o := b.slab.order(id); o.n > 0 {
		f.early = b.saveOrder(f.early, id, o)
	}
}

// take says whether the order is still to be saved, and takes it as done.
func (f *frozen) take(id uint32) bool {
	bit := uint64(1) << (id % 64)
	if f.done[id/64]&bit != 0 {
		return false
	}
	f.done[id/64] |= bit
	return true
}

// Melt gives up saving the book: the state could not be kept.
func (b *Book) Melt() { b.frozen = nil }
