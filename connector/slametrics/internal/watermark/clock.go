// Package watermark decides how far event time has come: the instant before which no telemetry is expected any more.
//
// Telemetry arrives over paths (an agent, or "direct" for senders without one). Each path has seen events up to some
// instant. The watermark is the least of these over all paths, minus the allowed lateness. It never goes back.
//
// It is the liveness of the path that moves time, not the wall clock: when every path is silent, time stands still
// and nothing is judged; when one service is silent behind a living path, time goes on and its orders are judged.
// A path that speaks again after a silence may first deliver what it had queued, in any order, so its time is held
// for a grace period before the events that came since count.
package watermark

import (
	"math"
	"slices"
	"strings"
	"time"
)

// Direct is the path of telemetry that names none.
const Direct = ""

// Config says how paths are judged. All durations are wall time, except Lateness, which is event time.
type Config struct {
	Lateness time.Duration // how far telemetry may overtake other telemetry
	Silence  time.Duration // a path that is silent for longer is stalled
	Grace    time.Duration // how long a path that speaks again is held
	Expiry   time.Duration // a path that is silent for longer is gone, and no longer waited for; 0 is never
	FreeRun  bool          // the time of direct paths follows the wall clock while it is silent
	MaxPaths int           // bound on named paths; the telemetry of further ones counts as direct
}

// Status is the state of one path at an instant.
type Status struct {
	Path    string
	Lag     time.Duration // wall clock minus the path's own time
	Stalled bool          // silent for longer than Silence: it cannot be judged on
	Held    bool          // speaking again, in its grace period
}

type path struct {
	seen     int64 // greatest event time seen, never beyond the wall clock
	released int64 // greatest event time that counts
	arrival  int64 // wall time of the last telemetry
	hold     int64 // wall time at which seen counts again; 0 when not held
}

// Clock tracks the paths. It is owned by its caller's lock.
type Clock struct {
	config Config
	paths  map[string]*path
	mark   int64
	hold   int64 // wall time until which the whole watermark is held, after a restart; the greatest until telemetry comes
	denied uint64
}

// New returns a clock that has seen nothing: its mark is the beginning of time.
func New(config Config) *Clock {
	return &Clock{config: config, paths: map[string]*path{}, mark: math.MinInt64}
}

// Mark is the watermark of the last Advance.
func (c *Clock) Mark() int64 { return c.mark }

// Denied counts observations of paths beyond MaxPaths.
func (c *Clock) Denied() uint64 { return c.denied }

// Restore continues from a checkpoint: the mark is the one saved, and time is held until a grace period after the
// first telemetry. Paths that were known are waited for as if they had just fallen silent.
func (c *Clock) Restore(mark, now int64, released map[string]int64) {
	c.mark = mark
	c.hold = math.MaxInt64
	for name, t := range released {
		c.paths[name] = &path{seen: t, released: t, arrival: now}
	}
}

// Released is how far each path has come, to be restored.
func (c *Clock) Released() map[string]int64 {
	all := make(map[string]int64, len(c.paths))
	for name, p := range c.paths {
		all[name] = p.released
	}
	return all
}

// Observe records that telemetry with event time t came over a path at wall time now. The name is cloned if kept.
func (c *Clock) Observe(name string, t, now int64) {
	if c.hold == math.MaxInt64 {
		c.hold = now + int64(c.config.Grace)
	}
	t = min(t, now) // a sender whose clock is ahead must not take time with it
	p := c.paths[name]
	if p == nil {
		if len(c.paths) >= c.config.MaxPaths && name != Direct {
			c.denied++
			c.Observe(Direct, t, now)
			return
		}
		p = &path{seen: t, released: t, arrival: now}
		c.paths[strings.Clone(name)] = p
		return
	}
	silent := now-p.arrival > int64(c.config.Silence)
	if silent && p.hold == 0 && !c.free(name) && c.config.Grace > 0 {
		p.hold = now + int64(c.config.Grace)
	}
	p.arrival = max(p.arrival, now)
	p.seen = max(p.seen, t)
	if p.hold == 0 {
		p.released = p.seen
	}
}

// Advance returns the watermark at wall time now.
func (c *Clock) Advance(now int64) int64 {
	least, any := int64(math.MaxInt64), false
	for name, p := range c.paths {
		silence := now - p.arrival
		if c.config.Expiry > 0 && silence > int64(c.config.Expiry) && name != Direct {
			delete(c.paths, name)
			continue
		}
		// What came since the path spoke again has now waited for a whole grace period, so it counts, even if the
		// path has fallen silent once more: a path that speaks rarely still moves time.
		if p.hold > 0 && now >= p.hold {
			p.hold, p.released = 0, p.seen
		}
		if c.free(name) && silence > int64(c.config.Silence) {
			p.seen = max(p.seen, now-int64(c.config.Silence))
			p.released = p.seen
		}
		least, any = min(least, p.released), true
	}
	if any && now >= c.hold {
		c.mark = max(c.mark, least-int64(c.config.Lateness))
	}
	return c.mark
}

// Paths returns the state of every path, by name.
func (c *Clock) Paths(now int64) []Status {
	all := make([]Status, 0, len(c.paths))
	for name, p := range c.paths {
		all = append(all, Status{
			Path:    name + suffix(name),
			Lag:     time.Duration(now - p.released),
			Stalled: now-p.arrival > int64(c.config.Silence) && !c.free(name),
			Held:    p.hold > 0 || now < c.hold,
		})
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// suffix completes the name of a path of nameless senders behind a gateway.
func suffix(name string) string {
	if name != Direct && direct(name) {
		return "direct"
	}
	return ""
}

func (c *Clock) free(name string) bool { return c.config.FreeRun && direct(name) }
