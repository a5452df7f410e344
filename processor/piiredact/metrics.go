package piiredact

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

func (r *redactor) metrics(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	w := r.walk()
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
	r.report(ctx, w.se)
	return md, nil
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
