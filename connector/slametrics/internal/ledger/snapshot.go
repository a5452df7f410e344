package ledger

import (
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/exphist"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

// Save appends the ledger's counters and histograms. Exemplars are not kept: they were told, or are out of date.
func (l *Ledger) Save(to []byte) []byte {
	to = wire.Uint(to, l.Started)
	for i := range l.Transitions {
		for _, n := range l.Transitions[i].Outcomes {
			to = wire.Uint(to, n)
		}
		to = l.Transitions[i].Durations.Save(to)
	}
	for i := range l.Endings {
		to = wire.Uint(to, l.Endings[i].Orders)
		to = l.Endings[i].Durations.Save(to)
	}
	for _, n := range l.Rework {
		to = wire.Uint(to, n)
	}
	return to
}

// Load reads what Save wrote into the ledger of the same flow.
func (l *Ledger) Load(r *wire.Reader) error {
	l.Started = r.Uint()
	for i := range l.Transitions {
		for k := range l.Transitions[i].Outcomes {
			l.Transitions[i].Outcomes[k] = r.Uint()
		}
		l.Transitions[i].Durations = exphist.Load(r)
	}
	for i := range l.Endings {
		l.Endings[i].Orders = r.Uint()
		l.Endings[i].Durations = exphist.Load(r)
	}
	for i := range l.Rework {
		l.Rework[i] = r.Uint()
	}
	return r.Err()
}
