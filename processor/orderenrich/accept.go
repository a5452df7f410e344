package orderenrich

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/journal"
)

// errFull is retryable: the sender keeps what it has.
var errFull = errors.New("spans that wait take 80 % of hold::max_bytes and the next component refuses what is released: send again later")

// door counts the payloads that are inside the holder, and lets none in once it is closed.
type door struct {
	inside atomic.Int64
	closed atomic.Bool
}

func (d *door) enter() bool {
	d.inside.Add(1)
	if d.closed.Load() {
		d.leave()
		return false
	}
	return true
}

func (d *door) leave() { d.inside.Add(-1) }

// close says whether it was open.
func (d *door) close() bool { return d.closed.CompareAndSwap(false, true) }

// empty says, of a closed door, that nobody is inside any more.
func (d *door) empty() bool { return d.inside.Load() == 0 }

// accept takes a payload: what waits is put into the room, the rest is passed on with what needs not wait any longer.
// replayed is the payload's record if it came out of the journal; it is then never refused.
func (h *holder) accept(ctx context.Context, td ptrace.Traces, replayed *journal.Record) error {
	if replayed == nil && h.refusing.Load() && h.room.Degraded() {
		return errFull
	}
	d := h.e.desk()
	defer h.e.putBack(d)
	d.readTraces(td)
	h.e.learn(ctx, d)
	h.choose(ctx, d)
	c, own, err := h.shelve(ctx, d, td, replayed)
	if err != nil {
		return err
	}
	h.e.meters.items(ctx, &d.counts)
	pass := len(d.slot) - d.waiting
	if replayed != nil && pass > 0 {
		c.done = append(c.done, tally{replayed, pass})
	}
	if pass+c.spans == 0 && len(d.slot) > 0 {
		return nil // all of it waits
	}
	parts := td.ResourceSpans().Len()
	if pass > 0 && c.bytes > fullBytes {
		c, own = h.part(c, replayed != nil), 0
	}
	if c.spans > 0 {
		c.td.ResourceSpans().MoveAndAppendTo(td.ResourceSpans())
	}
	err = h.next.ConsumeTraces(ctx, td)
	switch {
	case err == nil:
		h.refusing.Store(false)
	case consumererror.IsPermanent(err):
		h.e.meters.lost(ctx, c.spans-own)
	case replayed == nil && own == d.waiting && own == c.spans:
		h.refusing.Store(true) // nothing of it is here: the sender keeps all
	default:
		rest := refused(td, err)
		if rest.SpanCount() == 0 {
			h.vanish(ctx, parcel{spans: c.spans - own, bytes: c.bytes, done: c.done})
			return err
		}
		h.refusing.Store(true)
		return h.keep(ctx, d, rest, parts, c, replayed != nil, err)
	}
	h.settle(c.bytes, c.done)
	return err
}

// part lets what is released go on its own: together with what came it may be more than one message can be. Of the cart is
// left what is to be done for the rest of a replayed payload.
func (h *holder) part(c *cart, replayed bool) *cart {
	n, left := len(c.done), &cart{}
	if replayed {
		n--
		left.done = c.done[n:]
	}
	h.pend(parcel{c.td, c.spans, c.bytes, c.done[:n:n]})
	return left
}

// keep answers for a payload that the next component refused although part of what came with it waits here, or came
// earlier: the sender must not send that again. What came with it, the first parts, goes to the journal as well, or is
// refused after all. If only a part of it was refused, or components behind this one dropped spans of it, it can no longer be
// told apart and is kept whole.
func (h *holder) keep(ctx context.Context, d *desk, td ptrace.Traces, parts int, c *cart, replayed bool, refusal error) error {
	pass := len(d.slot) - d.waiting
	p := parcel{td, td.SpanCount(), c.bytes, c.done}
	whole := replayed || pass == 0 || p.spans < pass+c.spans
	if !whole {
		p = parcel{td: ptrace.NewTraces(), spans: pass}
		for i := range parts {
			td.ResourceSpans().At(i).MoveTo(p.td.ResourceSpans().AppendEmpty())
		}
		removeEmpty(td)
		h.pend(parcel{td, c.spans, c.bytes, c.done})
	}
	var answer error
	if h.diary != nil && !replayed && pass > 0 {
		record := h.diary.write(ctx, p.td, p.spans)
		switch {
		case record != nil:
			p.done = append(p.done, tally{record, p.spans})
		case whole:
			answer = refusal
		default:
			return refusal // part of it will come twice, which is better than not at all
		}
	}
	came := int64(0)
	for i, slot := range d.slot {
		if slot == 0 {
			came += int64(d.sizes[i]) + spanOverhead
		}
	}
	h.room.Force(came)
	p.bytes += came
	h.pend(p)
	return answer
}

// refused is what is to be sent again of a payload. If the next component says which part it did not take, that is all of
// it; of several components behind a fan-out each may say so of another part, and then it is the whole. It is a copy: if
// several components are given one payload, those that took it may still read it, and it may be marked as theirs.
func refused(td ptrace.Traces, err error) ptrace.Traces {
	for err != nil {
		//nolint:errorlint // errors.As would look into joined errors, too, and find the first
		if part, ok := err.(consumererror.Traces); ok {
			td = part.Data()
			break
		}
		err = errors.Unwrap(err)
	}
	own := ptrace.NewTraces()
	td.CopyTo(own)
	return own
}

// shelve puts what waits into the room, after it is in the journal, and stamps the rest. The cart is what need not wait any
// longer, of this payload own spans.
func (h *holder) shelve(ctx context.Context, d *desk, td ptrace.Traces, record *journal.Record) (c *cart, own int, err error) {
	c = &cart{}
	if d.waiting == 0 {
		d.stampTraces(td)
		return c, 0, nil
	}
	kept := d.split(td)
	d.stampPart(td, false)
	if h.diary != nil && record == nil {
		if record = h.diary.write(ctx, kept, d.waiting); record == nil && ctx.Err() != nil {
			return nil, 0, ctx.Err() // the sender has gone, and what it sent with it
		}
		if record == nil {
			d.stampPart(kept, true)
			kept.ResourceSpans().MoveAndAppendTo(td.ResourceSpans())
			h.e.meters.released(ctx, unwritten, d.waiting)
			d.waiting = 0
			clear(d.slot)
			return c, 0, nil
		}
	}
	cr := newCrate(kept, h.crates.Add(1), record)
	h.place(ctx, d, cr, c)
	c.seal()
	return c, c.of(cr), nil
}
