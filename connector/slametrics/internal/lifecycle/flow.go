package lifecycle

import (
	"errors"
	"fmt"
	"time"
)

// Bounds of a flow, from the width of the masks and of the verdicts kept in an event.
const (
	MaxStages   = 64
	MaxBranches = 5
)

// End says whether, and how, a stage ends an order.
type End uint8

const (
	NoEnd End = iota
	Good
	Bad
	Neutral
)

// String names the end as metrics do.
func (e End) String() string { return [...]string{"", "good", "bad", "neutral"}[e] }

// Stage is a place in an order's life. Its position in Flow.Stages is its rank, which breaks ties of equal times.
type Stage struct {
	Name string
	End  End
}

// Transition is a promise: an order that enters From reaches To within Deadline. Zero durations are absent.
type Transition struct {
	From, To   int
	Deadline   time.Duration
	StuckAfter time.Duration
	LostAfter  time.Duration
	Promised   bool // an order may carry its own deadline: see Book.Promise
	EndToEnd   bool // judged once per order, from its first visit of From; only an end stops it
}

// Flow is a compiled, immutable graph of stages.
type Flow struct {
	Name string
	// CountDoubles says that events carry a party (who sent or took the message) instead of a duration, and that the
	// same party with another span is worth telling.
	CountDoubles bool
	Stages       []Stage
	Transitions  []Transition

	out      [][]int       // transitions that leave a stage, without the end-to-end one
	endToEnd int           // index of the end-to-end transition, -1 if there is none
	stops    []uint64      // per transition: stages that void a pending instance
	below    []uint64      // per stage: stages that come strictly after it
	stuck    []int64       // per stage: least stuck_after of what leaves it, 0 if none
	names    []string      // per transition: "from->to"
	ends     uint64        // stages that end an order
	longest  time.Duration // the longest time an instance can stay undecided
}

// NewFlow compiles stages and transitions, and names every mistake at once.
func NewFlow(name string, stages []Stage, transitions []Transition) (*Flow, error) {
	f := &Flow{Name: name, Stages: stages, Transitions: transitions, endToEnd: -1}
	if len(stages) > MaxStages {
		return nil, fmt.Errorf("%d stages; a flow has at most %d: split it into several flows", len(stages), MaxStages)
	}
	for i, s := range stages {
		if s.End != NoEnd {
			f.ends |= 1 << i
		}
	}
	if err := f.link(); err != nil {
		return nil, err
	}
	f.compile()
	return f, nil
}

// link checks the transitions and indexes them by their origin.
func (f *Flow) link() error {
	var errs []error
	n := len(f.Stages)
	f.out, f.stuck = make([][]int, n), make([]int64, n)
	seen := map[string]bool{}
	for i, t := range f.Transitions {
		name := f.Stages[t.From].Name + "->" + f.Stages[t.To].Name
		f.names = append(f.names, name)
		if t.From == t.To {
			errs = append(errs, fmt.Errorf("%s: a stage cannot follow itself: name another stage", name))
		}
		if seen[name] {
			errs = append(errs, fmt.Errorf("%s is declared twice: keep one (end_to_end counts as one)", name))
		}
		seen[name] = true
		f.longest = max(f.longest, t.Deadline, t.LostAfter)
		if t.EndToEnd {
			f.endToEnd = i
			continue
		}
		if f.Stages[t.From].End != NoEnd {
			errs = append(errs, fmt.Errorf("%s: %q ends the order, nothing can follow: drop its `end`, or the transition", name, f.Stages[t.From].Name))
		}
		if f.out[t.From] = append(f.out[t.From], i); len(f.out[t.From]) > MaxBranches {
			errs = append(errs, fmt.Errorf("%s: more than %d transitions leave %q: let some leave a stage between", name, MaxBranches, f.Stages[t.From].Name))
		}
		if after := int64(t.StuckAfter); after > 0 && (f.stuck[t.From] == 0 || after < f.stuck[t.From]) {
			f.stuck[t.From] = after
		}
	}
	return errors.Join(errs...)
}

// compile derives who comes after whom, and which stages void a pending instance.
func (f *Flow) compile() {
	n := len(f.Stages)
	reach := make([]uint64, n)
	for s := range n {
		reach[s] = f.reach(s, -1)
	}
	f.below = make([]uint64, n)
	for s := range n {
		for x := range n {
			if reach[s]&(1<<x) != 0 && reach[x]&(1<<s) == 0 {
				f.below[s] |= 1 << x
			}
		}
	}
	for i, t := range f.Transitions {
		f.stops = append(f.stops, f.ends&^(1<<t.To))
		if t.EndToEnd {
			continue
		}
		f.stops[i] |= 1 << t.From
		for s := range n {
			// A stage without exits that is no end says nothing about where the order is going.
			if s != t.To && len(f.out[s]) > 0 && f.reach(s, t.From)&(1<<t.To) == 0 {
				f.stops[i] |= 1 << s
			}
		}
	}
}

// reach is the set of stages that can follow s without passing through avoid.
func (f *Flow) reach(s, avoid int) uint64 {
	var seen uint64
	todo := []int{s}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, i := range f.out[at] {
			to := f.Transitions[i].To
			if to != avoid && seen&(1<<to) == 0 {
				seen |= 1 << to
				todo = append(todo, to)
			}
		}
	}
	return seen
}

// TransitionName is "from->to".
func (f *Flow) TransitionName(i int) string { return f.names[i] }

// Longest is the longest time that an instance can stay undecided.
func (f *Flow) Longest() time.Duration { return f.longest }
