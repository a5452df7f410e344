package slametrics

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/shard"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/watermark"
)

// errNoJudge says that a relay has nobody to send to.
var errNoJudge = errors.New("role: relay, but order events go nowhere: name the connector as a receiver of a logs pipeline that exports to the judge")

// relay sends what a gateway sees of orders, as order events, to a judge behind several gateways. It sends the events of a
// batch before the batch is acknowledged, and its signs of life behind them: when one arrives, all that this gateway had
// taken before has been sent.
type relay struct {
	id    string
	every int64 // ns between signs of life

	mu       sync.Mutex
	activity *watermark.Activity // owned by mu
	last     int64               // wall time of the last sign of life; owned by mu
}

// minBeat is the shortest time between two signs of life.
const minBeat = time.Second

func newRelay(config *Config) *relay {
	if config.Role != RoleRelay {
		return nil
	}
	return &relay{
		id: config.RelayID, every: int64(max(minBeat, config.Time.PathSilence/12)), activity: watermark.NewActivity(config.Limits.MaxPaths),
	}
}

// send tells the judge what a batch says of orders.
func (l *relay) send(ctx context.Context, j *judge, r *reading) error {
	batch := eventBatch{logs: plog.NewLogs(), from: l.id, at: pcommon.Timestamp(r.now), open: map[string]plog.LogRecordSlice{}}
	for f := range j.flows {
		j.flows[f].count(ctx, j, &r.tally[f])
		flow := j.flows[f].book.Flow()
		carried := r.pledges[f]
		for i := range r.events[f] {
			e, key := &r.events[f][i].event, r.events[f][i].key
			record := batch.add(attrOrder, key, key, eventStage, e.At)
			record.SetTraceID(e.Trace)
			record.SetSpanID(e.Span)
			a := record.Attributes()
			labels(a, "flow", flow.Name, "stage", flow.Stages[e.Stage].Name)
			if took := e.Took(); took > 0 {
				a.PutInt("took_us", took.Microseconds())
			}
			if !e.Armed() {
				a.PutBool("old", true)
			}
			for len(carried) > 0 && carried[0].event == i {
				putPromise(a, flow.TransitionName(carried[0].transition), carried[0].until)
				carried = carried[1:]
			}
		}
	}
	batch.parcels(j.messages, r.parcels)
	for _, f := range r.failed {
		a := batch.add(attrService, f.service, f.service, eventFailure, f.last).Attributes()
		a.PutInt("first", f.first)
	}
	return l.hand(ctx, j, &batch)
}

// putPromise adds a deadline that the order carries to the map of them.
func putPromise(a pcommon.Map, transition string, until int64) {
	v, ok := a.Get("promises")
	if !ok {
		a.PutEmptyMap("promises").PutInt(transition, until)
		return
	}
	v.Map().PutInt(transition, until)
}

// hand gives a batch to the pipeline that leads to the judge.
func (l *relay) hand(ctx context.Context, j *judge, batch *eventBatch) error {
	if batch.n == 0 {
		return nil
	}
	p := j.out(func(p *port) bool { return p.logs != nil })
	if p == nil {
		return errNoJudge
	}
	if err := p.logs.ConsumeLogs(ctx, batch.logs); err != nil {
		j.countEvents(ctx, "refused", batch.n)
		return fmt.Errorf("send order events to the judge: %w", err)
	}
	j.countEvents(ctx, "sent", batch.n)
	return nil
}

// observe notes that a path lives.
func (l *relay) observe(path string, newest int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.activity.Observe(path, newest)
}

// beat tells the judge, now and then, that this gateway lives, and how far the paths behind it have come.
func (l *relay) beat(ctx context.Context, j *judge, now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now-l.last < l.every {
		return
	}
	l.last = now
	news := l.activity.Take()
	batch := eventBatch{logs: plog.NewLogs(), from: l.id, at: pcommon.Timestamp(now), open: map[string]plog.LogRecordSlice{}}
	for path, t := range news {
		batch.add("", "", "", eventPath, t).Attributes().PutStr("path", path)
	}
	batch.add("", "", "", eventPath, now)
	if l.hand(ctx, j, &batch) != nil { // counted; the next says the same
		for path, t := range news {
			l.activity.Observe(path, t)
		}
	}
}

// farewell makes the next beat come at once: it is the last.
func (l *relay) farewell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = 0
}

// check refuses a relay whose events nobody takes.
func (l *relay) check(ports []*port) error {
	for _, p := range ports {
		if p.logs != nil {
			return nil
		}
	}
	return errNoJudge
}

// eventBatch is a batch of order events under way.
type eventBatch struct {
	logs plog.Logs
	from string
	at   pcommon.Timestamp
	n    int64
	open map[string]plog.LogRecordSlice // by the order or message that they tell of
}

// add appends an event. All events of an order in a batch have one resource, which names the order and its shard: what
// routes whole resources keeps them together.
func (b *eventBatch) add(attribute, value, key, name string, at int64) plog.LogRecord {
	b.n++
	records, ok := b.open[attribute+value]
	if !ok {
		rl := b.logs.ResourceLogs().AppendEmpty()
		to := rl.Resource().Attributes()
		to.PutStr(serviceName, "ordertrace")
		to.PutStr(attrRelay, b.from)
		if attribute != "" {
			to.PutStr(attribute, value)
			to.PutInt(attrShard, int64(shard.Of(key)))
		}
		sl := rl.ScopeLogs().AppendEmpty()
		sl.Scope().SetName(eventScope)
		sl.Scope().SetVersion(eventVersion)
		records = sl.LogRecords()
		b.open[attribute+value] = records
	}
	record := records.AppendEmpty()
	record.SetEventName(name)
	record.SetTimestamp(pcommon.Timestamp(at))
	record.SetObservedTimestamp(b.at)
	return record
}
