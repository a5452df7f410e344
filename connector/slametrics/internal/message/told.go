package message

import "github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"

// Told is an event of a message as one instance tells it to the one that judges.
type Told struct {
	Key                  string // any bytes
	Taken                bool
	Old                  bool // too old to be judged when it was first seen
	At                   int64
	Destination, Service string
	Trace                [16]byte
	Span                 [8]byte
}

// Tell says what a parcel holds.
func (m *Judge) Tell(p *Parcel) Told {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := &p.event
	who := m.known[e.Party()]
	return Told{
		Key: p.key, Taken: e.Stage == Consumed, Old: !e.Armed(), At: e.At,
		Destination: who.destination, Service: who.service, Trace: e.Trace, Span: e.Span,
	}
}

// Hear makes a parcel of what was told, as if its span had been seen.
func (m *Judge) Hear(t *Told, now int64) Parcel {
	stage := Published
	if t.Taken {
		stage = Consumed
	}
	who := m.party(t.Destination, t.Service)
	return Parcel{t.Key, lifecycle.NewPartyEvent(stage, t.At, who, t.Trace, t.Span, !t.Old && t.At >= now-m.remember)}
}
