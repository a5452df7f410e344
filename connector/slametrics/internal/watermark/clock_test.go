package watermark

import (
	"math"
	"testing"
	"time"
)

const s = int64(time.Second)

var config = Config{Lateness: 10 * time.Second, Silence: time.Minute, Grace: 5 * time.Minute, Expiry: time.Hour, MaxPaths: 3}

func TestNothingSeenMeansNoTime(t *testing.T) {
	if got := New(config).Advance(1000 * s); got != math.MinInt64 {
		t.Fatalf("mark %d", got)
	}
}

func TestTimeIsTheSlowestPathMinusLateness(t *testing.T) {
	c := New(config)
	c.Observe("a", 1000*s, 1000*s)
	c.Observe("b", 900*s, 1000*s)
	if got := c.Advance(1000 * s); got != 890*s {
		t.Fatalf("mark %d, want 890 s", got/s)
	}
	c.Observe("b", 995*s, 1001*s)
	if got := c.Advance(1001 * s); got != 985*s {
		t.Fatalf("mark %d, want 985 s", got/s)
	}
}

func TestTotalSilenceStopsTime(t *testing.T) {
	c := New(config)
	c.Observe(Direct, 1000*s, 1000*s)
	before := c.Advance(1000 * s)
	if got := c.Advance(100_000 * s); got != before {
		t.Fatalf("time moved by %d s in silence", (got-before)/s)
	}
	if st := c.Paths(1061 * s); len(st) != 1 || !st[0].Stalled {
		t.Fatalf("paths %+v, want stalled", st)
	}
}

func TestAfterASilenceThePathIsHeldForTheGracePeriod(t *testing.T) {
	c := New(config)
	c.Observe(Direct, 1000*s, 1000*s)
	before := c.Advance(1000 * s)
	c.Observe(Direct, 3000*s, 3000*s)
	if got := c.Advance(3299 * s); got != before {
		t.Fatalf("time moved to %d s within the grace period", got/s)
	}
	c.Observe(Direct, 3290*s, 3290*s)
	if got := c.Advance(3300 * s); got != 3280*s {
		t.Fatalf("mark %d s, want 3280", got/s)
	}
}

func TestAPathThatSpeaksRarelyStillMovesTime(t *testing.T) {
	c := New(config)
	for now := 1000 * s; now < 10_000*s; now += 120 * s { // every gap is longer than Silence
		c.Observe(Direct, now, now)
		c.Advance(now)
	}
	if c.Mark() < 10_000*s-600*s {
		t.Fatalf("mark %d s", c.Mark()/s)
	}
}

func TestOneStalledPathHoldsTheOthersUntilItExpires(t *testing.T) {
	c := New(config)
	c.Observe("a", 1000*s, 1000*s)
	for now := 1000 * s; now <= 1000*s+3600*s; now += 30 * s {
		c.Observe("b", now, now)
		if got := c.Advance(now); got != 990*s {
			t.Fatalf("at %d: mark %d s", now/s, got/s)
		}
	}
	c.Observe("b", 4630*s, 4630*s)
	if got := c.Advance(4630 * s); got != 4620*s {
		t.Fatalf("mark %d s after the path expired", got/s)
	}
}

func TestASenderWithAClockAheadDoesNotTakeTimeWithIt(t *testing.T) {
	c := New(config)
	c.Observe(Direct, 9e9*s, 1000*s)
	if got := c.Advance(1000 * s); got != 990*s {
		t.Fatalf("mark %d s", got/s)
	}
}

func TestAFreeRunningDirectPathFollowsTheWallClock(t *testing.T) {
	free := config
	free.FreeRun = true
	c := New(free)
	c.Observe(Direct, 1000*s, 1000*s)
	if got := c.Advance(2000 * s); got != 2000*s-70*s {
		t.Fatalf("mark %d s, want now - silence - lateness", got/s)
	}
	if c.Paths(2000 * s)[0].Stalled {
		t.Fatal("a free-running path is not stalled")
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	c := New(config)
	c.Observe("a", 1000*s, 1000*s)
	c.Advance(1000 * s)
	c.Observe("new", 10*s, 1001*s)
	if got := c.Advance(1001 * s); got != 990*s {
		t.Fatalf("mark %d s", got/s)
	}
}

func TestRestoredTimeWaitsForTheGracePeriod(t *testing.T) {
	c := New(config)
	c.Restore(500*s, 900*s, map[string]int64{"a": 600 * s})
	c.Observe(Direct, 1000*s, 1000*s)
	if got := c.Advance(1299 * s); got != 500*s {
		t.Fatalf("mark %d s", got/s)
	}
	if got := c.Advance(1300 * s); got != 590*s {
		t.Fatalf("mark %d s: the path that was known before is waited for", got/s)
	}
	c.Observe("a", 1290*s, 1300*s)
	if got := c.Advance(1600 * s); got != 990*s {
		t.Fatalf("mark %d s", got/s)
	}
}

func TestPathsBeyondTheBoundCountAsDirect(t *testing.T) {
	c := New(config)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		c.Observe(name, 100*s, 100*s)
	}
	if got := c.Paths(100 * s); len(got) != 4 || c.Denied() != 2 {
		t.Fatalf("%d paths, %d denied", len(got), c.Denied())
	}
}
