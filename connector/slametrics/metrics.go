package slametrics

import (
	"cmp"
	"context"
	"os"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/exphist"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/ledger"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/series"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/watermark"
)

const scopeName = "github.com/ordertrace/ordertrace/connector/slametrics"

// identity tells instances apart, the same after every restart, so that counters continue their series.
func identity(id component.ID) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	if id.Name() != "" {
		return host + "/" + id.Name()
	}
	return host
}

func describe(resource pcommon.Map, identity string) {
	resource.PutStr("service.name", "ordertrace")
	resource.PutStr("service.instance.id", identity)
}

// flush emits all metrics. With a storage what they tell is in the journal, so it cannot step back.
func (j *judge) flush(ctx context.Context) {
	j.flushMu.Lock()
	defer j.flushMu.Unlock()
	p := j.out(func(p *port) bool { return p.metrics != nil })
	if p == nil && j.keeper == nil {
		return
	}
	md := j.measure(ctx)
	if p == nil {
		for _, f := range j.flows {
			f.telling = nil
		}
		return
	}
	if err := p.metrics.ConsumeMetrics(ctx, md); err != nil {
		j.telemetry.SLAMetricsFlushFailures.Add(ctx, 1)
		j.logger.Warn("metrics were refused by the next component; the next batch makes up for it", zap.Error(err))
		return
	}
	for _, f := range j.flows {
		f.told, f.telling = f.telling, nil
	}
}

// measure takes the metrics of one instant.
func (j *judge) measure(ctx context.Context) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	describe(rm.Resource().Attributes(), j.identity)
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(scopeName)
	b := board{
		metrics: sm.Metrics(), start: pcommon.NewTimestampFromTime(j.started), now: pcommon.NewTimestampFromTime(time.Now()),
		known: map[string]pmetric.Metric{},
	}
	if j.relay == nil {
		b.judgement(ctx, j)
	}
	if j.config.Services.Enabled {
		j.red.Collect(b.service)
	}
	return md
}

// judgement tells what a judge alone knows.
func (b *board) judgement(ctx context.Context, j *judge) {
	b.flows(ctx, j)
	if j.messages != nil {
		j.messages.Collect(b.messages)
	}
	j.clockMu.Lock()
	paths, mark := j.clock.Paths(int64(b.now)), j.clock.Mark()
	j.clockMu.Unlock()
	b.time(paths, mark)
	b.objectives(j.promised)
}

// flows tells all flows, and keeps the incidents of the same instant.
func (b *board) flows(ctx context.Context, j *judge) {
	began := b.start
	defer func() { b.start = began }()
	if j.keeper == nil {
		for _, f := range j.flows {
			f.mu.Lock()
			b.flow(f)
			f.mu.Unlock()
		}
		b.incidents(j.incidents)
		return
	}
	j.keeper.mu.Lock()
	defer j.keeper.mu.Unlock()
	for _, f := range j.flows {
		f.mu.Lock()
		b.start = pcommon.NewTimestampFromTime(f.started)
		b.flow(f)
		f.mu.Unlock()
	}
	j.markTold()
	if err := j.keeper.keepSeen(ctx, b.incidents(j.incidents)); err != nil {
		j.stateFailed(ctx, "incidents", err)
	}
	b.gauge("sla.state.checkpoint.age", "s", "Age of the newest checkpoint: a restart goes back to it, and to the journal since.").
		SetDoubleValue(time.Since(j.keeper.log.Taken).Seconds())
}

// flow tells the state of one flow. Points exist from the start for all that can be counted, at zero. The caller holds
// f.mu.
func (b *board) flow(f *flowJudge) {
	l, flow := f.ledger, f.book.Flow()
	b.count("order.started", "{order}", "Orders seen for the first time.", l.Started).Attributes().PutStr("flow", f.name)
	for i := range l.Transitions {
		b.transition(f.name, flow.TransitionName(i), &l.Transitions[i])
	}
	for end := lifecycle.Good; end <= lifecycle.Neutral; end++ {
		e := &l.Endings[end]
		p := b.count("order.finished", "{order}", "Orders that ended, by how.", e.Orders)
		labels(p.Attributes(), "flow", f.name, "end", end.String())
		h := b.histogram("order.duration", "Time from an order's first stage to its end.", &e.Durations)
		labels(h.Attributes(), "flow", f.name, "end", end.String())
		b.exemplars(h.Exemplars(), e.Slowest)
	}
	for i, stage := range flow.Stages {
		p := b.count("order.rework", "{visit}", "Times that an order came back to a stage.", l.Rework[i])
		labels(p.Attributes(), "flow", f.name, "stage", stage.Name)
	}
	b.stages(f)
	b.problems(f)
	l.Forget()
}

