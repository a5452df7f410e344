package slametrics_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/connector/slametrics"
)

// rig is a connector between sinks, as the collector builds it: one instance for each pair of signals.
type rig struct {
	t       testing.TB
	traces  []connector.Traces
	logs    []connector.Logs
	metrics *consumertest.MetricsSink
	moody   *moody // in front of metrics
	records *consumertest.LogsSink
	config  string
	disk    *disk     // nil without storage
	before  []string  // records told before it was killed
	born    time.Time // when it was started anew
}

// moody is a next component that refuses while it is told to.
type moody struct {
	*consumertest.MetricsSink
	refuses atomic.Bool
}

func (m *moody) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if m.refuses.Load() {
		return errors.New("not now")
	}
	return m.MetricsSink.ConsumeMetrics(ctx, md)
}

func loadConfig(t testing.TB, text string) component.Config {
	t.Helper()
	var raw map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &raw))
	cfg := slametrics.NewFactory().CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(raw).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	return cfg
}

func newRig(t testing.TB, config string) *rig {
	t.Helper()
	return newRigFrom(t, believing(loadConfig(t, config)), nil)
}

// believing lets a judge take the order events of every gateway, as preset:judge does.
func believing(cfg component.Config) component.Config {
	cfg.(*slametrics.Config).Relays = []string{"*"}
	return cfg
}

// newRigOn makes a rig whose storage extension is d.
func newRigOn(t testing.TB, config string, d *disk) *rig {
	t.Helper()
	r := newRigFrom(t, believing(loadConfig(t, "storage: disk\n"+config)), d)
	r.config = config
	return r
}

func newRigFrom(t testing.TB, cfg component.Config, d *disk) *rig {
	t.Helper()
	return newRigTo(t, cfg, d, nil)
}

// newRigTo makes a rig whose log records go to next, which is its own sink if nil.
func newRigTo(t testing.TB, cfg component.Config, d *disk, next consumer.Logs) *rig {
	t.Helper()
	r := &rig{t: t, disk: d, metrics: new(consumertest.MetricsSink), records: new(consumertest.LogsSink)}
	if next == nil {
		next = r.records
	}
	r.moody = &moody{MetricsSink: r.metrics}
	factory := slametrics.NewFactory()
	set, ctx := connectortest.NewNopSettings(factory.Type()), context.Background()
	tm, err := factory.CreateTracesToMetrics(ctx, set, cfg, r.moody)
	require.NoError(t, err)
	tl, err := factory.CreateTracesToLogs(ctx, set, cfg, next)
	require.NoError(t, err)
	lm, err := factory.CreateLogsToMetrics(ctx, set, cfg, r.moody)
	require.NoError(t, err)
	ll, err := factory.CreateLogsToLogs(ctx, set, cfg, next)
	require.NoError(t, err)
	r.traces, r.logs = []connector.Traces{tm, tl}, []connector.Logs{lm, ll}
	r.born = time.Now().UTC()
	for _, c := range r.all() {
		require.NoError(t, c.Start(ctx, host{d}))
	}
	return r
}

func (r *rig) all() []component.Component {
	return []component.Component{r.traces[0], r.traces[1], r.logs[0], r.logs[1]}
}

// stop shuts the connector down, which flushes it.
func (r *rig) stop() {
	for _, c := range r.all() {
		require.NoError(r.t, c.Shutdown(context.Background()))
		require.NoError(r.t, c.Shutdown(context.Background()))
	}
}

func (r *rig) sendTraces(td ptrace.Traces) {
	for _, c := range r.traces {
		require.NoError(r.t, c.ConsumeTraces(context.Background(), td))
	}
}

func (r *rig) sendLogs(ld plog.Logs) {
	for _, c := range r.logs {
		require.NoError(r.t, c.ConsumeLogs(context.Background(), ld))
	}
}

// point is a span in one line.
type point struct {
	service, name string
	path          string // ordertrace.agent.id; empty: none
	start, end    time.Time
	attributes    map[string]string
	trace         byte
	failed        bool
}

func (r *rig) send(points ...point) {
	td := ptrace.NewTraces()
	for _, p := range points {
		p.append(td)
	}
	r.sendTraces(td)
}

