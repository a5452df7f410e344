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
	for t := range b.flow.Transitions {
		if b.flow.Transitions[t].Promised {
			p := b.promises[problemKey{id, uint16(t)}]
			to = wire.Int(wire.Int(to, p.at), p.until)
		}
	}
	return to
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
	for t := range b.flow.Transitions {
		if b.flow.Transitions[t].Promised {
			if p := (promise{r.Int(), r.Int()}); p.until != 0 && id != nobody {
				b.promises[problemKey{id, uint16(t)}] = p
			}
		}
	}
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
