package alert

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/promise"
)

const (
	// perShort is how many values a short window holds.
	perShort = 6
	// busy is the number of events in a step of a busy history.
	busy = 1_000_000
)

// BurnEvery is how often the cases of budgets are evaluated: their histories last for days.
const BurnEvery = 6 * time.Hour

// pace is so many steps in which a counter grows by the same.
type pace struct{ steps, by int }

// values writes a counter that starts at zero, in promtool's notation.
func values(paces ...pace) string {
	parts, at := []string{"0"}, 0
	for _, p := range paces {
		switch {
		case p.steps < 1:
		case p.by == 0:
			parts = append(parts, fmt.Sprintf("%dx%d", at, p.steps-1))
		default:
			parts = append(parts, fmt.Sprintf("%d+%dx%d", at+p.by, p.by, p.steps-1))
			at += p.by * p.steps
		}
	}
	return strings.Join(parts, " ")
}

// burnCases show one pair of windows firing and not firing. The first pair of an objective also shows what is the same
// for all: that a ratio is one of sums, and that what is retracted did not fail.
func burnCases(o *promise.Objective, b *promise.Burn, r *Rule, first bool) []Case {
	h := history{o, b, r}
	some := min(busy, int(math.Ceil(b.Ratio*1.1*busy)))
	all := []Case{
		h.of("burns", true, h.steady(some, 0)),
		h.of("burns a little slower than that", false, h.steady(int(b.Ratio*0.9*busy), 0)),
	}
	if often := min(1, 3*b.Ratio); often*(1-float64(perShort+2)*h.step().Hours()/b.Long.Hours()) > 1.05*b.Ratio {
		all = append(all, h.of("no longer burns", false, h.stopped(int(often*busy))))
	}
	if only := h.justBegun(); only > 1.05*b.Ratio {
		all = append(all, h.of("has only just begun to burn", false, h.begun(int(only*busy))))
	}
	if b.Floor > 5 {
		all = append(all,
			h.of("burns with few events", true, h.few(1, promise.LeastBad)),
			h.of("has one failure fewer than is a trend", false, h.few(0, promise.LeastBad-1)))
	}
	if first {
		all = append(all, h.of("is busy and fine, then quiet and failing", false, h.quiet()))
		if accountOf(o).back != "" {
			all = append(all, h.of("burnt only because telemetry was late", false, h.steady(some, some)))
		}
	}
	return all
}

// history makes the series of an objective for one pair of windows.
type history struct {
	o *promise.Objective
	b *promise.Burn
	r *Rule
}

func (h history) step() time.Duration { return h.b.Short / perShort }

// until is when the long window has passed and the rules are evaluated.
func (h history) until() time.Duration { return (h.b.Long + BurnEvery - 1) / BurnEvery * BurnEvery }

func (h history) steps() int { return int(h.until()/h.step()) + 1 }

// of is a case in which the alert fires, or does not.
func (h history) of(name string, fires bool, series []Series) Case {
	labels := windowLabels(h.o, h.b.Long)
	check := Check{At: h.until(), Rule: h.r, Of: map[string]string{"slo": h.o.Name, "window": promise.Span(h.b.Long)}}
	if fires {
		check.Firing = []Firing{{Labels: labels}}
	}
	return Case{
		Name: fmt.Sprintf("%s and %s: %s", promise.Span(h.b.Long), promise.Span(h.b.Short), name), Of: []string{h.o.Name},
		Step: h.step(), Series: series, Checks: []Check{check},
	}
}

func (h history) series(good, bad, back string) []Series {
	a := accountOf(h.o)
	concrete := strings.NewReplacer(`span_kind=~"server|consumer"`, `span_kind="server"`)
	all := []Series{{concrete.Replace(a.good), good}, {concrete.Replace(a.bad), bad}}
	if a.back != "" {
		all = append(all, Series{concrete.Replace(a.back), back})
	}
	return all
}

// steady fails so many of every busy step, of which some are retracted.
func (h history) steady(bad, back int) []Series {
	n := h.steps()
	return h.series(values(pace{n, busy - bad}), values(pace{n, bad}), values(pace{n, back}))
}

// stopped fails until shortly before the end.
func (h history) stopped(bad int) []Series {
	calm := perShort + 2
	n := h.steps() - calm
	return h.series(values(pace{n, busy - bad}, pace{calm, busy}), values(pace{n, bad}, pace{calm, 0}), values(pace{n + calm, 0}))
}

// justBegun is the share of failures that, for a short window only, is too little for the long one.
func (h history) justBegun() float64 {
	return min(1, 0.85*h.b.Ratio*h.b.Long.Hours()/(h.step().Hours()*(perShort+1)))
}

// begun fails in the last short window only.
func (h history) begun(bad int) []Series {
	const now = perShort + 1
	n := h.steps() - now
	return h.series(values(pace{n, busy}, pace{now, busy - bad}), values(pace{n, 0}, pace{now, bad}), values(pace{n + now, 0}))
}

// halves are the steps before the middle of the long window, and those after it.
func (h history) halves() (int, int) {
	second := int(h.b.Long / h.step() / 2)
	return h.steps() - second, second
}

// few has so many events in all, in the middle of the long window.
func (h history) few(good, bad int) []Series {
	before, after := h.halves()
	once := func(events int) string { return values(pace{before - 1, 0}, pace{1, events}, pace{after, 0}) }
	return h.series(once(good), once(bad), once(0))
}

// together joins cases of one kind, of objectives that count other things: promtool evaluates all rules for each of its
// tests, so that the tests of n objectives would take n² times as long.
func together(cases []Case) []Case {
	var all []Case
	for _, c := range cases {
		i := slices.IndexFunc(all, func(a Case) bool { return a.Name == c.Name && a.Step == c.Step && !a.shares(c) })
		if i < 0 {
			all = append(all, c)
			continue
		}
		all[i].Of = append(all[i].Of, c.Of...)
		all[i].Series = append(all[i].Series, c.Series...)
		all[i].Checks = append(all[i].Checks, c.Checks...)
	}
	return all
}

// shares says whether two cases tell a history of the same series.
func (c *Case) shares(other Case) bool {
	return slices.ContainsFunc(c.Series, func(s Series) bool {
		return slices.ContainsFunc(other.Series, func(o Series) bool { return s.Series == o.Series })
	})
}

// quiet has a busy first half in which nothing fails, and a second in which everything does, seldom. The mean of the
// ratios is a half, the ratio of the sums next to nothing.
func (h history) quiet() []Series {
	before, after := h.halves()
	return h.series(values(pace{before, busy}, pace{after, 0}), values(pace{before, 0}, pace{after, 1}), values(pace{before + after, 0}))
}

// seconds writes a time for promtool.
func seconds(d time.Duration) string {
	if d%time.Second == 0 {
		return promise.Span(d)
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}
