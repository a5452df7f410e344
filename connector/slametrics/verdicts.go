package slametrics

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/checkpoint"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/incident"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

// maxRecords bounds the verdict records that wait for a logs pipeline.
const maxRecords = 65_536

const (
	// maxProblems bounds the series of order.problem, the only metric that names an order, for each transition.
	maxProblems = 100
	// maxTold bounds the series of order.problem that are remembered while the next component refuses to hear of their end.
	maxTold = 10_000
)

var (
	signalTraces = metric.WithAttributeSet(attribute.NewSet(attribute.String("signal", "traces")))
	signalLogs   = metric.WithAttributeSet(attribute.NewSet(attribute.String("signal", "logs")))
)

// problemSeries is a point of order.problem that was told, so that its end can be told too.
type problemSeries struct {
	transition     int
	outcome, order string
	trace          [16]byte
}

// record is a verdict, or a turn of an incident, to be told.
type record struct {
	flow     *flowJudge
	fact     lifecycle.Fact
	incident *incident.Fact // instead of flow and fact
	at       int64          // wall time
}

// observe hands what was collected to the books.
func (j *judge) observe(ctx context.Context, r *reading) error {
	if j.relay != nil {
		j.countHeard(ctx, &r.heard)
		return j.relay.send(ctx, j, r)
	}
	if err := j.park(r); err != nil {
		return err
	}
	j.countHeard(ctx, &r.heard)
	if j.keeper != nil && r.tracked() {
		j.keeper.mu.Lock()
		defer j.keeper.mu.Unlock()
		if err := j.keeper.journal(ctx, j.mark(), r); err != nil {
			j.stateFailed(ctx, "journal", err)
		}
	}
	for i, f := range j.flows {
		f.count(ctx, j, &r.tally[i])
		if len(r.events[i]) == 0 {
			continue
		}
		f.mu.Lock()
		f.facts = f.facts[:0]
		for k := range r.events[i] {
			f.facts = f.book.Observe(r.events[i][k].key, r.events[i][k].event, f.facts)
		}
		for _, p := range r.pledges[i] {
			f.facts = f.book.Promise(p.key, p.transition, p.at, p.until, f.facts)
		}
		j.settle(ctx, f, r.now)
		f.mu.Unlock()
	}
	if len(r.parcels) > 0 {
		j.settleMessages(ctx, j.messages.Observe(r.parcels, r.now), r.now)
	}
	for _, f := range r.failed {
		j.incidents.Failed(f.service, f.first, f.last)
	}
	return nil
}

// replay observes a journal entry again.
func (j *judge) replay(ctx context.Context, entry []byte, now int64) error {
	r, err := checkpoint.Open(entry)
	if err != nil {
		return err
	}
	mark := r.Int()
	for _, f := range j.flows {
		f.mu.Lock()
		err := f.replay(r, mark)
		j.settle(ctx, f, now)
		f.mu.Unlock()
		if err != nil {
			return fmt.Errorf("flow %q: %w", f.name, err)
		}
	}
	return r.Err()
}

func (f *flowJudge) replay(r *wire.Reader, mark int64) error {
	f.facts = f.book.Advance(mark, f.facts[:0])
	for range r.Len(29) {
		key := r.String()
		e, err := f.book.Flow().ReadEvent(r)
		if err != nil {
			return err
		}
		f.facts = f.book.Observe(key, e, f.facts)
	}
	for range r.Len(4) {
		key, t, at, until := r.String(), r.Uint(), r.Int(), r.Int()
		if r.Err() == nil && t < uint64(len(f.book.Flow().Transitions)) {
			f.facts = f.book.Promise(key, int(t), at, until, f.facts)
		}
	}
	return r.Err()
}

