package piiredact

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func (r *redactor) traces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	w := r.walk()
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
	r.report(ctx, w.se)
	return td, nil
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
