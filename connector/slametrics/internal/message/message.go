// Package message judges the delivery of messages: each is an order with two stages, and its id, or its producer's
// span, is the key.
package message

import (
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/ledger"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wheel"
)

// The stages of a message.
const (
	Published = 0
	Consumed  = 1
)

const (
	// maxDestinations bounds the label: routing keys may be without number. Further ones count as "other".
	maxDestinations = 1000
	otherwise       = "other"
	// maxJoined bounds the messages that one consumer span takes.
	maxJoined = 128
)

// Config says what is judged.
type Config struct {
	Deadline     time.Duration
	Remember     time.Duration // after a message's last span; an hour if 0, and never less than ten deadlines
	Destinations []string      // by the producer; all if empty
	MaxMessages  int
}

// Span is what the judge needs to know of a producer's or consumer's span. Its strings may point into memory that is
// reused after Sight returns.
type Span struct {
	Taken                    bool
	ID, Destination, Service string
	At                       int64 // a producer's end, a consumer's start
	Trace                    [16]byte
	Span, Parent             [8]byte
	Links                    int
	Link                     func(i int) ([16]byte, [8]byte)
}

// Report is what came of a batch or of time: messages for which there was no room, and those lost or found after all.
type Report struct {
	Refused int
	Changes []Change
}

// Change is a message that was lost, at the instant its deadline passed, or that turned out not to be.
type Change struct {
	Destination string
	At          int64
	Retracted   bool
}

// Parcel is an event of a message.
type Parcel struct {
	key   string
	event lifecycle.Event
}

// Judge follows messages. It is owned by its mutex.
type Judge struct {
	only     []string
	remember int64

	mu      sync.Mutex
	book    *lifecycle.Book
	parties map[party]uint32
	known   []party // by number
	ledger  map[string]*ledger.Messages
	facts   []lifecycle.Fact
}

// party is who sends to, or takes from, a destination: two services that both take a message are no duplicate.
type party struct{ destination, service string }

// New makes a judge that has seen nothing.
func New(c Config) (*Judge, error) {
	flow, err := lifecycle.NewFlow("messages",
		[]lifecycle.Stage{{Name: "published"}, {Name: "consumed"}},
		[]lifecycle.Transition{{From: Published, To: Consumed, Deadline: c.Deadline, LostAfter: c.Deadline}})
	if err != nil {
		return nil, err
	}
	flow.CountDoubles = true
	remember := c.Remember
	if remember == 0 {
		remember = time.Hour
	}
	limits := lifecycle.Limits{MaxOrders: c.MaxMessages, MaxAge: max(remember, 10*c.Deadline)}
	return &Judge{
		only: c.Destinations, remember: int64(limits.MaxAge), book: lifecycle.NewBook(flow, limits, wheel.New()),
		parties: map[party]uint32{}, known: []party{{destination: otherwise}}, ledger: map[string]*ledger.Messages{},
	}, nil
}

// Sight appends what a span that did not fail says of messages, seen at wall time now.
func (m *Judge) Sight(s *Span, now int64, to []Parcel) []Parcel {
	stage := Published
	if s.Taken {
		stage = Consumed
	} else if len(m.only) > 0 && !slices.Contains(m.only, s.Destination) {
		return to
	}
	who := m.party(s.Destination, s.Service)
	event := lifecycle.NewPartyEvent(stage, s.At, who, s.Trace, s.Span, s.At >= now-m.remember)
	switch {
	case len(s.ID) > lifecycle.MaxKey:
		sum := sha256.Sum256([]byte(s.ID)) // as good a name, of bounded size
		to = append(to, Parcel{string(sum[:]), event})
	case s.ID != "":
		to = append(to, Parcel{s.ID, event})
	case !s.Taken:
		to = append(to, Parcel{spanKey(s.Trace, s.Span), event})
	case s.Links > 0:
		for i := range min(s.Links, maxJoined) { // a batch of messages
			to = append(to, Parcel{spanKey(s.Link(i)), event})
		}
	case s.Parent != [8]byte{}:
		to = append(to, Parcel{spanKey(s.Trace, s.Parent), event})
	}
	return to
}

// spanKey names a message without an id by its producer's span, which a consumer has as its links or parent.
func spanKey(trace [16]byte, span [8]byte) string {
	key := make([]byte, 0, 24)
	key = append(key, trace[:]...)
	return string(append(key, span[:]...))
}

// party numbers who sent or took a message; 0 beyond the bound.
func (m *Judge) party(destination, service string) uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n, ok := m.parties[party{destination, service}]; ok {
		return n
	}
	if len(m.known) > maxDestinations {
		return 0
	}
	n := uint32(len(m.known))
	p := party{strings.Clone(destination), strings.Clone(service)}
	m.parties[p] = n
	m.known = append(m.known, p)
	return n
}

// Observe takes events on.
func (m *Judge) Observe(parcels []Parcel, now int64) Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.facts = m.facts[:0]
	for i := range parcels {
		m.facts = m.book.Observe(parcels[i].key, parcels[i].event, m.facts)
	}
	return m.settleLocked(now)
}

// Advance decides what is due at watermark mark.
func (m *Judge) Advance(mark, now int64) Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.facts = m.book.Advance(mark, m.facts[:0])
	return m.settleLocked(now)
}

// settleLocked adds facts up by destination.
func (m *Judge) settleLocked(now int64) (r Report) {
	for i := range m.facts {
		f := &m.facts[i]
		if f.Kind == lifecycle.Refused {
			r.Refused++
			continue
		}
		name := m.known[f.Party].destination
		l := m.ledger[name]
		if l == nil {
			l = ledger.NewMessages()
			m.ledger[name] = l
		}
		l.Add(f, Consumed, now)
		if lost, back := f.Outcome == lifecycle.OutcomeLost, f.Outcome == lifecycle.OutcomeRetracted; f.Kind == lifecycle.Decided && (lost || back) {
			r.Changes = append(r.Changes, Change{name, f.Due, back})
		}
	}
	clear(m.facts)
	return r
}

// Collect calls visit for every destination that has had messages, under the judge's lock, and starts a new interval
// for exemplars.
func (m *Judge) Collect(visit func(destination string, l *ledger.Messages)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, l := range m.ledger {
		if l.Known() {
			visit(name, l)
			l.Forget()
		}
	}
}
