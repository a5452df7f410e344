package orderenrich

import (
	"context"
	"time"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/waiting"
)

// choose decides which traces of the payload wait, and numbers their spans.
func (h *holder) choose(ctx context.Context, d *desk) {
	d.slot = append(d.slot[:0], make([]int32, len(d.marks))...)
	degraded := h.room.Degraded()
	unplaced := 0
	d.batch.Families(func(trace [16]byte, spans []int32) {
		if trace == ([16]byte{}) {
			return
		}
		begin := !h.passes(d, int(spans[0]))
		if (degraded || !begin) && !h.room.Has(trace) {
			if begin {
				unplaced += len(spans)
			}
			return
		}
		for _, s := range spans {
			d.slot[s] = 1
		}
	})
	h.e.meters.released(ctx, unheld, unplaced)
	n := int32(0)
	for i := range d.slot {
		if d.slot[i] > 0 {
			n++
			d.slot[i] = n
		}
	}
	d.waiting = int(n)
}

// passes says that the spans of a trace need not wait.
func (h *holder) passes(d *desk, span int) bool {
	return d.batch.Settled(span, h.settled) || h.eager && d.batch.Known(span, h.rule)
}

// place puts the spans of a crate into the entries of their traces, and into the cart what is released by that.
func (h *holder) place(ctx context.Context, d *desk, cr *crate, c *cart) {
	p := placing{h: h, d: d, other: h.e.desk(), crate: cr, cart: c, fits: h.room.Take(cr.bytes)}
	if !p.fits {
		cr.bytes = 0
	}
	now := time.Now()
	d.batch.Families(func(trace [16]byte, spans []int32) {
		if d.slot[spans[0]] > 0 {
			h.room.With(trace, p.fits, now, func(e *waiting.Entry[*crate]) { p.load(e, spans) })
		}
	})
	for why, entries := range p.ended {
		if len(entries) > 0 {
			p.released[why] += h.decide(p.other, entries, c, true)
			p.takeCounts()
		}
		h.e.meters.released(ctx, reason(why), p.released[why])
	}
	h.e.putBack(p.other)
}

// placing is the working memory of place.
type placing struct {
	h        *holder
	d        *desk // of the payload
	other    *desk // for whole traces, one after the other
	crate    *crate
	cart     *cart
	fits     bool // there was room for the crate itself
	ended    [reasons][]*waiting.Entry[*crate]
	released [reasons]int
}

// load puts the spans of one trace into its entry, or takes them out again: e is nil if the room is degraded.
func (p *placing) load(e *waiting.Entry[*crate], spans []int32) {
	first := int(spans[0])
	switch {
	case e == nil:
		p.pass(spans, unheld)
	case len(e.Nodes)+len(spans) > waiting.MaxSpans:
		p.pass(spans, spanLimit)
		p.end(e, spanLimit)
	case !p.fits || !p.h.room.Add(e, p.nodes(spans)):
		p.pass(spans, budget)
		p.end(e, budget)
	case p.h.eager && p.d.batch.Known(first, p.h.rule):
		p.end(e, taught)
	default:
		p.releaseSure(e, spans)
	}
}

func (p *placing) end(e *waiting.Entry[*crate], why reason) {
	p.h.room.End(e)
	p.ended[why] = append(p.ended[why], e)
}

// pass lets spans go that cannot wait, with what is known.
func (p *placing) pass(spans []int32, why reason) {
	for _, s := range spans {
		number := p.d.slot[s] - 1
		p.d.stamp(int(s), p.crate.span(number).Attributes())
		p.cart.take(p.crate, number)
	}
	p.released[why] += len(spans)
}

// nodes is what an entry remembers of spans. The slice is only lent.
func (p *placing) nodes(spans []int32) []waiting.Node[*crate] {
	d := p.d
	d.nodes = d.nodes[:0]
	for _, s := range spans {
		i := int(s)
		n := waiting.Node[*crate]{Held: p.crate, Item: d.slot[i] - 1, Size: d.sizes[i]}
		n.ID, n.Parent = d.batch.IDs(i)
		n.Names, n.Vague = d.batch.Says(i, p.h.rule)
		facts, joins := d.batch.Said(i)
		if m := d.marks[i]; len(facts)+len(joins) > 0 || m != (mark{}) {
			n.Said = &waiting.Said{Facts: facts, Joins: joins, Marks: [3]uint32{m.written, m.plural, m.ours}}
		}
		d.nodes = append(d.nodes, n)
	}
	return d.nodes
}

// releaseSure lets go of the spans of an entry of which it is certain by now what they belong to. The latest of them are
// spans of the payload; if those are all, what the payload's batch decided holds.
func (p *placing) releaseSure(e *waiting.Entry[*crate], spans []int32) {
	p.d.sure = p.d.sure[:0]
	e.Sure(&p.d.search, func(node int) { p.d.sure = append(p.d.sure, node) })
	if len(p.d.sure) == 0 {
		return
	}
	p.released[taught] += len(p.d.sure)
	if len(e.Nodes) == len(spans) {
		for _, i := range p.d.sure {
			p.release(p.d, int(spans[i]), e, i)
		}
		return
	}
	for i := range e.Nodes {
		addNode(p.other, e.Trace, &e.Nodes[i])
	}
	p.other.batch.Learn(time.Now())
	for _, i := range p.d.sure {
		p.release(p.other, i, e, i)
	}
	p.takeCounts()
}

// release stamps a span as the desk says and takes it out of its entry.
func (p *placing) release(d *desk, number int, e *waiting.Entry[*crate], node int) {
	n := &e.Nodes[node]
	d.stamp(number, n.Held.span(n.Item).Attributes())
	p.cart.take(n.Held, n.Item)
	p.cart.bytes += p.h.room.Drop(e, node)
}

// takeCounts adds what the other desk counted, and clears it for the next trace.
func (p *placing) takeCounts() {
	p.d.counts.silent += p.other.counts.silent
	for r := range p.d.counts.by {
		for k, n := range p.other.counts.by[r] {
			p.d.counts.by[r][k] += n
		}
	}
	p.other.clear()
}

// addNode puts a remembered span into the batch.
func addNode(d *desk, trace [16]byte, n *waiting.Node[*crate]) {
	d.batch.Add(trace, n.ID, n.Parent)
	m := mark{}
	if n.Said != nil {
		for _, f := range n.Said.Facts {
			d.batch.Fact(f)
		}
		for _, j := range n.Said.Joins {
			d.batch.Join(j)
		}
		m = mark{n.Said.Marks[0], n.Said.Marks[1], n.Said.Marks[2]}
	}
	d.mark(m)
}
