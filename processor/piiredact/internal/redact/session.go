package redact

import (
	"strings"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/meaning"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/scan"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/secret"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/statement"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/text"
)

// Verdict says what became of a value.
type Verdict uint8

const (
	// Same: nothing was found, or nothing is to be done about it.
	Same Verdict = iota
	// Changed: the returned value takes its place.
	Changed
	// Dropped: the value goes, with its key where it has one.
	Dropped
)

// Counts are the facts of a session. Found is by entity and action.
type Counts struct {
	Values, Bytes int64
	Remembered    int64          // values of which it was known what becomes of them
	Over          [Budgets]int64 // values that were masked as a whole, by the budget that they were over
	Found         [finding.FirstRule + finding.MaxRules][policy.MaxActions]int64
	any           bool
}

// Session is one goroutine's work: its buffers and its counts.
type Session struct {
	Counts  Counts
	e       *Engine
	scanner *scan.Scanner
	folded  text.Folded
	out     []byte
	with    []byte
	stmt    []byte
	path    []byte
	name    []byte // of a pair in a text, without its ids
	dropped bool
	// actions are those of the attribute at hand; depth is how deep in it the value stands.
	actions *actions
	depth   int
	index   string // the blind index of the value that was encrypted last
	memory  memory
	budget  budget
	// passing: what was said of the value at hand is not its own alone: keys had a part in it. fleeting: what more, so
	// that it is not said again: the depth, the attribute's name, the dice of an encryption, a budget.
	passing, fleeting bool
	settled           bool    // there is nothing more to edit in what the last pass made
	edits             edits   // where the last pass edited
	tallies           tallies // what was told of the value at hand
	// at is the attribute under which the value stands; what is encrypted opens under it only.
	at string
	// Seen, when set, is told of every edit: for a person who wants to know why.
	Seen func(Seen)
}

// Seen is one edit.
type Seen struct {
	Entity          finding.Entity
	Action          policy.Action
	At, Found, With string
	ByKey           bool // the key said so, not the value
}

func (se *Session) tell(e finding.Entity, a policy.Action, found string, with []byte, byKey bool) {
	se.Counts.any = true
	index := a.Index()
	se.Counts.Found[e][index]++
	se.fleeting = !se.tallies.add(e, index) || se.fleeting
	if se.Seen != nil {
		se.Seen(Seen{Entity: e, Action: a, At: se.at, Found: found, With: string(with), ByKey: byKey})
	}
}

// At names the attribute of the values that follow; empty for fields without one.
func (se *Session) At(key string) {
	se.at = key
	if len(se.e.special) == 0 {
		return
	}
	if a := se.e.keys.Get(key).actions; a != nil && key != "" {
		se.use(a)
	} else {
		se.use(&se.e.actions)
	}
}

func (se *Session) use(a *actions) {
	se.actions, se.scanner.Kept = a, a.kept
}

// Index is the blind index of the attribute's value, when it was just encrypted as a whole and has one; it is given once.
func (se *Session) Index() string {
	i := se.index
	se.index = ""
	return i
}

// maxPasses bounds how often an edited value is looked at again: what an edit brings together may be a finding too.
const maxPasses = 4

// Release empties the session's counts and gives it back.
func (se *Session) Release() {
	found := se.Counts.any
	se.Counts.Values, se.Counts.Bytes, se.Counts.Remembered, se.Counts.Over = 0, 0, 0, [Budgets]int64{}
	if found {
		se.Counts = Counts{}
	}
	se.at, se.Seen = "", nil
	se.trim()
	select {
	case se.e.idle <- se:
	default: // more sessions than cores: this one was for a burst
	}
}

// Dirty says that something was found.
func (c *Counts) Dirty() bool { return c.any }

// Key is the decision for a key, or for the key under its parent where the key alone says nothing.
func (se *Session) Key(parent, key string) *Decision {
	d, slot := se.memory.key(key)
	if d == nil {
		if d = se.e.keys.Get(key); len(key) <= meaning.MaxKey {
			*slot = d
		}
	}
	if !d.plain || parent == "" {
		return d
	}
	se.path = append(append(append(se.path[:0], parent...), '.'), key...)
	return se.e.keys.GetBytes(se.path)
}

// Under is the decision for what lies below a key that has one: secrets and addresses hand theirs down.
func (d *Decision) Under(child *Decision) *Decision {
	switch d.Whole {
	case finding.Secret, finding.Authorization, finding.Cookie, finding.Address:
		if child.plain || d.Whole != finding.Address && child.Whole == finding.None {
			return d
		}
	}
	return child
}

