package orderenrich

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/waiting"
)

// cargo is the spans of one waiting trace, and where each came from.
type cargo struct {
	spans ptrace.SpanSlice
	from  []place
}

// place is a scope of a resource.
type place struct {
	origin *origin
	scope  int32
}

// origin is the resource and the scopes of one ResourceSpans of a payload, without its spans. It is copied once and shared
// by all spans that wait; it is only read after it was made.
type origin struct {
	resource ptrace.ResourceSpans
	bytes    int64
	users    atomic.Int64 // spans that wait, and the payload while it is read
}

// located is a span of a payload, and where it stands.
type located struct {
	span            ptrace.Span
	resource, scope int32
}

const (
	// What pdata takes for a span, an attribute, an event or link besides their contents.
	spanOverhead  = 248 // with its place in cargo
	attrOverhead  = 48
	childOverhead = 80
)

var sizer ptrace.ProtoMarshaler

// spanBytes estimates the memory of a span from its encoded size.
func spanBytes(s ptrace.Span) int64 {
	attrs, children := s.Attributes().Len(), s.Events().Len()+s.Links().Len()
	for i := range s.Events().Len() {
		attrs += s.Events().At(i).Attributes().Len()
	}
	for i := range s.Links().Len() {
		attrs += s.Links().At(i).Attributes().Len()
	}
	return int64(sizer.SpanSize(s) + spanOverhead + attrs*attrOverhead + children*childOverhead)
}

func newOrigin(rs ptrace.ResourceSpans) *origin {
	o := &origin{resource: ptrace.NewResourceSpans()}
	rs.Resource().CopyTo(o.resource.Resource())
	o.resource.SetSchemaUrl(rs.SchemaUrl())
	attrs := rs.Resource().Attributes().Len()
	for i := range rs.ScopeSpans().Len() {
		from, to := rs.ScopeSpans().At(i), o.resource.ScopeSpans().AppendEmpty()
		from.Scope().CopyTo(to.Scope())
		to.SetSchemaUrl(from.SchemaUrl())
		attrs += from.Scope().Attributes().Len()
	}
	o.bytes = int64(sizer.ResourceSpansSize(o.resource) + 200 + attrs*attrOverhead + o.resource.ScopeSpans().Len()*childOverhead)
	return o
}

// cart collects released spans into a payload, those of one resource and scope together.
type cart struct {
	td     ptrace.Traces
	scopes map[place]ptrace.ScopeSpans
	bytes  int64 // of origins that nothing needs any more
}

func newCart(td ptrace.Traces) *cart { return &cart{td: td} }

// add moves a span into the payload.
func (c *cart) add(s ptrace.Span, from place) {
	to, ok := c.scopes[from]
	if !ok {
		to = c.open(from)
	}
	s.MoveTo(to.Spans().AppendEmpty())
	c.leave(from.origin)
}

func (c *cart) leave(o *origin) {
	if o.users.Add(-1) == 0 {
		c.bytes += o.bytes
	}
}

// open adds a resource with all its scopes; those that stay empty cost little, and are removed by seal.
func (c *cart) open(from place) ptrace.ScopeSpans {
	if c.scopes == nil {
		c.scopes = map[place]ptrace.ScopeSpans{}
	}
	rs := c.td.ResourceSpans().AppendEmpty()
	from.origin.resource.CopyTo(rs)
	for i := range rs.ScopeSpans().Len() {
		c.scopes[place{from.origin, int32(i)}] = rs.ScopeSpans().At(i)
	}
	return c.scopes[from]
}

// seal removes the scopes into which nothing was put.
func (c *cart) seal() { removeEmpty(c.td) }

