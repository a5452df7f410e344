package number

import "strings"

// shape is how a country writes its numbers at home: the first digits and the groups. Only shapes that little else
// has are here; what is not needs a word nearby.
type shape struct {
	starts string // alternatives of the first digits, separated by blanks
	sizes  []int
	seps   string // what may stand between the groups, always the same
}

// shapes of numbers with a trunk prefix (0…), and of mobile numbers where the prefix says enough.
var shapes = []shape{
	{"01 02 03 04 05 06 07 08 09", []int{2, 2, 2, 2, 2}, " .-"},                                                           // France
	{"07 01", []int{5, 6}, " -"}, {"07", []int{5, 3, 3}, " -"}, {"01", []int{5, 3, 3}, " "}, {"02", []int{3, 4, 4}, " -"}, // United Kingdom
	{"01 03 08", []int{4, 3, 4}, " -"},
	{"015 016 017", []int{4, 7}, " /-"}, {"015 016 017", []int{4, 8}, " /-"}, {"030 040 069 089", []int{3, 6}, " /-"}, // Germany
	{"030 040 069 089", []int{3, 7}, " /-"}, {"030 040 069 089", []int{3, 8}, " /-"},
	{"04", []int{4, 3, 3}, " -"},                                             // Australia
	{"05", []int{4, 3, 2, 2}, " -"},                                          // Türkiye
	{"03 04 05 06 07 09", []int{3, 3, 2, 2}, " -"},                           // Ukraine
	{"050 070 080 090", []int{3, 4, 4}, "-"}, {"03 06", []int{2, 4, 4}, "-"}, // Japan
	{"06", []int{2, 8}, " -"},                      // Netherlands
	{"13 14 15 16 17 18 19", []int{3, 4, 4}, " -"}, // China
}

// national recognises numbers by how their country writes them, standing alone.
func (c *cluster) national(w window) bool {
	if w.a != 0 || w.b != c.n-1 || w.a == w.b || c.plus || c.begins('#') {
		return false
	}
	d := c.digits(w)
	n := len(d)
	if c.size(0) == 2 && c.begins('(') && (c.sizes(w, 2, 5, 4) || c.sizes(w, 2, 4, 4)) { // (11) 91234-5678
		return true
	}
	switch d[0] {
	case '0', '1':
	case '8':
		return n == 11 && d[1] == '0' && (c.sizes(w, 1, 3, 3, 2, 2) || c.sizes(w, 1, 3, 7)) // Belarus: 8 (029) 123-45-67
	default:
		return n == 10 && c.sizes(w, 3, 3, 4) && c.sep(0) == " " && c.sep(1) == " " && nanp(d) && !round(d)
	}
	if c.begins('(') && strings.HasPrefix(c.sep(0), ")") { // (02) 9374 4000, (020) 7946 0958
		return d[0] == '0' && d[1] != '0' && n >= 9 && n <= 11 && c.size(0) <= 5
	}
	for _, s := range shapes {
		if c.sizes(w, s.sizes...) && begins(d, s.starts) && c.same(w, s.seps) {
			return !c.counting(w) && !(len(s.sizes) == 5 && c.dump(w))
		}
	}
	return false
}

func (c *cluster) begins(with byte) bool { return c.start[0] > 0 && c.s[c.start[0]-1] == with }

func begins(d []byte, starts string) bool {
	for len(starts) > 0 {
		p, rest, _ := strings.Cut(starts, " ")
		if string(d[:len(p)]) == p {
			return true
		}
		starts = rest
	}
	return false
}

// same: one and the same separator of the set between all groups.
func (c *cluster) same(w window, seps string) bool {
	first := c.sep(w.a)
	if len(first) != 1 || strings.IndexByte(seps, first[0]) < 0 {
		return false
	}
	for g := w.a + 1; g < w.b; g++ {
		if c.sep(g) != first {
			return false
		}
	}
	return true
}

// dump: pairs of hex digits stand before or behind.
func (c *cluster) dump(w window) bool {
	lo, hi := c.start[w.a], c.end[w.b]
	pair := func(i int) bool {
		return i >= 0 && i+2 <= len(c.s) && isHex(c.s[i]) && isHex(c.s[i+1]) && (isDigit(c.s[i]) || isDigit(c.s[i+1]))
	}
	return lo > 0 && c.s[lo-1] == ' ' && pair(lo-3) || hi < len(c.s) && c.s[hi] == ' ' && pair(hi+1)
}

// counting: 01 02 03 04 05 is a list, 07 08 09 10 11 too.
func (c *cluster) counting(w window) bool {
	if c.size(w.a) != 2 || w.b-w.a < 3 {
		return false
	}
	d := c.digits(w)
	num := func(g int) int { return int(d[2*g]-'0')*10 + int(d[2*g+1]-'0') }
	for g := 1; g <= w.b-w.a; g++ {
		if num(g) != num(g-1)+1 {
			return false
		}
	}
	return true
}

// round: sizes and counts end in zeros or are powers of two.
func round(d []byte) bool {
	zeros := 0
	for _, g := range [...]string{string(d[:3]), string(d[3:6]), string(d[6:])} {
		if g[len(g)-1] == '0' {
			zeros++
		}
		switch g {
		case "256", "512", "768", "1024", "2048", "4096", "8192":
			return true
		}
	}
	return zeros > 1
}
