package sampling

import (
	"math/rand/v2"
	"testing"
)

func TestASpanStandsForThoseThatWereDropped(t *testing.T) {
	for state, want := range map[string]uint64{
		"": 1, "ot=th:0": 1, "ot=th:8": 2, "ot=th:c": 4, "ot=th:f": 16, "ot=rv:0123456789abcd;th:c": 4,
		"vendor=x,ot=th:8;rv:00000000000001": 2, "vendor=x, ot=th:8": 2, "ot=th:80000000000000": 2,
		"ot=th:ffffffffffffff": MaxWeight, "ot=th:fffffffffff": MaxWeight,
		// What cannot be read is no threshold.
		"ot=th:": 1, "ot=th:C": 1, "ot=th:xyz": 1, "ot=th:800000000000000": 1, "not=th:8": 1, "ot=p:2": 1, "ot=th:-1": 1, "th:8": 1,
	} {
		if got := Weight(state, 0); got != want {
			t.Errorf("%q: %d, want %d", state, got, want)
		}
	}
}

func TestWeightsAddUpToWhatWasThere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for state, each := range map[string]float64{"ot=th:5555555555": 1.5, "ot=th:aaaaaaaaaa": 3, "ot=th:fd70a3d70a": 100, "ot=th:1": 16.0 / 15} {
		const spans = 200_000
		sum := 0.0
		for range spans {
			sum += float64(Weight(state, random.Uint64()))
		}
		if got := sum / spans; got < each*0.99 || got > each*1.01 {
			t.Errorf("%s: %.4f a span, want %.4f", state, got, each)
		}
	}
}

func TestAWeightAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Weight("vendor=x,ot=rv:0123456789abcd;th:fd70a3d70a", 7) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzWeight(f *testing.F) {
	f.Add("ot=th:8", uint64(1))
	f.Fuzz(func(t *testing.T, state string, random uint64) {
		if w := Weight(state, random); w < 1 || w > MaxWeight {
			t.Errorf("%q: %d", state, w)
		}
	})
}
