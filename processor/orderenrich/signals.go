package orderenrich

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
)

// tracesProcessor is order_enrich in a traces pipeline.
type tracesProcessor struct {
	*enricher
	next consumer.Traces
	hold *holder // nil when nothing waits
}

var _ processor.Traces = (*tracesProcessor)(nil)

// Start also begins to hold spans back, if that is asked for.
func (p *tracesProcessor) Start(ctx context.Context, host component.Host) error {
	if err := p.enricher.Start(ctx, host); err != nil {
		return err
	}
	if p.cfg.Hold.MaxWait > 0 {
		var err error
		if p.hold, err = newHolder(ctx, p.enricher, p.next, host); err != nil {
			return err
		}
		return p.meters.observeHold(p.hold)
	}
	return nil
}

// Shutdown passes on what still waits.
func (p *tracesProcessor) Shutdown(ctx context.Context) error {
	var err error
	if p.hold != nil {
		err = p.hold.shutdown(ctx)
	}
	return errors.Join(err, p.enricher.Shutdown(ctx))
}

// ConsumeTraces learns from the whole payload, stamps it and passes it on, but for the spans that wait. What
// comes while the processor stops does not wait.
func (p *tracesProcessor) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if p.hold != nil && p.hold.door.enter() {
		defer p.hold.door.leave()
		return p.hold.accept(ctx, td, nil)
	}
	d := p.desk()
	d.readTraces(td)
	p.learn(ctx, d)
	d.stampTraces(td)
	p.meters.items(ctx, &d.counts)
	p.putBack(d)
	return p.next.ConsumeTraces(ctx, td)
}

func (d *desk) readTraces(td ptrace.Traces) {
	resources := td.ResourceSpans()
	for i := range resources.Len() {
		d.beginResource(resources.At(i).Resource())
		scopes := resources.At(i).ScopeSpans()
		for j := range scopes.Len() {
			spans := scopes.At(j).Spans()
			for k := range spans.Len() {
				d.readSpan(spans.At(k))
			}
		}
	}
}

func (d *desk) readSpan(s ptrace.Span) {
	d.size = 0
	d.attributes(extract.Own, s.Attributes())
	events := s.Events()
	for i := range events.Len() {
		d.attributes(extract.Event, events.At(i).Attributes())
	}
	links := s.Links()
	for i := range links.Len() {
		d.attributes(extract.Link, links.At(i).Attributes())
	}
	if d.weigh {
		d.weighed(s)
	}
	d.add(s.TraceID(), s.SpanID(), s.ParentSpanID())
	if links.Len() > 0 {
		d.links(s.TraceID(), links)
	}
}

// stampTraces visits the spans in the order in which readTraces did.
func (d *desk) stampTraces(td ptrace.Traces) {
	if d.quiet() {
		return
	}
	n := 0
	resources := td.ResourceSpans()
	for i := range resources.Len() {
		scopes := resources.At(i).ScopeSpans()
		for j := range scopes.Len() {
			spans := scopes.At(j).Spans()
			for k := range spans.Len() {
				d.stamp(n, spans.At(k).Attributes())
				n++
			}
		}
	}
}

// logsProcessor is order_enrich in a logs pipeline.
type logsProcessor struct {
	*enricher
	next consumer.Logs
}

var _ processor.Logs = (*logsProcessor)(nil)

// ConsumeLogs learns from the whole payload, stamps it and passes it on.
func (p *logsProcessor) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	d := p.desk()
	d.readLogs(ld)
	p.learn(ctx, d)
	d.stampLogs(ld)
	p.meters.items(ctx, &d.counts)
	p.putBack(d)
	return p.next.ConsumeLogs(ctx, ld)
}

func (d *desk) readLogs(ld plog.Logs) {
	resources := ld.ResourceLogs()
	for i := range resources.Len() {
		d.beginResource(resources.At(i).Resource())
		scopes := resources.At(i).ScopeLogs()
		for j := range scopes.Len() {
			records := scopes.At(j).LogRecords()
			for k := range records.Len() {
				r := records.At(k)
				d.attributes(extract.Own, r.Attributes())
				switch r.Body().Type() {
				case pcommon.ValueTypeMap:
					d.attributes(extract.Body, r.Body().Map())
					d.searchTexts(r.Body().Map())
				case pcommon.ValueTypeStr:
					d.reader.Body(r.Body().Str())
				}
				d.add(r.TraceID(), [8]byte{}, r.SpanID())
			}
		}
	}
}

