package lifecycle

import (
	"hash/maphash"
	"strconv"
	"time"
)

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
	b.touch(id)
	b.promises[k] = promise{at, until}
	if known || b.mark >= at {
		b.decideNow(id)
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

// Instant reads RFC 3339, or Unix time in s, ms, µs or ns, told apart by their size.
func Instant(text string) (int64, bool) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.UnixNano(), t.Year() > 1970 && t.Year() < 2262
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || n <= 0:
		return 0, false
	case n < 9e9: // seconds, up to the year 2255
		return n * int64(time.Second), true
	case n < 9e12:
		return n * int64(time.Millisecond), true
	case n < 9e15: // microseconds
		return n * int64(time.Microsecond), true
	}
	return n, true
}
