package orderenrich

import (
	"context"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
)

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
				if r.Body().Type() == pcommon.ValueTypeMap {
					d.attributes(extract.Body, r.Body().Map())
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