// searchTexts looks for what expressions find in the texts of a structured body, as much of them as of a body that is text.
func (d *desk) searchTexts(body pcommon.Map) {
	if !d.reader.Searches() {
		return
	}
	left := extract.MaxText
	for _, v := range body.All() {
		if v.Type() == pcommon.ValueTypeStr && left > 0 {
			d.reader.Search(v.Str())
			left -= len(v.Str())
		}
	}
}

// stampLogs visits the records in the order in which readLogs did.
func (d *desk) stampLogs(ld plog.Logs) {
	if d.quiet() {
		return
	}
	n := 0
	resources := ld.ResourceLogs()
	for i := range resources.Len() {
		scopes := resources.At(i).ScopeLogs()
		for j := range scopes.Len() {
			records := scopes.At(j).LogRecords()
			for k := range records.Len() {
				d.stamp(n, records.At(k).Attributes())
				n++
			}
		}
	}
}

// split divides a payload: what waits goes into kept, in its order; td keeps the rest. The smaller part is moved span by
// span, and of that whole resources and scopes at once.
func (d *desk) split(td ptrace.Traces) (kept ptrace.Traces) {
	kept = ptrace.NewTraces()
	switch n := len(d.slot); {
	case d.waiting == n:
		td.ResourceSpans().MoveAndAppendTo(kept.ResourceSpans())
	case d.waiting > n/2:
		td.ResourceSpans().MoveAndAppendTo(kept.ResourceSpans())
		d.move(kept, td, false)
	default:
		d.move(td, kept, true)
	}
	return kept
}

// move takes the spans that wait, or those that do not, out of a payload into another.
func (d *desk) move(from, to ptrace.Traces, waits bool) {
	n := 0
	for i := range from.ResourceSpans().Len() {
		rs := from.ResourceSpans().At(i)
		begin := n
		for j := range rs.ScopeSpans().Len() {
			n += rs.ScopeSpans().At(j).Spans().Len()
		}
		switch moved := d.count(begin, n, waits); moved {
		case 0:
		case n - begin:
			rs.MoveTo(to.ResourceSpans().AppendEmpty())
		default:
			d.moveScopes(begin, rs, copyResource(rs, to), waits)
		}
	}
	removeEmpty(from)
}

func (d *desk) moveScopes(n int, from, to ptrace.ResourceSpans, waits bool) {
	for j := range from.ScopeSpans().Len() {
		ss := from.ScopeSpans().At(j)
		begin := n
		n += ss.Spans().Len()
		switch moved := d.count(begin, n, waits); moved {
		case 0:
		case n - begin:
			ss.MoveTo(to.ScopeSpans().AppendEmpty())
		default:
			out := copyScope(ss, to)
			out.EnsureCapacity(moved)
			k := begin - 1
			ss.Spans().RemoveIf(func(s ptrace.Span) bool {
				if k++; (d.slot[k] > 0) != waits {
					return false
				}
				s.MoveTo(out.AppendEmpty())
				return true
			})
		}
	}
}

// count is how many of the spans from number begin to end wait, or do not.
func (d *desk) count(begin, end int, waits bool) (n int) {
	for _, s := range d.slot[begin:end] {
		if (s > 0) == waits {
			n++
		}
	}
	return n
}

// stampPart stamps the spans that wait, or those that do not, where split has put them.
func (d *desk) stampPart(td ptrace.Traces, waits bool) {
	n := -1
	eachSpan(td, func(s ptrace.Span) {
		for n++; (d.slot[n] > 0) != waits; n++ {
		}
		d.stamp(n, s.Attributes())
	})
}

func eachSpan(td ptrace.Traces, f func(ptrace.Span)) {
	for i := range td.ResourceSpans().Len() {
		scopes := td.ResourceSpans().At(i).ScopeSpans()
		for j := range scopes.Len() {
			spans := scopes.At(j).Spans()
			for k := range spans.Len() {
				f(spans.At(k))
			}
		}
	}
}