func (p point) append(td ptrace.Traces) {
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", p.service)
	if p.path != "" {
		rs.Resource().Attributes().PutStr("ordertrace.agent.id", p.path)
	}
	s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetName(p.name)
	s.SetKind(ptrace.SpanKindServer)
	if p.start.IsZero() {
		p.start = p.end
	}
	s.SetStartTimestamp(pcommon.NewTimestampFromTime(p.start))
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(p.end))
	s.SetTraceID([16]byte{p.trace, 1})
	s.SetSpanID([8]byte{p.trace, 2})
	for k, v := range p.attributes {
		s.Attributes().PutStr(k, v)
	}
	if p.failed {
		s.Status().SetCode(ptrace.StatusCodeError)
	}
}

// stage sends a span that says that an order entered a stage now.
func (r *rig) stage(order, status string) {
	r.send(point{service: "shop", name: status, end: time.Now(), trace: 7, attributes: map[string]string{"order.id": order, "order.status": status}})
}

// beat sends a span that belongs to no order: the path is alive.
func (r *rig) beat() { r.send(point{service: "idle", name: "tick", end: time.Now()}) }

// live lets time pass on a living path, inside a bubble of testing/synctest. Ticks come each full second since the
// start, beats a quarter later: they never race.
func (r *rig) live(d time.Duration) {
	end := time.Now().Add(d)
	for {
		next := r.born.Add(time.Since(r.born).Truncate(time.Second) + 250*time.Millisecond)
		if !next.After(time.Now()) {
			next = next.Add(time.Second)
		}
		if next.After(end) {
			break
		}
		time.Sleep(time.Until(next))
		r.beat()
	}
	time.Sleep(time.Until(end))
	synctest.Wait()
}

// numbers is the last batch of metrics, as "name{a=b,…}" to value; histograms count.
func (r *rig) numbers() map[string]float64 {
	all := map[string]float64{}
	batches := r.metrics.AllMetrics()
	if len(batches) == 0 {
		return all
	}
	eachPoint(batches[len(batches)-1], func(name string, attributes pcommon.Map, value float64, gone bool) {
		if !gone {
			all[name+label(attributes)] = value
		}
	})
	return all
}

func eachPoint(md pmetric.Metrics, visit func(name string, attributes pcommon.Map, value float64, gone bool)) {
	for i := range md.ResourceMetrics().Len() {
		metrics := md.ResourceMetrics().At(i).ScopeMetrics().At(0).Metrics()
		for k := range metrics.Len() {
			m := metrics.At(k)
			switch m.Type() {
			case pmetric.MetricTypeExponentialHistogram:
				for n := range m.ExponentialHistogram().DataPoints().Len() {
					p := m.ExponentialHistogram().DataPoints().At(n)
					visit(m.Name(), p.Attributes(), float64(p.Count()), false)
				}
			case pmetric.MetricTypeSum:
				eachNumber(m.Name(), m.Sum().DataPoints(), visit)
			default:
				eachNumber(m.Name(), m.Gauge().DataPoints(), visit)
			}
		}
	}
}

func eachNumber(name string, points pmetric.NumberDataPointSlice, visit func(string, pcommon.Map, float64, bool)) {
	for n := range points.Len() {
		p := points.At(n)
		value := p.DoubleValue()
		if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
			value = float64(p.IntValue())
		}
		visit(name, p.Attributes(), value, p.Flags().NoRecordedValue())
	}
}

func label(m pcommon.Map) string {
	text := "{"
	for k, v := range m.All() {
		if k != "flow" {
			text += fmt.Sprintf("%s=%s,", k, v.AsString())
		}
	}
	return text[:max(1, len(text)-1)] + "}"
}

// told is every verdict record so far, as "order transition outcome".
func (r *rig) told() []string {
	var all []string
	for _, rec := range r.verdicts() {
		all = append(all, line(rec))
	}
	return all
}

func line(rec plog.LogRecord) string {
	get := func(k string) string { v, _ := rec.Attributes().Get(k); return v.AsString() }
	return get("order.id") + " " + get("transition") + " " + get("outcome")
}

func (r *rig) verdicts() []plog.LogRecord {
	var all []plog.LogRecord
	for _, ld := range r.records.AllLogs() {
		for i := range ld.ResourceLogs().Len() {
			records := ld.ResourceLogs().At(i).ScopeLogs().At(0).LogRecords()
			for n := range records.Len() {
				all = append(all, records.At(n))
			}
		}
	}
	return all
}

func tracesWith(fill func(pcommon.Map)) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	fill(s.Attributes())
	return td
}
