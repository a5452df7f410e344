//go:build !race

// Under the race detector pools drop what they hold at random, so allocations say nothing there.

package pseudonym

import "testing"

func TestMakingAPseudonymCostsNoAllocation(t *testing.T) {
	ring, room := NewKeyring(Random()), make([]byte, 0, 128)
	for range 3 {
		room = ring.AppendName(room[:0], "email", "ivan.petrov@example.com")
	}
	if n := testing.AllocsPerRun(100, func() { room = ring.AppendName(room[:0], "email", "ivan.petrov@example.com") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
