package orderenrich

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
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
		if p.hold, err = newHolder(p.enricher, p.next); err != nil {
			return err
		}
		return p.meters.observeRoom(p.hold.room.Stats)
	}
	return nil
}

// Shutdown passes on what still waits.
func (p *tracesProcessor) Shutdown(ctx context.Context) error {
	var err error
	if p.hold != nil {
		err = p.hold.shutdown(ctx)
		p.hold = nil
	}
	return errors.Join(err, p.enricher.Shutdown(ctx))
}

// ConsumeTraces learns from the whole payload, stamps it and passes it on, but for the spans that wait.
func (p *tracesProcessor) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	d := p.desk()
	d.readTraces(td)
	p.learn(ctx, d)
	if p.hold == nil {
		d.stampTraces(td)
		p.meters.items(ctx, &d.counts)
		p.putBack(d)
		return p.next.ConsumeTraces(ctx, td)
	}
	before := td.SpanCount()
	c := p.hold.place(ctx, d, td)
	d.stampTraces(td)
	d.removeMoved(td)
	c.td.ResourceSpans().MoveAndAppendTo(td.ResourceSpans())
	p.meters.items(ctx, &d.counts)
	held := len(d.moved) > 0
	p.putBack(d)
	out := td.SpanCount()
	if out == 0 && before > 0 {
		return nil // all of it waits
	}
	err := p.next.ConsumeTraces(ctx, td)
	if err != nil && held && !consumererror.IsPermanent(err) && p.hold.later(td, out) {
		return nil
	}
	return err
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
	d.attributes(extract.Own, s.Attributes())
	events := s.Events()
	for i := range events.Len() {
		d.attributes(extract.Event, events.At(i).Attributes())
	}
	links := s.Links()
	for i := range links.Len() {
		d.attributes(extract.Link, links.At(i).Attributes())
	}
	d.add(s.TraceID(), s.SpanID(), s.ParentSpanID())
	if links.Len() > 0 {
		d.links(s.TraceID(), links)
	}
}

// stampTraces visits the spans in the order in which readTraces did.
func (d *desk) stampTraces(td ptrace.Traces) {
	n := 0
	resources := td.ResourceSpans()
	for i := range resources.Len() {
		scopes := resources.At(i).ScopeSpans()
		for j := range scopes.Len() {
			spans := scopes.At(j).Spans()
			for k := range spans.Len() {
				if len(d.moved) == 0 || !d.moved[n] {
					d.stamp(n, spans.At(k).Attributes())
				}
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
				case pcommon.ValueTypeStr:
					d.reader.Body(r.Body().Str())
				}
				d.add(r.TraceID(), [8]byte{}, r.SpanID())
			}
		}
	}
}

// stampLogs visits the records in the order in which readLogs did.
func (d *desk) stampLogs(ld plog.Logs) {
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

// locate notes where each span of the payload stands, once.
func (d *desk) locate(td ptrace.Traces) {
	if len(d.at) > 0 {
		return
	}
	resources := td.ResourceSpans()
	for i := range resources.Len() {
		d.origins = append(d.origins, nil)
		scopes := resources.At(i).ScopeSpans()
		for j := range scopes.Len() {
			spans := scopes.At(j).Spans()
			for k := range spans.Len() {
				d.at = append(d.at, located{spans.At(k), int32(i), int32(j)})
				d.moved = append(d.moved, false)
			}
		}
	}
}

// removeMoved takes the emptied places of moved spans out of the payload.
func (d *desk) removeMoved(td ptrace.Traces) {
	if len(d.moved) == 0 {
		return
	}
	n := 0
	resources := td.ResourceSpans()
	for i := range resources.Len() {
		scopes := resources.At(i).ScopeSpans()
		for j := range scopes.Len() {
			scopes.At(j).Spans().RemoveIf(func(ptrace.Span) bool {
				n++
				return d.moved[n-1]
			})
		}
	}
	removeEmpty(td)
}

func removeEmpty(td ptrace.Traces) {
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool { return ss.Spans().Len() == 0 })
		return rs.ScopeSpans().Len() == 0
	})
}

func eachSpan(td ptrace.Traces, f func(ptrace.Span)) {
	for i := range td.ResourceSpans().Len() {
		scopes := td.ResourceSpans().At(i).ScopeSpans()
		for j := range scopes.Len() {
			for k := range scopes.At(j).Spans().Len() {
				f(scopes.At(j).Spans().At(k))
			}
		}
	}
}
