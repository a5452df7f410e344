// Package meaning tells from an attribute's key what its value is: a secret, a person, a phone, a duration.
// A key is read as words (customer.full_name, customerFullName and customer-full-name are the same three),
// and the words decide, the last ones most.
package meaning

import (
	"strings"
	"unicode"
)

// maxWords bounds how much of a key is read: the end of it, where the meaning is.
const maxWords = 12

// Words splits a key at punctuation, case changes and trailing digits, and lower-cases it.
func Words(key string) []string {
	if len(key) > 256 {
		key = key[len(key)-256:]
	}
	var ws []string
	var cur strings.Builder
	flush := func() {
		if w := strings.TrimRight(cur.String(), "0123456789"); w != "" {
			ws = append(ws, w)
		} else if cur.Len() > 0 {
			ws = append(ws, cur.String())
		}
		cur.Reset()
	}
	rs := []rune(key)
	for i, r := range rs {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(rs[i-1]) || unicode.IsDigit(rs[i-1]) ||
			(i+1 < len(rs) && unicode.IsUpper(rs[i-1]) && unicode.IsLower(rs[i+1]))):
			flush()
		}
		cur.WriteRune(unicode.ToLower(r))
	}
	flush()
	if len(ws) > maxWords {
		ws = ws[len(ws)-maxWords:]
	}
	return ws
}

// set is a list of words as a look-up.
type set map[string]struct{}

func words(list string) set {
	s := set{}
	for _, w := range strings.Fields(list) {
		s[w] = struct{}{}
	}
	return s
}

func (s set) has(w string) bool {
	_, ok := s[w]
	return ok
}

func (s set) any(ws []string) bool {
	for _, w := range ws {
		if s.has(w) {
			return true
		}
	}
	return false
}
