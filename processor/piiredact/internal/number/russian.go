package number

import (
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/checksum"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

// russian finds tax, insurance and register numbers, passports and bank accounts that begin with group a.
func (f *Finder) russian(a int, env *Env) (window, finding.Entity) {
	c := &f.c
	for b := a; b < c.n && b < a+8; b++ {
		w := window{a, b}
		n := len(c.digits(w))
		if n > 20 {
			break
		}
		if n < 4 || b == a && env.Quantity || c.glued(w) {
			continue
		}
		if e := f.russianOf(w, env); e != finding.None && !c.inToken(w) && !c.dashed(w) {
			return w, e
		}
	}
	return window{a, a}, finding.None
}

func (f *Finder) russianOf(w window, env *Env) finding.Entity {
	c := &f.c
	d := c.digits(w)
	solid := w.a == w.b
	context := func(e finding.Entity, t topic) bool {
		return env.Hint.Has(e) || f.near(w, t, 32, 8)
	}
	switch len(d) {
	case 9:
		if solid && d[0] == '0' && d[1] <= '4' && f.near(w, bikWord, 32, 0) {
			return finding.Account
		}
	case 10:
		if (solid || c.spaced(w)) && checksum.INN(d) && context(finding.INN, innWord) {
			return finding.INN
		}
		if (solid || c.sizes(w, 4, 6) || c.sizes(w, 2, 2, 6) || c.sizes(w, 2, 2, 3, 3)) && context(finding.Passport, passportWord) {
			return finding.Passport
		}
	case 11:
		if !checksum.SNILS(d) {
			return finding.None
		}
		if c.sizes(w, 3, 3, 3, 2) || (solid || c.sizes(w, 9, 2) || c.sizes(w, 3, 3, 5)) && context(finding.SNILS, snilsWord) {
			return finding.SNILS
		}
	case 12:
		if c.spaced(w) && checksum.INN(d) && context(finding.INN, innWord) {
			return finding.INN
		}
		lo, hi := c.start[w.a], c.end[w.b]
		// Goods numbers of 12 digits (UPC) mostly begin with 0; of the others one in a hundred passes for a tax number.
		id := lo > 0 && c.s[lo-1] == ':' && hi < len(c.s) && c.s[hi] == ':' // arn:aws:sqs:eu-west-1:123456789012:orders
		if solid && !id && checksum.INN(d) && region(d) && (d[0] != '0' || context(finding.INN, innWord) || !checksum.GTIN(d)) && !f.near(w, productWord, 24, 0) && !f.counted(w) {
			return finding.INN
		}
	case 13:
		if solid && checksum.OGRN(d) && d[0] >= '1' && d[0] <= '9' && context(finding.OGRN, ogrnWord) {
			return finding.OGRN
		}
	case 15:
		if solid && checksum.OGRN(d) && (d[0] == '3' || d[0] == '4') && context(finding.OGRN, ogrnWord) {
			return finding.OGRN
		}
	case 20:
		if accountShape(d) || (d[0] == '4' || d[0] == '3') && context(finding.Account, accountWord) {
			return finding.Account
		}
	}
	return f.short(w)
}

// short finds the series and the number of a passport where they stand apart.
func (f *Finder) short(w window) finding.Entity {
	c := &f.c
	solid := w.a == w.b
	switch len(c.digits(w)) {
	case 4:
		if (solid || c.sizes(w, 2, 2)) && f.series() {
			return finding.Passport
		}
	case 6:
		if solid && wide(c.s[max(0, c.start[w.a]-16):c.start[w.a]]) && f.near(w, passportWord, 40, 0) {
			return finding.Passport
		}
	}
	return finding.None
}

// spaced: groups with one blank between them.
func (c *cluster) spaced(w window) bool {
	for g := w.a; g < w.b; g++ {
		if c.sep(g) != " " {
			return false
		}
	}
	return w.b > w.a
}

// region: the first two digits of a tax number are one of Russia's regions.
func region(d []byte) bool {
	n := int(d[0]-'0')*10 + int(d[1]-'0')
	return n >= 1 && n <= 95 || n == 97 || n == 99
}

// accountShape: a balance account of customers and, in digits 6 to 8, a currency.
func accountShape(d []byte) bool {
	switch string(d[:3]) {
	case "405", "406", "407", "408", "421", "422", "423", "425", "426", "301", "302", "303", "455", "454", "452":
	default:
		return false
	}
	switch string(d[5:8]) {
	case "810", "643", "840", "978", "156", "826", "756", "392", "398", "933":
		return true
	}
	return false
}

// wide says that the text holds letters of another script: the words for a passport's number are Russian.
func wide(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return true
		}
	}
	return false
}
