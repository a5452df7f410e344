package lifecycle

import "math"

// visit is one stay in a stage: the first of a run of events.
type visit struct {
	event int   // index of the representing event
	at    int64 // when the stage was entered
	stage uint8
	again bool // not the first visit of this stage
	moved bool // a predecessor whose clock made it look later than what follows it
}

// folded is called when event i turns out to be a repeat of the visit represented by event rep (-1: of none).
type folded func(i, rep int)

// visits turns the events up to and including w, sorted, into the order's stays. Rules, in this order:
//
//  1. The same stage with no other stage between is a repeat; the least time counts. So is work that began before
//     the earlier visit of its stage was over: an enclosing span is not rework. A time too old to be judged by
//     counts only until a better one comes.
//  2. The first visit of a stage that comes after one of its strict successors is out of order (skewed clocks):
//     it is moved before the earliest of them, and keeps its own time.
//  3. Nothing counts after the first end.
func (f *Flow) visits(events []Event, w int64, gone uint64, buf []visit, fold folded) []visit {
	out := buf[:0]
	var seen uint64
	for i := range events {
		e := &events[i]
		if e.At > w {
			break
		}
		if k := f.repeats(out, e); k >= 0 {
			if v := &out[k]; events[v.event].flags&^e.flags&unarmed != 0 {
				fold(v.event, i)
				v.event, v.at = i, e.At
			} else {
				fold(i, v.event)
			}
			continue
		}
		out = append(out, visit{event: i, at: e.At, stage: e.Stage})
		if seen&(1<<e.Stage) == 0 && gone&(1<<e.Stage) == 0 {
			out = f.reorder(out)
		}
		seen |= 1 << e.Stage
	}
	return f.settle(out, gone, fold)
}

// repeats finds the visit that e repeats, or -1.
func (f *Flow) repeats(out []visit, e *Event) int {
	for k := len(out) - 1; k >= 0; k-- {
		if out[k].stage != e.Stage {
			continue
		}
		if k == len(out)-1 || !f.CountDoubles && e.began() <= out[k].at {
			return k
		}
		return -1
	}
	return -1
}

// reorder moves the last visit, the first of its stage, before the earliest of its strict successors.
func (f *Flow) reorder(out []visit) []visit {
	last := out[len(out)-1]
	for j := range len(out) - 1 {
		if f.below[last.stage]&(1<<out[j].stage) != 0 {
			copy(out[j+1:], out[j:])
			last.moved = true
			out[j] = last
			break
		}
	}
	return out
}

// settle cuts after the first end and marks repeated stages.
func (f *Flow) settle(out []visit, gone uint64, fold folded) []visit {
	n, ended, seen := 0, false, gone
	for _, v := range out {
		switch {
		case ended:
			fold(v.event, -1)
		default:
			v.again = seen&(1<<v.stage) != 0
			seen |= 1 << v.stage
			out[n] = v
			n++
			ended = f.ends&(1<<v.stage) != 0
		}
	}
	return out[:n]
}

// instance is the judgement of one transition from one visit.
type instance struct {
	verdict Verdict
	target  int   // index in visits of the visit that reached the target, or -1
	stopped bool  // the order ended or moved on: nothing more will come of it
	next    int64 // when time alone changes the verdict, or never
	due     int64 // the deadline
	lost    int64 // when it is lost, or never
}

const never = math.MaxInt64

// judge decides transition t for the visit at index i, at watermark w. Deadlines that were told take the place of the
// transition's own.
func (f *Flow) judge(visits []visit, i, t int, w int64, told promises) instance {
	tr := &f.Transitions[t]
	entered := visits[i].at
	in := instance{target: -1, next: never}
	ended := int64(never) // when the target was reached, or the order went elsewhere
	for j := i + 1; j < len(visits); j++ {
		v := &visits[j]
		if int(v.stage) == tr.To {
			in.target, ended = j, v.at
			break
		}
		// A visit that was only moved here by its clock does not say that the order went elsewhere.
		if !v.moved && f.stops[t]&(1<<v.stage) != 0 {
			in.stopped, ended = true, v.at
			break
		}
	}
	deadline := after(entered, int64(tr.Deadline))
	if len(told) > 0 {
		deadline = told.deadline(entered, deadline, min(w, max(ended, entered)))
	}
	lost := int64(never)
	if tr.LostAfter > 0 {
		lost = max(deadline, after(entered, int64(tr.LostAfter)))
	}
	in.due, in.lost = deadline, lost
	switch {
	case ended <= deadline && in.target >= 0:
		in.verdict = OnTime
	case ended <= deadline && in.stopped:
		in.verdict = Void
	case w < deadline:
		in.next = deadline
	default:
		in.verdict = overdue(in, min(ended, w), lost)
		if in.verdict == Breached && !in.stopped {
			in.next = lost
		}
	}
	return in
}

// overdue decides an instance whose deadline has passed; until is the watermark, or when its wait ended.
func overdue(in instance, until, lost int64) Verdict {
	wasLost := until >= lost
	if in.target >= 0 || in.stopped {
		wasLost = until > lost // reached at the very instant is not lost
	}
	switch {
	case in.target >= 0 && wasLost:
		return LateFound
	case in.target >= 0:
		return Late
	case wasLost:
		return Lost
	default:
		return Breached
	}
}

// after adds without wrapping: an absurd stamp must not come back from the past.
func after(t, d int64) int64 {
	if t > never-d {
		return never - 1
	}
	return t + d
}
