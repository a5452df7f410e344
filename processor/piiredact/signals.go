package piiredact

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/redact"
)

func (r *redactor) traces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	w := r.walk()
	w.traces(td)
	r.report(ctx, w.se)
	return td, nil
}

func (w *walk) traces(td ptrace.Traces) {
	for i := range td.ResourceSpans().Len() {
		rs := td.ResourceSpans().At(i)
		w.resource(rs.Resource())
		w.field(rs.SchemaUrl(), rs.SetSchemaUrl)
		for i := range rs.ScopeSpans().Len() {
			ss := rs.ScopeSpans().At(i)
			w.scope(ss.Scope())
			w.field(ss.SchemaUrl(), ss.SetSchemaUrl)
			for i := range ss.Spans().Len() {
				s := ss.Spans().At(i)
				w.span(s)
			}
		}
	}
}

func (w *walk) resource(r pcommon.Resource) { w.attributes(r.Attributes(), 0, "", nil) }

func (w *walk) scope(s pcommon.InstrumentationScope) {
	w.field(s.Name(), s.SetName)
	w.field(s.Version(), s.SetVersion)
	w.attributes(s.Attributes(), 0, "", nil)
}

func (w *walk) span(s ptrace.Span) {
	w.field(s.Name(), s.SetName)
	w.attributes(s.Attributes(), 0, "", nil)
	w.state(s.TraceState())
	if m := s.Status().Message(); m != "" {
		w.field(m, s.Status().SetMessage)
	}
	for i := range s.Events().Len() {
		e := s.Events().At(i)
		w.field(e.Name(), e.SetName)
		w.attributes(e.Attributes(), 0, "", nil)
	}
	for i := range s.Links().Len() {
		l := s.Links().At(i)
		w.state(l.TraceState())
		w.attributes(l.Attributes(), 0, "", nil)
	}
}

func (w *walk) state(ts pcommon.TraceState) {
	if raw := ts.AsRaw(); raw != "" {
		w.field(raw, ts.FromRaw)
	}
}

func (r *redactor) logs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	w := r.walk()
	w.logs(ld)
	r.report(ctx, w.se)
	return ld, nil
}

func (w *walk) logs(ld plog.Logs) {
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
}

func (w *walk) record(l plog.LogRecord) {
	if w.value(l.Body(), 0, "", w.text) == redact.Dropped && !w.dry {
		l.Body().SetStr("")
	}
	w.attributes(l.Attributes(), 0, "", nil)
	w.field(l.SeverityText(), l.SetSeverityText)
	w.field(l.EventName(), l.SetEventName)
}

func (r *redactor) metrics(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	w := r.walk()
	w.metrics(md)
	r.report(ctx, w.se)
	return md, nil
}

func (w *walk) metrics(md pmetric.Metrics) {
	for i := range md.ResourceMetrics().Len() {
		rm := md.ResourceMetrics().At(i)
		w.resource(rm.Resource())
		w.field(rm.SchemaUrl(), rm.SetSchemaUrl)
		for i := range rm.ScopeMetrics().Len() {
			sm := rm.ScopeMetrics().At(i)
			w.scope(sm.Scope())
			w.field(sm.SchemaUrl(), sm.SetSchemaUrl)
			for i := range sm.Metrics().Len() {
				m := sm.Metrics().At(i)
				w.metric(m)
			}
		}
	}
}

func (w *walk) metric(m pmetric.Metric) {
	w.field(m.Name(), m.SetName)
	w.field(m.Description(), m.SetDescription)
	w.field(m.Unit(), m.SetUnit)
	w.attributes(m.Metadata(), 0, "", nil)
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		w.numbers(m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		w.numbers(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		for i := range m.Histogram().DataPoints().Len() {
			p := m.Histogram().DataPoints().At(i)
			w.attributes(p.Attributes(), 0, "", nil)
			w.exemplars(p.Exemplars())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for i := range m.ExponentialHistogram().DataPoints().Len() {
			p := m.ExponentialHistogram().DataPoints().At(i)
			w.attributes(p.Attributes(), 0, "", nil)
			w.exemplars(p.Exemplars())
		}
	case pmetric.MetricTypeSummary:
		for i := range m.Summary().DataPoints().Len() {
			p := m.Summary().DataPoints().At(i)
			w.attributes(p.Attributes(), 0, "", nil)
		}
	}
}

func (w *walk) numbers(ps pmetric.NumberDataPointSlice) {
	for i := range ps.Len() {
		p := ps.At(i)
		w.attributes(p.Attributes(), 0, "", nil)
		w.exemplars(p.Exemplars())
	}
}

func (w *walk) exemplars(es pmetric.ExemplarSlice) {
	for i := range es.Len() {
		e := es.At(i)
		w.attributes(e.FilteredAttributes(), 0, "", nil)
	}
}
