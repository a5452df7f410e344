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
		to = saveHistogram(to, &l.Transitions[i].Durations)
	}
	for i := range l.Endings {
		to = wire.Uint(to, l.Endings[i].Orders)
		to = saveHistogram(to, &l.Endings[i].Durations)
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
		l.Transitions[i].Durations = loadHistogram(r)
	}
	for i := range l.Endings {
		l.Endings[i].Orders = r.Uint()
		l.Endings[i].Durations = loadHistogram(r)
	}
	for i := range l.Rework {
		l.Rework[i] = r.Uint()
	}
	return r.Err()
}

func saveHistogram(to []byte, h *exphist.Histogram) []byte {
	to = wire.Uint(to, h.Count)
	to = wire.Float(wire.Float(wire.Float(to, h.Sum), h.Min), h.Max)
	to = wire.Uint(to, h.Zero)
	to = wire.Int(wire.Int(to, int64(h.Scale)), int64(h.Offset))
	to = wire.Uint(to, uint64(len(h.Buckets())))
	for _, n := range h.Buckets() {
		to = wire.Uint(to, n)
	}
	return to
}

func loadHistogram(r *wire.Reader) exphist.Histogram {
	h := exphist.Histogram{Count: r.Uint(), Sum: r.Float(), Min: r.Float(), Max: r.Float(), Zero: r.Uint()}
	h.Scale, h.Offset = int32(r.Int()), int32(r.Int())
	counts := make([]uint64, r.Len(1))
	for i := range counts {
		counts[i] = r.Uint()
	}
	if r.Err() != nil || h.Scale > exphist.MaxScale || h.Scale < exphist.MinScale || len(counts) > exphist.MaxBuckets {
		return exphist.New()
	}
	return exphist.Restore(h, counts)
}
