package number

import (
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/checksum"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

// network is a range of issuer prefixes (six digits) and the lengths that its cards have, as bits.
type network struct {
	lo, hi  uint32
	lengths uint32
	// weak networks share their prefixes with too much else: their cards need context.
	weak bool
	// unchecked networks issue numbers without a Luhn digit.
	unchecked bool
}

func lengths(ns ...int) uint32 {
	var m uint32
	for _, n := range ns {
		m |= 1 << n
	}
	return m
}

var (
	n16    = lengths(16)
	n16to9 = lengths(16, 17, 18, 19)
	n12to9 = lengths(12, 13, 14, 15, 16, 17, 18, 19)
)

// networks come from the schemes' published ranges (ISO/IEC 7812 issuer identification); the first match counts.
// Maestro's wide ranges count for 16 digits only, the prefixes that are known to be its own for all:
// other lengths hold more other numbers than cards.
var networks = []network{
	{lo: 220000, hi: 220499, lengths: n16to9}, {lo: 220500, hi: 220599, lengths: n16}, // МИР, BORICA
	{lo: 222100, hi: 272099, lengths: n16}, {lo: 510000, hi: 559999, lengths: n16}, // Mastercard
	{lo: 400000, hi: 499999, lengths: lengths(13, 16, 19)},                                         // Visa
	{lo: 340000, hi: 349999, lengths: lengths(15)}, {lo: 370000, hi: 379999, lengths: lengths(15)}, // American Express
	{lo: 300000, hi: 305999, lengths: lengths(14, 16)}, {lo: 309500, hi: 309599, lengths: lengths(14, 16)}, // Diners Club
	{lo: 360000, hi: 369999, lengths: lengths(14)}, {lo: 380000, hi: 399999, lengths: lengths(14)},
	{lo: 308800, hi: 310299, lengths: n16}, {lo: 311200, hi: 312099, lengths: n16}, {lo: 315800, hi: 315999, lengths: n16}, // JCB
	{lo: 333700, hi: 334999, lengths: n16}, {lo: 352800, hi: 358999, lengths: n16to9},
	{lo: 213100, hi: 213199, lengths: lengths(15)}, {lo: 180000, hi: 180099, lengths: lengths(15)},
	{lo: 601100, hi: 601199, lengths: n16to9}, {lo: 644000, hi: 659999, lengths: n16to9}, // Discover, RuPay
	{lo: 620000, hi: 629999, lengths: n16to9 | lengths(15)}, {lo: 810000, hi: 829999, lengths: n16to9}, // UnionPay, RuPay
	{lo: 620000, hi: 629999, lengths: n16to9, weak: true, unchecked: true},
	{lo: 501800, hi: 501899, lengths: n12to9}, {lo: 502000, hi: 502099, lengths: n12to9}, {lo: 503800, hi: 503899, lengths: n12to9}, // Maestro
	{lo: 589300, hi: 589399, lengths: n12to9}, {lo: 630400, hi: 630499, lengths: n12to9}, {lo: 639000, hi: 639099, lengths: n16to9}, {lo: 670000, hi: 679999, lengths: n16to9},
	{lo: 675900, hi: 675999, lengths: n12to9}, {lo: 676100, hi: 676399, lengths: n12to9}, {lo: 676770, hi: 676774, lengths: n12to9}, {lo: 504100, hi: 504199, lengths: n16}, {lo: 506000, hi: 509999, lengths: n16to9}, // Elo, Verve, RuPay
	{lo: 636200, hi: 636399, lengths: n16}, {lo: 637000, hi: 639999, lengths: n16}, {lo: 606282, hi: 606282, lengths: n16to9}, // Elo, InstaPayment, Hipercard
	{lo: 627780, hi: 627780, lengths: n16}, {lo: 603500, hi: 603999, lengths: n16to9}, {lo: 605474, hi: 605474, lengths: n16},
	{lo: 500000, hi: 509999, lengths: n16}, {lo: 560000, hi: 589999, lengths: n16}, {lo: 600000, hi: 699999, lengths: n16},
	{lo: 500000, hi: 509999, lengths: n12to9, weak: true}, {lo: 560000, hi: 589999, lengths: n12to9, weak: true},
	{lo: 600000, hi: 699999, lengths: n12to9, weak: true}, {lo: 122000, hi: 122099, lengths: lengths(15)}, // UATP
	{lo: 135400, hi: 135499, lengths: lengths(15)}, {lo: 100000, hi: 199999, lengths: lengths(15), weak: true},
	{lo: 561400, hi: 561499, lengths: n16}, {lo: 860000, hi: 860099, lengths: n16}, // Uzcard
	{lo: 911200, hi: 911299, lengths: n16}, {lo: 979200, hi: 979299, lengths: n16}, // Белкарт, Troy
	{lo: 986000, hi: 986099, lengths: n16}, {lo: 986000, hi: 986099, lengths: n16, weak: true, unchecked: true}, // Humo
}

// card finds a card that begins with group a: issuer, length and check digit, in the ways that people group them.
func (f *Finder) card(a int, env *Env) (window, bool) {
	c := &f.c
	best, ok := window{a, a}, false
	for b := a; b < c.n; b++ {
		w := window{a, b}
		n := len(c.digits(w))
		if n > 19 {
			break
		}
		if n < 12 || !c.cardShape(w) || b == a && env.Quantity && !env.Hint.Has(finding.Card) {
			continue
		}
		if f.isCard(w, env) {
			best, ok = w, true
		}
	}
	return best, ok
}

func (f *Finder) isCard(w window, env *Env) bool {
	c := &f.c
	d := c.digits(w)
	prefix := uint32(0)
	for _, x := range d[:6] {
		prefix = prefix*10 + uint32(x-'0')
	}
	luhn := checksum.Luhn(d)
	for _, n := range networks {
		if prefix < n.lo || prefix > n.hi || n.lengths&(1<<len(d)) == 0 || !luhn && !n.unchecked {
			continue
		}
		if c.inWord(w) || c.fraction(w) || c.inToken(w) {
			return false
		}
		context := env.Hint.Has(finding.Card) || f.near(w, cardWord, 32, 16)
		if context {
			return true
		}
		// 12 and 13 digits are mostly goods: a product's check digit or word clears them.
		if !n.weak && !f.goods(w) {
			return true
		}
	}
	return false
}

// goods: a number without groups whose check digit or name is one of goods, or which its name says to be a count or an id.
// Nobody writes those in fours.
func (f *Finder) goods(w window) bool {
	if w.a != w.b {
		return f.near(w, productWord, 24, 0)
	}
	return f.product(w) || f.counted(w)
}

// cardShape says that the groups are cut as on a card or an invoice, with one kind of separator.
func (c *cluster) cardShape(w window) bool {
	if w.a == w.b {
		return true
	}
	sep := c.sep(w.a)
	for g := w.a + 1; g < w.b; g++ {
		if c.sep(g) != sep {
			return false
		}
	}
	if lo := c.start[w.a]; sep == "-" && lo > 1 && c.s[lo-1] == '-' && (isDigit(c.s[lo-2]) || isHex(c.s[lo-2]) && !labelled(c.s[:lo-1])) {
		return false // the middle of a longer code
	}
	n, last := c.size(w.a), c.size(w.b)
	if n < 4 { // 4 1 1 1 …, 41 11 11 …
		for g := w.a; g < w.b; g++ {
			if c.size(g) != n {
				return false
			}
		}
		return last <= n
	}
	if w.b == w.a+1 { // 8-8, 6-10, 4-12, 6-13
		total := n + last
		return last >= 4 && (total == 15 || total == 16 || n == 6 && (last == 7 || last == 13 && c.d[c.first[w.b]] != '1')) // 1… of 13 digits is a time
	}
	for g := w.a + 1; g < w.b; g++ {
		if k := c.size(g); k < 3 || k > 6 {
			return false
		}
	}
	return n <= 6 && last <= 8
}
