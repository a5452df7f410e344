// Package number finds numbers that belong to people: cards, phones, accounts, tax and insurance numbers.
// It is anchored at a digit: the digits and separators from there are read once, as groups, and windows
// of groups are offered to validators. Weak numbers count only where the key or a word nearby says so.
package number

import (
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

const (
	maxGroups = 28
	maxDigits = 80
	// resume is how many groups are read again when a cluster is full, so that no window is cut in two.
	resume = 16
)

// Env is what is known about the text before its digits are read.
type Env struct {
	// Hint: entities that the key gives context for.
	Hint finding.Set
	// Solid runs of digits are times, sizes or ids (by key or allow-list): only written-out forms count.
	Quantity bool
	// Loose: addresses count without context (profile strict).
	Loose bool
	// Number: what the whole text is when it is nothing but a number.
	Number finding.Entity
	// Needs are entities that count in context only.
	Needs finding.Set
	// Query: the text is a URL's query: its first pair has no '?' before it.
	Query bool
	// Skip: the key is on the allow-list of ids: no number at all.
	Skip bool
}

// cluster is a run of digit groups with at most three separators between two of them.
type cluster struct {
	s     string
	n     int
	start [maxGroups]int
	end   [maxGroups]int
	first [maxGroups + 1]int // index in d of the group's first digit
	d     [maxDigits]byte
	plus  bool // a plus sign stands before the first group
	begin int  // where the plus or the parenthesis stands
	full  bool
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isHex(c byte) bool { return isDigit(c) || (c|0x20 >= 'a' && c|0x20 <= 'f') }

func isSep(c byte) bool { return separators[c] }

var separators = [256]bool{' ': true, '-': true, '.': true, '(': true, ')': true, '/': true, '_': true, '\t': true}

// read fills the cluster from the digit at i.
func (c *cluster) read(s string, i int) {
	c.s, c.n, c.full = s, 0, false
	c.first[0] = 0
	c.begin = plussed(s, i)
	c.plus = c.begin < i
	for {
		nd := c.first[c.n]
		c.start[c.n] = i
		for i < len(s) && isDigit(s[i]) {
			if nd < maxDigits {
				c.d[nd] = s[i]
			}
			nd++
			i++
		}
		c.end[c.n] = i
		c.n++
		c.first[c.n] = min(nd, maxDigits)
		if nd >= maxDigits || c.n == maxGroups {
			c.full = true
			return
		}
		j := gap(s, i)
		if j == i {
			return
		}
		i = j
	}
}

// gap reads the separators at i, behind a group; it returns where the next group begins, or i.
func gap(s string, i int) int {
	j := i
	for j < len(s) && j < i+3 && (isSep(s[j]) || s[j] == '+' && (j > i && s[j-1] == ')' || j+1 < len(s) && s[j+1] == '(')) {
		j++
	}
	if j == i && i < len(s) && s[i] == '+' { // a blank in a form's encoding
		j++
	}
	if j >= len(s) || !isDigit(s[j]) {
		return i
	}
	return j
}

// plussed is where the plus sign stands before the digit at i, or i.
func plussed(s string, i int) int {
	for k := i - 1; k >= 0 && k >= i-3; k-- {
		if s[k] == '(' || s[k] == ' ' {
			continue
		}
		if s[k] == '+' && (k == 0 || !isLetter(s[k-1]) && !isDigit(s[k-1])) {
			return k
		}
		break
	}
	return i
}

// window is the groups a..b inclusive.
type window struct{ a, b int }

func (c *cluster) digits(w window) []byte { return c.d[c.first[w.a]:c.first[w.b+1]] }

func (c *cluster) size(g int) int { return c.end[g] - c.start[g] }

// sep is what stands between group g and the next.
func (c *cluster) sep(g int) string { return c.s[c.end[g]:c.start[g+1]] }

// sizes compares the windows' group sizes.
func (c *cluster) sizes(w window, want ...int) bool {
	if w.b-w.a+1 != len(want) {
		return false
	}
	for i, n := range want {
		if c.size(w.a+i) != n {
			return false
		}
	}
	return true
}

// glued says that the window's ends touch letters, or digits behind a point: part of a longer word or number.
func (c *cluster) glued(w window) bool {
	lo, hi := c.start[w.a], c.end[w.b]
	if hi < len(c.s) && isLetter(c.s[hi]) {
		return true
	}
	if lo > 0 && isLetter(c.s[lo-1]) && !labelled(c.s[:lo]) {
		return true
	}
	return c.fraction(w)
}

// inWord says that the window touches letters that make hex of it: "x4111…" is a word before a number, "deadbeef41…" is not.
func (c *cluster) inWord(w window) bool {
	lo, hi := c.start[w.a], c.end[w.b]
	word := lo > 1 && c.s[lo-1] == 'B' && c.s[lo-2] == '%' // a magnetic stripe
	for lo > 0 && isLetter(c.s[lo-1]) {
		lo--
		word = word || !isHex(c.s[lo])
	}
	if lo < c.start[w.a] && (!word && !labelled(c.s[:c.start[w.a]]) || lo > 0 && isDigit(c.s[lo-1])) {
		return true
	}
	word = false
	for hi < len(c.s) && isLetter(c.s[hi]) {
		word = word || !isHex(c.s[hi])
		hi++
	}
	return hi > c.end[w.b] && (!word || hi < len(c.s) && isDigit(c.s[hi]))
}

// fraction says that a lone group is the whole or the broken part of a decimal number.
func (c *cluster) fraction(w window) bool {
	lo, hi := c.start[w.a], c.end[w.b]
	if w.a != w.b {
		return false
	}
	return lo >= 2 && c.s[lo-1] == '.' && isDigit(c.s[lo-2]) ||
		hi+1 < len(c.s) && c.s[hi] == '.' && isDigit(c.s[hi+1]) && !allZero(c.s[hi+1:])
}

// dashed says that a letter and a dash stand right before: the number of an order, a part, an invoice.
func (c *cluster) dashed(w window) bool {
	lo := c.start[w.a]
	return lo >= 2 && (c.s[lo-1] == '-' || c.s[lo-1] == '_' || c.s[lo-1] == '#') && isLetter(c.s[lo-2]) && !labelled(c.s[:lo-1])
}

// inToken says that the window lies inside a UUID, a traceparent or another run of hex digits and dashes.
func (c *cluster) inToken(w window) bool {
	lo, hi := c.start[w.a], c.end[w.b]
	letters := false
	for lo > 0 && (isHex(c.s[lo-1]) || c.s[lo-1] == '-') && hi-lo < 128 {
		lo--
		letters = letters || isLetter(c.s[lo])
	}
	for hi < len(c.s) && (isHex(c.s[hi]) || c.s[hi] == '-') && hi-lo < 128 {
		letters = letters || isLetter(c.s[hi])
		hi++
	}
	if n := hi - lo; n < 32 || lo == c.start[w.a] && hi == c.end[w.b] && w.a == w.b {
		return false
	}
	return letters || uuidShape(c.s[lo:hi])
}

func uuidShape(t string) bool {
	return len(t) == 36 && t[8] == '-' && t[13] == '-' && t[18] == '-' && t[23] == '-'
}

func allZero(s string) bool {
	for i := 0; i < len(s) && isDigit(s[i]); i++ {
		if s[i] != '0' {
			return false
		}
	}
	return true
}

// labelled says that the text ends in a word that introduces a number, so that "card4111…" is not an identifier.
func labelled(s string) bool {
	lo := len(s)
	for lo > 0 && isLetter(s[lo-1]) {
		lo--
	}
	for _, w := range [...]string{"card", "pan", "cc", "visa", "mastercard", "mc", "amex", "mir", "tel", "phone", "mobile", "fax", "inn", "snils"} {
		if strings.EqualFold(s[lo:], w) {
			return true
		}
	}
	return false
}
