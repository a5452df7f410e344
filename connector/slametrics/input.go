package slametrics

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/series"
)

const (
	serviceName = "service.name"
	// heartbeat is the service.name of what the heartbeat receiver sends: signs of life, nobody's requests.
	heartbeat = "ordertrace.heartbeat"
)

// reading is what one batch yields. Its strings point into the batch: nothing of it may be kept.
type reading struct {
	now     int64
	items   int64
	events  [][]sighting  // by flow
	stages  []*candidates // by flow; nil where the service reaches none
	tally   []oddities    // by flow
	pledges [][]pledge    // by flow
	parcels []sighting    // events of messages
}

// sighting is an event and the order it belongs to.
type sighting struct {
	key   string
	event lifecycle.Event
}

// pledge is a deadline that an event carries for its order.
type pledge struct {
	key        string
	transition int
	at, until  int64
}

// oddities are the events of a flow that were not taken at their word.
type oddities struct{ future, old, noKey, unreadable int64 }

func (j *judge) newReading() *reading {
	r, ok := j.readings.Get().(*reading)
	if !ok {
		n := len(j.flows)
		r = &reading{events: make([][]sighting, n), stages: make([]*candidates, n), tally: make([]oddities, n), pledges: make([][]pledge, n)}
	}
	r.now, r.items = time.Now().UnixNano(), 0
	return r
}

// readTraces counts requests, collects order events, and only then lets the batch move time: its own events must not
// come too late.
func (j *judge) readTraces(ctx context.Context, td ptrace.Traces) {
	r := j.newReading()
	for i := range td.ResourceSpans().Len() {
		rs := td.ResourceSpans().At(i)
		j.readResourceSpans(r, rs)
	}
	j.observe(ctx, r)
	for i := range td.ResourceSpans().Len() {
		rs := td.ResourceSpans().At(i)
		newest := int64(0)
		for k := range rs.ScopeSpans().Len() {
			spans := rs.ScopeSpans().At(k).Spans()
			for n := range spans.Len() {
				newest = max(newest, j.sane(int64(spans.At(n).EndTimestamp()), r.now))
			}
		}
		j.moveTime(rs.Resource(), newest, r.now)
	}
	j.telemetry.SLAMetricsItems.Add(ctx, r.items, signalTraces)
	j.release(r)
}

func (j *judge) readResourceSpans(r *reading, rs ptrace.ResourceSpans) {
	resource := rs.Resource().Attributes()
	key := series.Key{Service: textOf(resource, serviceName)}
	if key.Service == heartbeat { // moves time, and nothing else
		for k := range rs.ScopeSpans().Len() {
			r.items += int64(rs.ScopeSpans().At(k).Spans().Len())
		}
		return
	}
	service := j.red.Hash(key.Service)
	tracked := false
	for f := range j.flows {
		r.stages[f] = j.flows[f].match.stages(key.Service)
		tracked = tracked || r.stages[f] != nil
	}
	for k := range rs.ScopeSpans().Len() {
		spans := rs.ScopeSpans().At(k).Spans()
		r.items += int64(spans.Len())
		for n := range spans.Len() {
			span := spans.At(n)
			if j.config.Services.Enabled {
				j.countRequest(service, &key, span)
			}
			if j.messages != nil && (span.Kind() == ptrace.SpanKindProducer || span.Kind() == ptrace.SpanKindConsumer) {
				j.sightMessage(r, span, key.Service)
			}
			if tracked {
				j.sight(r, span, resource)
			}
		}
	}
}

func (j *judge) countRequest(service uint64, key *series.Key, span ptrace.Span) {
	key.Name, key.Kind = span.Name(), uint8(span.Kind())
	key.Failed = span.Status().Code() == ptrace.StatusCodeError
	key.DB, key.Messaging = "", ""
	for name, v := range span.Attributes().All() {
		switch name {
		case "db.system.name":
			key.DB = v.Str()
		case "db.system":
			if key.DB == "" {
				key.DB = v.Str()
			}
		case "messaging.system":
			key.Messaging = v.Str()
		}
	}
	start, end := span.StartTimestamp(), span.EndTimestamp()
	e := series.Exemplar{At: int64(end), Trace: span.TraceID(), Span: span.SpanID()}
	if end > start {
		e.Value = float64(end-start) / 1e9
	}
	j.red.Record(service, key, &e)
}