// journal appends what a batch says of orders, and how far time had come before. The caller holds k.mu.
func (k *keeper) journal(ctx context.Context, mark int64, r *reading) error {
	entry := wire.Int(nil, mark)
	for f := range r.events {
		entry = wire.Uint(entry, uint64(len(r.events[f])))
		for i := range r.events[f] {
			entry = lifecycle.AppendEvent(wire.String(entry, r.events[f][i].key), &r.events[f][i].event)
		}
		entry = wire.Uint(entry, uint64(len(r.pledges[f])))
		for _, p := range r.pledges[f] {
			entry = wire.Int(wire.Int(wire.Uint(wire.String(entry, p.key), uint64(p.transition)), p.at), p.until)
		}
	}
	return k.log.Append(ctx, entry)
}

// mark is how far time has come for the books. The caller holds k.mu, under which alone they move.
func (j *judge) mark() int64 {
	if len(j.flows) == 0 {
		return math.MinInt64
	}
	j.flows[0].mu.Lock()
	defer j.flows[0].mu.Unlock()
	return j.flows[0].book.Mark()
}

// settle turns the facts of a flow into numbers and records. The caller holds f.mu.
func (j *judge) settle(ctx context.Context, f *flowJudge, now int64) {
	var kinds [lifecycle.Kinds]int64
	for i := range f.facts {
		fact := &f.facts[i]
		f.ledger.Add(fact, now)
		kinds[fact.Kind]++
		if fact.Kind == lifecycle.Decided {
			j.troubleOf(ctx, f, fact, now)
			if fact.Key != "" {
				j.keep(ctx, record{flow: f, fact: *fact, at: now})
			}
		}
	}
	clear(f.facts) // keys of orders must not outlive their orders
	f.countKinds(ctx, j, &kinds)
}

// keep queues a record for the next tell.
func (j *judge) keep(ctx context.Context, r record) {
	if !j.telling || j.again.told && r.incident == nil {
		return
	}
	j.recordsMu.Lock()
	defer j.recordsMu.Unlock()
	if len(j.records) >= maxRecords {
		j.telemetry.SLAMetricsRecordsDropped.Add(ctx, 1, reason("full"))
		return
	}
	j.records = append(j.records, r)
}

func reason(why string) metric.AddOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", why)))
}

func (f *flowJudge) because(why string) metric.AddOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String("flow", f.name), attribute.String("reason", why)))
}

var (
	eventReasons = map[lifecycle.Kind]string{lifecycle.Repeated: "repeated", lifecycle.Skewed: "skewed", lifecycle.Crowded: "crowded"}
	orderReasons = map[lifecycle.Kind]string{lifecycle.Refused: "refused", lifecycle.Evicted: "evicted", lifecycle.Expired: "expired"}
)

func (f *flowJudge) countKinds(ctx context.Context, j *judge, kinds *[lifecycle.Kinds]int64) {
	for kind, why := range eventReasons {
		if n := kinds[kind]; n > 0 {
			j.telemetry.SLAMetricsEvents.Add(ctx, n, f.because(why))
		}
	}
	for kind, why := range orderReasons {
		if n := kinds[kind]; n > 0 {
			j.telemetry.SLAMetricsOrdersDropped.Add(ctx, n, f.because(why))
		}
	}
	if n := kinds[lifecycle.Revised]; n > 0 {
		j.telemetry.SLAMetricsVerdictsRevised.Add(ctx, n, metric.WithAttributeSet(attribute.NewSet(attribute.String("flow", f.name))))
	}
}

// count counts the events that were not taken at their word.
func (f *flowJudge) count(ctx context.Context, j *judge, o *oddities) {
	for why, n := range map[string]int64{"future": o.future, "old": o.old, "no_key": o.noKey, "unreadable": o.unreadable, "unclear": o.unclear, "long_key": o.longKey} {
		if n > 0 {
			j.telemetry.SLAMetricsEvents.Add(ctx, n, f.because(why))
		}
	}
}

