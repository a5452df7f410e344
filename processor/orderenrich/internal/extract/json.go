package extract

import (
	"encoding/json"
	"strings"
)

// members reads the members of the JSON object that a log body is, if it is one: texts, whole numbers and lists of them, as of a
// structured body. Objects within it are passed over, and what a long text cut off is not read.
func (r *Reader) members(text string) {
	j := scanner{s: text}
	if j.next() != '{' {
		return
	}
	j.i++
	for j.next() == '"' {
		key, ok := j.text()
		if !ok || j.next() != ':' {
			return
		}
		j.i++
		if !r.member(&j, r.Find(key), key) || j.next() != ',' {
			return
		}
		j.i++
	}
}

// member reads one value, or each of a list.
func (r *Reader) member(j *scanner, acts Actions, key string) bool {
	if acts == nil || j.next() != '[' {
		return r.scalar(j, acts, key)
	}
	for j.i++; ; j.i++ {
		if j.next() == ']' {
			break
		}
		if !r.scalar(j, acts, key) || j.next() != ',' && j.next() != ']' {
			return false
		}
		if j.next() == ']' {
			break
		}
	}
	j.i++
	return true
}

func (r *Reader) scalar(j *scanner, acts Actions, key string) bool {
	switch c := j.next(); {
	case acts == nil || c != '"' && c != '-' && (c < '0' || c > '9'):
		return j.skip()
	case c != '"':
		from := j.i
		if !j.skip() {
			return false
		}
		if n := j.s[from:j.i]; strings.Trim(n, "-0123456789") == "" {
			r.Read(acts, Body, key, n)
		}
		return true
	}
	v, ok := j.text()
	if ok && strings.IndexByte(v, '\\') >= 0 {
		var decoded string
		if json.Unmarshal([]byte(`"`+v+`"`), &decoded) == nil {
			r.Read(acts, Body, key, decoded)
		}
		return true
	}
	if ok {
		r.Read(acts, Body, key, v)
	}
	return ok
}

// scanner walks over JSON. It does not check it: what is none ends the walk somewhere.
type scanner struct {
	s string
	i int
}

// next is the next byte that is no white space, at which i then stands; 0 at the end.
func (j *scanner) next() byte {
	for ; j.i < len(j.s); j.i++ {
		switch c := j.s[j.i]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// text returns what is between the quote at i and the one that closes it, escapes and all; false if none does.
func (j *scanner) text() (string, bool) {
	j.i++
	from := j.i
	for {
		end := strings.IndexByte(j.s[j.i:], '"')
		if end < 0 {
			j.i = len(j.s)
			return "", false
		}
		escape := strings.IndexByte(j.s[j.i:j.i+end], '\\')
		if escape < 0 {
			j.i += end + 1
			return j.s[from : j.i-1], true
		}
		j.i = min(j.i+escape+2, len(j.s)) // behind what is escaped, which may be the quote
	}
}

// skip passes over one value of any kind; false if it does not end.
func (j *scanner) skip() bool {
	depth := 0
	for ; j.i < len(j.s); j.i++ {
		switch j.s[j.i] {
		case '"':
			if _, ok := j.text(); !ok {
				return false
			}
			j.i--
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return true
			}
			depth--
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return true
			}
			continue
		default:
			continue
		}
		if depth == 0 { // the end of a text, an object or a list
			j.i++
			return true
		}
	}
	return false
}
