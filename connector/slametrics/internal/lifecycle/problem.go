package lifecycle

import (
	"cmp"
	"slices"
)

// trouble notes an open instance that is stuck, breached or lost.
func (b *Book) trouble(id uint32, o *order, vis []visit, i, t int, in instance) {
	if in.target >= 0 || in.stopped {
		return
	}
	p := problem{entered: vis[i].at, verdict: in.verdict}
	switch in.verdict {
	case Breached, Lost:
	case Open:
		stuck := int64(b.flow.Transitions[t].StuckAfter)
		if stuck == 0 || i != len(vis)-1 || o.entered != vis[i].at || after(p.entered, stuck) > b.mark {
			return
		}
	default:
		return
	}
	o.flags |= troubled
	b.problems[problemKey{id, uint16(t)}] = p
	if p.verdict != Open {
		b.overdue[t]++
	}
}

func (b *Book) clearProblems(id uint32, o *order) {
	if !o.is(troubled) {
		return
	}
	o.flags &^= troubled
	for t := range b.flow.Transitions {
		k := problemKey{id, uint16(t)}
		if p, ok := b.problems[k]; ok && p.verdict != Open {
			b.overdue[t]--
		}
		delete(b.problems, k)
	}
}

// Problems appends the oldest open problems, at most 'most' of each transition and outcome, oldest first: what
// is lost for weeks leaves room for what is late now.
func (b *Book) Problems(most int, to []Problem) []Problem {
	type entry struct {
		key problemKey
		problem
	}
	all := make([]entry, 0, len(b.problems))
	for k, p := range b.problems {
		all = append(all, entry{k, p})
	}
	slices.SortFunc(all, func(x, y entry) int {
		return cmp.Or(cmp.Compare(x.entered, y.entered), cmp.Compare(x.key.order, y.key.order))
	})
	type kind struct {
		transition int
		verdict    Verdict
	}
	taken := map[kind]int{}
	for _, e := range all {
		t := int(e.key.transition)
		k := kind{t, e.verdict}
		if taken[k] == most {
			continue
		}
		taken[k]++
		outcome := "stuck"
		if e.verdict != Open {
			outcome = e.verdict.String()
		}
		p := Problem{Key: b.slab.key(e.key.order), Transition: t, Outcome: outcome, Entered: e.entered}
		p.Trace, _ = lastTrace(b.slab.events(b.slab.order(e.key.order)))
		to = append(to, p)
	}
	return to
}

// Overdue is the number of orders that have not completed transition t, and whose deadline for it has passed.
func (b *Book) Overdue(t int) int { return b.overdue[t] }

// Open is the number of open problems.
func (b *Book) Open() int { return len(b.problems) }

// Gauges appends the state of every stage, by rank.
func (b *Book) Gauges(to []StageGauge) []StageGauge {
	first := len(to)
	to = append(to, b.stages...)
	for id := range b.slab.used {
		o := b.slab.order(id)
		if !o.is(started) || o.current == nowhere || b.flow.ends&(1<<o.current) != 0 {
			continue
		}
		g := &to[first+int(o.current)]
		if g.Oldest == 0 || o.entered < g.Oldest {
			g.Oldest = o.entered
		}
	}
	return to
}
