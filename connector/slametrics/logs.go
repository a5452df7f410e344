package slametrics

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/message"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/shard"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/stage"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/watermark"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

// Order events are log records, told apart from all others by their scope. The scope's version is that of the format:
// what an older judge could misread gets another one. The README's table "Order events" is the format's description.
const (
	eventScope   = scopeName + "/order_event"
	eventVersion = "1"

	// Names of events.
	eventStage   = "order.stage"
	eventMessage = "message.seen"
	eventFailure = "service.failed"
	eventPath    = "path.alive"

	// Attributes of the resource.
	attrRelay   = "ordertrace.relay"
	attrShard   = "ordertrace.shard"
	attrOrder   = "order.id"
	attrService = "ordertrace.service"
	attrMessage = "message.key" // in hexadecimal: it may be the ids of a span
)

// heard counts what became of the order events of a batch.
type heard struct{ taken, malformed, foreign, distrusted, unknown, misrouted, parked int64 }

// word is what a gateway says of how far a path has come.
type word struct {
	path string
	at   int64
}

// readLogs collects order events from log records, and then lets the batch move time.
func (j *judge) readLogs(ctx context.Context, ld plog.Logs) error {
	r := j.newReading()
	defer j.release(r)
	for i := range ld.ResourceLogs().Len() {
		rl := ld.ResourceLogs().At(i)
		resource := rl.Resource().Attributes()
		service, newest := textOf(resource, serviceName), int64(0)
		for f := range j.flows {
			r.stages[f] = j.flows[f].match.stages.Of(service)
		}
		for k := range rl.ScopeLogs().Len() {
			records := rl.ScopeLogs().At(k).LogRecords()
			r.items += int64(records.Len())
			if rl.ScopeLogs().At(k).Scope().Name() == eventScope {
				j.readEvents(r, resource, rl.ScopeLogs().At(k))
				continue // its words on paths move time
			}
			for n := range records.Len() {
				newest = max(newest, j.sane(logTime(records.At(n)), r.now))
				j.sightLog(r, records.At(n), rl, rl.ScopeLogs().At(k))
			}
		}
		r.moments = append(r.moments, moment{rl.Resource(), newest})
	}
	if err := j.observe(ctx, r); err != nil {
		return err
	}
	for _, m := range r.moments {
		j.moveTime(m.resource, m.newest, r.now)
	}
	for _, w := range r.words {
		j.movePath(w.path, j.sane(w.at, r.now), r.now)
	}
	j.telemetry.SLAMetricsItems.Add(ctx, r.items, signalLogs)
	return nil
}

func (j *judge) sightLog(r *reading, record plog.LogRecord, rl plog.ResourceLogs, sl plog.ScopeLogs) {
	at := logTime(record)
	r.item, r.subject = stage.Item{Log: true}, subject{record.Attributes(), rl.Resource().Attributes()}
	for f, among := range r.stages {
		r.found = among.Find(&r.item, &r.subject, r.found[:0])
		for _, rule := range r.found {
			meets, err := j.flows[f].match.conditions[rule.Stage].ofLog(rl, sl, record)
			if r.meets(f, meets, err) {
				j.add(r, f, rule.Stage, stamps{at, at}, record.TraceID(), record.SpanID())
			}
		}
	}
}

func logTime(record plog.LogRecord) int64 {
	if t := record.Timestamp(); t != 0 {
		return int64(t)
	}
	return int64(record.ObservedTimestamp())
}

// readEvents collects what a gateway tells. Event time moves by its words on paths, which come behind the events.
func (j *judge) readEvents(r *reading, resource pcommon.Map, sl plog.ScopeLogs) {
	records := sl.LogRecords()
	if sl.Scope().Version() != eventVersion {
		r.heard.foreign += int64(records.Len())
		return
	}
	from := textOf(resource, attrRelay)
	order, service := textOf(resource, attrOrder), short(textOf(resource, attrService))
	key, err := hex.DecodeString(textOf(resource, attrMessage))
	if from == "" || err != nil || len(order) > lifecycle.MaxKey || len(key) > lifecycle.MaxKey {
		r.heard.malformed += int64(records.Len())
		return
	}
	if !j.believes(from) {
		r.heard.distrusted += int64(records.Len())
		return
	}
	for n := range records.Len() {
		record := records.At(n)
		name, at := record.EventName(), int64(record.Timestamp())
		switch {
		case at <= 0:
			r.heard.malformed++
		case name == eventPath:
			r.words = append(r.words, word{pathBehind(from, record.Attributes()), at})
			r.heard.taken++
		case name == eventMessage && len(key) > 0:
			j.hearMessage(r, string(key), record)
		case name == eventFailure && service != "":
			j.hearFailure(r, service, record)
		case name == eventStage && order != "":
			j.hearOrder(r, order, record)
		default:
			r.heard.malformed++
		}
	}
}

// believes says whether the order events of a gateway count here.
func (j *judge) believes(relay string) bool {
	return slices.ContainsFunc(j.config.Relays, func(known string) bool { return known == relay || known == anyRelay })
}

func pathBehind(gateway string, a pcommon.Map) string {
	if path, ok := a.Get("path"); ok {
		return watermark.Behind(gateway, text(path))
	}
	return gateway
}

