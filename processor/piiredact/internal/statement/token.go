package statement

import (
	"strings"
	"unicode/utf8"
)

func isDigit(c byte) bool { return c-'0' <= 9 }

func isWord(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || isDigit(c) || c >= utf8.RuneSelf
}

// dollar: $1 is a parameter, $$…$$ and $tag$…$tag$ are PostgreSQL's strings.
func (l *sql) dollar(i int) int {
	j := i + 1
	for j < len(l.s) && isWord(l.s[j]) {
		j++
	}
	if j < len(l.s) && l.s[j] == '$' && (j == i+1 || !isDigit(l.s[i+1])) {
		tag := l.s[i : j+1]
		end := strings.Index(l.s[j+1:], tag)
		if end < 0 {
			return l.rest()
		}
		l.hole()
		return j + 1 + end + len(tag)
	}
	if j == i+1 {
		return l.punct(i)
	}
	digits := strings.Trim(l.s[i+1:j], "0123456789") == "" && j-i <= 6
	if !digits {
		l.hole()
		return j
	}
	l.out = append(l.out, l.s[i:j]...)
	l.prev = hole
	return j
}

// number: 12, 1.5e-3, 0x1F, and whatever letters touch it (an id without quotes is a value too).
func (l *sql) number(i int) int {
	j := i
	for j < len(l.s) && (isWord(l.s[j]) || l.s[j] == '.' ||
		(l.s[j] == '+' || l.s[j] == '-') && l.s[j-1]|0x20 == 'e' && j+1 < len(l.s) && isDigit(l.s[j+1])) {
		j++
	}
	l.hole()
	return j
}

// parameter keeps :name and @name.
func (l *sql) parameter(i int) int {
	j := i + 1
	for j < len(l.s) && isWord(l.s[j]) {
		j++
	}
	if !plain(l.s[i+1:j]) && !(isDigit(l.s[i+1]) && j-i <= 4) {
		l.hole()
		return j
	}
	l.out = append(l.out, l.s[i:j]...)
	l.prev = hole
	return j
}

// word copies a keyword or a name and notes what it means for the quotes behind it.
func (l *sql) word(i int) int {
	j := i
	for j < len(l.s) && (isWord(l.s[j]) || l.s[j] == '$') {
		j++
	}
	w := l.s[i:j]
	if j < len(l.s) && l.s[j] == '\'' && literalPrefix(w) { // E'…', N'…', X'…', _utf8'…'
		return l.quoted(j)
	}
	if j+1 < len(l.s) && j-i == 1 && (w == "q" || w == "Q") && l.s[j] == '\'' { // Oracle's q'[…]'
		return l.rest()
	}
	if !ascii(w) || l.password(w) { // no schema is spelled so: a value without quotes
		l.hole()
		return j
	}
	l.out = append(l.out, w...)
	l.prev = l.kind(w)
	if len(w) == 5 && strings.EqualFold(w, "stdin") { // COPY … FROM stdin; the rows follow
		if at := strings.IndexByte(l.s[j:], '\n'); at >= 0 {
			l.out = append(l.out, l.s[j:j+at+1]...)
			return l.rest()
		}
	}
	return j
}

// password says that w is one without quotes: it stands behind IDENTIFIED BY.
func (l *sql) password(w string) bool {
	was := l.identified
	l.identified = 0
	switch {
	case len(w) == 10 && strings.EqualFold(w, "identified"):
		l.identified = 1
	case was == 1 && strings.EqualFold(w, "by"):
		l.identified = 2
	case was == 2:
		return !strings.EqualFold(w, "password") && !strings.EqualFold(w, "values")
	}
	return false
}

// literal says that s begins with a string: 'x', E'x', U&'x', $$x$$.
func literal(s string) bool {
	at := strings.IndexByte(s[:min(len(s), 16)], '\'')
	return at == 0 || at > 0 && literalPrefix(strings.TrimSuffix(s[:at], "&")) || strings.HasPrefix(s, "$$")
}

func literalPrefix(w string) bool {
	switch strings.ToLower(w) {
	case "e", "n", "x", "b", "u", "r":
		return true
	}
	return len(w) > 1 && w[0] == '_'
}

