// Package exphist is a base-2 exponential histogram that allocates nothing once its bucket range is known.
//
// It follows the OpenTelemetry data model: bucket i holds (base^i, base^(i+1)] with base = 2^(2^-scale). It starts at
// MaxScale, the finest that Prometheus' native histograms keep, and halves its resolution when MaxBuckets do not
// cover the values seen.
package exphist

import "math"

const (
	// MaxScale is the finest resolution: 2^(1/256), and the finest that Prometheus stores.
	MaxScale = 8
	// MinScale covers every positive float64 in a handful of buckets.
	MinScale = -10
	// MaxBuckets bounds the memory of one histogram: 1,280 bytes of counts.
	MaxBuckets = 160
)

// Histogram counts non-negative values. The zero value is not ready: use New. It is owned by its caller's lock.
type Histogram struct {
	Count  uint64
	Sum    float64
	Min    float64
	Max    float64
	Zero   uint64
	Scale  int32
	Offset int32
	counts []uint64
	factor float64
}

// New returns an empty histogram.
func New() Histogram {
	return Histogram{Scale: MaxScale, factor: math.Ldexp(math.Log2E, MaxScale)}
}

// Restore returns a histogram with the given contents, e.g. from a checkpoint.
func Restore(h Histogram, counts []uint64) Histogram {
	h.counts = counts
	h.factor = math.Ldexp(math.Log2E, int(h.Scale))
	return h
}

// Buckets returns the counts from Offset on. The slice is the histogram's own.
func (h *Histogram) Buckets() []uint64 { return h.counts }

// Clone copies h into dst, reusing dst's bucket memory.
func (h *Histogram) Clone(dst *Histogram) {
	buf := dst.counts[:0]
	*dst = *h
	dst.counts = append(buf, h.counts...)
}

// Record counts v. Values below zero and NaN are counted as zero: a duration cannot be negative, and a clock step
// must not lose the event.
func (h *Histogram) Record(v float64) {
	if !(v > 0) {
		v = 0
	}
	if h.Count == 0 || v < h.Min {
		h.Min = v
	}
	if v > h.Max {
		h.Max = v
	}
	h.Count++
	h.Sum += v
	if v == 0 {
		h.Zero++
		return
	}
	if math.IsInf(v, 1) {
		v = math.MaxFloat64
	}
	h.add(h.index(v), 1)
}

// index returns the bucket of v at the present scale.
func (h *Histogram) index(v float64) int32 {
	bits := math.Float64bits(v)
	exp := int32(bits>>52&0x7ff) - 1023
	mantissa := bits & (1<<52 - 1)
	if exp == -1023 { // subnormal
		frac, e := math.Frexp(v)
		exp = int32(e) - 1
		if frac != 0.5 {
			mantissa = 1
		}
	}
	if mantissa == 0 { // an exact power of two is the upper bound of its bucket
		if h.Scale > 0 {
			return exp<<h.Scale - 1
		}
		return (exp - 1) >> -h.Scale
	}
	if h.Scale <= 0 {
		return exp >> -h.Scale
	}
	i := int32(math.Floor(math.Log(v) * h.factor))
	// The logarithm may round across the power of two; the exponent bits are exact.
	return min(max(i, exp<<h.Scale), (exp+1)<<h.Scale-1)
}

func (h *Histogram) add(i int32, n uint64) {
	if len(h.counts) == 0 {
		h.Offset = i
		h.counts = append(h.counts, n)
		return
	}
	low, high := h.Offset, h.Offset+int32(len(h.counts))-1
	if i >= low && i <= high {
		h.counts[i-low] += n
		return
	}
	low, high = min(low, i), max(high, i)
	for high-low+1 > MaxBuckets && h.Scale > MinScale {
		h.halve()
		i >>= 1
		low, high = min(h.Offset, i), max(h.Offset+int32(len(h.counts))-1, i)
	}
	h.cover(low, high)
	h.counts[i-h.Offset] += n
}

// cover grows the counts to reach from low to high.
func (h *Histogram) cover(low, high int32) {
	before := int(h.Offset - low)
	size := int(high-low) + 1
	old := len(h.counts)
	for len(h.counts) < size {
		h.counts = append(h.counts, 0)
	}
	if before > 0 {
		copy(h.counts[before:], h.counts[:old])
		clear(h.counts[:before])
		h.Offset = low
	}
}

// halve merges pairs of buckets: one step coarser.
func (h *Histogram) halve() {
	h.Scale--
	h.factor /= 2
	offset := h.Offset >> 1
	last := (h.Offset + int32(len(h.counts)) - 1) >> 1
	for i, n := range h.counts {
		to := (h.Offset+int32(i))>>1 - offset
		if int(to) != i {
			h.counts[i] = 0
			h.counts[to] += n
		}
	}
	h.Offset = offset
	h.counts = h.counts[:last-offset+1]
}
