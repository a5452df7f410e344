package secret

import (
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/meaning"
)

// Classify tells what a name means.
type Classify func(name string) *meaning.Class

// maxName bounds how far a name is read backwards, so that a text of colons costs no more than its length.
const maxName = 64

// maxTag bounds how far an element's name is looked for before its end.
const maxTag = 256

var tagName = letters(alnumSet + "_-.:")

// maxWord is more than a name's first word has: what is longer and holds digits is the value of another pair.
const maxWord = 16

// named are the bytes of a name: letters of any script, digits, "_-.".
var named = func() alphabet {
	a := dotted
	for c := 0x80; c < len(a); c++ {
		a[c] = true
	}
	return a
}()

// Pair reads "name: value", name=value, "name": "value", (name)=(value) around the ':' or '=' at s[i] and
// says what the value is, by the name's meaning. query: a name that begins the text stands in a URL's query.
func Pair(s string, i int, query bool, classify Classify) (finding.Finding, bool) {
	lo, hi := name(s, i)
	if lo >= hi || s[lo]-'0' <= 9 {
		return finding.Finding{}, false
	}
	class := classify(s[lo:hi])
	if class.Whole == finding.None && hi-lo < 6 {
		if named := owner(s, i, lo, hi); named != "" {
			class = classify(named)
		}
	}
	query = query && lo == 0 || lo > 0 && (s[lo-1] == '?' || s[lo-1] == '&' || s[lo-1] == '#' || s[lo-1] == ';' && strings.HasSuffix(s[:lo], "&amp;"))
	e := class.Whole
	if e == finding.None && query && class.Query {
		e = finding.URLSecret
	}
	if e == finding.None || class.Place {
		return weak(s, i, class, s[lo] >= 0x80)
	}
	f, quoted := value(s, i, e)
	v := s[f.Start:f.End]
	if masked(v) || placeholder(v) || !quoted && prose[strings.ToLower(strings.TrimRight(v, ".,!"))] {
		return f, false
	}
	if query && e != finding.Person && e != finding.Address && e != finding.BirthDate {
		if e == finding.URLSecret && weakName(s[lo:hi]) && len(v) < 8 {
			return f, false
		}
		f.Entity = finding.URLSecret
	}
	return f, plausible(f.Entity, v, quoted)
}

// Tag reads <name>value</name> and <name type="x">value</name> at the '>' at s[i].
func Tag(s string, i int, classify Classify) (finding.Finding, bool) {
	hi := i
	if i > 0 && (s[i-1] == '"' || s[i-1] == '\'') {
		if open := strings.LastIndexByte(s[max(0, i-maxTag):i], '<'); open >= 0 {
			hi = span(s, max(0, i-maxTag)+open+1, &tagName)
		}
	}
	lo := hi
	for lo > 0 && hi-lo < maxName && (dotted[s[lo-1]] || s[lo-1] >= 0x80) {
		lo--
	}
	end := strings.IndexByte(s[i:], '<')
	if lo == hi || lo == 0 || s[lo-1] != '<' && s[lo-1] != ':' || end < 2 {
		return finding.Finding{}, false
	}
	e := classify(s[lo:hi]).Whole
	v := s[i+1 : i+end]
	return finding.Finding{Start: i + 1, End: i + end, Entity: e}, e != finding.None && !masked(v)
}

// name finds the name before i: a quoted one, or up to three words ("дата рождения").
func name(s string, i int) (lo, hi int) {
	hi = i
	if hi > 0 && named[s[hi-1]] {
		return words(s, hi)
	}
	for hi > 0 && i-hi < 3 && (s[hi-1] == ' ' || s[hi-1] == '\t') {
		hi--
	}
	for hi > 0 && (s[hi-1] == '"' || s[hi-1] == '\'' || s[hi-1] == '\\' || s[hi-1] == '`' || s[hi-1] == ')' || s[hi-1] == ']') {
		hi--
	}
	return words(s, hi)
}

