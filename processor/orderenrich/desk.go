package orderenrich

import (
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/lineage"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/waiting"
)

// maxList is how many elements of a list attribute are read.
const maxList = 1024

// maxWide is for how many identifiers room is made at once: few of many are known of one trace.
const maxWide = 3

// mark is what stands on a span or record already, a bit for each rule.
type mark struct {
	written uint32 // "<name>"
	plural  uint32 // "<name>s"
	ours    uint32 // "<name>.source": another collector wrote it
}

// desk is the working memory for one payload; it is pooled.
type desk struct {
	reader   *extract.Reader
	batch    *lineage.Batch
	marks    []mark
	marked   bool // one of them is not zero
	resource []extract.Fact
	service  uint32   // of the resource that is read, as Tag needs it
	services []string // of the payload
	names    []string
	plurals  []string
	sources  []string
	wide     int  // attributes that one span gets at once, mostly
	write    bool // "<name>.source"; else it is stripped
	guard    bool // sources that name the wrong thing are found
	joins    binding.Joins
	counts   counts

	// What follows is used while spans wait. By number of a span of the payload: its bytes, and 1 + its number among those
	// that wait, 0 if it passes.
	weigh   bool
	size    int64
	sizes   []uint32
	slot    []int32
	waiting int
	nodes   []waiting.Node[*crate]
	sure    []int
	search  waiting.Search
}

func newDesk(e *enricher) *desk {
	d := &desk{
		reader: extract.NewReader(e.matcher),
		batch:  lineage.NewBatch(e.index, e.rules, e.signal == "logs"),
		names:  e.names,
		write:  e.cfg.Source == SourceWrite,
		guard:  e.cfg.Quarantine,
		weigh:  e.signal == "traces" && e.cfg.Hold.MaxWait > 0,
	}
	for i, n := range e.names {
		d.plurals = append(d.plurals, n+"s")
		d.sources = append(d.sources, n+".source")
		d.joins |= e.rules[i].Joins
	}
	d.wide = min(len(d.names), maxWide)
	if d.write {
		d.wide *= 2
	}
	return d
}

func (d *desk) clear() {
	d.reader.Release()
	d.batch.Reset()
	clear(d.resource[:cap(d.resource)])
	clear(d.services)
	d.services = d.services[:0]
	d.resource, d.marks, d.marked = d.resource[:0], d.marks[:0], false
	clear(d.nodes[:cap(d.nodes)])
	d.sizes, d.slot, d.nodes, d.waiting = d.sizes[:0], d.slot[:0], d.nodes[:0], 0
	d.counts = counts{}
}

// beginResource reads what holds for everything that the resource sent.
func (d *desk) beginResource(r pcommon.Resource) {
	name := ""
	if v, ok := r.Attributes().Get("service.name"); ok && v.Type() == pcommon.ValueTypeStr {
		name = v.Str()
	}
	d.services = append(d.services, name)
	d.service = lineage.Service(name)
	d.reader.Reset()
	d.attributes(extract.Resource, r.Attributes())
	d.resource = append(d.resource[:0], d.reader.Facts...)
	d.reader.Reset()
}

// attributes reads a set of attributes.
func (d *desk) attributes(at extract.Place, m pcommon.Map) {
	if d.weigh {
		d.size += weight(m)
	}
	for k, v := range m.All() {
		if d.reader.Maybe(k) {
			d.attribute(at, k, v)
		}
	}
}

// attribute reads text, whole numbers and lists of them.
func (d *desk) attribute(at extract.Place, k string, v pcommon.Value) {
	acts := d.reader.Find(k)
	if acts == nil {
		return
	}
	switch v.Type() {
	case pcommon.ValueTypeStr:
		d.reader.Read(acts, at, k, v.Str())
	case pcommon.ValueTypeSlice:
		d.reader.Mark(acts, at, k)
		list := v.Slice()
		for i := range min(list.Len(), maxList) {
			d.element(acts, at, k, list.At(i))
		}
	default:
		d.reader.Mark(acts, at, k)
		d.element(acts, at, k, v)
	}
}

func (d *desk) element(acts extract.Actions, at extract.Place, k string, v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		d.reader.Read(acts, at, k, v.Str())
	case pcommon.ValueTypeInt:
		d.reader.Read(acts, at, k, strconv.FormatInt(v.Int(), 10))
	}
}

