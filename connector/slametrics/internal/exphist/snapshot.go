package exphist

import "github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"

// Save appends the histogram.
func (h *Histogram) Save(to []byte) []byte {
	to = wire.Uint(to, h.Count)
	to = wire.Float(wire.Float(wire.Float(to, h.Sum), h.Min), h.Max)
	to = wire.Uint(to, h.Zero)
	to = wire.Int(wire.Int(to, int64(h.Scale)), int64(h.Offset))
	to = wire.Uint(to, uint64(len(h.counts)))
	for _, n := range h.counts {
		to = wire.Uint(to, n)
	}
	return to
}

// Load reads what Save wrote. What is damaged is an empty histogram.
func Load(r *wire.Reader) Histogram {
	h := Histogram{Count: r.Uint(), Sum: r.Float(), Min: r.Float(), Max: r.Float(), Zero: r.Uint()}
	h.Scale, h.Offset = int32(r.Int()), int32(r.Int())
	h.counts = make([]uint64, r.Len(1))
	for i := range h.counts {
		h.counts[i] = r.Uint()
	}
	if r.Err() != nil || h.Scale > MaxScale || h.Scale < MinScale || len(h.counts) > MaxBuckets {
		return New()
	}
	return h
}
