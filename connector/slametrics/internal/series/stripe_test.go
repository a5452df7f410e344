package series

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
)

// wide makes a store with stripes, however many cores there are.
func wide(limit, stripes int) *Store {
	s := New(limit)
	s.stripes = nil
	for range stripes {
		s.stripes = append(s.stripes, newStripe())
	}
	return s
}

func keyOf(n int) Key { return Key{Service: "a", Name: fmt.Sprint(n), Failed: n%7 == 0} }

// TestWhoeverCountsTheSumIsTheSame counts the same requests by one writer and by several at once, more than there are
// stripes, of more series than a stripe has room for, with collections in between.
func TestWhoeverCountsTheSumIsTheSame(t *testing.T) {
	for _, total := range []int{10, ownSeries, 3 * ownSeries} {
		rng := rand.New(rand.NewPCG(7, uint64(total)))
		one, several := wide(2*ownSeries, 1), wide(2*ownSeries, 3)
		writers := make([]Writer, 5)
		want := map[Key]uint64{}
		for range 8 {
			var alone Writer
			alone.Begin(one)
			for i := range writers {
				writers[i].Begin(several)
			}
			for range 1000 {
				k, n, v := keyOf(rng.IntN(total)), 1+rng.Uint64N(2), float64(rng.IntN(1000))
				e := Exemplar{Value: v, At: 1, Trace: [16]byte{1}}
				alone.RecordN(one.Hash("a"), &k, &e, n)
				writers[rng.IntN(len(writers))].RecordN(several.Hash("a"), &k, &e, n)
				want[k] += n
			}
			alone.End()
			for i := range writers {
				writers[i].End()
			}
			if rng.IntN(3) == 0 {
				sums := map[Key]float64{}
				one.Collect(func(n *Snapshot) { sums[n.Key] = n.Duration.Sum })
				several.Collect(func(n *Snapshot) {
					if sums[n.Key] != n.Duration.Sum {
						t.Errorf("%d series: %q: sum %g by several, %g by one", total, n.Key.Name, n.Duration.Sum, sums[n.Key])
					}
				})
			}
		}
		if got, of := collectAll(several), collectAll(one); !maps.Equal(got, of) {
			t.Fatalf("%d series: by several %d, by one %d", total, len(got), len(of))
		} else if total <= 2*ownSeries && !maps.Equal(got, want) {
			t.Fatalf("%d series: not what was counted", total)
		}
	}
}

func TestAFullStripeMakesRoomForTheSeriesOfToday(t *testing.T) {
	s := wide(10*ownSeries, 1)
	var w Writer
	count := func(from, to int) {
		w.Begin(s)
		defer w.End()
		for n := from; n < to; n++ {
			k := keyOf(n)
			w.Record(s.Hash("a"), &k, &Exemplar{Value: 1, At: 1})
		}
	}
	owns := func(n int) bool {
		for _, l := range s.stripes[0].all {
			if l.key == keyOf(n) {
				return true
			}
		}
		return false
	}
	count(0, ownSeries+100)
	if owns(ownSeries) || len(s.stripes[0].all) != ownSeries {
		t.Fatal("a stripe has more series than there is room for")
	}
	collectAll(s)
	count(0, 10)
	collectAll(s) // all but ten were idle
	count(ownSeries, ownSeries+10)
	if !owns(0) || !owns(ownSeries) || owns(20) {
		t.Fatal("idle series keep their room after a collection")
	}
	count(0, ownSeries)
	k := keyOf(5 * ownSeries)
	w.Begin(s)
	for range patience { // with no collection at all
		w.Record(s.Hash("a"), &k, &Exemplar{Value: 1, At: 1})
	}
	w.End()
	if !owns(5 * ownSeries) {
		t.Fatal("a series that comes again and again finds no room")
	}
	got := collectAll(s)
	for n, want := range map[int]uint64{0: 3, 20: 2, ownSeries: 2, 5 * ownSeries: patience} {
		if got[keyOf(n)] != want {
			t.Errorf("series %d: %d, want %d", n, got[keyOf(n)], want)
		}
	}
}

func TestAWriterThatFindsNoStripeCountsAllTheSame(t *testing.T) {
	s := wide(10, 1)
	var first, second Writer
	first.Begin(s)
	second.Begin(s)
	k := keyOf(1)
	for range 3 {
		first.Record(s.Hash("a"), &k, &Exemplar{Value: 1, At: 1, Trace: [16]byte{1}})
		second.Record(s.Hash("a"), &k, &Exemplar{Value: 9, At: 2, Trace: [16]byte{2}})
	}
	second.End()
	first.End()
	s.Collect(func(n *Snapshot) {
		if n.Duration.Count != 6 || n.Duration.Sum != 30 || len(n.Exemplar) != 2 || n.Exemplar[1].Value != 9 {
			t.Fatalf("got %+v", n)
		}
	})
}

func TestWritersOnManyCoresLoseNothing(t *testing.T) {
	s := wide(3*ownSeries, 2)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			var w Writer
			for batch := range 20 {
				w.Begin(s)
				for i := range 100 {
					k := keyOf((batch*97 + i*31 + g) % (4 * ownSeries))
					w.Record(s.Hash("a"), &k, &Exemplar{Value: 1, At: 1, Trace: [16]byte{1}})
				}
				w.End()
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			collectAll(s)
		}
	})
	wg.Wait()
	var total uint64
	for _, n := range collectAll(s) {
		total += n
	}
	if total != 4*20*100 {
		t.Fatalf("%d requests", total)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	s := wide(100, 1)
	keys := make([]Key, 50)
	var w Writer
	batch := func() {
		w.Begin(s)
		for i := range keys {
			w.Record(s.Hash("a"), &keys[i], &Exemplar{Value: float64(i), At: 1, Trace: [16]byte{1}})
		}
		w.End()
	}
	for i := range keys {
		keys[i] = keyOf(i)
	}
	if n := testing.AllocsPerRun(10, batch); n > 0 {
		t.Fatalf("%v allocations", n)
	}
}
