package number

import (
	"strings"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/checksum"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/meaning"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/text"
)

// Finder reads numbers. It holds a cluster's buffers and is owned by one goroutine.
type Finder struct {
	c           cluster
	left, right surroundings
	// Names, unless nil, says what a pair's name means; it is shared and safe for concurrent use.
	Names  func(name string) *meaning.Class
	names  *meaning.Class // of the name before nameAt, or nil
	nameAt int
	day    int // where a date begins whose month is a word
	// words are the places in the text at which those may begin that give a number its meaning; worded: one of them is
	// near the cluster. width is how many bytes a character of the text has at most.
	words  text.Bits
	worded bool
	width  int
}

// Begin readies the finder for another text. wide says that it is not all ASCII.
func (f *Finder) Begin(words text.Bits, wide bool) {
	f.words, f.width = words, 1
	if wide {
		f.width = utf8.UTFMax
	}
}

// Shortest is the least number of digits that anything has whose meaning neither its key, nor the name before it, nor a word nearby says, nor a
// plus sign, nor the place of an address in an access log.
const Shortest = 9

// Find reads the cluster at s[i], appends what it finds and returns where to go on.
func (f *Finder) Find(s string, i int, env *Env, out []finding.Finding) ([]finding.Finding, int) {
	c := &f.c
	c.read(s, i)
	next := c.end[c.n-1]
	f.left.at, f.right.at, f.nameAt = -1, -1, -1
	f.among(i, next)
	if total := c.first[c.n]; env.Skip || total < 3 || total < 6 && c.n != 4 && !f.dated() && (total > 4 || c.n > 2 || !f.coded() && !f.series()) {
		return out, next
	} else if c.n == 1 && total >= 7 && total <= 9 && env.Hint == 0 && !c.plus && c.d[0] != '0' && (total != 8 || !century(c.d[:])) {
		if total == 9 && !env.Quantity && f.beside(window{0, 0}) {
			out = append(out, finding.Finding{Start: c.start[0], End: c.end[0], Entity: finding.Phone})
		}
		return out, next // an order, a size: no number of a person is so short without a key, groups or a word right before
	}
	if c.first[c.n] < Shortest && f.mute(env) { // only where it stands may say something
		if w, ok := f.ip(0, env); ok {
			out = append(out, finding.Finding{Start: c.start[0], End: c.end[w.b], Entity: finding.IP})
		}
		return out, next
	}
	for a := 0; a < c.n && (f.worded || a == 0 || c.first[c.n]-c.first[a] >= Shortest || env.Loose || env.Hint != 0); {
		w, e := f.match(a, env)
		if e == finding.None || env.Needs.Has(e) && !env.Hint.Has(e) && !f.near(w, words[e], 32, 16) {
			a++
			continue
		}
		lo := c.start[w.a]
		switch {
		case w.a == 0 && c.plus && e == finding.Phone:
			lo = c.begin
		case e == finding.BirthDate && f.day < lo: // 31 January 1990
			lo = f.day
		}
		out = append(out, finding.Finding{Start: f.open(lo, c.end[w.b]), End: c.end[w.b], Entity: e})
		a = w.b + 1
	}
	if c.full && c.n > resume {
		next = c.start[c.n-resume]
	}
	return out, next
}

// Meant says that something besides its digits may give a number of less than Shortest digits its meaning, whose first
// group is s[i:hi]. What is told of others depends on it being short.
func (f *Finder) Meant(s string, i, hi int, env *Env) bool {
	f.among(i, hi+Shortest*3)
	return f.worded || env.Hint != 0 || env.Loose || plussed(s, i) < i || paired(s, i) ||
		(i == 0 || s[i-1] == '\n') && hi-i <= 3 && hi < len(s) && s[hi] == '.' // an access log's first field
}

// mute says that nothing gives the cluster a meaning: no word nearby, no name, no plus sign, no key.
func (f *Finder) mute(env *Env) bool {
	if f.worded || env.Hint != 0 || env.Loose || f.c.plus {
		return false
	}
	c := f.name(f.c.start[0])
	return c == nil || c.Hint == 0
}

// among notes whether words are near s[lo:hi] that give numbers a meaning.
func (f *Finder) among(lo, hi int) {
	f.worded = f.words.Any(lo-reach*f.width-text.Date, hi+reachRight*f.width)
}

// words are the topics of the numbers whose context can be demanded.
var words = map[finding.Entity]topic{
	finding.Card: cardWord, finding.Phone: phoneWord, finding.INN: innWord, finding.SNILS: snilsWord, finding.Account: accountWord,
}

// Demandable are the numbers whose context can be demanded.
func Demandable(e finding.Entity) bool { _, ok := words[e]; return ok }

// open takes the parenthesis along that a phone's area code opens; one that closes behind the number stays.
func (f *Finder) open(lo, hi int) int {
	if lo > 0 && f.c.s[lo-1] == '(' && strings.IndexByte(f.c.s[lo:hi], ')') >= 0 {
		return lo - 1
	}
	return lo
}

// match finds the number that begins with group a, the surest kind first.
func (f *Finder) match(a int, env *Env) (window, finding.Entity) {
	c := &f.c
	if w, ok := f.card(a, env); ok {
		return w, finding.Card
	}
	if w, ok := f.phone(a, env); ok {
		return w, finding.Phone
	}
	if w, e := f.russian(a, env); e != finding.None {
		return w, e
	}
	if w, ok := f.ip(a, env); ok {
		return w, finding.IP
	}
	if w, ok := f.born(a); ok {
		return w, finding.BirthDate
	}
	if w, ok := f.place(a, env); ok {
		return w, finding.GPS
	}
	w := window{a, a}
	if f.oneTime(w) {
		return w, finding.Secret
	}
	if n := c.size(a); (n == 3 || n == 4) && f.coded() && f.security(w) && !c.glued(w) && f.near(w, cvvWord, codeReach, 0) {
		return w, finding.Secret
	}
	return w, finding.None
}

