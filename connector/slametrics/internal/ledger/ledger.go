// Package ledger adds up the facts of one flow: the counters and histograms that are told, since they began.
package ledger

import (
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/exphist"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
)

// Exemplar points from a number to the trace behind it. At is when it became known: the last trace of a lost order is
// older than its verdict, and stores refuse exemplars from the past.
type Exemplar struct {
	Value float64
	At    int64
	Trace [16]byte
	Span  [8]byte
}

// Transition is what is known of all instances of a transition.
type Transition struct {
	Outcomes  [lifecycle.Outcomes]uint64
	Newest    [lifecycle.Outcomes]Exemplar // the newest of each outcome since the last Forget
	Durations exphist.Histogram            // seconds
	Slowest   Exemplar
}

// Ending is what is known of all orders that ended one way.
type Ending struct {
	Orders    uint64
	Durations exphist.Histogram // seconds
	Slowest   Exemplar
}

// Ledger is owned by its flow's lock.
type Ledger struct {
	Started     uint64
	Transitions []Transition
	Endings     [lifecycle.Neutral + 1]Ending // by lifecycle.End; NoEnd is unused
	Rework      []uint64                      // by stage
	Kinds       [lifecycle.Kinds]uint64       // how often each kind of fact came
}

// New makes an empty ledger for a flow.
func New(flow *lifecycle.Flow) *Ledger {
	l := &Ledger{Transitions: make([]Transition, len(flow.Transitions)), Rework: make([]uint64, len(flow.Stages))}
	for i := range l.Transitions {
		l.Transitions[i].Durations = exphist.New()
	}
	for i := range l.Endings {
		l.Endings[i].Durations = exphist.New()
	}
	return l
}

// Add counts a fact that became known at wall time now.
func (l *Ledger) Add(f *lifecycle.Fact, now int64) {
	l.Kinds[f.Kind]++
	seconds := float64(f.Duration) / 1e9
	e := Exemplar{Value: seconds, At: now, Trace: f.Trace, Span: f.Span}
	switch f.Kind {
	case lifecycle.Started:
		l.Started++
	case lifecycle.Finished:
		end := &l.Endings[f.End]
		end.Orders++
		end.Durations.Record(seconds)
		end.Slowest.replace(e)
	case lifecycle.Decided:
		t := &l.Transitions[f.Transition]
		t.Outcomes[f.Outcome]++
		e.Value = 1
		if e.known() {
			t.Newest[f.Outcome] = e
		}
	case lifecycle.Reached:
		t := &l.Transitions[f.Transition]
		t.Durations.Record(seconds)
		t.Slowest.replace(e)
	case lifecycle.Reworked:
		l.Rework[f.Stage]++
	}
}

// Forget drops the exemplars: they were told.
func (l *Ledger) Forget() {
	for i := range l.Transitions {
		l.Transitions[i].Newest = [lifecycle.Outcomes]Exemplar{}
		l.Transitions[i].Slowest = Exemplar{}
	}
	for i := range l.Endings {
		l.Endings[i].Slowest = Exemplar{}
	}
}

func (e *Exemplar) known() bool { return e.Trace != [16]byte{} }

func (e *Exemplar) replace(by Exemplar) {
	if by.known() && (!e.known() || by.Value >= e.Value) {
		*e = by
	}
}
