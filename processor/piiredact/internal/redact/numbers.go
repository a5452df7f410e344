package redact

import (
	"math"
	"strconv"
	"strings"
	"unsafe"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

// Int redacts a whole number; it returns the text that takes its place.
func (se *Session) Int(d *Decision, v int64) (string, Verdict) {
	se.Counts.Values++
	secret := d.Whole != finding.None && !d.Place && d.Whole != finding.Person
	if !secret && v < 1_000_000 && v > -1_000_000 {
		return "", Same
	}
	var b [24]byte
	return se.digits(d, strconv.AppendInt(b[:0], v, 10), secret)
}

// Double redacts a number with a fraction. Coordinates stay numbers: the second result is theirs.
func (se *Session) Double(d *Decision, v float64) (string, float64, Verdict) {
	se.Counts.Values++
	if d.Coordinate {
		return se.point(v)
	}
	if math.Abs(v) < 1_000_000 || math.Abs(v) >= 1e20 || v != math.Trunc(v) {
		return "", v, Same
	}
	var b [40]byte
	s, verdict := se.digits(d, strconv.AppendFloat(b[:0], v, 'f', 0, 64), d.Whole != finding.None && !d.Place && d.Whole != finding.Person)
	return s, v, verdict
}

// digits redacts a number's text. A number is all or nothing: what is found in it replaces it.
func (se *Session) digits(d *Decision, b []byte, secret bool) (string, Verdict) {
	s := unsafe.String(unsafe.SliceData(b), len(b))
	if secret {
		return se.whole(d, strings.Clone(s))
	}
	fs := se.scanner.Find(s, se.scanner.Look(s), &d.env)
	if len(fs) == 0 {
		return "", Same
	}
	return se.replace(strings.Clone(s), fs)
}
