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
}

// New returns an empty histogram.
func New() Histogram {
	return Histogram{Scale: MaxScale}
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
func (h *Histogram) Record(v float64) { h.RecordN(v, 1) }

// RecordN counts v n times; n is at least 1.
func (h *Histogram) RecordN(v float64, n uint64) {
	if !(v > 0) {
		v = 0
	}
	if h.Count == 0 || v < h.Min {
		h.Min = v
	}
	if v > h.Max {
		h.Max = v
	}
	h.Count += n
	h.Sum += v * float64(n)
	if v == 0 {
		h.Zero += n
		return
	}
	if math.IsInf(v, 1) {
		v = math.MaxFloat64
	}
	h.add(h.index(v), n)
}

// Add counts all that o counts: the result is that of recording every value here.
func (h *Histogram) Add(o *Histogram) {
	if o.Count == 0 {
		return
	}
	if h.Count == 0 || o.Min < h.Min {
		h.Min = o.Min
	}
	h.Max = max(h.Max, o.Max)
	h.Count += o.Count
	h.Sum += o.Sum
	h.Zero += o.Zero
	if len(o.counts) == 0 {
		return
	}
	if len(h.counts) == 0 {
		h.Scale, h.Offset = o.Scale, o.Offset
		h.counts = append(h.counts, o.counts...)
		return
	}
	for h.Scale > o.Scale {
		h.halve()
	}
	finer := o.Scale - h.Scale
	low, high := h.span(o.Offset>>finer, (o.Offset+int32(len(o.counts))-1)>>finer)
	for high-low+1 > MaxBuckets && h.Scale > MinScale {
		h.halve()
		finer++
		low, high = h.span(o.Offset>>finer, (o.Offset+int32(len(o.counts))-1)>>finer)
	}
	h.cover(low, high)
	for i, n := range o.counts {
		h.counts[(o.Offset+int32(i))>>finer-h.Offset] += n
	}
}

// span is from the least to the greatest bucket of the counts, and of those given. There are counts.
func (h *Histogram) span(low, high int32) (int32, int32) {
	return min(h.Offset, low), max(h.Offset+int32(len(h.counts))-1, high)
}

// Clear forgets what was counted, and keeps room and resolution for more of the kind.
func (h *Histogram) Clear() {
	clear(h.counts)
	*h = Histogram{Scale: h.Scale, Offset: h.Offset, counts: h.counts}
}

// Reset makes h new, and keeps its memory.
func (h *Histogram) Reset() { *h = Histogram{Scale: MaxScale, counts: h.counts[:0]} }

const (
	mantissaBits = 52
	guessBits    = MaxScale + 1
	perOctave    = 1 << MaxScale
)

// bounds are the mantissas of the upper bounds of the buckets of one octave at MaxScale; guess holds, for the leading
// bits of a mantissa, the first bucket that it can be in. A look-up and at most two comparisons take the place of a
// logarithm, and are exact.
var bounds, guess = func() (b [perOctave]uint64, g [1 << guessBits]uint16) {
	for i := range b {
		b[i] = math.Float64bits(math.Exp2(float64(i+1)/perOctave)) & (1<<mantissaBits - 1)
	}
	b[perOctave-1] = 1 << mantissaBits // the next octave
	for i, at := 0, 0; i < len(g); i++ {
		for b[at] < uint64(i)<<(mantissaBits-guessBits) {
			at++
		}
		g[i] = uint16(at)
	}
	return b, g
}()

// index returns the bucket of v at the present scale: that at the finest scale, coarsened.
func (h *Histogram) index(v float64) int32 {
	bits := math.Float64bits(v)
	exp := int32(bits>>mantissaBits) - 1023
	mantissa := bits & (1<<mantissaBits - 1)
	if exp == -1023 { // subnormal: normalise
		fraction, e := math.Frexp(v)
		exp, mantissa = int32(e)-1, math.Float64bits(fraction)&(1<<mantissaBits-1)
	}
	i := exp<<MaxScale - 1 // an exact power of two is the upper bound of the bucket below
	if mantissa != 0 {
		at := guess[mantissa>>(mantissaBits-guessBits)]
		for bounds[at] < mantissa {
			at++
		}
		i = exp<<MaxScale + int32(at)
	}
	return i >> (MaxScale - h.Scale)
}

func (h *Histogram) add(i int32, n uint64) {
	if len(h.counts) == 0 {
		h.Offset = i
		h.counts = append(h.counts, n)
		return
	}
	if at := uint32(i - h.Offset); at < uint32(len(h.counts)) {
		h.counts[at] += n
		return
	}
	low, high := h.span(i, i)
	for high-low+1 > MaxBuckets && h.Scale > MinScale {
		h.halve()
		i >>= 1
		low, high = h.span(i, i)
	}
	h.cover(low, high)
	h.counts[i-h.Offset] += n
}

// cover grows the counts to reach from low to high.
func (h *Histogram) cover(low, high int32) {
	before := int(h.Offset - low)
	size := int(high-low) + 1
	old := len(h.counts)
	if cap(h.counts) < size {
		h.counts = append(make([]uint64, 0, max(size, min(2*size, MaxBuckets))), h.counts...)
	}
	h.counts = h.counts[:size]
	clear(h.counts[old:])
	if before > 0 {
		copy(h.counts[before:], h.counts[:old])
		clear(h.counts[:before])
		h.Offset = low
	}
}

// halve merges pairs of buckets: one step coarser.
func (h *Histogram) halve() {
	h.Scale--
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
