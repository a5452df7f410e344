package secret

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/meaning"
)

// owner finds the words that give a name like "name" or "value" its meaning: the type before "Customer(name=…", the
// name in key="password" value="…" and in "name": "password", "value": "…". It is empty without any.
func owner(s string, i, lo, hi int) string {
	switch {
	case strings.EqualFold(s[lo:hi], "name"):
		at := lo - 1
		if at < 1 || s[at] != '(' && s[at] != '{' && s[at] != '[' {
			return ""
		}
		from := at
		for from > 0 && at-from < maxName && dashed[s[from-1]] {
			from--
		}
		if from < at {
			return s[from:hi]
		}
	case strings.EqualFold(s[lo:hi], "value"):
		end := lo
		for end > 0 && lo-end < 16 && strings.IndexByte(" ,'\"\\\n\r", s[end-1]) >= 0 {
			end--
		}
		from := end
		for from > 0 && end-from < maxName && dotted[s[from-1]] {
			from--
		}
		if from < end && names(s[:from]) {
			return s[from:end]
		}
	}
	return ""
}

// names says that a text ends in what introduces a name: key=", "name": ".
func names(s string) bool {
	s = strings.TrimRight(s[max(0, len(s)-16):], "\"'\\ =:")
	for _, w := range [...]string{"name", "key", "field", "header", "param", "property"} {
		if len(s) >= len(w) && strings.EqualFold(s[len(s)-len(w):], w) {
			return true
		}
	}
	return false
}

// weak reads values that the name alone does not make personal: places in two forms, coordinates, numbers.
func weak(s string, i int, class *meaning.Class, wide bool) (finding.Finding, bool) {
	switch {
	case class.Place:
		f, quoted := value(s, i, finding.Address)
		v := s[f.Start:f.End]
		return f, Postal(v) && !strings.Contains(v, "://") && !masked(v) && (quoted || wide || written(v))
	case class.Coordinate || class.Spot:
		return coordinates(s, i, class.Spot)
	case class.Number != finding.None:
		f, _ := value(s, i, class.Number)
		f.End = groups(s, f.Start, f.End)
		return f, Bare(class.Number, s[f.Start:f.End])
	}
	return finding.Finding{}, false
}

// groups takes along what follows behind blanks, while the number stays short; longer ones have a finder of their own.
func groups(s string, lo, hi int) int {
	n := hi - lo
	for end := hi; end+1 < len(s) && s[end] == ' ' && s[end+1]-'0' <= 9; {
		next := span(s, end+1, &number)
		if n += next - end - 1; n > 6 {
			return lo
		}
		end, hi = next, next
	}
	if hi+1 < len(s) && strings.IndexByte("-./", s[hi]) >= 0 && s[hi+1]-'0' <= 9 {
		return lo
	}
	return hi
}

// Postal tells a postal address from a host, a path or a pointer.
func Postal(s string) bool {
	spaced, letters := false, false
	for i := range len(s) {
		c := s[i]
		spaced = spaced || c == ' ' || c == ',' || c >= utf8.RuneSelf
		letters = letters || isLetter(c) || c >= utf8.RuneSelf
	}
	return spaced && letters
}

// written: an address without quotes has a number, and a comma behind a capital or a word for a street or a town.
func written(v string) bool {
	if v == "" || !strings.ContainsAny(v, digits) {
		return false
	}
	if r, _ := utf8.DecodeRuneInString(v); unicode.IsUpper(r) && strings.IndexByte(v, ',') > 0 {
		return true
	}
	for w := range strings.FieldsFuncSeq(v, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' }) {
		if streets[strings.ToLower(w)] {
			return true
		}
	}
	return false
}

// streets are words of postal addresses that little else in a log line has.
var streets = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`street st avenue ave road rd boulevard blvd lane ln drive pkwy parkway highway hwy square terrace
		strasse straße str rue via calle avenida ул улица пр-т просп проспект пер переулок наб набережная шоссе бульвар б-р площадь
		г кв мкр обл область р-н пос село деревня`) {
		m[w] = true
	}
	return m
}()

// Bare says that v, the whole value of a name for e, is nothing but a number that e can be.
func Bare(e finding.Entity, v string) bool {
	n := 0
	for i := range len(v) {
		switch c := v[i]; {
		case c-'0' <= 9:
			n++
		case e == finding.MAC && c|0x20 >= 'a' && c|0x20 <= 'f':
			n++
		case c == ' ' || c == '-' || e == finding.Phone && strings.IndexByte("+()./", c) >= 0:
		default:
			return false
		}
	}
	switch e {
	case finding.Phone:
		return n >= 5 && n <= 15
	case finding.Passport:
		return n == 4 || n == 6 || n == 9 || n == 10
	case finding.Account:
		return n >= 8 && n <= 20
	case finding.MAC:
		return n == 12 && len(v) <= 17
	}
	return false
}

// coordinates reads one number or two behind the separator at i, with the decimals that a place on earth has.
func coordinates(s string, i int, two bool) (finding.Finding, bool) {
	j := i + 1
	for j < len(s) && j < i+4 && strings.IndexByte(" \"'\\[(", s[j]) >= 0 {
		j++
	}
	f := finding.Finding{Start: j, Entity: finding.GPS}
	if f.End = degrees(s, j); f.End == 0 {
		return f, false
	}
	k := f.End
	for k < len(s) && k < f.End+3 && (s[k] == ' ' || s[k] == ',' || s[k] == ';') {
		k++
	}
	if end := degrees(s, k); end > 0 && k > f.End {
		f.End, two = end, false
	}
	return f, !two
}

// degrees is the end of a number with three decimals or more, of at most 180.
func degrees(s string, i int) int {
	j := i
	if j < len(s) && (s[j] == '-' || s[j] == '+') {
		j++
	}
	whole := span(s, j, &number)
	if whole == j || whole-j > 3 || whole >= len(s) || s[whole] != '.' {
		return 0
	}
	end := span(s, whole+1, &number)
	if end-whole < 4 || end < len(s) && (isLetter(s[end]) || s[end] == '.' && end+1 < len(s) && s[end+1]-'0' <= 9) {
		return 0
	}
	v, err := strconv.ParseFloat(s[j:whole], 64)
	if err != nil || v > 180 {
		return 0
	}
	return end
}

var number = letters(digits)
