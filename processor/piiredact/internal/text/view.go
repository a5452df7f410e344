package text

// view is a block with its neighbours.
type view struct{ before, at, behind *block }

// ahead moves bitmaps: bit i is what stands n bytes behind byte i.
func ahead(at, behind uint64, n int) uint64 { return at>>n | behind<<(64-n) }

// back moves bitmaps: bit i is what stands n bytes before byte i.
func back(before, at uint64, n int) uint64 { return at<<n | before>>(64-n) }

// clusters are the digits, and what stands between two of them when that is at most three bytes.
func (v *view) clusters() uint64 {
	d, in := v.at[digits], v.at[inner]
	if d == 0 || in == 0 {
		return d
	}
	d0, in0, d2, in2 := v.before[digits], v.before[inner], v.behind[digits], v.behind[inner]
	left := [3]uint64{back(d0, d, 1), back(in0, in, 1) & back(d0, d, 2), back(in0, in, 1) & back(in0, in, 2) & back(d0, d, 3)}
	right := [3]uint64{ahead(d, d2, 1), ahead(in, in2, 1) & ahead(d, d2, 2), ahead(in, in2, 1) & ahead(in, in2, 2) & ahead(d, d2, 3)}
	return d | in&(left[0]&(right[0]|right[1]|right[2])|left[1]&(right[0]|right[1])|left[2]&right[0])
}

// numbers are the first digits of runs that may begin somebody's number or a hardware address, with a word nearby that
// says so; long are those that may without, if only since a name
// stands before them. m and next are the clusters of the block and the one behind it.
// Runs of one or two digits begin no number unless it goes on behind them, nor do runs of less than eight inside a word.
func (v *view) numbers(m, next uint64, begins bool) (all, long uint64) {
	d, d2 := v.at[digits], v.behind[digits]
	if d == 0 {
		return 0, 0
	}
	first := d &^ back(v.before[digits], d, 1)
	two, two2 := d&ahead(d, d2, 1), d2&(d2>>1)
	three := two & ahead(d, d2, 2)
	four, four2 := two&ahead(two, two2, 2), two2&(two2>>2)
	eight := four & ahead(four, four2, 4)
	separated := ahead(v.at.colons()|v.at.dashes(), v.behind.colons()|v.behind.dashes(), 2) | ahead(v.at.dots(), v.behind.dots(), 4)
	glued := back(v.before[letters], v.at[letters], 1) &^ (eight | separated&^three)
	m2, m2next := m&ahead(m, next, 1), next&(next>>1)
	m3 := m2 & ahead(m, next, 2)
	all = first & m3 &^ glued
	if all == 0 {
		return 0, 0
	}
	m4, m4next := m2&ahead(m2, m2next, 2), m2next&(m2next>>2)
	m6, m7 := m4&ahead(m2, m2next, 4), m4&ahead(m4, m4next, 3)
	m9 := m7 & ahead(m2, m2next, 7)
	plus, plus0 := v.at.pluses(), v.before.pluses()
	plus = back(plus0, plus, 1) | back(plus0, plus, 2) | back(plus0, plus, 3)
	line := back(v.before.others(), v.at.others(), 1)
	if begins {
		line |= 1
	}
	colon, colon2 := v.at.colons(), v.behind.colons()
	bot := eight & (ahead(colon, colon2, 8) | ahead(colon, colon2, 9) | ahead(colon, colon2, 10))
	p0, p := v.before.pairs(), v.at.pairs()
	named := back(p0, p, 1)
	for n := range Pairing {
		named |= back(p0, p, n+2)
	}
	return all, all & (m9 | plus | line&m7 | bot | named&m6)
}

// accounts are the first letters of what may be an account's number: two, and then two digits.
func (v *view) accounts() uint64 {
	l, n := v.at[letters], v.behind[letters]
	first := l &^ back(v.before[letters]|v.before[digits], l|v.at[digits], 1)
	d, nextD := v.at[digits], v.behind[digits]
	account := ahead(l, n, 1) & ahead(d, nextD, 3) & (ahead(d, nextD, 2) | ahead(v.at.blanks(), v.behind.blanks(), 2)&ahead(d, nextD, 4))
	return first & account
}

// quads are the first digits of runs of three at most, with a full stop behind them.
func (v *view) quads() uint64 {
	d, d2, dot, dot2 := v.at[digits], v.behind[digits], v.at.dots(), v.behind.dots()
	one := ahead(d, d2, 1)
	return ahead(dot, dot2, 1) | one&(ahead(dot, dot2, 2)|ahead(d, d2, 2)&ahead(dot, dot2, 3))
}

// pairs are the bytes between a name and its value. Of a time of day only the first colon is one: what stands before the
// others is a number, and what stands behind them too short to be anything encoded.
func (v *view) pairs() uint64 {
	p := v.at.pairs()
	d, colon := v.at[digits], v.at.colons()
	if p == 0 || colon == 0 {
		return p
	}
	d0, colon0 := v.before[digits], v.before.colons()
	before := back(d0, d, 1) & (back(colon0, colon, 2) | back(d0, d, 2)&back(colon0, colon, 3))
	d2 := v.behind[digits]
	end, end2 := v.at.colons()|v.at.dots()|v.at.blanks()|v.at.quotes(), v.behind.colons()|v.behind.dots()|v.behind.blanks()|v.behind.quotes()
	return p &^ (colon & before & ahead(d, d2, 1) & ahead(d, d2, 2) & ahead(end, end2, 3))
}

// hardware are the places of what may be six pairs of hex digits, or three fours.
func (v *view) hardware() uint64 {
	h, n := v.at.hex(), v.behind.hex()
	c, nextC := v.at.colons()|v.at.dashes(), v.behind.colons()|v.behind.dashes()
	pairs := ahead(c, nextC, 2) & ahead(c, nextC, 5) & ahead(c, nextC, 8)
	dots, nextDots := v.at.dots(), v.behind.dots()
	fours := ahead(dots, nextDots, 4) & ahead(dots, nextDots, 9)
	if pairs|fours == 0 {
		return 0
	}
	two := h & ahead(h, n, 1)
	return two & (pairs | fours) &^ back(v.before[letters]|v.before[digits], v.at[letters]|v.at[digits], 1)
}

// dashes are those before a flag or the name of a region in a key: two of them, one behind a blank, one before a name
// with a digit in third place and behind hex digits.
func (v *view) dashes(begins bool) uint64 {
	dash := v.at.dashes()
	if dash == 0 {
		return 0
	}
	behind := ahead(dash, v.behind.dashes(), 1)
	flag := behind | back(v.before.blanks(), v.at.blanks(), 1)
	region := ahead(v.at[letters], v.behind[letters], 2) & ahead(v.at[digits], v.behind[digits], 3) & back(v.before.hex(), v.at.hex(), 1)
	if begins {
		flag |= 1
	}
	flag &= behind | ahead(v.at[letters], v.behind[letters], 1)
	return dash &^ back(v.before.dashes(), dash, 1) & (flag | region)
}
