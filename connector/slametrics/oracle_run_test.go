package slametrics_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var seeds = flag.Int("seeds", 200, "seeds of the oracle run")

// oracleShape is a flow as its users write it, and as the oracle reads it.
type oracleShape struct {
	config string
	flow   oracleFlow
}

const second = int64(time.Second)

var shapes = []oracleShape{
	{ // a chain with an end on the side, and an end-to-end promise
		config: `
    stages:
      a: {attributes: {st: a}}
      b: {attributes: {st: b}}
      c: {attributes: {st: c}}
      d: {attributes: {st: d}, end: good}
      x: {attributes: {st: x}, end: neutral}
    transitions:
      - {from: a, to: b, deadline: 10s, stuck_after: 5s, lost_after: 40s}
      - {from: b, to: c, deadline: 20s}
      - {from: c, to: d, deadline: 15s, lost_after: 15s}
    end_to_end: {from: a, to: d, deadline: 50s, lost_after: 90s}`,
		flow: oracleFlow{
			ranks: []string{"a", "b", "c", "d", "x"}, ends: map[string]bool{"d": true, "x": true},
			transitions: []oracleTransition{
				{"a", "b", 10 * second, 40 * second, false}, {"b", "c", 20 * second, 0, false},
				{"c", "d", 15 * second, 15 * second, false}, {"a", "d", 50 * second, 90 * second, true},
			},
		},
	},
	{ // branches, an optional stage, a loop, two ends
		config: `
    stages:
      a: {attributes: {st: a}}
      b: {attributes: {st: b}}
      c: {attributes: {st: c}}
      r: {attributes: {st: r}}
      d: {attributes: {st: d}, end: good}
      f: {attributes: {st: f}, end: bad}
      note: {attributes: {st: note}}
    transitions:
      - {from: a, to: b, deadline: 10s, lost_after: 30s}
      - {from: a, to: c, deadline: 25s, lost_after: 60s}
      - {from: b, to: c, deadline: 12s}
      - {from: c, to: r, deadline: 20s}
      - {from: r, to: b, deadline: 8s, lost_after: 20s}
      - {from: c, to: d, deadline: 30s, lost_after: 70s}
      - {from: b, to: f, deadline: 90s}`,
		flow: oracleFlow{
			ranks: []string{"a", "b", "c", "r", "d", "f", "note"}, ends: map[string]bool{"d": true, "f": true},
			transitions: []oracleTransition{
				{"a", "b", 10 * second, 30 * second, false}, {"a", "c", 25 * second, 60 * second, false},
				{"b", "c", 12 * second, 0, false}, {"c", "r", 20 * second, 0, false}, {"r", "b", 8 * second, 20 * second, false},
				{"c", "d", 30 * second, 70 * second, false}, {"b", "f", 90 * second, 0, false},
			},
		},
	},
	{ // one promise
		config: `
    stages:
      a: {attributes: {st: a}}
      b: {attributes: {st: b}}
    transitions:
      - {from: a, to: b, deadline: 10s, lost_after: 20s}`,
		flow: oracleFlow{ranks: []string{"a", "b"}, transitions: []oracleTransition{{"a", "b", 10 * second, 20 * second, false}}},
	},
	{ // a promise that orders make themselves, and change
		config: `
    stages:
      a: {attributes: {st: a}}
      b: {attributes: {st: b}}
      c: {attributes: {st: c}}
      d: {attributes: {st: d}, end: good}
    transitions:
      - {from: a, to: b, deadline: 10s}
      - {from: b, to: c, deadline: 8s, lost_after: 20s}
      - {from: b, to: d, deadline_attribute: until, default: 20s, lost_after: 40s}
      - {from: c, to: d, deadline: 15s}`,
		flow: oracleFlow{
			ranks: []string{"a", "b", "c", "d"}, ends: map[string]bool{"d": true}, promised: "b->d",
			transitions: []oracleTransition{
				{"a", "b", 10 * second, 0, false}, {"b", "c", 8 * second, 20 * second, false},
				{"b", "d", 20 * second, 40 * second, false}, {"c", "d", 15 * second, 0, false},
			},
		},
	},
}

const oracleTail = `
time: {allowed_lateness: 5s, path_silence: 10s, restore_grace: 20s, max_age: 86400s}
metrics_flush_interval: 37s
`

var seconds = regexp.MustCompile(`(\d+)s\b`)

// slower stretches a shape: its times are n times as long.
func (s oracleShape) slower(n int64) oracleShape {
	s.config = stretch(s.config, n)
	s.flow.transitions = slices.Clone(s.flow.transitions)
	for i := range s.flow.transitions {
		s.flow.transitions[i].deadline *= n
		s.flow.transitions[i].lost *= n
	}
	return s
}

