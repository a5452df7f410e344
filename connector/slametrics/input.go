package slametrics

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/message"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/sampling"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/series"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/stage"
)

const (
	serviceName = "service.name"
	// heartbeat is the service.name of what the heartbeat receiver sends: signs of life, nobody's requests.
	heartbeat = "ordertrace.heartbeat"
)

// reading is what one batch yields. Its strings point into the batch: nothing of it may be kept.
type reading struct {
	now      int64
	items    int64
	events   [][]sighting        // by flow
	stages   []*stage.Candidates // by flow; nil where the service reaches none
	watch    stage.Watch         // over the resource being read
	tally    []oddities          // by flow
	pledges  [][]pledge          // by flow
	parcels  []message.Parcel    // events of messages
	requests series.Writer
	failed   []failure  // failed requests
	item     stage.Item // the span or record being read
	subject  subject    // its attributes
	found    []*stage.Rule
	moments  []moment // how far each resource's path has come
	words    []word   // of gateways
	strays   []stray  // events of orders of other judges
	heard    heard
}

// moment is the newest stamp of a resource's telemetry; 0 if it has none.
type moment struct {
	resource pcommon.Resource
	newest   int64
}

// sighting is an event and the order it belongs to.
type sighting struct {
	key   string
	event lifecycle.Event
}

// pledge is a deadline that an event carries for its order.
type pledge struct {
	key        string
	event      int // index of the event that carries it
	transition int
	at, until  int64
}

// oddities are the events of a flow that were not taken at their word.
type oddities struct{ future, old, noKey, unreadable, unclear, longKey int64 }

func (j *judge) newReading() *reading {
	r, ok := j.readings.Get().(*reading)
	if !ok {
		n := len(j.flows)
		r = &reading{events: make([][]sighting, n), stages: make([]*stage.Candidates, n), tally: make([]oddities, n), pledges: make([][]pledge, n)}
	}
	r.now, r.items = time.Now().UnixNano(), 0
	return r
}

// readTraces counts requests, collects order events, and only then lets the batch move time: its own events must not
// come too late.
func (j *judge) readTraces(ctx context.Context, td ptrace.Traces) error {
	r := j.newReading()
	defer j.release(r)
	j.readAll(r, td)
	if err := j.observe(ctx, r); err != nil {
		return err
	}
	if j.relay != nil && j.config.Services.Enabled { // now that the batch will not come again
		j.countRequests(&r.requests, td)
	}
	for _, m := range r.moments {
		j.moveTime(m.resource, m.newest, r.now)
	}
	j.telemetry.SLAMetricsItems.Add(ctx, r.items, signalTraces)
	return nil
}

func (j *judge) readAll(r *reading, td ptrace.Traces) {
	r.requests.Begin(j.red)
	defer r.requests.End()
	for i := range td.ResourceSpans().Len() {
		rs := td.ResourceSpans().At(i)
		r.moments = append(r.moments, moment{rs.Resource(), j.readResourceSpans(r, rs)})
	}
}

// readResourceSpans returns the newest stamp.
func (j *judge) readResourceSpans(r *reading, rs ptrace.ResourceSpans) (newest int64) {
	resource := rs.Resource().Attributes()
	key := series.Key{Service: short(textOf(resource, serviceName))}
	service := j.red.Hash(key.Service)
	beat := key.Service == heartbeat // moves time, and nothing else
	count := j.config.Services.Enabled && j.relay == nil
	r.watch.Reset()
	r.subject = subject{resource, resource}
	for f := range j.flows {
		r.stages[f] = j.flows[f].match.stages.Of(key.Service)
		r.watch.Add(r.stages[f], &r.subject)
	}
	for k := range rs.ScopeSpans().Len() {
		spans := rs.ScopeSpans().At(k).Spans()
		r.items += int64(spans.Len())
		for n := range spans.Len() {
			span := spans.At(n)
			newest = max(newest, j.sane(int64(span.EndTimestamp()), r.now))
			if beat {
				continue
			}
			wanted := look(span.Attributes(), &key, &r.watch)
			if count {
				countRequest(&r.requests, service, &key, span)
			}
			if j.incidents != nil && span.Status().Code() == ptrace.StatusCodeError {
				j.sightFailure(r, span, key.Service)
			}
			if j.messages != nil && (span.Kind() == ptrace.SpanKindProducer || span.Kind() == ptrace.SpanKindConsumer) {
				j.sightMessage(r, span, key.Service)
			}
			if wanted {
				j.sight(r, span, rs, rs.ScopeSpans().At(k))
			}
		}
	}
	return newest
}