// coded is a cheap look for the word before a verification code: it ends in one of few letters.
func (f *Finder) coded() bool {
	lo := f.c.start[0]
	for i := lo - 1; i >= 0 && i >= lo-4; i-- {
		switch b := f.c.s[i]; {
		case b|0x20 == 'v', b|0x20 == 'c', b|0x20 == 'n', b|0x20 == 'e', b >= 0x80:
			return true
		case isLetter(b):
			return false
		}
	}
	return false
}

// security is a cheap look for what words for a verification code begin with, before their meaning is asked for.
func (f *Finder) security(w window) bool {
	lo := f.c.start[w.a]
	t := f.c.s[max(0, lo-codeReach):lo]
	for i := range len(t) {
		if t[i] >= utf8.RuneSelf {
			return true
		}
		if i+1 == len(t) {
			return false
		}
		if second := lowered[t[i+1]&0x7f]; codeWords[t[i]|0x20][second>>6]&(1<<(second&63)) != 0 {
			return true
		}
	}
	return false
}

// series: four digits right behind the word for a passport's series.
func (f *Finder) series() bool {
	lo := f.c.start[0]
	return f.c.first[f.c.n] == 4 && wide(f.c.s[max(0, lo-16):lo]) && strings.HasSuffix(strings.TrimRight(f.c.s[max(0, lo-16):lo], " :№N-"), "ерия") && f.near(window{0, 0}, passportWord, reach, 0)
}

// ip is a dotted quad: four groups, each at most 255, in a context that says so.
func (f *Finder) ip(a int, env *Env) (window, bool) {
	c := &f.c
	w := window{a, a + 3}
	if a+3 >= c.n || c.size(a) > 3 {
		return w, false
	}
	for g := a; g <= w.b; g++ {
		if n := c.size(g); n > 3 || (n == 3 && string(c.digits(window{g, g})) > "255") {
			return w, false
		}
		if g < w.b && c.sep(g) != "." {
			return w, false
		}
	}
	if a > 0 && c.sep(a-1) == "." || w.b+1 < c.n && c.sep(w.b) == "." || c.glued(w) || private(c, w) {
		return w, false
	}
	if env.Loose || env.Hint.Has(finding.IP) {
		return w, true
	}
	lo := c.start[a]
	if (lo == 0 || c.s[lo-1] == '\n') && strings.HasPrefix(c.s[c.end[w.b]:], " - ") { // an access log's first field
		return w, true
	}
	product := lo > 1 && c.s[lo-1] == '/' && isLetter(c.s[lo-2]) // Chrome/126.0.6478.127
	return w, !product && f.near(w, ipWord, 32, 0)
}

// place is a coordinate behind a word for one: degrees with four decimals or more, which are about ten metres.
func (f *Finder) place(a int, env *Env) (window, bool) {
	c := &f.c
	w := window{a, a + 1}
	if w.b >= c.n || c.sep(a) != "." || c.size(a) > 3 || c.size(w.b) < 4 || env.Quantity || a > 0 && c.sep(a-1) == "." {
		return w, false
	}
	if w.b+1 < c.n && c.sep(w.b) == "." || c.glued(w) || c.size(a) == 3 && string(c.digits(window{a, a})) > "180" {
		return w, false
	}
	return w, f.near(w, placeWord, 32, 0)
}

// oneTime is a code of six digits that a word before it calls a one-time one.
func (f *Finder) oneTime(w window) bool {
	c := &f.c
	if c.size(w.a) != 6 || c.n != 1 || c.glued(w) {
		return false
	}
	lo := c.start[w.a]
	for i := lo - 1; i >= 0 && i >= lo-4; i-- {
		switch b := c.s[i]; {
		case b|0x20 == 's', b|0x20 == 'e', b|0x20 == 'p', b >= 0x80: // is, code, otp
			return f.near(w, oneTimeWord, 30, 0)
		case isLetter(b):
			return false
		}
	}
	return false
}

// Client says that a word before s[lo:hi], an address, speaks of who came from there.
func (f *Finder) Client(s string, lo, hi int) bool {
	f.c.s, f.c.start[0], f.c.end[0] = s, lo, hi
	f.left.at, f.right.at, f.nameAt = -1, -1, -1
	f.among(lo, hi)
	return f.near(window{0, 0}, ipWord, 32, 0)
}

// private networks, loopback and unspecified addresses name machines of ours, not people.
func private(c *cluster, w window) bool {
	num := func(g int) int {
		n := 0
		for _, d := range c.digits(window{g, g}) {
			n = n*10 + int(d-'0')
		}
		return n
	}
	x, y := num(w.a), num(w.a+1)
	return x == 0 || x == 10 || x == 127 || x == 172 && y >= 16 && y < 32 || x == 192 && y == 168 || x == 169 && y == 254 || x >= 224
}

// product says that the digits carry the check digit of goods, or that a word before them says so.
func (f *Finder) product(w window) bool {
	d := f.c.digits(w)
	switch len(d) {
	case 12, 13:
		return checksum.GTIN(d) || f.near(w, productWord, 24, 0)
	}
	return f.near(w, productWord, 24, 0)
}
