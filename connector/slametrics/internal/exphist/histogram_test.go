package exphist

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// limits gives (low, high] of bucket i at scale, computed without the code under test.
func limits(i, scale int32) (float64, float64) {
	step := math.Ldexp(1, int(-scale))
	return math.Exp2(float64(i) * step), math.Exp2(float64(i+1) * step)
}

func TestEveryValueLandsInsideItsBucket(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for scale := int32(MinScale); scale <= MaxScale; scale++ {
		h := Histogram{Scale: scale}
		for range 2000 {
			v := math.Exp2(rng.Float64()*60 - 30)
			low, high := limits(h.index(v), scale)
			if v < low*(1-1e-12) || v > high*(1+1e-12) {
				t.Fatalf("scale %d: %g in bucket (%g, %g]", scale, v, low, high)
			}
		}
	}
}

func TestAPowerOfTwoIsTheUpperBoundOfItsBucket(t *testing.T) {
	for scale := int32(MinScale); scale <= MaxScale; scale++ {
		h := Histogram{Scale: scale}
		for e := -40; e <= 40; e++ {
			v := math.Ldexp(1, e)
			low, high := limits(h.index(v), scale)
			if !(v > low) || v > high {
				t.Fatalf("scale %d: 2^%d in bucket (%g, %g]", scale, e, low, high)
			}
		}
	}
}

func TestRescalingLosesNoCount(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	h := New()
	var sum float64
	for range 10000 {
		v := math.Exp2(rng.Float64()*80 - 40)
		sum += v
		h.Record(v)
	}
	h.Record(0)
	h.Record(-1)
	var total uint64
	for _, n := range h.Buckets() {
		total += n
	}
	if total+h.Zero != h.Count || h.Count != 10002 || h.Zero != 2 {
		t.Fatalf("buckets %d + zero %d != count %d", total, h.Zero, h.Count)
	}
	if len(h.Buckets()) > MaxBuckets {
		t.Fatalf("%d buckets", len(h.Buckets()))
	}
	if math.Abs(sum-h.Sum) > 1e-6*sum {
		t.Fatalf("sum %g, want %g", h.Sum, sum)
	}
}

func TestMergingOrderDoesNotMatter(t *testing.T) {
	values := []float64{1e-6, 3, 0.25, 1e5, 7, 1e-9, 2, 2.0001, 1e9}
	a, b := New(), New()
	for i := range values {
		a.Record(values[i])
		b.Record(values[len(values)-1-i])
	}
	if a.Scale != b.Scale || a.Offset != b.Offset || len(a.counts) != len(b.counts) {
		t.Fatalf("a: scale %d offset %d n %d, b: scale %d offset %d n %d", a.Scale, a.Offset, len(a.counts), b.Scale, b.Offset, len(b.counts))
	}
	for i := range a.counts {
		if a.counts[i] != b.counts[i] {
			t.Fatalf("bucket %d: %d and %d", i, a.counts[i], b.counts[i])
		}
	}
}

func TestAddingUpIsRecordingAllInOnePlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		whole, sum, part := New(), New(), New()
		for range 1 + rng.IntN(4) { // intervals, each counted apart
			spread := math.Exp2(rng.Float64() * 5)
			for range rng.IntN(40) {
				v := float64(rng.IntN(4)) * math.Exp2(math.Round(rng.Float64()*spread-spread/2)) // sums of these are exact
				n := 1 + rng.Uint64N(3)
				whole.RecordN(v, n)
				part.RecordN(v, n)
			}
			sum.Add(&part)
			part.Clear()
		}
		if sum.Count != whole.Count || sum.Sum != whole.Sum || sum.Min != whole.Min || sum.Max != whole.Max || sum.Zero != whole.Zero {
			t.Fatalf("got %+v, want %+v", sum, whole)
		}
		if sum.Scale != whole.Scale || sum.Offset != whole.Offset || !slices.Equal(sum.counts, whole.counts) {
			t.Fatalf("got %+v, want %+v", sum, whole)
		}
	}
}

func FuzzRecordKeepsCountAndBound(f *testing.F) {
	f.Add(1.0, 2.0, 1e300)
	f.Add(5e-324, math.MaxFloat64, 0.5)
	f.Fuzz(func(t *testing.T, a, b, c float64) {
		h := New()
		for _, v := range []float64{a, b, c} {
			h.Record(v)
		}
		var total uint64
		for _, n := range h.Buckets() {
			total += n
		}
		if total+h.Zero != 3 || len(h.Buckets()) > MaxBuckets {
			t.Fatalf("total %d zero %d buckets %d", total, h.Zero, len(h.Buckets()))
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	h := New()
	for i := range 1000 {
		h.Record(float64(i) * 0.001)
	}
	b.ReportAllocs()
	v := 0.001
	for b.Loop() {
		h.Record(v)
		v *= 1.01
		if v > 1 {
			v = 0.001
		}
	}
}
