// Package text looks at a value before any finder does: what it can hold at all, where a finder may begin, and how it
// reads once encodings that hide characters are undone.
package text

import "math/bits"

// Gate is what one pass over a value says about it.
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
)

// Quiet says that no finder has an anchor: no at sign, no named value, no number. Only credentials with a
// prefix or a scheme can stand in such a text, and they are Long.
func (g Gate) Quiet() bool { return g&(At|Pair|Digits) == 0 }

// sight collects what a gate says.
type sight struct {
	at, pair, escape, quote, wide uint64
	digits                        int
}

func (s *sight) see(b *block) {
	s.at |= b.ats()
	s.pair |= b.pairs()
	s.escape |= b[escapes] &^ b[inner]
	s.quote |= b.quotes()
	s.wide |= b[wide]
	s.digits += bits.OnesCount64(b[digits])
}

func (s *sight) gate(length int) (g Gate) {
	for k, seen := range [...]uint64{s.at, s.pair, s.escape, s.quote, s.wide} {
		if seen != 0 {
			g |= 1 << k
		}
	}
	if s.digits >= MinDigits {
		g |= Digits
	}
	if length >= MinToken {
		g |= Long
	}
	return g
}

// Look passes over the value once. Where its anchors are wanted too, Anchors.Read says both.
func Look(s string) Gate {
	var seen sight
	var b block
	for t := s; len(t) > 0; t = t[min(len(t), 64):] {
		b.read(t)
		seen.see(&b)
	}
	return seen.gate(len(s))
}
