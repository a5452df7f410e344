package number

import (
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

// phone finds a telephone number that begins with group a: with a plus, as Russians and Americans write
// theirs, or any plausible one where the key or a word nearby says that it is a phone.
func (f *Finder) phone(a int, env *Env) (window, bool) {
	c := &f.c
	if a == 0 && c.plus {
		if w, ok := f.plus(env); ok {
			return w, true
		}
	}
	if a > 0 && c.sep(a-1) != " " && c.sep(a-1) != "\t" && c.s[c.start[a]-1] != '(' && c.s[c.start[a]-1] != ' ' && c.s[c.start[a]-1] != '/' {
		return window{}, false // inside a longer number
	}
	for b := min(c.n-1, a+6); b >= a; b-- {
		w := window{a, b}
		n := len(c.digits(w))
		if n < 7 || n > 15 || b == a && env.Quantity || c.glued(w) || !c.phoneSeps(w) {
			continue
		}
		if b+1 < c.n && c.sep(b) != " " && c.sep(b) != "\t" && c.sep(b) != "." && c.sep(b) != "/" && c.sep(b) != ". " {
			continue // the number goes on
		}
		if b > a && b+1 < c.n && c.sep(b) == "\t" {
			if card, ok := f.card(b, env); ok && card.b > b {
				continue // its last group is a card's first
			}
		}
		if f.isPhone(w, env) && !c.inToken(w) {
			return w, true
		}
	}
	return window{}, false
}

// plus is E.164: the country's plan says how long it is, however it is grouped; "(0)" may stand after the code.
func (f *Finder) plus(env *Env) (window, bool) {
	c := &f.c
	for b := min(c.n-1, 8); b >= 0; b-- {
		w := window{0, b}
		d := c.digits(w)
		if len(d) > 17 || len(d) < 7 || c.glued(w) || !c.phoneSeps(w) {
			continue
		}
		p, n, ok := international(d)
		if !ok {
			continue
		}
		national := len(d) - n
		if trunk(c, w) {
			national--
		}
		if national >= int(p.lo) && national <= int(p.hi) && (b == 0 || c.size(0) <= 6 || b == 1) {
			return w, true
		}
		if env.Hint.Has(finding.Phone) || b == c.n-1 && c.n > 1 && len(d) >= 10 && len(d) <= 15 && f.near(w, phoneWord, 32, 16) {
			return w, true
		}
	}
	return window{}, false
}

// trunk says that "(0)" stands behind the country code.
func trunk(c *cluster, w window) bool {
	return w.b > 0 && c.size(1) == 1 && c.d[c.first[1]] == '0' && c.s[c.start[1]-1] == '('
}

// phoneSeps: blanks, dashes, dots, parentheses and slashes, one kind besides parentheses and blanks.
func (c *cluster) phoneSeps(w window) bool {
	for g := w.a; g < w.b; g++ {
		switch c.sep(g) {
		case " ", "-", ".", "/", "(", ")", " (", ") ", ")-", "-(", " - ", "  ", ") (", "(-", ")/", ").", "_", "+", "+(", ")+":
		default:
			return false
		}
	}
	return true
}

func (f *Finder) isPhone(w window, env *Env) bool {
	c := &f.c
	if c.date(w) {
		return false
	}
	if f.written(w) || c.national(w) {
		return !c.dashed(w)
	}
	d := c.digits(w)
	n := len(d)
	solid := w.a == w.b
	if solid && n == 11 && (d[0] == '7' || d[0] == '8') && d[1] == '9' && !c.dashed(w) {
		return !f.product(w) && !f.unit(c.end[w.b]) && !f.counted(w) // a Russian mobile number, bare
	}
	if env.Hint.Has(finding.Phone) {
		return !c.dotted(w)
	}
	if solid && n == 13 && string(d[:4]) == "0079" { // the same, as it is dialled from abroad
		return !f.product(w) && !f.counted(w)
	}
	if solid && (n < 10 || n > 12 && !strings.HasPrefix(string(d), "00")) || n < 7 || c.dashed(w) || c.dotted(w) {
		return false
	}
	if solid && n == 10 && nanp(d) && f.near(w, dialWord, 8, 0) {
		return true
	}
	if solid && n == 10 && d[0] == '1' { // seconds since the epoch
		return false
	}
	return f.near(w, phoneWord, 32, 16) && !f.product(w)
}

// beside: a word for a telephone stands right before a number of nine digits, which many countries' numbers have.
func (f *Finder) beside(w window) bool {
	lo := f.c.start[w.a]
	return lo > 3 && f.c.s[lo-1] == ' ' && !f.c.glued(w) && f.near(w, phoneWord, 13, 0) && !f.unit(f.c.end[w.b])
}

// written recognises forms that say by their grouping that they are phones.
func (f *Finder) written(w window) bool {
	c := &f.c
	d := c.digits(w)
	paren := strings.IndexByte(c.s[max(0, c.start[w.a]-1):c.end[w.b]], '(') >= 0
	groups := w.b - w.a + 1
	switch len(d) {
	case 11:
		if d[0] == '7' || d[0] == '8' {
			return c.size(w.a) == 1 && d[1] >= '3' && groups >= 3 && c.size(w.a+1) >= 3 && c.size(w.a+1) <= 5 || // 8 (495) 123-45-67
				c.size(w.a) == 1 && d[1] >= '3' && paren || // 8(999)1234567
				c.size(w.a) == 1 && d[1] == '9' && groups == 2 || // 8-9991234567
				c.size(w.a) == 4 && d[1] == '9' && groups >= 3 // 8999 123-45-67
		}
		return d[0] == '1' && c.sizes(w, 1, 3, 3, 4) && nanp(d[1:])
	case 10:
		switch {
		case c.sizes(w, 3, 3, 4):
			return nanp(d) && (paren || c.sep(w.b-1) == "-" || c.sep(w.a) == "." && c.sep(w.a+1) == ".")
		case c.sizes(w, 3, 7):
			return paren && d[0] >= '2'
		case c.sizes(w, 3, 3, 2, 2):
			return d[0] >= '3' && (paren || c.sep(w.a+1) == "-" || d[0] == '9')
		case c.sizes(w, 4, 2, 2, 2), c.sizes(w, 4, 3, 3), c.sizes(w, 5, 5), c.sizes(w, 5, 1, 2, 2):
			return paren
		}
	case 12, 13, 14, 15:
		if w.a > 0 && c.sep(w.a-1) != "\t" {
			return false
		}
		if exit := c.size(w.a); groups >= 4 && (exit == 2 && string(d[:2]) == "00" || exit == 3 && string(d[:3]) == "011") { // 00 44 …, 011 44 …
			p, n, ok := international(d[exit:])
			rest := len(d) - exit - n
			return ok && c.size(w.a+1) == n && rest >= int(p.lo) && rest <= int(p.hi)
		}
		if string(d[:2]) == "00" && groups >= 3 && c.size(w.a) >= 3 {
			p, n, ok := international(d[2:])
			if !ok || c.size(w.a) != 2+n || n == 1 && c.size(w.a+1) != 3 {
				return false
			}
			return len(d)-2-n >= int(p.lo) && len(d)-2-n <= int(p.hi)+1
		}
	}
	return false
}

// nanp is the North American plan: neither area nor exchange begins with 0 or 1.
func nanp(d []byte) bool { return d[0] >= '2' && d[3] >= '2' }

// dotted: four or more groups between dots are versions and addresses; so is what has a short last group.
func (c *cluster) dotted(w window) bool {
	dots := 0
	for g := w.a; g < w.b; g++ {
		if c.sep(g) == "." {
			dots++
		}
	}
	return dots > 0 && (c.size(w.b) < 2 || dots == 3 && c.n == 4 && len(c.digits(w)) <= 12 && c.size(w.a) <= 3 && c.size(w.b) <= 3)
}

// date: 2026-11-23, 23.11.2026, 2026/11/23 12, and the like.
func (c *cluster) date(w window) bool {
	if w.b-w.a < 2 {
		return false
	}
	d := c.digits(w)
	year := func(at int) bool {
		return len(d) >= at+4 && (d[at] == '1' && d[at+1] == '9' || d[at] == '2' && d[at+1] == '0')
	}
	s0, s1, s2 := c.size(w.a), c.size(w.a+1), c.size(w.a+2)
	if s0 == 4 && s1 <= 2 && s2 <= 2 && year(0) {
		return c.sep(w.a) == c.sep(w.a+1)
	}
	return s0 <= 2 && s1 <= 2 && s2 == 4 && year(s0+s1) && c.sep(w.a) == c.sep(w.a+1)
}
