// Package statement removes the values from statements of databases and keeps their shape.
// Where it cannot tell a value from a name it takes it for a value, and where a literal does not end,
// or can be read in two ways, everything from there on is one: it fails closed.
package statement

import (
	"strings"
	"unicode/utf8"
)

// Hole stands where a value was.
const Hole = "?"

// sql is the lexer's state. One pass, no look-back further than the last word.
type sql struct {
	s   string
	out []byte
	// values: inside VALUES (…), IN (…) or a function's arguments a quoted name is a string (MySQL). Outer levels
	// are bits of stack, the innermost lowest; deeper than it is long, every quoted name is a value.
	values bool
	stack  uint64
	depth  int
	// list: the next parenthesis opens values; rows: so do all until a keyword ends VALUES.
	list, rows bool
	// names: after INTO or TABLE a parenthesis opens a list of columns.
	names bool
	// prev is the last token's kind. identified: the last words were IDENTIFIED (1) or IDENTIFIED BY (2), before a password.
	prev       prevKind
	identified uint8
	// ansi: whether double quotes hold names; 0 is not known.
	ansi int8
}

type prevKind uint8

const (
	nothing prevKind = iota
	name
	keyword
	operator
	open
	comma
	dot
	hole
)

// SQL appends s without its literals to out.
func SQL(out []byte, s string) []byte {
	l := sql{s: s, out: out}
	for i := 0; i < len(s); {
		i = l.step(i)
	}
	return l.out
}

func (l *sql) step(i int) int {
	s := l.s
	switch c := s[i]; {
	case c == '\'':
		return l.quoted(i)
	case c == '"':
		return l.double(i)
	case c == '`':
		return l.name(i, '`')
	case c == '[':
		return l.bracket(i)
	case c == '-' && strings.HasPrefix(s[i:], "--"), c == '#' && (i == 0 || s[i-1] <= ' '):
		return l.lineComment(i)
	case c == '/' && strings.HasPrefix(s[i:], "/*"):
		return l.comment(i)
	case c == '$':
		return l.dollar(i)
	case isDigit(c) || c == '.' && i+1 < len(s) && isDigit(s[i+1]) && l.prev != name && l.prev != dot:
		return l.number(i)
	case isWord(c):
		return l.word(i)
	case c == ':' && i+1 < len(s) && s[i+1] == ':':
		l.out = append(l.out, "::"...)
		l.prev = dot
		return i + 2
	case (c == ':' || c == '@') && i+1 < len(s) && isWord(s[i+1]) && l.prev != name:
		return l.parameter(i)
	}
	return l.punct(i)
}

func (l *sql) punct(i int) int {
	c := l.s[i]
	l.out = append(l.out, c)
	switch c {
	case ' ', '\t', '\n', '\r':
		return i + 1
	case '(':
		l.push()
	case ')':
		l.values, l.stack = l.stack&1 != 0 || l.depth > 64, l.stack>>1
		if l.depth <= 64 {
			l.depth--
		}
		l.prev = name
	case ',':
		l.prev = comma
	case '.':
		l.prev = dot
	case ';':
		l.prev, l.values, l.names, l.list, l.rows = nothing, false, false, false, false
	default:
		l.prev = operator
	}
	return i + 1
}

// push opens a parenthesis: of a list of values, of a call f("x"), or of what stands inside either.
func (l *sql) push() {
	l.stack <<= 1
	if l.values {
		l.stack |= 1
	}
	call := (l.prev == name || l.prev == operator) && !l.names
	l.values = l.values || l.list || l.rows || call
	l.list, l.prev = false, open
	l.depth++
}

func (l *sql) hole() {
	l.out = append(l.out, Hole...)
	l.prev = hole
}

// rest gives up: everything from here on is a value.
func (l *sql) rest() int {
	l.hole()
	return len(l.s)
}

// quoted skips '…'. A doubled quote is one inside. A backslash before a quote ends the string in standard SQL
// and does not in MySQL: nothing after it can be trusted.
func (l *sql) quoted(i int) int {
	for j := i + 1; j < len(l.s); j++ {
		switch l.s[j] {
		case '\\':
			if j+1 < len(l.s) && l.s[j+1] == '\'' {
				return l.rest()
			}
			j++
		case '\'':
			if j+1 < len(l.s) && l.s[j+1] == '\'' {
				j++
				continue
			}
			if j+1 < len(l.s) && isWord(l.s[j+1]) { // what closes here was to open: an earlier quote is missing
				return l.rest()
			}
			l.hole()
			return j + 1
		}
	}
	return l.rest()
}

// double decides whether "…" is a name or, as MySQL has it, a string.
func (l *sql) double(i int) int {
	end := strings.IndexByte(l.s[i+1:], '"')
	if end < 0 {
		return l.rest()
	}
	j := i + 1 + end + 1
	inner := l.s[i+1 : j-1]
	if strings.IndexByte(inner, '\\') >= 0 || j < len(l.s) && (l.s[j] == '"' || isWord(l.s[j])) {
		return l.rest()
	}
	qualified := l.prev == dot || j < len(l.s) && l.s[j] == '.'
	isName := plain(inner) && (qualified || !l.values && l.prev != operator && l.prev != hole && (l.prev == name || l.quotes()))
	if !isName {
		l.hole()
		return j
	}
	l.out = append(l.out, l.s[i:j]...)
	l.prev = name
	return j
}

// quotes says that the statement writes names in double quotes: its tables are. MySQL has strings in them.
func (l *sql) quotes() bool {
	if l.ansi == 0 {
		l.ansi = -1
		for _, w := range [...]string{`from "`, `into "`, `update "`, `join "`, `table "`, `"."`, `." `, `index "`, `exists "`, `only "`, `on "`} {
			if containsFold(l.s, w) {
				l.ansi = 1
				break
			}
		}
	}
	return l.ansi > 0
}

// name copies a name in quotes that only names have.
func (l *sql) name(i int, quote byte) int {
	end := strings.IndexByte(l.s[i+1:], quote)
	if end < 0 {
		return l.rest()
	}
	j := i + 1 + end + 1
	if !plain(l.s[i+1 : j-1]) {
		l.hole()
		return j
	}
	l.out = append(l.out, l.s[i:j]...)
	l.prev = name
	return j
}

// bracket: [name] of SQL Server, or the values of ARRAY[…].
func (l *sql) bracket(i int) int {
	end := strings.IndexByte(l.s[i+1:], ']')
	if end > 0 && plain(l.s[i+1:i+1+end]) && !isDigit(l.s[i+1]) {
		return l.name(i, ']')
	}
	l.out = append(l.out, '[')
	l.prev = open
	return i + 1
}

// plain: letters, digits, '_', '$', '-' and blanks between words; no more than a name needs.
func plain(s string) bool {
	if s == "" || len(s) > 64 || isDigit(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isWord(s[i]) && s[i] != '$' && s[i] != '*' || s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (l *sql) lineComment(i int) int {
	end := strings.IndexByte(l.s[i:], '\n')
	if end < 0 {
		return len(l.s)
	}
	return i + end
}

func (l *sql) comment(i int) int {
	end := strings.Index(l.s[i+2:], "*/")
	if end < 0 || strings.Contains(l.s[i+2:i+2+end], "/*") { // PostgreSQL nests comments, MySQL does not
		return l.rest()
	}
	return i + 2 + end + 2
}
