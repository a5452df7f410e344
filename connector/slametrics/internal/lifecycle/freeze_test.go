package lifecycle

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wheel"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

// lines is what a saved state says, an order a line.
func lines(t *testing.T, f *Flow, state []byte) []string {
	t.Helper()
	b := NewBook(f, Limits{MaxOrders: 1 << 20, MaxAge: time.Hour}, wheel.New())
	b.Adopting(true)
	if _, err := b.Load(wire.NewReader(state), nil); err != nil {
		t.Fatal(err)
	}
	all := []string{fmt.Sprint("mark ", b.mark, " orders ", b.count)}
	for id := range b.slab.used {
		if o := b.slab.order(id); o.n > 0 {
			all = append(all, fmt.Sprintf("%q", b.saveOrder(nil, id, o)))
		}
	}
	slices.Sort(all)
	return all
}

// A state that is saved piece by piece is that of the instant at which it was begun, whatever happens meanwhile: orders that
// are new, go on, are judged, are promised something, make way for others, or are forgotten.
func TestAFrozenBookIsSavedAsItWas(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		f := chain(t)
		f.Transitions[1].Promised = true
		b := NewBook(f, Limits{MaxOrders: 300, MaxAge: 60 * time.Second}, wheel.New())
		var facts []Fact
		now := int64(1000) * s
		live := func(n int) {
			for range n {
				key := fmt.Sprintf("ORD-%d", rng.IntN(400))
				if rng.IntN(9) == 0 {
					key += "-with a name that has no room in its order"
				}
				now += rng.Int64N(s / 4)
				at := now - rng.Int64N(20*s)
				facts = b.Observe(key, NewEvent(rng.IntN(4), at, at, [16]byte{byte(n)}, [8]byte{1}, true), facts[:0])
				if rng.IntN(3) == 0 {
					facts = b.Promise(key, 1, at, at+rng.Int64N(40*s), facts[:0])
				}
				if rng.IntN(3) == 0 {
					facts = b.Advance(now-10*s, facts[:0])
				}
			}
		}
		for range 3 {
			live(500)
			want := lines(t, f, b.Save(nil))
			got := b.Freeze(nil)
			for more := true; more; {
				live(rng.IntN(30))
				got, more = b.Thaw(got, rng.IntN(3000))
			}
			if have := lines(t, f, got); !slices.Equal(have, want) {
				t.Fatalf("seed %d: %d orders, want %d", seed, len(have), len(want))
			}
			if _, more := b.Thaw(nil, math.MaxInt32); more || b.frozen != nil {
				t.Fatal("there is nothing left to save")
			}
		}
	}
}
