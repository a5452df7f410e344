package redact

import (
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/statement"
)

// document rewrites JSON while it reads it; what it does not change it copies byte for byte.
type document struct {
	se    *Session
	s     string
	out   []byte
	last  int
	holes bool // every leaf is a value of a statement
}

// json redacts the leaves and keys of a JSON text. It reports false when s is none.
func (se *Session) json(d *Decision, s string, depth int, holes bool) (string, Verdict, bool) {
	lo, hi := 0, len(s)
	for lo < hi && s[lo] <= ' ' {
		lo++
	}
	for hi > lo && s[hi-1] <= ' ' {
		hi--
	}
	if hi-lo < 2 || !(s[lo] == '{' && s[hi-1] == '}' || s[lo] == '[' && s[hi-1] == ']' || s[lo] == '"' && s[hi-1] == '"') || !valid(s[lo:hi]) {
		return "", Same, false
	}
	if nesting(s) > se.e.opt.Limits.Depth-depth {
		out, v := se.over(TooDeep, s)
		return out, v, true
	}
	doc := document{se: se, s: s, holes: holes}
	doc.value(lo, depth+1, "", d)
	if doc.last == 0 {
		return s, Same, true
	}
	return string(append(doc.out, s[doc.last:]...)), Changed, true
}

// put replaces [from, to).
func (x *document) put(from, to int, with string) {
	x.out = append(append(x.out, x.s[x.last:from]...), with...)
	x.last = to
}

func (x *document) blanks(i int) int {
	for x.s[i] <= ' ' {
		i++
	}
	return i
}

// value redacts the value at i, which is known to be valid, and returns its end.
func (x *document) value(i, depth int, parent string, d *Decision) int {
	switch c := x.s[i]; c {
	case '{':
		return x.object(i, depth, parent, d)
	case '[':
		return x.array(i, depth, parent, d)
	case '"':
		end := stringEnd(x.s, i)
		x.leaf(i, end, depth, d)
		return end
	default:
		end := i
		for end < len(x.s) && x.s[end] > ' ' && x.s[end] != ',' && x.s[end] != '}' && x.s[end] != ']' {
			end++
		}
		if c == '-' || c-'0' <= 9 {
			x.number(i, end, d)
		}
		return end
	}
}

// array: an element behind a flag that announces a secret ("--password", "x") is one.
func (x *document) array(i, depth int, parent string, d *Decision) int {
	flag := ""
	for i = x.blanks(i + 1); x.s[i] != ']'; {
		own, word := d, ""
		if x.s[i] == '"' {
			word = x.s[i+1 : stringEnd(x.s, i)-1]
			own = x.se.Flagged(flag, word, d)
		}
		flag = word
		if i = x.blanks(x.value(i, depth+1, parent, own)); x.s[i] == ',' {
			i = x.blanks(i + 1)
		}
	}
	return i + 1
}

func (x *document) object(i, depth int, parent string, d *Decision) int {
	named := ""
	for i = x.blanks(i + 1); x.s[i] != '}'; {
		end := stringEnd(x.s, i)
		key := x.s[i+1 : end-1]
		x.key(i, end, key)
		i = x.blanks(x.blanks(end) + 1)
		child := d.Under(x.se.Key(parent, key))
		switch key {
		case "name", "key", "Name", "Key": // {"name": "password", "value": "x"}
			if x.s[i] == '"' {
				named = x.s[i+1 : stringEnd(x.s, i)-1]
			}
		case "value", "Value":
			if named != "" {
				child = d.Under(x.se.Key(parent, named))
			}
		}
		if i = x.blanks(x.value(i, depth+1, key, child)); x.s[i] == ',' {
			i = x.blanks(i + 1)
		}
	}
	return i + 1
}

func (x *document) key(from, to int, key string) {
	if len(key) < 6 {
		return
	}
	if clean, v := x.se.Name(key); v != Same {
		x.put(from, to, quote(clean))
	}
}

// leaf redacts the string between the quotes at from and to-1.
func (x *document) leaf(from, to, depth int, d *Decision) {
	raw := x.s[from+1 : to-1]
	if x.holes {
		if raw != statement.Hole && raw != "" {
			x.se.tell(finding.Statement, policy.Mask, raw, []byte(statement.Hole), true)
			x.put(from, to, `"`+statement.Hole+`"`)
		}
		return
	}
	if strings.IndexByte(raw, '\\') >= 0 {
		raw = unquote(raw)
	}
	switch clean, v := x.se.Text(d, raw, depth); v {
	case Changed:
		x.put(from, to, quote(clean))
	case Dropped:
		x.put(from, to, `""`)
	}
}

func (x *document) number(from, to int, d *Decision) {
	t := x.s[from:to]
	if x.holes {
		x.se.tell(finding.Statement, policy.Mask, t, []byte(statement.Hole), true)
		x.put(from, to, `"`+statement.Hole+`"`)
		return
	}
	if d.Coordinate {
		if clean, ok := x.se.coordinate(t, false); ok {
			if strings.Trim(clean, "-.0123456789") != "" || clean == "" {
				clean = quote(clean)
			}
			x.put(from, to, clean)
		}
		return
	}
	secret := d.Whole != finding.None && !d.Place && d.Whole != finding.Person
	if !secret && to-from < 7 {
		return
	}
	if strings.ContainsAny(t, ".eE") && !secret {
		return
	}
	switch clean, v := x.se.digits(d, []byte(t), secret); v {
	case Changed:
		x.put(from, to, quote(clean))
	case Dropped:
		x.put(from, to, "null")
	}
}

// Name redacts a key: text that may hold somebody's data. What was seen of a key is remembered with its meaning, for the
// actions under which it was seen.
func (se *Session) Name(key string) (string, Verdict) { return se.NameOf(se.e.keys.Get(key), key) }

// NameOf is Name where the key's decision is at hand.
func (se *Session) NameOf(d *Decision, key string) (string, Verdict) {
	if d.name.Load()&se.actions.bit != 0 {
		return key, Same
	}
	values, read := se.Counts.Values, se.Counts.Bytes
	clean, v := se.Text(&se.e.text, key, 0)
	se.Counts.Values, se.Counts.Bytes = values, read // keys are not counted as values
	switch v {
	case Same:
		if !se.budget.runs || !se.late() { // else not all of it may have been read
			d.name.Or(se.actions.bit)
		}
	case Dropped:
		return Fixed, Changed
	}
	return clean, v
}
