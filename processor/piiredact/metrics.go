package piiredact

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

func (r *redactor) metrics(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	w := r.walk()
	for _, rm := range md.ResourceMetrics().All() {
		w.resource(rm.Resource())
		w.schema(rm.SchemaUrl(), rm)
		for _, sm := range rm.ScopeMetrics().All() {
			w.scope(sm.Scope())
			w.schema(sm.SchemaUrl(), sm)
			for _, m := range sm.Metrics().All() {
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
		for _, p := range m.Histogram().DataPoints().All() {
			w.attributes(p.Attributes(), 0, "", nil)
			w.exemplars(p.Exemplars())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			w.attributes(p.Attributes(), 0, "", nil)
			w.exemplars(p.Exemplars())
		}
	case pmetric.MetricTypeSummary:
		for _, p := range m.Summary().DataPoints().All() {
			w.attributes(p.Attributes(), 0, "", nil)
		}
	}
}

func (w *walk) numbers(ps pmetric.NumberDataPointSlice) {
	for _, p := range ps.All() {
		w.attributes(p.Attributes(), 0, "", nil)
		w.exemplars(p.Exemplars())
	}
}

func (w *walk) exemplars(es pmetric.ExemplarSlice) {
	for _, e := range es.All() {
		w.attributes(e.FilteredAttributes(), 0, "", nil)
	}
}