// tell hands the waiting records to the logs pipelines. What they refuse for now waits for the next time.
func (j *judge) tell(ctx context.Context) {
	j.flushMu.Lock()
	defer j.flushMu.Unlock()
	j.recordsMu.Lock()
	waiting := j.records
	j.records = nil
	j.recordsMu.Unlock()
	if len(waiting) == 0 {
		return
	}
	p := j.out(func(p *port) bool { return p.logs != nil })
	if p == nil {
		j.telemetry.SLAMetricsRecordsDropped.Add(ctx, int64(len(waiting)), reason("refused"))
		return
	}
	err := p.logs.ConsumeLogs(ctx, verdictLogs(waiting, j.identity))
	if err == nil {
		return
	}
	if consumererror.IsPermanent(err) {
		j.logger.Warn("verdict records were refused by the next component", zap.Int("records", len(waiting)), zap.Error(err))
		j.telemetry.SLAMetricsRecordsDropped.Add(ctx, int64(len(waiting)), reason("refused"))
		return
	}
	j.recordsMu.Lock()
	defer j.recordsMu.Unlock()
	j.records = append(waiting, j.records...)
	if beyond := len(j.records) - maxRecords; beyond > 0 {
		j.records = j.records[:maxRecords]
		j.telemetry.SLAMetricsRecordsDropped.Add(ctx, int64(beyond), reason("full"))
	}
}

// markTold notes that no verdict waits to be told. The caller holds k.mu and j.flushMu.
func (j *judge) markTold() {
	j.recordsMu.Lock()
	defer j.recordsMu.Unlock()
	if len(j.records) == 0 {
		j.keeper.told = j.keeper.log.Next
	}
}

func verdictLogs(records []record, identity string) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	describe(rl.Resource().Attributes(), identity)
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName(scopeName)
	sl.LogRecords().EnsureCapacity(len(records))
	for i := range records {
		if to := sl.LogRecords().AppendEmpty(); records[i].incident != nil {
			writeIncident(records[i].incident, records[i].at, to)
		} else {
			records[i].write(to)
		}
	}
	return ld
}

func (r *record) write(to plog.LogRecord) {
	f := &r.fact
	to.SetEventName("order.verdict")
	to.SetTimestamp(pcommon.Timestamp(r.at))
	to.SetObservedTimestamp(pcommon.Timestamp(r.at))
	to.SetSeverityNumber(plog.SeverityNumberWarn)
	to.SetSeverityText("WARN")
	if f.Outcome == lifecycle.OutcomeLost {
		to.SetSeverityNumber(plog.SeverityNumberError)
		to.SetSeverityText("ERROR")
	}
	to.SetTraceID(f.Trace)
	to.SetSpanID(f.Span)
	to.Body().SetStr(r.sentence())
	a := to.Attributes()
	a.EnsureCapacity(8)
	a.PutStr("flow", r.flow.name)
	a.PutStr("transition", r.flow.book.Flow().TransitionName(f.Transition))
	a.PutStr("outcome", f.Outcome.String())
	a.PutStr("order.id", f.Key)
	a.PutStr("order.trace_id", traceText(f.Trace))
	a.PutDouble("order.age_s", float64(f.Age)/1e9)
	a.PutStr("order.entered_at", time.Unix(0, f.Entered).UTC().Format(time.RFC3339Nano))
	a.PutStr("order.verdict", f.Net.String())
}

func (r *record) sentence() string {
	f, flow := &r.fact, r.flow.book.Flow()
	t := flow.Transitions[f.Transition]
	from, to := flow.Stages[t.From].Name, flow.Stages[t.To].Name
	age := time.Duration(f.Age).Round(time.Millisecond)
	switch f.Outcome {
	case lifecycle.OutcomeLost:
		return fmt.Sprintf("order %s is lost: it entered %s %s ago and did not reach %s within %s", f.Key, from, age, to, t.LostAfter)
	case lifecycle.OutcomeLate:
		return fmt.Sprintf("order %s reached %s late: %s after %s, %s were promised", f.Key, to, age, from, t.Deadline)
	case lifecycle.OutcomeRetracted:
		return fmt.Sprintf("order %s did not exceed its time from %s to %s after all: its telemetry was late", f.Key, from, to)
	default:
		return fmt.Sprintf("order %s has exceeded its time: it did not reach %s within %s of %s", f.Key, to, t.Deadline, from)
	}
}

func traceText(trace [16]byte) string {
	if trace == [16]byte{} {
		return ""
	}
	return hex.EncodeToString(trace[:])
}