// words are the words of a name that ends at hi.
func words(s string, hi int) (lo, end int) {
	lo = hi
	spaces := 0
	for ; lo > 0 && hi-lo < maxName; lo-- {
		c := s[lo-1]
		if named[c] {
			continue
		}
		if c == ' ' && spaces < 2 && lo > 1 && (isLetter(s[lo-2]) || s[lo-2] >= 0x80) {
			spaces++
			continue
		}
		break
	}
	if spaces > 0 {
		if at := strings.IndexByte(s[lo:hi], ' '); at >= maxWord && strings.ContainsAny(s[lo:lo+at], digits) {
			lo += at // an id or a hash before the name
		}
	}
	for lo < hi && (s[lo] == '-' || s[lo] == '.' || s[lo] == ' ') {
		lo++
	}
	return lo, hi
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// value finds the value behind the separator at i.
func value(s string, i int, e finding.Entity) (f finding.Finding, quoted bool) {
	j := i + 1
	for j < len(s) && (s[j] == '=' || s[j] == '>' || s[j] == ':') && j < i+3 {
		j++
	}
	for n := 0; j < len(s) && (s[j] == ' ' || s[j] == '\t') && n < 4; n++ {
		j++
	}
	f = finding.Finding{Start: j, End: j, Entity: e}
	if j >= len(s) {
		return f, false
	}
	if open := strings.IndexByte("\"'`(", s[j]); open >= 0 {
		f.Start = j + 1
		f.End = closing(s, j+1, "\"'`)"[open])
		return f, true
	}
	if s[j] == '\\' && j+1 < len(s) && (s[j+1] == '"' || s[j+1] == '\'') { // \"value\" inside an escaped text
		f.Start = j + 2
		if at := strings.Index(s[f.Start:], s[j:j+2]); at >= 0 {
			f.End = f.Start + at
		} else {
			f.End = len(s)
		}
		return f, true
	}
	switch e {
	case finding.Authorization:
		if s[j] == '[' { // a list of one, as Go and Java print headers
			f.Start = j + 1
			f.End = closing(s, j+1, ']')
		} else {
			f.End = authorizationEnd(s, j)
		}
	case finding.Cookie:
		if s[i] == ':' {
			f.End = quoteOrLine(s, j)
		} else {
			f.End = cookieEnd(s, j)
		}
	case finding.Person:
		f.End = personEnd(s, j)
	case finding.Address:
		f.End = clauseEnd(s, j, 160)
	case finding.BirthDate:
		f.End = clauseEnd(s, j, 40)
	default:
		if s[j] != '{' && s[j] != '[' {
			f.End = softEnd(s, j)
		} else if s[j] == '[' {
			f.Start, f.End = j+1, closing(s, j+1, ']')
		}
	}
	return f, false
}

// closing finds the closing quote, past escaped ones; without one everything belongs to the value.
func closing(s string, i int, quote byte) int {
	for ; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		} else if s[i] == quote {
			return i
		}
	}
	return len(s)
}

func hardStop(c byte) bool {
	return c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '|' || c == '`'
}

// softEnd ends an unquoted value. Commas, semicolons, ampersands and brackets may be part of a password:
// they end it when another pair or nothing follows.
func softEnd(s string, i int) int {
	for ; i < len(s) && !hardStop(s[i]); i++ {
		switch s[i] {
		case ',', ';', '&', ')', '}', ']':
			if i+1 >= len(s) || hardStop(s[i+1]) || strings.IndexByte(",;&)}]", s[i+1]) >= 0 || pairAhead(s, i+1) {
				return i
			}
		case '\\':
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == 'n' || s[i+1] == 'r') {
				return i
			}
		}
	}
	return i
}

func pairAhead(s string, i int) bool {
	j := i
	for j < len(s) && j < i+maxName && (dotted[s[j]] || s[j] >= 0x80) {
		j++
	}
	return j > i && j < len(s) && (s[j] == '=' || s[j] == ':')
}

// cookieEnd: a cookie's value has no blanks, quotes or semicolons (RFC 6265).
func cookieEnd(s string, i int) int {
	for i < len(s) && s[i] > ' ' && strings.IndexByte(`"';&<>`, s[i]) < 0 {
		i++
	}
	return i
}

func quoteOrLine(s string, i int) int {
	if at := strings.IndexAny(s[i:], "\r\n\"'"); at >= 0 {
		return i + at
	}
	return len(s)
}
