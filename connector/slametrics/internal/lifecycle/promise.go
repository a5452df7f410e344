package lifecycle

import "hash/maphash"

// promise is a deadline that an order carries itself.
type promise struct {
	at    int64 // event time of what told it
	until int64
}

// Promise says that an event at event time 'at' promised an order to complete transition t by 'until'. The newest
// promise holds, whatever order they come in. An order that is not known has none.
func (b *Book) Promise(key string, t int, at, until int64, facts []Fact) []Fact {
	b.facts = facts
	id, ok := b.index.find(maphash.String(b.seed, key), &b.slab, key)
	if !ok {
		return b.facts
	}
	k := problemKey{id, uint16(t)}
	old, known := b.promises[k]
	if known && (at < old.at || at == old.at && until <= old.until) {
		return b.facts
	}
	b.promises[k] = promise{at, until}
	if known || b.mark >= at {
		b.fire(id)
	}
	return b.facts
}

func (b *Book) promise(id uint32, t int) int64 {
	if !b.flow.Transitions[t].Promised {
		return 0
	}
	return b.promises[problemKey{id, uint16(t)}].until
}

func (b *Book) clearPromises(id uint32) {
	for t := range b.flow.Transitions {
		if b.flow.Transitions[t].Promised {
			delete(b.promises, problemKey{id, uint16(t)})
		}
	}
}
