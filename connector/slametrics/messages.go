package slametrics

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/ledger"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wheel"
)

const (
	published = 0
	consumed  = 1
	// maxDestinations bounds the label: routing keys may be without number. Further ones count as "other".
	maxDestinations = 1000
	otherwise       = "other"
)

// messageJudge follows messages: each is an order with two stages, and its id, or its producer's span, is the key.
type messageJudge struct {
	only     []string // destinations to judge; all if empty
	remember int64    // ns

	mu      sync.Mutex
	book    *lifecycle.Book
	parties map[party]uint32 // owned by mu, as all below
	names   []string         // destination of each party
	ledger  map[string]*ledger.Messages
	facts   []lifecycle.Fact
}

// party is who sends to, or takes from, a destination: two services that both take a message are no duplicate.
type party struct{ destination, service string }

func newMessageJudge(config *Config) (*messageJudge, error) {
	deadline := config.Messages.Deadline
	flow, err := lifecycle.NewFlow("messages",
		[]lifecycle.Stage{{Name: "published"}, {Name: "consumed"}},
		[]lifecycle.Transition{{From: published, To: consumed, Deadline: deadline, LostAfter: deadline}})
	if err != nil {
		return nil, err
	}
	flow.CountDoubles = true
	remember := config.Messages.Remember
	if remember == 0 {
		remember = time.Hour
	}
	limits := lifecycle.Limits{MaxOrders: config.Limits.MaxMessages, MaxAge: max(remember, 10*deadline)}
	return &messageJudge{
		only: config.Messages.Destinations, remember: int64(limits.MaxAge), book: lifecycle.NewBook(flow, limits, wheel.New()),
		parties: map[party]uint32{}, names: []string{otherwise}, ledger: map[string]*ledger.Messages{},
	}, nil
}

// sightMessage collects that a message was sent or taken. A failed span did neither.
func (j *judge) sightMessage(r *reading, span ptrace.Span, service string) {
	if span.Status().Code() == ptrace.StatusCodeError {
		return
	}
	var id, destination string
	for name, v := range span.Attributes().All() {
		switch name {
		case "messaging.message.id":
			id = text(v)
		case "messaging.destination.name":
			destination = text(v)
		}
	}
	stage, at := published, int64(span.EndTimestamp())
	if span.Kind() == ptrace.SpanKindConsumer {
		stage, at = consumed, int64(span.StartTimestamp())
	} else if len(j.messages.only) > 0 && !slices.Contains(j.messages.only, destination) {
		return
	}
	at = j.sane(at, r.now)
	armed := at >= r.now-j.messages.remember
	who := j.messages.party(destination, service)
	event := lifecycle.NewPartyEvent(stage, at, who, span.TraceID(), span.SpanID(), armed)
	for _, key := range messageKeys(span, id, stage) {
		r.parcels = append(r.parcels, sighting{key, event})
	}
}

// messageKeys name the message by its id; else by its producer's span, which a consumer has as its links or parent.
func messageKeys(span ptrace.Span, id string, stage int) []string {
	switch {
	case id != "":
		return []string{id}
	case stage == published:
		return []string{spanKey(span.TraceID(), span.SpanID())}
	case span.Links().Len() > 0:
		var keys []string
		for i := range min(span.Links().Len(), 128) { // a batch of messages
			keys = append(keys, spanKey(span.Links().At(i).TraceID(), span.Links().At(i).SpanID()))
		}
		return keys
	case !span.ParentSpanID().IsEmpty():
		return []string{spanKey(span.TraceID(), span.ParentSpanID())}
	}
	return nil
}

func spanKey(trace pcommon.TraceID, span pcommon.SpanID) string {
	key := make([]byte, 0, 24)
	key = append(key, trace[:]...)
	return string(append(key, span[:]...))
}

// party numbers who sent or took a message; 0 beyond the bound.
func (m *messageJudge) party(destination, service string) uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n, ok := m.parties[party{destination, service}]; ok {
		return n
	}
	if len(m.names) > maxDestinations {
		return 0
	}
	n := uint32(len(m.names))
	p := party{strings.Clone(destination), strings.Clone(service)}
	m.parties[p] = n
	m.names = append(m.names, p.destination)
	return n
}

func (m *messageJudge) observe(ctx context.Context, j *judge, r *reading) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.facts = m.facts[:0]
	for i := range r.parcels {
		m.facts = m.book.Observe(r.parcels[i].key, r.parcels[i].event, m.facts)
	}
	m.settle(ctx, j, r.now)
}

var messagesFlow = metric.WithAttributeSet(attribute.NewSet(attribute.String("flow", "messages"), attribute.String("reason", "refused")))

// settle adds facts up by destination. The caller holds m.mu.
func (m *messageJudge) settle(ctx context.Context, j *judge, now int64) {
	for i := range m.facts {
		f := &m.facts[i]
		if f.Kind == lifecycle.Refused {
			j.telemetry.SLAMetricsOrdersDropped.Add(ctx, 1, messagesFlow)
			continue
		}
		name := m.names[f.Party]
		l := m.ledger[name]
		if l == nil {
			l = ledger.NewMessages()
			m.ledger[name] = l
		}
		l.Add(f, consumed, now)
	}
	clear(m.facts)
}

// messages tells the delivery of messages by destination.
func (b *board) messages(m *messageJudge) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, l := range m.ledger {
		if !l.Known() {
			continue
		}
		for i, outcome := range ledger.MessageOutcomes {
			p := b.count("messages", "{message}", "Messages by what became of them: each is on_time or lost once; a lost one may become late, or retracted if only its telemetry was.", l.Outcomes[i])
			labels(p.Attributes(), "destination", name, "outcome", outcome)
			b.exemplars(p.Exemplars(), l.Newest[i])
		}
		h := b.histogram("message.latency", "Time from the end of the producer's span to the start of the consumer's.", &l.Latency)
		h.Attributes().PutStr("destination", name)
		b.exemplars(h.Exemplars(), l.Slowest)
		l.Forget()
	}
}
