package watermark

import (
	"maps"
	"testing"
)

func TestWhatIsNewIsToldOnce(t *testing.T) {
	a := NewActivity(2)
	a.Observe("a", 5)
	a.Observe("a", 3)
	a.Observe(Direct, 1)
	a.Observe("b", 7)
	a.Observe("c", 9) // beyond the bound
	if got, want := a.Take(), (map[string]int64{"a": 5, Direct: 7}); got[Direct] != 9 || got["a"] != 5 {
		t.Errorf("%v, want %v with the newest of b and c", got, want)
	}
	if got := a.Take(); !maps.Equal(got, map[string]int64{}) {
		t.Errorf("told again: %v", got)
	}
}

func TestNamelessSendersBehindAGatewayMayBeIdleButTheGatewayMayNot(t *testing.T) {
	free := config
	free.FreeRun, free.MaxPaths = true, 9
	c := New(free)
	c.Observe("gw-1", 1000*s, 1000*s)
	c.Observe(Behind("gw-1", Direct), 1000*s, 1000*s)
	for now := 1000 * s; now < 1600*s; now += 10 * s {
		c.Observe("gw-1", now, now)
		c.Advance(now)
	}
	if got := c.Mark(); got != (1590-60-10)*s {
		t.Errorf("mark %d: the nameless are idle", got/s)
	}
	c.Advance(3000 * s)
	if got := c.Advance(3100 * s); got != 1580*s {
		t.Errorf("mark %d: no further than the gateway's last word", got/s)
	}
	for _, p := range c.Paths(3100 * s) {
		if p.Stalled != (p.Path == "gw-1") {
			t.Errorf("%+v", p)
		}
	}
}