func (b *board) transition(flow, name string, t *ledger.Transition) {
	for out := range lifecycle.Outcomes {
		p := b.count("order.transitions", "{transition}", "Transitions judged: each is on_time or breached once; a breached one may become late, lost or retracted.", t.Outcomes[out])
		labels(p.Attributes(), "flow", flow, "transition", name, "outcome", out.String())
		b.exemplars(p.Exemplars(), t.Newest[out])
	}
	h := b.histogram("order.transition.duration", "Time from stage to stage.", &t.Durations)
	labels(h.Attributes(), "flow", flow, "transition", name)
	b.exemplars(h.Exemplars(), t.Slowest)
}

func (b *board) stages(f *flowJudge) {
	for i, g := range f.book.Gauges(nil) {
		stage := f.book.Flow().Stages[i]
		if stage.End != lifecycle.NoEnd {
			continue
		}
		age := 0.0
		if g.Oldest != 0 {
			age = max(0, float64(int64(b.now)-g.Oldest)/1e9)
		}
		p := b.gauge("order.in_flight", "{order}", "Orders now in a stage.")
		p.SetIntValue(g.InFlight)
		labels(p.Attributes(), "flow", f.name, "stage", stage.Name)
		p = b.gauge("order.stuck", "{order}", "Orders in a stage for longer than stuck_after.")
		p.SetIntValue(g.Stuck)
		labels(p.Attributes(), "flow", f.name, "stage", stage.Name)
		p = b.gauge("order.oldest.age", "s", "How long the oldest order now in a stage has been there.")
		p.SetDoubleValue(age)
		labels(p.Attributes(), "flow", f.name, "stage", stage.Name)
	}
}

func (b *board) time(paths []watermark.Status, mark int64) {
	for _, path := range paths {
		stalled := int64(0)
		if path.Stalled {
			stalled = 1
		}
		p := b.gauge("sla.watermark.stalled", "", "1 while a path is silent: its orders cannot be judged.")
		p.SetIntValue(stalled)
		p.Attributes().PutStr("path", cmp.Or(path.Path, "direct"))
		p = b.gauge("sla.watermark.path.lag", "s", "How far the event time of a path is behind the wall clock.")
		p.SetDoubleValue(path.Lag.Seconds())
		p.Attributes().PutStr("path", cmp.Or(path.Path, "direct"))
	}
	if mark > 0 {
		p := b.gauge("sla.watermark.lag", "s", "How far the watermark, up to which verdicts are decided, is behind the wall clock.")
		p.SetDoubleValue(float64(int64(b.now)-mark) / 1e9)
	}
}

// messages tells the delivery of messages to one destination.
func (b *board) messages(destination string, l *ledger.Messages) {
	for i, outcome := range ledger.MessageOutcomes {
		p := b.count("messages", "{message}", "Messages by what became of them: each is on_time or lost once; a lost one may become late, or retracted if only its telemetry was.", l.Outcomes[i])
		labels(p.Attributes(), "destination", destination, "outcome", outcome)
		b.exemplars(p.Exemplars(), l.Newest[i])
	}
	h := b.histogram("message.latency", "Time from the end of the producer's span to the start of the consumer's.", &l.Latency)
	h.Attributes().PutStr("destination", destination)
	b.exemplars(h.Exemplars(), l.Slowest)
}

// service tells one series of requests.
func (b *board) service(s *series.Snapshot) {
	p := b.count("service.requests", "{request}", "Spans, by service and operation.", s.Duration.Count)
	serviceLabels(p.Attributes(), s)
	h := b.histogram("service.duration", "Duration of spans.", &s.Duration)
	serviceLabels(h.Attributes(), s)
	for _, e := range s.Exemplar {
		b.exemplars(h.Exemplars(), ledger.Exemplar(e))
	}
}

var kindNames = [...]string{"unspecified", "internal", "server", "client", "producer", "consumer"}

func serviceLabels(to pcommon.Map, s *series.Snapshot) {
	outcome := "ok"
	if s.Key.Failed {
		outcome = "error"
	}
	if s.Overflow {
		to.PutBool("otel.metric.overflow", true)
		to.PutStr("outcome", outcome)
		return
	}
	kind := kindNames[0]
	if int(s.Key.Kind) < len(kindNames) {
		kind = kindNames[s.Key.Kind]
	}
	labels(to, "service", s.Key.Service, "span_name", s.Key.Name, "span_kind", kind, "outcome", outcome)
	if s.Key.DB != "" {
		to.PutStr("db_system", s.Key.DB)
	}
	if s.Key.Messaging != "" {
		to.PutStr("messaging_system", s.Key.Messaging)
	}
}

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