func ascii(w string) bool {
	for i := range len(w) {
		if w[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// kind tells keywords from names as far as quotes need it.
func (l *sql) kind(w string) prevKind {
	if len(w) > 9 {
		return name
	}
	var b [9]byte
	for i := range len(w) {
		b[i] = w[i] &^ 0x20
	}
	switch string(b[:len(w)]) {
	case "VALUES", "VALUE":
		l.rows, l.names = true, false
		return keyword
	case "IN", "ANY", "ALL":
		l.list, l.names = true, false
		return keyword
	case "INTO", "TABLE":
		l.names = true
		return keyword
	case "SELECT", "FROM", "JOIN", "WHERE", "UPDATE", "BY", "RETURNING":
		l.values, l.list, l.rows, l.names = false, false, false, false
		return keyword
	case "SET", "AND", "OR", "ON", "AS", "USING", "INDEX", "NOT", "DISTINCT", "COLUMN", "ADD", "DROP", "ALTER", "CONFLICT", "DO":
		l.list, l.rows = false, false
		return keyword
	case "LIKE", "ILIKE", "REGEXP", "RLIKE", "BETWEEN", "ESCAPE", "IS", "THEN", "ELSE", "WHEN", "LIMIT", "OFFSET", "MATCH", "SIMILAR", "TO":
		return operator
	}
	return name
}

// verbs are the first letters of statements.
var verbs = [256]bool{'s': true, 'i': true, 'u': true, 'd': true, 'm': true, 'w': true, 'r': true, 'c': true, 'e': true, 'a': true, 'g': true}

// IsSQL says that s begins like a statement, so that one in a log line is found without a key that says so.
func IsSQL(s string) bool {
	if len(s) < 5 || !verbs[s[0]|0x20] {
		return false
	}
	s = s[:min(len(s), 1024)]
	end := 1
	for end < len(s) && end < 9 && isWord(s[end]) {
		end++
	}
	if end < 4 || end > 7 || end == len(s) || s[end] > ' ' {
		return false
	}
	verb, rest := s[:end], s[end+1:]
	has := func(words ...string) bool {
		for _, w := range words {
			if containsFold(rest, w) {
				return true
			}
		}
		return false
	}
	var b [8]byte
	for i := range len(verb) {
		b[i] = verb[i] &^ 0x20
	}
	switch string(b[:end]) {
	case "SELECT":
		return has(" FROM ", "(", " * ") || strings.HasPrefix(rest, "* ") || literal(rest)
	case "ALTER", "CREATE":
		who, _, _ := strings.Cut(rest, " ")
		return (strings.EqualFold(who, "user") || strings.EqualFold(who, "role") || strings.EqualFold(who, "login")) && has(" PASSWORD", " IDENTIFIED ")
	case "GRANT":
		return has(" IDENTIFIED BY ")
	case "DECLARE":
		return strings.HasPrefix(rest, "@") && has(" = ")
	case "INSERT", "REPLACE", "UPSERT":
		return containsFold(rest[:min(len(rest), 64)], "into ") && has("VALUES", "SELECT", " SET ")
	case "UPDATE":
		return has(" SET ")
	case "DELETE":
		return len(rest) > 5 && strings.EqualFold(rest[:5], "from ")
	case "MERGE":
		return has(" USING ")
	case "WITH":
		return has(" AS (", " AS(") && has("SELECT ")
	case "CALL", "EXEC", "EXECUTE":
		return has("(", "@")
	}
	return false
}

func containsFold(s, sub string) bool {
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i]|0x20 == sub[0]|0x20 && strings.EqualFold(s[i:i+len(sub)], sub) {
			return true
		}
	}
	return false
}

// Verbs are the words that a statement in a text begins with.
func Verbs() []string {
	return []string{"select", "insert", "replace", "upsert", "update", "delete", "merge", "with", "call", "exec", "alter", "create", "grant", "declare"}
}

// least is the shortest text that holds a statement with a literal.
const least = 16

// Begins says that a statement begins at the word at i, in the middle of a text.
func Begins(s string, i int) bool {
	return len(s) >= least && i+12 < len(s) && (i == 0 || !isWord(s[i-1])) && IsSQL(s[i:])
}