// add ends the reading of one span or record: it goes into the batch with all that was found.
func (d *desk) add(trace [16]byte, id, parent [8]byte) {
	r := d.reader
	d.batch.Add(trace, id, parent)
	if r.Empty() && len(d.resource) == 0 {
		d.marks = append(d.marks, mark{})
		return
	}
	r.Settle()
	for _, list := range [...][]extract.Fact{r.Facts, d.resource} {
		for _, f := range list {
			if d.guard {
				f.Tag = lineage.Tag(d.service, f)
			}
			d.batch.Fact(f)
		}
	}
	m := mark{written: r.Written, plural: r.Plural}
	for i := range d.names {
		if r.Stamped[i] != binding.NoSource {
			m.ours |= 1 << i
		}
	}
	d.mark(m)
	if len(r.IDs) <= lineage.MaxLinks {
		for _, id := range r.IDs {
			if d.joins.Has(id.Via) {
				d.batch.Join(lineage.Join{Node: binding.MessageOf(id.Via, id.Value), Via: id.Via})
			}
		}
	}
	r.Reset()
}

func (d *desk) mark(m mark) {
	d.marks = append(d.marks, m)
	d.marked = d.marked || m != (mark{})
}

// links joins a span's trace to those it links to.
func (d *desk) links(trace pcommon.TraceID, links ptrace.SpanLinkSlice) {
	if links.Len() > lineage.MaxLinks || !d.joins.Has(binding.Link) {
		return
	}
	for i := range links.Len() {
		if to := links.At(i).TraceID(); !to.IsEmpty() && to != trace {
			d.batch.Join(lineage.Join{Node: binding.Trace(to), Via: binding.Link})
		}
	}
}

// quiet says that nothing is known of any trace of the payload and nothing stands on any span, so that stamp would do nothing
// but count, which is then done.
func (d *desk) quiet() bool {
	if d.marked || !d.batch.Quiet() {
		return false
	}
	d.counts.silent += int64(len(d.marks))
	return true
}

// stamp writes what the batch decided on the span or record with number i.
func (d *desk) stamp(i int, attrs pcommon.Map) {
	m := d.marks[i]
	if m == (mark{}) && d.batch.Silent(i) {
		d.counts.silent++
		d.batch.Miss(i, -1)
		return
	}
	for r := range d.names {
		bit := uint32(1) << r
		out := d.stampOne(i, r, attrs, m.written&bit != 0, m.plural&bit != 0, m.ours&bit != 0)
		d.counts.by[r][out]++
		if out == nothing {
			d.batch.Miss(i, r)
		}
		if !d.write && m.ours&bit != 0 {
			attrs.Remove(d.sources[r])
		}
	}
}

func (d *desk) stampOne(i, r int, attrs pcommon.Map, written, plural, ours bool) outcome {
	if written && !ours {
		return present
	}
	dec := d.batch.Decide(i, r)
	switch {
	case dec.Value != "":
		out := stamped
		if written {
			if v, ok := attrs.Get(d.names[r]); ok && v.Type() == pcommon.ValueTypeStr && v.Str() == dec.Value {
				return present
			}
			out = corrected
		}
		if plural && ours {
			attrs.Remove(d.plurals[r])
		}
		d.widen(attrs)
		attrs.PutStr(d.names[r], dec.Value)
		d.note(r, attrs, dec.Source)
		return out
	case dec.Set != nil:
		if written {
			attrs.Remove(d.names[r])
		}
		if plural && !ours {
			return several
		}
		d.widen(attrs)
		list := attrs.PutEmptySlice(d.plurals[r])
		list.EnsureCapacity(len(dec.Set))
		for _, v := range dec.Set {
			list.AppendEmpty().SetStr(v)
		}
		d.note(r, attrs, dec.Source)
		return several
	case written:
		return present
	}
	return nothing
}

// widen makes room for what is stamped at once, where it would otherwise double the room.
func (d *desk) widen(attrs pcommon.Map) { attrs.EnsureCapacity(attrs.Len() + d.wide) }

func (d *desk) note(r int, attrs pcommon.Map, s binding.Source) {
	if d.write {
		attrs.PutStr(d.sources[r], s.String())
	}
}

// serviceOf finds the service of the payload that a tag stands for.
func (d *desk) serviceOf(q lineage.Quarantine) string {
	for _, name := range d.services {
		for order := range 256 {
			if lineage.Tag(lineage.Service(name), extract.Fact{Rule: q.Rule, Source: q.Source, Order: uint8(order)}) == q.Tag {
				return name
			}
		}
	}
	return ""
}
