package redact

import (
	"strings"
	"time"
)

// Limits are the budgets of one value. What is over one is masked as a whole.
type Limits struct {
	Bytes    int           // longest value that is read
	Depth    int           // deepest nesting, of maps, arrays and JSON in strings together
	Findings int           // most findings in one text
	Time     time.Duration // longest that one value is looked at
	Keys     int           // keys remembered
}

// Budget is what a value can have too much of.
type Budget int

// The budgets, in the order of their names.
const (
	TooLong Budget = iota
	TooDeep
	TooMany
	TooSlow
	Budgets
)

// String is the reason in metrics.
func (b Budget) String() string { return [...]string{"bytes", "depth", "findings", "time"}[b] }

const (
	// unhurried is the longest value that is read without a look at the clock, unless there are rules: it is read
	// in less time than any budget.
	unhurried = 8 << 10
	// roomy is the most that a buffer keeps between two batches.
	roomy = 256 << 10
)

// budget is the clock of the value at hand, with all that is nested in it.
type budget struct {
	runs  bool
	late  bool
	until time.Time
	n     int
}

// over counts a value that is over a budget and returns what takes its place: JSON where it looks like JSON.
func (se *Session) over(b Budget, s string) (string, Verdict) {
	se.Counts.Over[b]++
	se.passing, se.fleeting = true, true
	if t := strings.TrimSpace(s); isContainer(t) && t[0] != '"' {
		return `"` + Fixed + `"`, Changed
	}
	return Fixed, Changed
}

// timed looks at a value while the clock runs.
func (se *Session) timed(d *Decision, s string, depth int) (string, Verdict) {
	se.budget = budget{runs: true, until: time.Now().Add(se.e.opt.Limits.Time)}
	se.scanner.Until = se.budget.until
	out, v := se.look(d, s, depth)
	late := se.late() || time.Now().After(se.budget.until)
	se.budget, se.scanner.Until = budget{}, time.Time{}
	if late {
		return se.over(TooSlow, s)
	}
	return out, v
}

// late says that the value's time is up. It looks at the clock every 64th time: a document has many leaves.
func (se *Session) late() bool {
	b := &se.budget
	if b.n++; !b.late && (se.scanner.Late || b.n%64 == 0 && time.Now().After(b.until)) {
		b.late = true
	}
	se.scanner.Late = false
	return b.late
}

// trim lets go of what a huge value needed, so that a session is small again.
func (se *Session) trim() {
	for _, b := range []*[]byte{&se.out, &se.with, &se.stmt, &se.path} {
		if cap(*b) > roomy {
			*b = nil
		}
	}
	se.folded.Trim(roomy)
	se.scanner.Trim(roomy)
}

// MaxDepth is the deepest nesting that is read.
func (se *Session) MaxDepth() int { return se.e.opt.Limits.Depth }

// TooDeep counts a value that is nested too deep and returns what takes its place.
func (se *Session) TooDeep() string {
	fixed, _ := se.over(TooDeep, "")
	return fixed
}
