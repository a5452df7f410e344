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

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/ledger"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/series"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/watermark"
)

const (
	scopeName = "github.com/ordertrace/ordertrace/connector/slametrics"
	// maxProblems bounds the series of order.problem, the only metric that names an order, for each transition.
	maxProblems = 100
	// maxTold bounds the series of order.problem that are remembered while the next component refuses to hear of their end.
	maxTold = 10_000
)

// problemSeries is a point of order.problem that was told, so that its end can be told too.
type problemSeries struct {
	transition     int
	outcome, order string
	trace          [16]byte
}

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

// flush emits all metrics. With a storage the state is kept first: what is told can then not step back.
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

// measure takes a checkpoint, if there is a storage, and the metrics of the same instant.
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
	b.flows(ctx, j)
	if j.messages != nil {
		b.messages(j.messages)
	}
	j.clockMu.Lock()
	paths, mark := j.clock.Paths(int64(b.now)), j.clock.Mark()
	j.clockMu.Unlock()
	b.time(paths, mark)
	if j.config.Services.Enabled {
		j.red.Collect(b.service)
	}
	return md
}

// flows tells all flows and keeps their state.
func (b *board) flows(ctx context.Context, j *judge) {
	began := b.start
	defer func() { b.start = began }()
	if j.keeper == nil {
		for _, f := range j.flows {
			f.mu.Lock()
			b.flow(f)
			f.mu.Unlock()
		}
		return
	}
	j.keeper.mu.Lock()
	defer j.keeper.mu.Unlock()
	states := make([][]byte, len(j.flows))
	for i, f := range j.flows {
		f.mu.Lock()
		b.start = pcommon.NewTimestampFromTime(f.started)
		b.flow(f)
		states[i] = f.save(nil)
		f.mu.Unlock()
	}
	j.clockMu.Lock()
	paths := j.clock.Released()
	j.clockMu.Unlock()
	if err := j.keeper.checkpoint(ctx, j.flows, states, paths); err != nil {
		j.stateFailed(ctx, "checkpoint", err)
	}
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

// problems tells the oldest orders in trouble by name, and ends the series of those that no longer are: again with every
// batch until one was taken.
func (b *board) problems(f *flowJudge) {
	now := map[problemSeries]struct{}{}
	for _, p := range f.book.Problems(maxProblems, nil) {
		s := problemSeries{p.Transition, p.Outcome, p.Key, p.Trace}
		now[s] = struct{}{}
		b.problem(f, s).SetDoubleValue(max(0, float64(int64(b.now)-p.Entered)/1e9))
	}
	for s := range f.telling { // a batch that was refused: it may have arrived in part
		if len(f.told) < maxTold {
			f.told[s] = struct{}{}
		}
	}
	for s := range f.told {
		if _, still := now[s]; !still {
			b.problem(f, s).SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		}
	}
	f.telling = now
}

func (b *board) problem(f *flowJudge, s problemSeries) pmetric.NumberDataPoint {
	p := b.gauge("order.problem", "s", "Age of the oldest open orders that are stuck, breached or lost; the trace is the order's last.")
	labels(p.Attributes(), "flow", f.name, "transition", f.book.Flow().TransitionName(s.transition), "outcome", s.outcome,
		"order_id", s.order, "trace_id", traceText(s.trace))
	return p
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