// sight collects the stages that a span shows its order to have reached.
func (j *judge) sight(r *reading, span ptrace.Span, resource pcommon.Map) {
	own := span.Attributes()
	for f, among := range r.stages {
		if among == nil {
			continue
		}
		for i := range among.probes {
			for _, stage := range among.probes[i].find(own, resource) {
				j.sightSpan(r, f, stage, span, resource)
			}
		}
		for _, stage := range among.plain {
			j.sightSpan(r, f, stage, span, resource)
		}
	}
}

func (j *judge) sightSpan(r *reading, f int, stage *stageMatch, span ptrace.Span, resource pcommon.Map) {
	if stage.span(span, resource) {
		at := stamps{int64(span.StartTimestamp()), int64(span.EndTimestamp())}
		j.add(r, f, stage.stage, span.Attributes(), resource, at, span.TraceID(), span.SpanID())
	}
}

type stamps struct{ start, end int64 }

// add collects an event for every order that the key attribute names.
func (j *judge) add(r *reading, f, stage int, own, resource pcommon.Map, at stamps, trace [16]byte, span [8]byte) {
	end := j.sane(at.end, r.now)
	if end != at.end {
		r.tally[f].future++
	}
	armed := end >= r.now-int64(j.config.Time.MaxAge)
	if !armed {
		r.tally[f].old++
	}
	event := lifecycle.NewEvent(stage, at.start, end, trace, span, armed)
	key, ok := own.Get(j.flows[f].match.key)
	if !ok {
		if key, ok = resource.Get(j.flows[f].match.key); !ok {
			r.tally[f].noKey++
			return
		}
	}
	if key.Type() == pcommon.ValueTypeSlice {
		for i := range key.Slice().Len() {
			r.sighted(f, text(key.Slice().At(i)), event)
			j.pledge(r, f, text(key.Slice().At(i)), end, own, resource)
		}
		return
	}
	r.sighted(f, text(key), event)
	j.pledge(r, f, text(key), end, own, resource)
}

// pledge collects the deadlines that an event carries.
func (j *judge) pledge(r *reading, f int, key string, at int64, own, resource pcommon.Map) {
	for _, p := range j.flows[f].match.promises {
		v, ok := own.Get(p.attribute)
		if !ok {
			if v, ok = resource.Get(p.attribute); !ok {
				continue
			}
		}
		until, ok := instant(text(v))
		if !ok {
			r.tally[f].unreadable++
			continue
		}
		r.pledges[f] = append(r.pledges[f], pledge{key, p.transition, at, until})
	}
}

// tracked says that the batch has events of orders.
func (r *reading) tracked() bool {
	return slices.ContainsFunc(r.events, func(s []sighting) bool { return len(s) > 0 })
}

func (r *reading) sighted(f int, key string, event lifecycle.Event) {
	if key == "" {
		r.tally[f].noKey++
		return
	}
	r.events[f] = append(r.events[f], sighting{key, event})
}

// sane replaces a stamp that is missing, or too far ahead of the wall clock, by the time of arrival.
func (j *judge) sane(t, now int64) int64 {
	if t <= 0 || t > now+int64(j.config.Time.MaxFuture) {
		return now
	}
	return t
}

// observe hands what was collected to the books.
func (j *judge) observe(ctx context.Context, r *reading) {
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
		j.messages.observe(ctx, j, r)
	}
}

// moveTime tells the clock that a path delivered events up to newest. Stamps too old to be judged say that the path
// lives, but do not hold time back.
func (j *judge) moveTime(resource pcommon.Resource, newest, now int64) {
	if newest == 0 {
		return
	}
	if newest < now-int64(j.config.Time.MaxAge) {
		newest = now
	}
	path := ""
	if j.config.Time.PathAttribute != "" {
		path = textOf(resource.Attributes(), j.config.Time.PathAttribute)
	}
	j.clockMu.Lock()
	j.clock.Observe(path, newest, now)
	j.clockMu.Unlock()
}

func textOf(m pcommon.Map, key string) string {
	if v, ok := m.Get(key); ok {
		return text(v)
	}
	return ""
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
	r.parcels = r.parcels[:0]
	j.readings.Put(r)
}
