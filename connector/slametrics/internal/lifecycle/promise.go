package lifecycle

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

// promise is a deadline that an order carries itself.
type promise struct {
	at    int64 // event time of what told it
	until int64
}

// promises are what an order was told of one transition, sorted by when.
type promises []promise

// maxPromises bounds them: what is no change is not kept, and few deliveries are put off more often.
const maxPromises = 64

// Promise says that an event at event time 'at' promised an order to complete transition t by 'until'. The newest
// promise holds from then on, whatever order they come in. An order that is not known has none.
func (b *Book) Promise(key string, t int, at, until int64, facts []Fact) []Fact {
	b.facts = facts
	id, ok := b.index.find(maphash.String(b.seed, key), &b.slab, key)
	if !ok {
		return b.facts
	}
	k := problemKey{id, uint16(t)}
	b.touch(id)
	told, changed := b.promises[k].with(promise{at, until}, b.mark)
	b.promises[k] = told
	if changed && at <= b.mark {
		b.putOff = true
		b.decideNow(id)
		b.putOff = false
	}
	return b.facts
}

// with adds a promise, and says whether that changes anything. Of two of one instant the later deadline holds.
func (ps promises) with(p promise, mark int64) (promises, bool) {
	i, same := slices.BinarySearchFunc(ps, p, func(q, p promise) int { return cmp.Compare(q.at, p.at) })
	switch {
	case same && p.until <= ps[i].until:
		return ps, false
	case same:
		ps[i] = p
		return ps, true
	}
	return slices.Insert(ps, i, p).shorten(mark), true
}

// shorten leaves out what makes no difference: of a run that says the same all but the first and the last, once the
// watermark has passed it and nothing can come between. When there are too many still, it forgets that the second
// of two was told later, if that was in time: only visits that ended between them could tell.
func (ps promises) shorten(mark int64) promises {
	for k := len(ps) - 2; k > 0; k-- {
		if ps[k+1].at <= mark && ps[k-1].until == ps[k].until && ps[k].until == ps[k+1].until {
			ps = slices.Delete(ps, k, k+1)
		}
	}
	for k := 0; len(ps) > maxPromises && k < len(ps)-1; k++ {
		if ps[k].until >= ps[k+1].at {
			ps[k].until = ps[k+1].until
			ps = slices.Delete(ps, k+1, k+2)
		}
	}
	return slices.Delete(ps, 0, max(0, len(ps)-maxPromises))
}

// deadline is the one that holds for a visit that was entered then, by what was told up to 'until'. A deadline that has
// passed is not put off any more: an order that was late stays late, whatever is promised afterwards.
func (ps promises) deadline(entered, byDefault, until int64) int64 {
	deadline := byDefault
	for _, p := range ps {
		if p.at > until || p.at > entered && p.at > deadline {
			break
		}
		deadline = p.until
	}
	return deadline
}

func (b *Book) promised(id uint32, t int) promises {
	if !b.flow.Transitions[t].Promised {
		return nil
	}
	return b.promises[problemKey{id, uint16(t)}]
}

func (b *Book) clearPromises(id uint32) {
	for t := range b.flow.Transitions {
		if b.flow.Transitions[t].Promised {
			delete(b.promises, problemKey{id, uint16(t)})
		}
	}
}

// savePromises appends what an order was promised.
func (b *Book) savePromises(to []byte, id uint32) []byte {
	for t := range b.flow.Transitions {
		if b.flow.Transitions[t].Promised {
			told := b.promised(id, t)
			to = wire.Uint(to, uint64(len(told)))
			for _, p := range told {
				to = wire.Int(wire.Int(to, p.at), p.until)
			}
		}
	}
	return to
}

// loadPromises reads what savePromises wrote; of nobody it is only read.
func (b *Book) loadPromises(r *wire.Reader, id uint32) {
	for t := range b.flow.Transitions {
		if !b.flow.Transitions[t].Promised {
			continue
		}
		var told promises
		for range r.Len(2) {
			told, _ = told.with(promise{r.Int(), r.Int()}, b.mark)
		}
		if len(told) > 0 && id != nobody {
			b.promises[problemKey{id, uint16(t)}] = told
		}
	}
}

// Instant reads RFC 3339, also as Java writes it (2026-11-28T10:00Z without seconds that are zero, with [Europe/Moscow] behind
// it) and with a blank for the T; or Unix time in s, ms, µs or ns, told apart by their size.
func Instant(text string) (int64, bool) {
	if at := strings.IndexByte(text, '['); at > 0 && strings.HasSuffix(text, "]") {
		text = text[:at]
	}
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixNano(), t.Year() > 1970 && t.Year() < 2262
		}
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