func (j *judge) countRequests(w *series.Writer, td ptrace.Traces) {
	w.Begin(j.red)
	defer w.End()
	var none stage.Watch
	for i := range td.ResourceSpans().Len() {
		rs := td.ResourceSpans().At(i)
		key := series.Key{Service: short(textOf(rs.Resource().Attributes(), serviceName))}
		if key.Service == heartbeat {
			continue
		}
		service := j.red.Hash(key.Service)
		for k := range rs.ScopeSpans().Len() {
			for n := range rs.ScopeSpans().At(k).Spans().Len() {
				span := rs.ScopeSpans().At(k).Spans().At(n)
				look(span.Attributes(), &key, &none)
				countRequest(w, service, &key, span)
			}
		}
	}
}

// look reads the attributes that name a request's series, and says whether the span may reach a stage.
func look(attributes pcommon.Map, key *series.Key, w *stage.Watch) (wanted bool) {
	wanted = w.All()
	key.DB, key.Messaging = "", ""
	for name, v := range attributes.All() {
		wanted = wanted || w.Wants(name)
		switch name {
		case "db.system.name":
			key.DB = short(v.Str())
		case "db.system":
			if key.DB == "" {
				key.DB = short(v.Str())
			}
		case "messaging.system":
			key.Messaging = short(v.Str())
		}
	}
	return wanted
}

// countRequest counts a span that look has seen.
func countRequest(w *series.Writer, service uint64, key *series.Key, span ptrace.Span) {
	key.Name, key.Kind = short(span.Name()), uint8(span.Kind())
	key.Failed = span.Status().Code() == ptrace.StatusCodeError
	start, end := span.StartTimestamp(), span.EndTimestamp()
	e := series.Exemplar{At: int64(end), Trace: span.TraceID(), Span: span.SpanID()}
	if end > start {
		e.Value = float64(end-start) / 1e9
	}
	weight := uint64(1)
	if state := span.TraceState().AsRaw(); state != "" {
		weight = sampling.Weight(state, binary.BigEndian.Uint64(e.Span[:]))
	}
	w.RecordN(service, key, &e, weight)
}

// sight collects the stages that a span shows its order to have reached.
func (j *judge) sight(r *reading, span ptrace.Span, rs ptrace.ResourceSpans, ss ptrace.ScopeSpans) {
	r.item = stage.Item{Name: span.Name(), Kind: int32(span.Kind()), Failed: span.Status().Code() == ptrace.StatusCodeError}
	r.subject = subject{span.Attributes(), rs.Resource().Attributes()}
	at := stamps{int64(span.StartTimestamp()), int64(span.EndTimestamp())}
	for f, among := range r.stages {
		r.found = among.Find(&r.item, &r.subject, r.found[:0])
		for _, rule := range r.found {
			meets, err := j.flows[f].match.conditions[rule.Stage].ofSpan(rs, ss, span)
			if r.meets(f, meets, err) {
				j.add(r, f, rule.Stage, at, span.TraceID(), span.SpanID())
			}
		}
	}
}

// meets counts a condition that could not be evaluated: it does not hold.
func (r *reading) meets(f int, meets bool, err error) bool {
	if err != nil {
		r.tally[f].unclear++
	}
	return meets && err == nil
}

