package redact

import "strings"

// What an edit brings together may be a finding too, so an edited text is read again. Of a long one that is done around
// its edits first: a finding that was none before stands beside one, since finders look 32 bytes to the left and 16 to
// the right of what they find. Only when there is one is the whole text read again.
const (
	// reach is how far around an edit is read, with room for what is found and the words about it.
	reach = 128
	// minLong is the least that a text has to be for this: a shorter one is read again as a whole in the same time.
	minLong  = 256
	maxEdits = 4
)

// edits are the places in an edited text that were replaced, in order.
type edits struct {
	n  int // there may be more than there are places for
	at [maxEdits]struct{ from, to int }
	// signs: what was replaced had one that no name has, so that a value around it, however long, may be a name now.
	signs bool
}

func (e *edits) add(from, to int, found string) {
	e.signs = e.n > 0 && e.signs || strings.ContainsAny(found, "@=/{}")
	if e.n < maxEdits {
		e.at[e.n].from, e.at[e.n].to = from, to
	}
	e.n++
}

// quiet says that nothing more is to be found in s, which the last pass edited.
func (se *Session) quiet(d *Decision, s string) bool {
	if e := &se.edits; e.n == 0 || e.n > maxEdits || len(s) < minLong || !d.calm || bracketed(s) {
		return false
	}
	if e := &se.edits; e.signs && opened(s[:e.at[e.n-1].from]) {
		return false
	}
	for k := 0; k < se.edits.n; {
		from, to := before(s, se.edits.at[k].from-reach), 0
		for ; k < se.edits.n && (to == 0 || se.edits.at[k].from-reach < to); k++ {
			to = behind(s, se.edits.at[k].to+reach)
		}
		part := s[from:to]
		if g := se.scanner.Look(part); se.literals(part, g) >= 0 || len(se.scanner.Find(part, g, &d.env)) > 0 {
			return false
		}
	}
	return true
}

// nested: s was a document of values. What becomes of it depends on how deep it stands, and was said of each by itself.
func (se *Session) nested() {
	se.passing, se.fleeting, se.settled, se.edits.n = true, true, false, 0
}

// opened says that a named value in quotes, brackets or tags may begin in s, before its end: such a value is as long as it
// is. Escapes, and quotes of other scripts, may stand for anything.
func opened(s string) bool {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"', '\'', '`', '(', '[', '{':
			k := i - 1
			for k > 0 && (s[k] <= ' ' || s[k] == s[i]) {
				k--
			}
			if s[k] == '=' || s[k] == ':' {
				return true
			}
		case '>':
			if s[i-1] > ' ' && s[i-1] != '-' && s[i-1] != '=' { // no arrow
				return true
			}
		case '%', '\\', 0xC2, 0xE2, 0xE3, 0xEF:
			return true
		}
	}
	return false
}

// bracketed texts may have become JSON.
func bracketed(s string) bool {
	s = strings.TrimSpace(s)
	return s == "" || s[0] == '{' || s[0] == '[' || s[0] == '"'
}

// before is the first blank at i or left of it, so that no word is cut; the beginning, or 64 bytes, if there is none.
func before(s string, i int) int {
	for stop := max(0, i-64); i > stop; i-- {
		if s[i] <= ' ' {
			return i
		}
	}
	return max(0, i)
}

// behind is the first blank at i or right of it.
func behind(s string, i int) int {
	for stop := min(len(s), i+64); i < stop; i++ {
		if s[i] <= ' ' {
			return i
		}
	}
	return min(len(s), i)
}
