package orderenrich

import (
	"context"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
)

// tracesProcessor is order_enrich in a traces pipeline.
type tracesProcessor struct {
	*enricher
	next consumer.Traces
}

var _ processor.Traces = (*tracesProcessor)(nil)

// ConsumeTraces learns from the whole payload, stamps it and passes it on.
func (p *tracesProcessor) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
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
				d.stamp(n, spans.At(k).Attributes())
				n++
			}
		}
	}
}
