package scan

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/number"
)

const (
	// minEncoded: "a@b.com" is ten characters in base64; what is shorter than sixteen holds little and is mostly a word.
	minEncoded = 16
	// maxEncoded bounds how much of a run is decoded; the run is replaced as a whole.
	maxEncoded = 16 << 10
)

// plainEnv: nothing is known about what was in base64.
var plainEnv number.Env

// sextet is a base64 character's value, of both alphabets, or -1.
var sextet = func() (m [256]int8) {
	for i := range m {
		m[i] = -1
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		m[c] = int8(i) //nolint:gosec // below 64
	}
	m['-'], m['_'] = 62, 63
	return m
}()

// readable says that the four characters at i decode to the beginning of a text. Most ids and words do not.
func readable(t string, i int) bool {
	if i+minEncoded > len(t) {
		return false
	}
	a, b, c, d := sextet[t[i]], sextet[t[i+1]], sextet[t[i+2]], sextet[t[i+3]]
	if a|b|c|d < 0 {
		return false
	}
	x, y, z := byte(a<<2|b>>4), byte(b<<4|c>>2), byte(c<<6|d)
	if x < 0x7F {
		return printable(x) && printable(y) && printable(z)
	}
	return (x == 0xC3 || x == 0xD0 || x == 0xD1) && y>>6 == 2 // Latin and Cyrillic letters
}

func printable(c byte) bool { return c >= ' ' && c != 0x7F || c == '\n' || c == '\r' || c == '\t' }

// encoded reads a run of base64 at i. When there is something in it, the run is a finding; the end is 0 otherwise.
// At 0 it must be the whole text: elsewhere the caller has an anchor before it.
func (sc *Scanner) encoded(t string, i int) int {
	if sc.nested || !readable(t, i) {
		return 0
	}
	end := i
	for end < len(t) && sextet[t[end]] >= 0 {
		end++
	}
	body := t[i:min(end, i+maxEncoded)]
	for n := 0; n < 2 && end < len(t) && t[end] == '='; n++ {
		end++
	}
	if len(body) < minEncoded || i == 0 && end != len(t) {
		return 0
	}
	e := sc.decoded(body)
	if e == finding.None {
		return 0
	}
	sc.found = append(sc.found, finding.Finding{Start: i, End: end, Entity: e})
	return end
}

// decoded says what is in a run: the first credential, or else the first finding.
func (sc *Scanner) decoded(body string) finding.Entity {
	enc := base64.RawStdEncoding
	if strings.ContainsAny(body, "-_") {
		enc = base64.RawURLEncoding
	}
	body = body[:len(body)-len(body)%4+[4]int{0, 0, 2, 3}[len(body)%4]]
	n := enc.DecodedLen(len(body))
	if cap(sc.plain) < n {
		sc.plain = make([]byte, n)
	}
	n, err := enc.Decode(sc.plain[:n], []byte(body))
	if err != nil {
		return finding.None
	}
	p := sc.plain[:n]
	for i := range p {
		if !printable(p[i]) {
			return finding.None
		}
	}
	if !utf8.Valid(p[:max(0, len(p)-utf8.UTFMax)]) {
		return finding.None
	}
	if sc.inner == nil {
		sc.inner = New(sc.classify, sc.rules)
		sc.inner.nested = true
	}
	s := unsafe.String(unsafe.SliceData(p), len(p))
	found := finding.None
	sc.inner.Kept = sc.Kept
	for _, f := range sc.inner.Find(s, sc.inner.Look(s), &plainEnv) {
		if f.Entity >= finding.JWT && f.Entity <= finding.Secret {
			return f.Entity
		}
		if found == finding.None {
			found = f.Entity
		}
	}
	return found
}

// opened reads base64 at a word that announces it: JSON ("eyJ…"), or the name of the encoding before it.
func (sc *Scanner) opened(t string, i int) int {
	switch {
	case i > 0 && sextet[t[i-1]] < 0 && strings.HasPrefix(t[i:], "eyJ"):
		return sc.encoded(t, i)
	case len(t) > i+7 && strings.EqualFold(t[i:i+6], "base64"):
		return sc.behind(t, i+6)
	}
	return 0
}

// behind reads base64 behind the separator at i.
func (sc *Scanner) behind(t string, i int) int {
	j := i + 1
	for j < len(t) && j < i+4 && (t[j] == ' ' || t[j] == '"' || t[j] == '\'' || t[j] == '\\') {
		j++
	}
	return sc.encoded(t, j)
}
