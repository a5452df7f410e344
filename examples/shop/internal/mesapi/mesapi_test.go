package mesapi

import (
	"testing"
	"time"
)

func TestAPriceGrowsWithTheMetal(t *testing.T) {
	for _, tt := range []struct {
		volume   float64
		material string
		want     int64
	}{{0, "gold", 4_900}, {400, "silver", 6_100}, {400, "platinum", 42_900}, {400, "gold", 52_900}, {400, "cheese", 6_100}} {
		if got := cents(tt.volume, tt.material); got != tt.want {
			t.Errorf("%v mm³ of %s: %d, want %d", tt.volume, tt.material, got, tt.want)
		}
	}
}

func TestEachOrderHasItsOwnTimeWithinTheBounds(t *testing.T) {
	seen := map[time.Duration]bool{}
	for _, id := range []string{"ORD-10000001", "ORD-10000002", "ORD-10000003", "ORD-10000004", "ORD-10000005"} {
		got := spread(id, "make", time.Second, 3*time.Second)
		if got < time.Second || got > 3*time.Second || got != spread(id, "make", time.Second, 3*time.Second) {
			t.Errorf("%s: %v", id, got)
		}
		seen[got] = true
	}
	if len(seen) < 4 {
		t.Errorf("five orders, %d times", len(seen))
	}
}