// hearOrder collects a stage reached, and the promises that come with it.
func (j *judge) hearOrder(r *reading, order string, record plog.LogRecord) {
	a := record.Attributes()
	f, ok := j.flowOf[textOf(a, "flow")]
	if !ok {
		r.heard.unknown++
		return
	}
	reached, ok := j.flows[f].stageOf[textOf(a, "stage")]
	if !ok {
		r.heard.unknown++
		return
	}
	at, took := j.sane(int64(record.Timestamp()), r.now), int64(0)
	if v, ok := a.Get("took_us"); ok {
		took = min(max(v.Int(), 0), at/int64(time.Microsecond)) * int64(time.Microsecond)
	}
	armed := !isOld(a) && at >= r.now-int64(j.config.Time.MaxAge)
	seen := sighting{order, lifecycle.NewEvent(reached, at-took, at, record.TraceID(), record.SpanID(), armed)}
	switch {
	case j.owned(order):
		r.events[f] = append(r.events[f], seen)
		r.pledges[f] = j.hearPromises(r, f, order, at, a, r.pledges[f])
		r.heard.taken++
	case j.keeper != nil && j.keeper.folder != nil:
		r.strays = append(r.strays, stray{f, seen, j.hearPromises(r, f, order, at, a, nil)})
		r.heard.parked++
	default:
		r.heard.misrouted++
	}
}

// hearPromises collects the deadlines that an event carries.
func (j *judge) hearPromises(r *reading, f int, order string, at int64, a pcommon.Map, to []pledge) []pledge {
	promises, ok := a.Get("promises")
	if !ok || promises.Type() != pcommon.ValueTypeMap {
		return to
	}
	for name, until := range promises.Map().All() {
		if t, ok := j.flows[f].promised[name]; ok && until.Int() > 0 {
			to = append(to, pledge{order, len(r.events[f]) - 1, t, at, until.Int()})
		} else {
			r.tally[f].unreadable++
		}
	}
	return to
}

// owned says whether the order or message is judged here.
func (j *judge) owned(key string) bool { return j.owns == shard.All || j.owns.Has(shard.Of(key)) }

// hearMessage collects that a message was sent or taken.
func (j *judge) hearMessage(r *reading, key string, record plog.LogRecord) {
	a := record.Attributes()
	taken, ok := a.Get("taken")
	switch {
	case !ok:
		r.heard.malformed++
	case j.messages == nil:
		r.heard.unknown++
	case !j.owned(key):
		r.heard.misrouted++
	default:
		r.parcels = append(r.parcels, j.messages.Hear(&message.Told{
			Key: key, Taken: taken.Bool(), At: j.sane(int64(record.Timestamp()), r.now), Old: isOld(a),
			Destination: short(textOf(a, "destination")), Service: short(textOf(a, "service")), Trace: record.TraceID(), Span: record.SpanID(),
		}, r.now))
		r.heard.taken++
	}
}

// hearFailure collects that requests to a service failed.
func (j *judge) hearFailure(r *reading, service string, record plog.LogRecord) {
	first, ok := record.Attributes().Get("first")
	switch {
	case !ok || first.Int() <= 0:
		r.heard.malformed++
	case j.incidents == nil:
		r.heard.unknown++
	case !j.owned(service):
		r.heard.misrouted++
	default:
		last := j.sane(int64(record.Timestamp()), r.now)
		r.failed = append(r.failed, failure{service, min(first.Int(), last), last})
		r.heard.taken++
	}
}

func isOld(a pcommon.Map) bool {
	old, ok := a.Get("old")
	return ok && old.Bool()
}

// parcels appends the events of messages.
func (b *eventBatch) parcels(m *message.Judge, parcels []message.Parcel) {
	for i := range parcels {
		t := m.Tell(&parcels[i])
		record := b.add(attrMessage, hex.EncodeToString([]byte(t.Key)), t.Key, eventMessage, t.At)
		record.SetTraceID(t.Trace)
		record.SetSpanID(t.Span)
		a := record.Attributes()
		labels(a, "destination", t.Destination, "service", t.Service)
		a.PutBool("taken", t.Taken)
		if t.Old {
			a.PutBool("old", true)
		}
	}
}

// countEvents counts order events by what became of them.
func (j *judge) countEvents(ctx context.Context, result string, n int64) {
	if n > 0 {
		j.telemetry.SLAMetricsOrderEvents.Add(ctx, n, metric.WithAttributeSet(attribute.NewSet(attribute.String("result", result))))
	}
}

func (j *judge) countHeard(ctx context.Context, h *heard) {
	j.countEvents(ctx, "taken", h.taken)
	j.countEvents(ctx, "malformed", h.malformed)
	j.countEvents(ctx, "foreign", h.foreign)
	j.countEvents(ctx, "distrusted", h.distrusted)
	j.countEvents(ctx, "unknown", h.unknown)
	j.countEvents(ctx, "misrouted", h.misrouted)
	j.countEvents(ctx, "parked", h.parked)
}

// stray is an event of an order that another judge judges.
type stray struct {
	flow int
	sighting
	promises []pledge
}

// park keeps the events of other judges' orders for them. One that cannot be kept is refused, and comes again.
func (j *judge) park(r *reading) error {
	for i := range r.strays {
		s := &r.strays[i]
		flow := j.flows[s.flow].book.Flow()
		entry := wire.String(wire.String(wire.String(nil, flow.Name), flow.Stages[s.event.Stage].Name), s.key)
		entry = wire.Uint(lifecycle.AppendEvent(entry, &s.event), uint64(len(s.promises)))
		for _, p := range s.promises {
			entry = wire.Int(wire.Int(wire.String(entry, flow.TransitionName(p.transition)), p.at), p.until)
		}
		if err := j.keeper.folder.Append(shard.Of(s.key), entry); err != nil {
			return fmt.Errorf("hand_over: keep an event of shard %d: %w", shard.Of(s.key), err)
		}
	}
	return nil
}
