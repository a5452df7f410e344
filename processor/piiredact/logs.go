package piiredact

import (
	"context"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/redact"
)

func (r *redactor) logs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	w := r.walk()
	for i := range ld.ResourceLogs().Len() {
		rl := ld.ResourceLogs().At(i)
		w.resource(rl.Resource())
		w.field(rl.SchemaUrl(), rl.SetSchemaUrl)
		for i := range rl.ScopeLogs().Len() {
			sl := rl.ScopeLogs().At(i)
			w.scope(sl.Scope())
			w.field(sl.SchemaUrl(), sl.SetSchemaUrl)
			for i := range sl.LogRecords().Len() {
				l := sl.LogRecords().At(i)
				w.record(l)
			}
		}
	}
	r.report(ctx, w.se)
	return ld, nil
}

func (w *walk) record(l plog.LogRecord) {
	if w.value(l.Body(), 0, "", w.text) == redact.Dropped && !w.dry {
		l.Body().SetStr("")
	}
	w.attributes(l.Attributes(), 0, "", nil)
	w.field(l.SeverityText(), l.SetSeverityText)
	w.field(l.EventName(), l.SetEventName)
}
