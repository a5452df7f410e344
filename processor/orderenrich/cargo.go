package orderenrich

import (
	"math"
	"slices"
	"sort"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/journal"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/waiting"
)

// crate is a payload whose spans wait. They stay where they arrived: what leaves early is moved out, one by one, and the rest
// leaves as it is, resources and all, without being touched.
type crate struct {
	seq    uint64 // crates in the order of their arrival
	bays   []bay
	bytes  int64           // what it takes besides the contents of its spans, until the last has left
	places int64           // of that, what its resources and scopes take
	record *journal.Record // nil without a journal

	mu   sync.Mutex // owns what follows; a span's content belongs to whoever holds its entry
	td   ptrace.Traces
	left int
	gone []bool // by number; nil until one left alone
}

// bay is the spans of one scope.
type bay struct {
	first           int32 // number of its first span
	resource, scope int32
	spans           ptrace.SpanSlice
}

const (
	// What pdata takes for a span, an attribute, an event or link besides their contents. An attribute is 40 bytes in a slice
	// that is on average a quarter too large, 16 for the value, and what the allocator adds to both texts.
	spanOverhead  = 248
	attrOverhead  = 76
	childOverhead = 80
	// What a crate takes, for each resource and for each scope.
	placeOverhead = 200
)

func newCrate(td ptrace.Traces, seq uint64, record *journal.Record) *crate {
	c := &crate{seq: seq, td: td, record: record}
	n := int32(0)
	for i := range td.ResourceSpans().Len() {
		rs := td.ResourceSpans().At(i)
		c.bytes += placeOverhead + weight(rs.Resource().Attributes())
		for j := range rs.ScopeSpans().Len() {
			ss := rs.ScopeSpans().At(j)
			c.bytes += placeOverhead + weight(ss.Scope().Attributes())
			c.bays = append(c.bays, bay{n, int32(i), int32(j), ss.Spans()})
			n += int32(ss.Spans().Len())
		}
	}
	c.left = int(n)
	c.places = c.bytes
	c.bytes += int64(n) * spanOverhead
	return c
}

// bay finds where a span stands.
func (c *crate) bay(number int32) *bay {
	if len(c.bays) == 1 {
		return &c.bays[0]
	}
	return &c.bays[sort.Search(len(c.bays), func(i int) bool { return c.bays[i].first > number })-1]
}

func (c *crate) span(number int32) ptrace.Span {
	s := c.bay(number)
	return s.spans.At(int(number - s.first))
}

// unload moves spans into a payload, and says whether they were the last. The numbers are sorted on the way.
func (c *crate) unload(numbers []int32, to ptrace.Traces) (empty bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left -= len(numbers)
	if c.left > 0 {
		c.pick(numbers, to)
		return false
	}
	if c.gone != nil {
		n := 0
		for i := range c.bays {
			c.bays[i].spans.RemoveIf(func(ptrace.Span) bool {
				n++
				return c.gone[n-1]
			})
		}
	}
	removeEmpty(c.td)
	c.td.ResourceSpans().MoveAndAppendTo(to.ResourceSpans())
	c.bays, c.gone = nil, nil
	return true
}

// pick moves single spans, those of one resource and scope together. The caller holds mu.
func (c *crate) pick(numbers []int32, to ptrace.Traces) {
	if c.gone == nil {
		last := &c.bays[len(c.bays)-1]
		c.gone = make([]bool, int(last.first)+last.spans.Len())
	}
	slices.Sort(numbers)
	var from *bay
	var rs ptrace.ResourceSpans
	var out ptrace.SpanSlice
	for _, n := range numbers {
		if s := c.bay(n); s != from {
			if from == nil || from.resource != s.resource {
				rs = copyResource(c.td.ResourceSpans().At(int(s.resource)), to)
			}
			out = copyScope(c.td.ResourceSpans().At(int(s.resource)).ScopeSpans().At(int(s.scope)), rs)
			from = s
		}
		from.spans.At(int(n - from.first)).MoveTo(out.AppendEmpty())
		c.gone[n] = true
	}
}

func copyResource(from ptrace.ResourceSpans, td ptrace.Traces) ptrace.ResourceSpans {
	to := td.ResourceSpans().AppendEmpty()
	from.Resource().CopyTo(to.Resource())
	to.SetSchemaUrl(from.SchemaUrl())
	return to
}