// Text redacts a string value.
func (se *Session) Text(d *Decision, s string, depth int) (string, Verdict) {
	if s == "" {
		return s, Same
	}
	se.Counts.Values++
	se.Counts.Bytes += int64(len(s))
	if len(s) > se.e.opt.Limits.Bytes {
		return se.over(TooLong, s)
	}
	if depth > se.e.opt.Limits.Depth {
		return se.over(TooDeep, s)
	}
	if se.budget.runs {
		if se.late() {
			return Fixed, Changed
		}
	} else if len(s) > unhurried || len(se.e.opt.Rules) > 0 {
		return se.timed(d, s, depth)
	}
	return se.look(d, s, depth)
}

// look reads a value that is within the budgets of size and depth.
func (se *Session) look(d *Decision, s string, depth int) (string, Verdict) {
	if d.opaque && scan.Opaque(s) {
		return s, Same
	}
	if len(s) <= text.MaxShort && d.calm && text.Inert(s) {
		return s, Same
	}
	if len(s) > maxRemember || d.Whole != finding.None && !d.Place && !se.actions.costly.Has(d.Whole) {
		return se.passes(d, s, depth)
	}
	return se.recall(d, s, depth)
}

// passes looks until there is nothing more to edit.
func (se *Session) passes(d *Decision, s string, depth int) (string, Verdict) {
	now, verdict := s, Same
	for range maxPasses {
		if se.budget.runs && se.late() {
			break
		}
		se.settled, se.edits.n = false, 0
		next, v := se.pass(d, now, depth)
		if v == Dropped {
			return "", Dropped
		}
		if v == Same || next == now {
			break
		}
		now, verdict = next, Changed
		if se.settled || se.quiet(d, now) {
			break
		}
	}
	if verdict == Changed && !utf8.ValidString(now) {
		now = strings.ToValidUTF8(now, "\uFFFD")
	}
	return now, verdict
}

// pass looks once.
func (se *Session) pass(d *Decision, s string, depth int) (string, Verdict) {
	se.depth = depth
	if d.Whole != finding.None && (!d.Place || secret.Postal(s)) {
		if isContainer(s) {
			return se.container(d, s, depth)
		}
		return se.whole(d, s)
	}
	if d.Statement {
		return se.statement(d, s, depth)
	}
	if out, v, ok := se.json(d, s, depth, false); ok {
		se.nested()
		return out, v
	}
	g := se.scanner.Look(s)
	if at := se.literals(s, g); at >= 0 {
		return se.embedded(d, s, at)
	}
	return se.gated(d, s, g)
}

// literals are where a statement with literals begins in s, whose gate is g; -1 without one, or if it may keep them.
func (se *Session) literals(s string, g text.Gate) int {
	if g&text.Quote == 0 || se.actions.table[finding.Statement].Action == policy.Keep {
		return -1
	}
	return se.scanner.Statement(s)
}

func (se *Session) edit(d *Decision, s string) (string, Verdict) {
	return se.gated(d, s, se.scanner.Look(s))
}

// gated finds and replaces.
func (se *Session) gated(d *Decision, s string, g text.Gate) (string, Verdict) {
	if d.Coordinate || d.Spot {
		if out, ok := se.coordinate(s, d.Spot); ok {
			return out, Changed
		}
	}
	fs := se.scanner.Find(s, g, &d.env)
	if len(fs) == 0 {
		return s, Same
	}
	if len(fs) > se.e.opt.Limits.Findings {
		return se.over(TooMany, s)
	}
	return se.replace(s, fs)
}

// embedded is a text with a statement in it, as database logs have.
func (se *Session) embedded(d *Decision, s string, at int) (string, Verdict) {
	se.stmt = statement.SQL(append(se.stmt[:0], s[:at]...), s[at:])
	if string(se.stmt) != s {
		se.tell(finding.Statement, policy.Mask, s[at:], se.stmt[at:], false)
		return string(se.stmt), Changed
	}
	return se.edit(d, s)
}

func (se *Session) statement(d *Decision, s string, depth int) (string, Verdict) {
	if se.actions.table[finding.Statement].Action == policy.Keep {
		return se.edit(d, s)
	}
	if out, v, ok := se.json(d, s, depth, true); ok {
		se.nested()
		return out, v
	}
	se.stmt = statement.Obfuscate(se.stmt[:0], s)
	if string(se.stmt) != s {
		se.tell(finding.Statement, policy.Mask, s, se.stmt, true)
		return string(se.stmt), Changed
	}
	return se.edit(d, s)
}

// Flagged is the decision for an argument behind a flag: "--password", "x".
func (se *Session) Flagged(flag, arg string, d *Decision) *Decision {
	if (flag == "-u" || flag == "--user") && strings.Contains(arg, ":") {
		return se.password()
	}
	if len(flag) < 4 || flag[0] != '-' || strings.IndexByte(flag, '=') >= 0 || strings.HasPrefix(arg, "-") {
		return d
	}
	if f := se.e.keys.Get(flag); f.Whole == finding.Secret {
		return f
	}
	return d
}

// password is the decision for a value that is a password whatever its key is.
func (se *Session) password() *Decision { return se.e.keys.Get("password") }
