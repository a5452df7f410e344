package ledger

import (
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/exphist"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
)

// MessageOutcomes names what becomes of messages, by index.
var MessageOutcomes = [...]string{"on_time", "late", "lost", "retracted", "duplicate"}

const duplicate = len(MessageOutcomes) - 1

var messageOutcome = [lifecycle.Outcomes]int{
	lifecycle.OutcomeOnTime: 0, lifecycle.OutcomeLate: 1, lifecycle.OutcomeLost: 2, lifecycle.OutcomeRetracted: 3,
	lifecycle.OutcomeBreached: -1, // a message past its deadline is lost at once
}

// Messages is what is known of the messages of a destination. It is owned by its caller's lock.
type Messages struct {
	Outcomes [len(MessageOutcomes)]uint64
	Newest   [len(MessageOutcomes)]Exemplar
	Latency  exphist.Histogram // seconds
	Slowest  Exemplar
	known    bool
}

// NewMessages makes an empty account.
func NewMessages() *Messages { return &Messages{Latency: exphist.New()} }

// Known says whether any message has been sent to, or taken twice from, the destination.
func (m *Messages) Known() bool { return m.known }

// Add counts a fact that became known at wall time now; taken is the stage of consumption.
func (m *Messages) Add(f *lifecycle.Fact, taken int, now int64) {
	e := Exemplar{Value: 1, At: now, Trace: f.Trace, Span: f.Span}
	count := func(i int) {
		m.known = true
		m.Outcomes[i]++
		if e.known() {
			m.Newest[i] = e
		}
	}
	switch f.Kind {
	case lifecycle.Started:
		m.known = m.known || f.Stage != taken
	case lifecycle.Decided:
		if i := messageOutcome[f.Outcome]; i >= 0 {
			count(i)
		}
	case lifecycle.Doubled:
		if f.Stage == taken {
			count(duplicate)
		}
	case lifecycle.Reached:
		e.Value = float64(f.Duration) / 1e9
		m.Latency.Record(e.Value)
		m.Slowest.replace(e)
	}
}

// Forget drops the exemplars: they were told.
func (m *Messages) Forget() {
	m.Newest = [len(MessageOutcomes)]Exemplar{}
	m.Slowest = Exemplar{}
}
