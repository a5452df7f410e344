package slametrics

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/exphist"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/ledger"
)

// board collects points under their metrics.
type board struct {
	metrics    pmetric.MetricSlice
	start, now pcommon.Timestamp
	known      map[string]pmetric.Metric
}

func (b *board) metric(name, unit, description string, first func(pmetric.Metric)) pmetric.Metric {
	m, ok := b.known[name]
	if !ok {
		m = b.metrics.AppendEmpty()
		m.SetName(name)
		m.SetUnit(unit)
		m.SetDescription(description)
		first(m)
		b.known[name] = m
	}
	return m
}

func (b *board) count(name, unit, description string, n uint64) pmetric.NumberDataPoint {
	m := b.metric(name, unit, description, func(m pmetric.Metric) {
		m.SetEmptySum().SetIsMonotonic(true)
		m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	})
	p := m.Sum().DataPoints().AppendEmpty()
	p.SetStartTimestamp(b.start)
	p.SetTimestamp(b.now)
	p.SetIntValue(int64(n))
	return p
}

func (b *board) gauge(name, unit, description string) pmetric.NumberDataPoint {
	m := b.metric(name, unit, description, func(m pmetric.Metric) { m.SetEmptyGauge() })
	p := m.Gauge().DataPoints().AppendEmpty()
	p.SetTimestamp(b.now)
	return p
}

func (b *board) histogram(name, description string, h *exphist.Histogram) pmetric.ExponentialHistogramDataPoint {
	m := b.metric(name, "s", description, func(m pmetric.Metric) {
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	})
	p := m.ExponentialHistogram().DataPoints().AppendEmpty()
	p.SetStartTimestamp(b.start)
	p.SetTimestamp(b.now)
	p.SetCount(h.Count)
	p.SetSum(h.Sum)
	p.SetScale(h.Scale)
	p.SetZeroCount(h.Zero)
	if h.Count > 0 {
		p.SetMin(h.Min)
		p.SetMax(h.Max)
	}
	p.Positive().SetOffset(h.Offset)
	p.Positive().BucketCounts().FromRaw(h.Buckets())
	return p
}

func (b *board) exemplars(to pmetric.ExemplarSlice, from ...ledger.Exemplar) {
	for _, e := range from {
		if e.Trace != [16]byte{} {
			x := to.AppendEmpty()
			x.SetTimestamp(pcommon.Timestamp(e.At))
			x.SetDoubleValue(e.Value)
			x.SetTraceID(e.Trace)
			x.SetSpanID(e.Span)
		}
	}
}

func labels(to pcommon.Map, pairs ...string) {
	to.EnsureCapacity(len(pairs)/2 + 1)
	for i := 0; i < len(pairs); i += 2 {
		to.PutStr(pairs[i], pairs[i+1])
	}
}
