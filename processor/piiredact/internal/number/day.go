package number

import (
	"strings"
	"unicode/utf8"
)

// born: a day of birth behind a word for it. Dates of this decade stand in every log line: they need a name and a colon.
func (f *Finder) born(a int) (window, bool) {
	c := &f.c
	f.day = c.start[a]
	if c.size(a) == 4 || c.size(a) == 8 {
		if w := (window{a, a}); f.spelled(w) || f.compact(w) {
			return w, f.around(f.day, c.end[a], birthWord, 24, 12)
		}
	}
	w := window{a, a + 2}
	if w.b >= c.n || !c.date(w) {
		return w, false
	}
	d := c.digits(w)
	if c.size(a) != 4 {
		d = d[len(d)-4:]
	}
	return w, string(d[:4]) < "2020" && f.near(w, birthWord, 24, 12)
}

// century says that digits begin like a year of birth.
func century(d []byte) bool {
	return d[0] == '1' && d[1] == '9' || d[0] == '2' && d[1] == '0' && d[2] <= '1'
}

// compact: 19900131.
func (f *Finder) compact(w window) bool {
	d := f.c.digits(w)
	if len(d) != 8 || !century(d) || f.c.glued(w) {
		return false
	}
	month, day := string(d[4:6]), string(d[6:8])
	return month >= "01" && month <= "12" && day >= "01" && day <= "31"
}

// dated is a cheap look for a year behind a month's name: "31 января 1990", "Jan 31, 1990".
func (f *Finder) dated() bool {
	c := &f.c
	last := c.n - 1
	if c.size(last) != 4 || c.n > 2 || !century(c.d[c.first[last]:]) {
		return false
	}
	lo := c.start[last]
	return lo > 5 && (c.s[lo-1] == ' ' || c.s[lo-1] == '-' || c.s[lo-1] == '.')
}

// spelled reads the month and the day before a year, and notes where they begin.
func (f *Finder) spelled(w window) bool {
	c := &f.c
	if c.size(w.a) != 4 || !century(c.digits(w)) {
		return false
	}
	begin := max(0, c.start[w.a]-32)
	s := strings.TrimRight(c.s[begin:c.start[w.a]], " ,.-")
	if gap := c.start[w.a] - begin - len(s); gap == 0 || gap > 2 {
		return false
	}
	day := len(s)
	for day > 0 && len(s)-day < 2 && isDigit(s[day-1]) {
		day--
	}
	if day < len(s) { // Jan 31, 1990
		s = strings.TrimRight(s[:day], " ")
	}
	lo := len(s)
	for lo > 0 && isWord(s[lo-1]) {
		lo--
	}
	if !month(s[lo:]) {
		return false
	}
	f.day = begin + lo
	if lo > 1 && (s[lo-1] == ' ' || s[lo-1] == '-' || s[lo-1] == '.') && isDigit(s[lo-2]) { // 31 Jan 1990
		f.day -= 2
		if lo > 2 && isDigit(s[lo-3]) {
			f.day--
		}
	}
	return true
}

// month says that a word begins like a month's name.
func month(w string) bool {
	n := 0
	var b [6]byte
	for i := 0; i < len(w) && n < len(b); {
		r, size := utf8.DecodeRuneInString(w[i:])
		if i += size; utf8.RuneLen(lower(r)) != size || n+size > len(b) {
			return false
		}
		n += utf8.EncodeRune(b[n:], lower(r))
		if size == 1 && n == 3 {
			break
		}
	}
	switch string(b[:n]) {
	case "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
		"янв", "фев", "мар", "апр", "мая", "май", "июн", "июл", "авг", "сен", "окт", "ноя", "дек":
		return true
	}
	return false
}
