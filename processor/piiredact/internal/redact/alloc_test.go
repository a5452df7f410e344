//go:build !race

// Under the race detector pools drop what they hold at random, so allocations say nothing there.

package redact

import (
	"math/rand/v2"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

func TestAValueThatIsKnownToHoldDataCostsNoAllocation(t *testing.T) {
	e := testEngine(policy.Balanced)
	se := e.Session()
	defer se.Release()
	for _, kv := range [][2]string{
		{"note", "ring for ivan.petrov@example.com, call +7 (999) 123-45-67"}, {"customer.email", "ivan@example.com"}, {"customer.name", "Ivan Petrov"},
		{"db.query.text", "SELECT * FROM t WHERE a = 'x' AND b = 5"}, {"note", "Authorization: Bearer mF_9.B5f-4.1JqM9kP2xT"},
	} {
		d := se.Key("", kv[0])
		look := func() { se.Text(d, kv[1], 0) }
		look()
		look()
		if n := testing.AllocsPerRun(20, look); n != 0 {
			t.Errorf("%q under %q: %v allocations", kv[1], kv[0], n)
		}
	}
}

func TestOrdinaryLogLinesAreLeftAloneWithoutAllocations(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(8, 8))}
	e := testEngine(policy.Balanced)
	for _, kind := range m.bodies() {
		lines := make([]string, 4096)
		for i := range lines {
			lines[i] = kind.draw()
		}
		se := e.Session()
		i := 0
		allocs := testing.AllocsPerRun(len(lines)-1, func() {
			if out, v := se.Text(e.Plain(), lines[i], 0); v != Same {
				t.Errorf("%q became %q", lines[i], out)
			}
			i++
		})
		if allocs > 0 {
			t.Errorf("%s: %v allocations a line", kind.name, allocs)
		}
		se.Release()
	}
}
