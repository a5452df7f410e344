package wheel

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestTimersFireExactlyWhenDue(t *testing.T) {
	w := New()
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	w.Advance(start, nil)
	w.Arm(3, start+10)
	fired := 0
	w.Advance(start+9, func(uint32) { fired++ })
	if fired != 0 {
		t.Fatal("fired one nanosecond early")
	}
	w.Advance(start+10, func(uint32) { fired++ })
	if fired != 1 || w.Len() != 0 {
		t.Fatalf("fired %d, armed %d", fired, w.Len())
	}
}

// TestWheelAgreesWithAList holds the wheel to the plainest implementation there is, over random arms, re-arms,
// disarms and jumps from nanoseconds to years.
func TestWheelAgreesWithAList(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 7))
		w, list := New(), map[uint32]int64{}
		now := int64(1_700_000_000_000_000_000) + rng.Int64N(1e15)
		w.Advance(now, func(uint32) { t.Fatal("fired with nothing armed") })
		for range 300 {
			id := uint32(rng.IntN(40))
			switch rng.IntN(4) {
			case 0, 1:
				due := now + rng.Int64N(1<<(10+rng.IntN(46))) - 1000
				w.Arm(id, due)
				list[id] = due
			case 2:
				w.Disarm(id)
				delete(list, id)
			case 3:
				now += rng.Int64N(1 << (1 + rng.IntN(54)))
				got := map[uint32]bool{}
				w.Advance(now, func(id uint32) { got[id] = true })
				for id, due := range list {
					if (due <= now) != got[id] {
						t.Fatalf("seed %d: id %d due in %d ns: fired %v", seed, id, due-now, got[id])
					}
					if got[id] {
						delete(list, id)
						delete(got, id)
					}
				}
				if len(got) != 0 || w.Len() != len(list) {
					t.Fatalf("seed %d: unknown timers fired %v; armed %d, want %d", seed, got, w.Len(), len(list))
				}
			}
		}
	}
}

func TestATimerMayReArmItselfWhileFiring(t *testing.T) {
	w := New()
	w.Arm(1, 100)
	n := 0
	w.Advance(1e12, func(id uint32) {
		if n++; n < 5 {
			w.Arm(id, int64(n)*2e11)
		}
	})
	if n != 5 {
		t.Fatalf("fired %d times, want 5", n)
	}
}

func BenchmarkReArm(b *testing.B) {
	w := New()
	for id := range uint32(100_000) {
		w.Arm(id, int64(id)*1e8)
	}
	b.ReportAllocs()
	id := uint32(0)
	for b.Loop() {
		w.Arm(id%100_000, int64(id)*1e9)
		id += 7919
	}
}