// sightMessage collects that a message was sent or taken. A failed span did neither.
func (j *judge) sightMessage(r *reading, span ptrace.Span, service string) {
	if span.Status().Code() == ptrace.StatusCodeError {
		return
	}
	s := message.Span{
		Taken: span.Kind() == ptrace.SpanKindConsumer, Service: service, Trace: span.TraceID(), Span: span.SpanID(),
		Parent: span.ParentSpanID(), Links: span.Links().Len(),
		Link: func(i int) ([16]byte, [8]byte) { return span.Links().At(i).TraceID(), span.Links().At(i).SpanID() },
	}
	for name, v := range span.Attributes().All() {
		switch name {
		case "messaging.message.id":
			s.ID = text(v)
		case "messaging.destination.name":
			s.Destination = short(text(v))
		}
	}
	at := span.EndTimestamp()
	if s.Taken {
		at = span.StartTimestamp()
	}
	s.At = j.sane(int64(at), r.now)
	r.parcels = j.messages.Sight(&s, r.now, r.parcels)
}

type stamps struct{ start, end int64 }

// add collects an event for every order that the key attribute names.
func (j *judge) add(r *reading, f, reached int, at stamps, trace [16]byte, span [8]byte) {
	end := j.sane(at.end, r.now)
	if end != at.end {
		r.tally[f].future++
	}
	armed := end >= r.now-int64(j.config.Time.MaxAge)
	if !armed {
		r.tally[f].old++
	}
	if at.start <= 0 || end != at.end {
		at.start = end // a duration of two clocks is none
	}
	event := lifecycle.NewEvent(reached, at.start, end, trace, span, armed)
	key, ok := r.subject.Get(j.flows[f].match.key)
	if !ok {
		r.tally[f].noKey++
		return
	}
	if key.Type() == pcommon.ValueTypeSlice {
		for i := range key.Slice().Len() {
			j.sighted(r, f, text(key.Slice().At(i)), event)
		}
		return
	}
	j.sighted(r, f, text(key), event)
}

// sighted collects an event of an order, and the deadlines that it carries.
func (j *judge) sighted(r *reading, f int, key string, event lifecycle.Event) {
	if key == "" {
		r.tally[f].noKey++
		return
	}
	if len(key) > lifecycle.MaxKey {
		r.tally[f].longKey++
		return
	}
	if !j.owned(key) {
		r.heard.misrouted++
		return
	}
	r.events[f] = append(r.events[f], sighting{key, event})
	for _, p := range j.flows[f].match.promises {
		v, ok := r.subject.Text(p.attribute)
		if !ok {
			continue
		}
		until, ok := lifecycle.Instant(v)
		if !ok {
			r.tally[f].unreadable++
			continue
		}
		r.pledges[f] = append(r.pledges[f], pledge{key, len(r.events[f]) - 1, p.transition, event.At, until})
	}
}

// tracked says that the batch has events of orders.
func (r *reading) tracked() bool {
	return slices.ContainsFunc(r.events, func(s []sighting) bool { return len(s) > 0 })
}

// release forgets the batch's strings and keeps the room.
func (j *judge) release(r *reading) {
	for f := range r.events {
		clear(r.events[f])
		clear(r.pledges[f])
		r.pledges[f] = r.pledges[f][:0]
		r.events[f], r.stages[f], r.tally[f] = r.events[f][:0], nil, oddities{}
	}
	clear(r.parcels)
	clear(r.moments)
	r.moments = r.moments[:0]
	clear(r.words)
	clear(r.strays)
	r.strays = r.strays[:0]
	r.parcels, r.words, r.heard = r.parcels[:0], r.words[:0], heard{}
	clear(r.failed)
	r.failed = r.failed[:0]
	clear(r.found)
	r.item, r.subject = stage.Item{}, subject{}
	r.watch.Reset()
	j.readings.Put(r)
}