func stretch(config string, n int64) string {
	return seconds.ReplaceAllStringFunc(config, func(text string) string {
		value, _ := strconv.ParseInt(strings.TrimSuffix(text, "s"), 10, 64)
		return fmt.Sprintf("%ds", value*n)
	})
}

// histories invents the lives of some orders: mostly along the flow, with times around the deadlines, rework, skipped
// stages, repeats, skewed clocks and equal stamps.
func histories(rng *rand.Rand, flow *oracleFlow, start, second int64, late bool, orders int) []oracleEvent {
	var log []oracleEvent
	for n := range orders {
		id, at, stage := fmt.Sprintf("ORD-%04d", n), start+rng.Int64N(60*second), flow.ranks[0]
		for range 1 + rng.IntN(9) { // most never finish
			log = append(log, invent(rng, id, stage, at, second, late)...)
			if flow.promised != "" && rng.IntN(2) == 0 {
				log[len(log)-1].until = at + rng.Int64N(60*second) - 10*second
			}
			next := flow.ranks[rng.IntN(len(flow.ranks))]
			step := rng.Int64N(40 * second)
			for _, i := range rng.Perm(len(flow.transitions)) {
				if t := flow.transitions[i]; t.from == stage && !t.whole && rng.IntN(8) > 0 {
					next = t.to
					edge := []int64{t.deadline, t.deadline, t.lost, 0, rng.Int64N(2 * t.deadline), rng.Int64N(2 * t.deadline), rng.Int64N(t.deadline)}
					step = max(0, edge[rng.IntN(len(edge))]+int64(rng.IntN(3)-1))
					break
				}
			}
			if rng.IntN(6) == 0 {
				step = -rng.Int64N(3 * second) // the next service's clock is behind
			}
			stage, at = next, max(start, at+step)
		}
	}
	return log
}

// invent is one visit: often one event, at times several of the same or of enclosing work.
func invent(rng *rand.Rand, id, stage string, at, second int64, late bool) []oracleEvent {
	events := []oracleEvent{{order: id, stage: stage, start: at, end: at}}
	if rng.IntN(3) == 0 {
		events[0].start -= rng.Int64N(5000) * 1000 // whole microseconds, as the connector keeps them
	}
	if rng.IntN(4) == 0 {
		events = append(events, events[0]) // the same span again
	}
	if rng.IntN(5) == 0 { // a span that encloses it
		later := at + rng.Int64N(8*second)/1000*1000
		events = append(events, oracleEvent{order: id, stage: stage, start: at - 1000*rng.Int64N(100), end: later})
	}
	if rng.IntN(25) == 0 { // a clock that is out of its mind
		events[0].start = at
		if events[0].wild = wild[rng.IntN(len(wild))]; events[0].wild == longAgo && !late {
			events[0].wild = 0 // what is as old as this is later than the allowed lateness
		}
	}
	return events
}

// wild are stamps that no clock should give: of 1948, of 1990, of 2100, and none.
var wild = []int64{
	time.Date(1948, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano(), longAgo,
	time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano(), none,
}

var longAgo = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()

const none = 1 // instead of 0, which says that a stamp is as it should be

// delivery is an event and when it arrives.
type delivery struct {
	oracleEvent
	arrival int64
}

// deliver shuffles, repeats and delays a log. Within lateness nothing may be retracted; beyond, verdicts may be
// corrected, but must end the same.
func deliver(rng *rand.Rand, log []oracleEvent, second int64, late bool, outage [2]int64) (all []delivery, replayed int) {
	for _, e := range log {
		delay := rng.Int64N(3 * second)
		if late && rng.IntN(5) == 0 {
			delay = rng.Int64N(100 * second)
		}
		arrival := e.end + delay
		if arrival >= outage[0] && arrival < outage[1] {
			arrival = outage[1] + rng.Int64N(15*second) // queued, and sent in any order when the path is back
		}
		all = append(all, delivery{e, arrival})
		if rng.IntN(10) == 0 { // a replay
			again := arrival + rng.Int64N(60*second)
			if again < outage[0] || again >= outage[1] {
				all = append(all, delivery{e, again})
				replayed++
			}
		}
	}
	slices.SortStableFunc(all, func(a, b delivery) int { return cmp.Compare(a.arrival, b.arrival) })
	known := map[string]bool{}
	for i := range all {
		if all[i].wild == longAgo && !known[all[i].order] {
			all[i].wild = 0 // an order of which no more is known than that it is ancient is forgotten at once
		}
		known[all[i].order] = true
	}
	return all, replayed
}
