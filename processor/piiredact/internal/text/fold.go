package text

import (
	"unicode"
	"unicode/utf8"
)

// Folded is a value as a reader sees it: percent-encoding and backslash escapes undone, unicode digits,
// dashes, blanks and full-width forms made ASCII, invisible characters gone. Offsets lead back to the
// original: byte i of the text came from the original's byte Off[i]; Off has one more element for the end.
// Its buffers are reused: a Folded is owned by one goroutine.
type Folded struct {
	Text []byte
	Off  []int32
	prev []byte
	poff []int32
	self []int32 // the offsets of a text that nothing was done to
}

// maxRounds is how often percent-encoding is undone: %2540 hides an at sign twice.
const maxRounds = 3

// Fold reads s; it reports false when reading changes nothing, and then Text is not to be used.
func (f *Folded) Fold(s string, g Gate) bool {
	escape := g&Escape != 0 && hasEscape(s)
	if !escape && (g&Wide == 0 || !hasOddRune(s)) {
		return false
	}
	for i := len(f.self); i <= len(s); i++ {
		f.self = append(f.self, int32(i)) //nolint:gosec // values are bounded by limits.max_value_bytes
	}
	f.Text, f.Off = append(f.Text[:0], s...), append(f.Off[:0], f.self[:len(s)+1]...)
	for range maxRounds {
		if !escape || !f.unescape() {
			break
		}
	}
	f.runes()
	return true
}

// Trim lets go of buffers with more room than that.
func (f *Folded) Trim(room int) {
	if cap(f.Text) > room || cap(f.prev) > room {
		*f = Folded{}
	}
}

func (f *Folded) swap() {
	f.Text, f.prev = f.prev[:0], f.Text
	f.Off, f.poff = f.poff[:0], f.Off
}

func (f *Folded) put(at int32, bs ...byte) {
	for _, b := range bs {
		f.Text, f.Off = append(f.Text, b), append(f.Off, at)
	}
}

// same copies what stands for itself.
func (f *Folded) same(from, to int) {
	f.Text, f.Off = append(f.Text, f.prev[from:to]...), append(f.Off, f.poff[from:to]...)
}

func (f *Folded) finish() bool {
	f.Off = append(f.Off, f.poff[len(f.poff)-1])
	return len(f.Text) != len(f.prev)
}

// unescape undoes one layer of %XX, \uXXXX and \n-like escapes.
func (f *Folded) unescape() bool {
	f.swap()
	s := f.prev
	for i := 0; i < len(s); {
		from := i
		for i < len(s) && s[i] != '%' && s[i] != '\\' {
			i++
		}
		f.same(from, i)
		if i == len(s) {
			break
		}
		b, n := escaped(s[i:])
		if n == 0 {
			f.put(f.poff[i], s[i])
			i++
			continue
		}
		if s[i] == '%' && b >= utf8.RuneSelf && b < 0xC0 && (len(f.Text) == 0 || f.Text[len(f.Text)-1] < utf8.RuneSelf) {
			f.put(f.poff[i], s[i]) // no UTF-8 begins so: "%B4111…" is a card's magnetic stripe
			i++
			continue
		}
		if b < utf8.RuneSelf || s[i] == '%' {
			f.put(f.poff[i], byte(b))
		} else {
			var buf [utf8.UTFMax]byte
			f.put(f.poff[i], buf[:utf8.EncodeRune(buf[:], b)]...)
		}
		i += n
	}
	return f.finish()
}

// escaped decodes the escape at the start of s; n is 0 when there is none.
func escaped(s []byte) (r rune, n int) {
	switch {
	case len(s) >= 3 && s[0] == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0:
		return rune(hex(s[1])<<4 | hex(s[2])), 3
	case len(s) >= 2 && s[0] == '\\':
		switch s[1] {
		case 'n', 'r', 't':
			return ' ', 2
		case '/', '"', '\\', '\'':
			return rune(s[1]), 2
		case 'u':
			if len(s) >= 6 && hex(s[2]) >= 0 && hex(s[3]) >= 0 && hex(s[4]) >= 0 && hex(s[5]) >= 0 {
				return rune(hex(s[2])<<12 | hex(s[3])<<8 | hex(s[4])<<4 | hex(s[5])), 6
			}
		case 'x':
			if len(s) >= 4 && hex(s[2]) >= 0 && hex(s[3]) >= 0 {
				return rune(hex(s[2])<<4 | hex(s[3])), 4
			}
		}
	}
	return 0, 0
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// runes maps characters that stand for an ASCII one, and drops invisible ones.
func (f *Folded) runes() {
	f.swap()
	s := f.prev
	for i := 0; i < len(s); {
		from := i
		for i < len(s) {
			if s[i] < utf8.RuneSelf {
				i++
			} else if s[i] > 0xC2 && s[i] < 0xD4 && i+1 < len(s) && s[i+1]&0xC0 == 0x80 { // Latin, Greek, Cyrillic
				i += 2
			} else {
				break
			}
		}
		f.same(from, i)
		if i == len(s) {
			break
		}
		r, n := utf8.DecodeRune(s[i:])
		switch a := ascii(r); {
		case a > 0:
			f.put(f.poff[i], a)
		case !invisible(r):
			f.same(i, i+n)
		}
		i += n
	}
	f.finish()
}

func hasEscape(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '\\' {
			return true
		}
		if s[i] == '%' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0 {
			return true
		}
	}
	return false
}

// hasOddRune looks for runes that runes() would map or drop; among Cyrillic, Greek and Latin letters are none.
func hasOddRune(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0xC2 || c > 0xC2 && c < 0xD8 {
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if ascii(r) > 0 || invisible(r) {
			return true
		}
		i += n - 1
	}
	return false
}

// ascii is the ASCII character that r stands for, or 0.
func ascii(r rune) byte {
	switch {
	case r >= 0xFF01 && r <= 0xFF5E:
		return byte(r - 0xFF01 + '!')
	case r >= 0x2010 && r <= 0x2015, r == 0x2212, r == 0xFE58, r == 0xFE63, r == 0x2043, r == 0x30FC:
		return '-'
	case r == 0x2116: // numero sign: "паспорт 4510 № 123456"
		return ' '
	case r == 0xFE6B:
		return '@'
	case r == 0x3002, r == 0xFF61, r == 0x2024, r == 0x00B7, r == 0x2022, r == 0x2219:
		return '.'
	case r == 0x2044, r == 0x2215:
		return '/'
	case r == 0x201C, r == 0x201D, r == 0x00AB, r == 0x00BB:
		return '"'
	case r == 0x2018, r == 0x2019:
		return '\''
	case unicode.Is(unicode.Nd, r):
		return digit(r)
	case unicode.Is(unicode.Zs, r), r == 0x2028, r == 0x2029:
		return ' '
	}
	return 0
}

// digit relies on the decimal digits of every script being ten in a row.
func digit(r rune) byte {
	if r >= 0x1D7CE && r <= 0x1D7FF { // mathematical digits: five rows without gaps
		return byte('0' + (r-0x1D7CE)%10)
	}
	zero := r
	for zero > 0 && r-zero < 9 && unicode.Is(unicode.Nd, zero-1) {
		zero--
	}
	return byte('0' + r - zero)
}

func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || (r >= 0xFE00 && r <= 0xFE0F) || r == 0x20E3
}