// place puts the spans of a payload that must wait into the room, and those that need not wait any more into a cart.
func (h *holder) place(ctx context.Context, d *desk, td ptrace.Traces) *cart {
	c := newCart(ptrace.NewTraces())
	now := time.Now()
	var ended [reasons][]*waiting.Entry[cargo]
	unplaced := 0
	d.batch.Families(func(trace [16]byte, spans []int32) {
		if trace == ([16]byte{}) {
			return
		}
		first := int(spans[0])
		begin := !d.batch.Settled(first, h.settled) && !(h.eager && d.batch.Known(first, h.rule))
		h.room.With(trace, begin, now, func(e *waiting.Entry[cargo]) {
			if e == nil {
				if begin {
					unplaced += len(spans)
				}
				return
			}
			why, end := h.load(e, d, td, spans)
			if end {
				h.room.End(e)
				ended[why] = append(ended[why], e)
				return
			}
			h.releaseSure(ctx, e, d, c)
		})
	})
	h.e.meters.released(ctx, unheld, unplaced)
	for why, entries := range ended {
		if len(entries) == 0 {
			continue
		}
		other := h.e.desk()
		bytes, n := h.decide(other, entries, c, true)
		h.room.Give(bytes)
		c.bytes = 0
		d.counts.add(&other.counts)
		h.e.putBack(other)
		h.e.meters.released(ctx, reason(why), n)
	}
	for _, o := range d.origins {
		if o != nil {
			c.leave(o)
		}
	}
	h.room.Give(c.bytes)
	c.seal()
	return c
}

// load moves spans of one trace into its entry; end says that it must not wait any longer.
func (h *holder) load(e *waiting.Entry[cargo], d *desk, td ptrace.Traces, spans []int32) (why reason, end bool) {
	if len(e.Nodes) == 0 {
		e.Held.spans = ptrace.NewSpanSlice()
	}
	d.locate(td)
	for _, i := range spans {
		if !h.put(e, d, td, int(i)) {
			if len(e.Nodes) >= waiting.MaxSpans {
				return spanLimit, true
			}
			return budget, true
		}
	}
	return taught, h.eager && d.batch.Known(int(spans[0]), h.rule)
}

func (h *holder) put(e *waiting.Entry[cargo], d *desk, td ptrace.Traces, i int) bool {
	at := d.at[i]
	o := d.origins[at.resource]
	if o == nil {
		o = newOrigin(td.ResourceSpans().At(int(at.resource)))
		if !h.room.Take(o.bytes) {
			return false
		}
		o.users.Add(1)
		d.origins[at.resource] = o
	}
	n := waiting.Node{Item: int32(e.Held.spans.Len())}
	n.ID, n.Parent = d.batch.IDs(i)
	n.Names, n.Vague = d.batch.Says(i, h.rule)
	facts, joins := d.batch.Said(i)
	if m := d.marks[i]; len(facts)+len(joins) > 0 || m != (mark{}) {
		n.Said = &waiting.Said{Facts: facts, Joins: joins, Marks: [3]uint32{m.written, m.plural, m.ours}}
	}
	if !h.room.Add(e, n, spanBytes(at.span)) {
		return false
	}
	o.users.Add(1)
	at.span.MoveTo(e.Held.spans.AppendEmpty())
	e.Held.from = append(e.Held.from, place{o, at.scope})
	d.moved[i] = true
	return true
}

// releaseSure lets go of the spans of an entry of which it is certain by now what they belong to.
func (h *holder) releaseSure(ctx context.Context, e *waiting.Entry[cargo], d *desk, c *cart) {
	var sure []int
	e.Sure(func(node int) { sure = append(sure, node) })
	if len(sure) == 0 {
		return
	}
	other := h.e.desk()
	for i := range e.Nodes {
		other.addNode(e.Trace, &e.Nodes[i])
	}
	other.batch.Learn(time.Now())
	for _, i := range sure {
		item := e.Nodes[i].Item
		s := e.Held.spans.At(int(item))
		size := spanBytes(s)
		other.stamp(i, s.Attributes())
		c.add(s, e.Held.from[item])
		h.room.Drop(e, i, size)
	}
	d.counts.add(&other.counts)
	h.e.putBack(other)
	h.e.meters.released(ctx, taught, len(sure))
}

// addNode puts a remembered span into the batch.
func (d *desk) addNode(trace [16]byte, n *waiting.Node) {
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
	d.marks = append(d.marks, m)
}

func (c *counts) add(o *counts) {
	for r := range c {
		for k := range c[r] {
			c[r][k] += o[r][k]
		}
	}
}
