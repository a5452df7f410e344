// Package text looks at a value before any finder does: what it can hold at all, and how it reads
// once encodings that hide characters are undone.
package text

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Gate is what one pass, eight bytes a step, says about a value.
type Gate uint8

const (
	// At, Pair, Escape, Quote and Wide: the value holds '@'; ':', '=' or '>'; '%' or '\\'; a quote; a byte ≥ 0x80.
	At Gate = 1 << iota
	Pair
	Escape
	Quote
	Wide
	// Digits: at least MinDigits digits, the least that any number finder accepts.
	Digits
	// Long: at least MinToken bytes, the least that a bare credential has.
	Long
)

const (
	// MinDigits is the shortest number that any finder takes: a card's verification code.
	MinDigits = 3
	// MinToken is the shortest value that can be a bare credential ("Bearer x…", "AKIA…").
	MinToken = 16

	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// zeros marks (in the high bits) bytes of x that are zero; exact for the lowest one, which is all a gate needs.
func zeros(x uint64) uint64 { return (x - lows) &^ x & highs }

// digits marks ASCII digits exactly, for bytes < 0x80.
func digits(w uint64) uint64 {
	x := w &^ highs
	// A byte is a digit when adding 0x50 sets its high bit (≥ 0x30) and adding 0x46 does not (< 0x3A).
	return (x + 0x50*lows) &^ (x + 0x46*lows) &^ w & highs
}

// Quiet says that no finder has an anchor: no at sign, no named value, no number. Only credentials with a
// prefix or a scheme can stand in such a text, and they are Long.
func (g Gate) Quiet() bool { return g&(At|Pair|Digits) == 0 }

// Look passes over the value once.
func Look(s string) Gate {
	var at, pair, escape, quote, wide uint64
	count, i := 0, 0
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		at |= zeros(w ^ '@'*lows)
		pair |= zeros(w^':'*lows) | zeros(w^'='*lows) | zeros(w^'>'*lows)
		quote |= zeros(w^'\''*lows) | zeros(w^'"'*lows)
		escape |= zeros(w^'%'*lows) | zeros(w^'\\'*lows)
		wide |= w & highs
		count += bits.OnesCount64(digits(w))
	}
	var g Gate
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c >= '0' && c <= '9':
			count++
		case c == '@':
			at = 1
		case c == ':' || c == '=' || c == '>':
			pair = 1
		case c == '%' || c == '\\':
			escape = 1
		case c == '\'' || c == '"':
			quote = 1
		case c >= 0x80:
			wide = 1
		}
	}
	g |= flag(at, At) | flag(pair, Pair) | flag(escape, Escape) | flag(quote, Quote) | flag(wide, Wide)
	if count >= MinDigits {
		g |= Digits
	}
	if len(s) >= MinToken {
		g |= Long
	}
	return g
}

func flag(seen uint64, g Gate) Gate {
	if seen != 0 {
		return g
	}
	return 0
}