func copyScope(from ptrace.ScopeSpans, rs ptrace.ResourceSpans) ptrace.SpanSlice {
	to := rs.ScopeSpans().AppendEmpty()
	from.Scope().CopyTo(to.Scope())
	to.SetSchemaUrl(from.SchemaUrl())
	return to.Spans()
}

func removeEmpty(td ptrace.Traces) {
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool { return ss.Spans().Len() == 0 })
		return rs.ScopeSpans().Len() == 0
	})
}

// weighed notes the bytes of a span whose attributes, of events and links too, were just read.
func (d *desk) weighed(s ptrace.Span) {
	d.size += int64(len(s.Name()) + len(s.TraceState().AsRaw()) + len(s.Status().Message()))
	for i := range s.Events().Len() {
		d.size += childOverhead + int64(len(s.Events().At(i).Name()))
	}
	for i := range s.Links().Len() {
		d.size += childOverhead + int64(len(s.Links().At(i).TraceState().AsRaw()))
	}
	d.sizes = append(d.sizes, uint32(min(d.size, math.MaxUint32)))
}

// weight estimates the memory of attributes.
func weight(m pcommon.Map) (bytes int64) {
	for k, v := range m.All() {
		bytes += attrOverhead + int64(len(k)) + content(v)
	}
	return bytes
}

// content is what a value takes besides its place among the attributes.
func content(v pcommon.Value) (bytes int64) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return int64(len(v.Str()))
	case pcommon.ValueTypeBytes:
		return int64(v.Bytes().Len())
	case pcommon.ValueTypeMap:
		return weight(v.Map())
	case pcommon.ValueTypeSlice:
		for _, e := range v.Slice().All() {
			bytes += attrOverhead + content(e)
		}
	}
	return bytes
}

// fitting is how many entries go into one payload: it may be half as large again if that empties a crate.
func fitting(entries []*waiting.Entry[*crate]) int {
	spans, bytes := 0, int64(0)
	for n, e := range entries {
		moreBytes := int64(0)
		var from *crate
		for i := range e.Nodes {
			if e.Nodes[i].Item == waiting.Gone {
				continue
			}
			moreBytes += spanOverhead + int64(e.Nodes[i].Size)
			if c := e.Nodes[i].Held; c != from {
				from = c
				moreBytes += c.places
			}
		}
		most := int64(2)
		if n > 0 && e.Nodes[0].Held == entries[n-1].Nodes[0].Held {
			most = 3
			moreBytes -= e.Nodes[0].Held.places
		}
		if n > 0 && (spans >= fullPayload/2*int(most) || bytes+moreBytes > fullBytes/2*most) {
			return n
		}
		spans += len(e.Nodes)
		bytes += moreBytes
	}
	return len(entries)
}

// cart collects the spans that are released together, and what is to be done when the next component has them.
type cart struct {
	td    ptrace.Traces
	spans int
	bytes int64 // to give back to the room
	done  []tally
	loads []load
	at    map[*crate]int
	last  *crate
	lastN int
}

// load is the spans that leave one crate.
type load struct {
	crate   *crate
	numbers []int32
}

// tally is how many spans of a journal's record are to be handed on.
type tally struct {
	record *journal.Record
	spans  int
}

// take notes that a span leaves its crate.
func (c *cart) take(from *crate, number int32) {
	if from != c.last {
		n, ok := c.at[from]
		if !ok {
			if c.at == nil {
				c.at = map[*crate]int{}
			}
			n = len(c.loads)
			c.loads = append(c.loads, load{crate: from})
			c.at[from] = n
		}
		c.last, c.lastN = from, n
	}
	l := &c.loads[c.lastN]
	l.numbers = append(l.numbers, number)
	c.spans++
}

// of is how many spans of a crate leave.
func (c *cart) of(from *crate) int {
	if n, ok := c.at[from]; ok {
		return len(c.loads[n].numbers)
	}
	return 0
}

// seal moves what was taken into the payload.
func (c *cart) seal() {
	if len(c.loads) == 0 {
		return
	}
	c.td = ptrace.NewTraces()
	for _, l := range c.loads {
		if l.crate.unload(l.numbers, c.td) {
			c.bytes += l.crate.bytes
		}
		if l.crate.record != nil {
			c.done = append(c.done, tally{l.crate.record, len(l.numbers)})
		}
	}
}
