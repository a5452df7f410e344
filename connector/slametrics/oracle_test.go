package slametrics_test

import (
	"cmp"
	"math"
	"slices"
)

// This file decides verdicts with no timers and no state: it sorts the whole event log and looks. It shares no code
// with the connector; TestOracle holds the two against each other.

type oracleEvent struct {
	order      string
	stage      string
	start, end int64
	wild       int64 // the stamp that is sent instead; 0: none
	old        bool  // too old to open an instance
	until      int64 // the deadline that it tells, 0: none
}

type oracleTransition struct {
	from, to       string
	deadline, lost int64 // lost 0 is never
	whole          bool  // end to end
}

type oracleFlow struct {
	ranks       []string
	ends        map[string]bool
	transitions []oracleTransition
	promised    string // the transition whose deadline an order may tell itself
}

// tally is what should have been counted of one transition of one order.
type tally struct{ onTime, breached, late, lost int }

// stay is a visit of a stage. place is where it stands in the order's story, which its clock may deny.
type stay struct {
	stage string
	at    int64
	place float64
	moved bool
	old   bool
}

func (f *oracleFlow) rank(stage string) int { return slices.Index(f.ranks, stage) }

// leads says whether an order can get from one stage to another without touching a third.
func (f *oracleFlow) leads(from, to, without string) bool {
	reached := map[string]bool{from: true}
	for range f.ranks {
		for _, t := range f.transitions {
			if !t.whole && reached[t.from] && t.to != without {
				reached[t.to] = true
			}
		}
	}
	if from == to { // only by a real way around
		for _, t := range f.transitions {
			if !t.whole && t.from == from && t.to != without && f.leads(t.to, to, without) && t.to != to {
				return true
			}
		}
		return false
	}
	return reached[to]
}

func (f *oracleFlow) strictlyBefore(a, b string) bool {
	return a != b && f.leads(a, b, "") && !f.leads(b, a, "")
}

func (f *oracleFlow) exits(stage string) bool {
	return slices.ContainsFunc(f.transitions, func(t oracleTransition) bool { return !t.whole && t.from == stage })
}

// story tells an order's stays up to the horizon.
func (f *oracleFlow) story(log []oracleEvent, horizon int64) []stay {
	log = slices.Clone(log)
	slices.SortFunc(log, func(a, b oracleEvent) int {
		return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(f.rank(a.stage), f.rank(b.stage)))
	})
	var told []stay
	for n, e := range log {
		if e.end > horizon {
			break
		}
		slices.SortStableFunc(told, func(a, b stay) int { return cmp.Compare(a.place, b.place) })
		same := slices.DeleteFunc(slices.Clone(told), func(s stay) bool { return s.stage != e.stage })
		if len(told) > 0 && told[len(told)-1].stage == e.stage || len(same) > 0 && e.start <= same[len(same)-1].at {
			for i := range told { // a time that is too old counts only until a better one comes
				if told[i].place == same[len(same)-1].place && told[i].old && !e.old {
					told[i].at, told[i].old = e.end, false
				}
			}
			continue
		}
		s := stay{stage: e.stage, at: e.end, place: float64(n + 1), old: e.old}
		if len(same) == 0 {
			for k := len(told) - 1; k >= 0; k-- {
				if f.strictlyBefore(e.stage, told[k].stage) {
					before := math.Inf(-1)
					if k > 0 {
						before = told[k-1].place
					}
					s.place, s.moved = (max(before, told[k].place-1)+told[k].place)/2, true
				}
			}
		}
		told = append(told, s)
	}
	slices.SortStableFunc(told, func(a, b stay) int { return cmp.Compare(a.place, b.place) })
	for i, s := range told {
		if f.ends[s.stage] {
			return told[:i+1]
		}
	}
	return told
}

// verdicts counts the outcomes of every transition of one order at the horizon.
func (f *oracleFlow) verdicts(log []oracleEvent, horizon int64) map[string]tally {
	story, all := f.story(log, horizon), map[string]tally{}
	for _, t := range f.transitions {
		var sum tally
		for i, s := range story {
			if s.stage != t.from || s.old {
				continue
			}
			again := slices.ContainsFunc(story[:i], func(before stay) bool { return before.stage == t.from && !before.old })
			if t.whole && again {
				break
			}
			when, deadline := f.outcome(t, s, story[i+1:]), s.at+t.deadline
			if t.from+"->"+t.to == f.promised {
				known := horizon
				if when.arrived || when.passed {
					known = max(when.at, s.at)
				}
				deadline = promisedAt(log, s.at, deadline, known)
			}
			sum.add(when, t, s.at, deadline, horizon)
			if t.whole {
				break
			}
		}
		all[t.from+"->"+t.to] = sum
	}
	return all
}

// outcome finds when the target came, or when the order went elsewhere: 0 and false if neither did.
func (f *oracleFlow) outcome(t oracleTransition, origin stay, rest []stay) (when struct {
	at              int64
	arrived, passed bool
}) {
	for _, s := range rest {
		if s.stage == t.to {
			when.at, when.arrived = s.at, true
			return when
		}
		if s.moved {
			continue
		}
		elsewhere := f.ends[s.stage]
		if !t.whole {
			elsewhere = elsewhere || s.stage == t.from || f.exits(s.stage) && !f.leads(s.stage, t.to, t.from)
		}
		if elsewhere {
			when.at, when.passed = s.at, true
			return when
		}
	}
	return when
}

// promisedAt replays what an order was told: each promise replaces the one before, unless that has been broken by then.
func promisedAt(log []oracleEvent, entered, deadline, known int64) int64 {
	told := slices.DeleteFunc(slices.Clone(log), func(e oracleEvent) bool { return e.until == 0 || e.end > known })
	slices.SortFunc(told, func(a, b oracleEvent) int { return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(b.until, a.until)) })
	told = slices.CompactFunc(told, func(a, b oracleEvent) bool { return a.end == b.end })
	for _, e := range told {
		if e.end <= entered || e.end <= deadline {
			deadline = e.until
			continue
		}
		return deadline
	}
	return deadline
}

func (sum *tally) add(when struct {
	at              int64
	arrived, passed bool
}, t oracleTransition, entered, deadline, horizon int64) {
	lost := max(deadline, entered+t.lost)
	settled := when.arrived || when.passed
	if settled && when.at <= deadline {
		if when.arrived {
			sum.onTime++
		}
		return
	}
	if !settled && horizon < deadline {
		return
	}
	sum.breached++
	if t.lost > 0 && (settled && when.at > lost || !settled && horizon >= lost) {
		sum.lost++
	}
	if when.arrived {
		sum.late++
	}
}
