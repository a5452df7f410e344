package text

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Anchors are the bytes of a text at which a finder may begin: the first letter of a word that follows no digit, the
// first digit of a number, and each of "@:=>-". One bit a byte: the finders jump from one to the next.
// The buffer is reused: Anchors are owned by one goroutine.
type Anchors struct {
	bits []uint64
	of   string
	gate Gate
}

// A byte's class is a bit in one of eight lanes of eight bits. The classes of eight bytes, each shifted by its place,
// are eight bitmaps: three operations a byte tell all that a gate and the anchors need. The first five lanes are the
// first five gates.
const (
	digitLane  = 8 * 5
	letterLane = 8 * 6
	dashLane   = 8 * 7
)

var class = func() (m [256]uint64) {
	for lane, bytes := range [...]string{"@", ":=>", "%\\", "'\"", "", "0123456789", "", "-"} {
		for i := range len(bytes) {
			m[bytes[i]] = 1 << (8 * lane)
		}
	}
	for c := range m {
		if b := byte(c) | 0x20; c >= 0x80 {
			m[c] = 1 << (8 * 4)
		} else if b >= 'a' && b <= 'z' {
			m[c] = 1 << letterLane
		}
	}
	return m
}()

// classes are the bitmaps of the first eight bytes of s.
func classes(s string) uint64 {
	w := binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(s), 8))
	return class[byte(w)] | class[byte(w>>8)]<<1 | class[byte(w>>16)]<<2 | class[byte(w>>24)]<<3 |
		class[byte(w>>32)]<<4 | class[byte(w>>40)]<<5 | class[byte(w>>48)]<<6 | class[byte(w>>56)]<<7
}

// rest are the bitmaps of less than eight bytes.
func rest(s string) (x uint64) {
	for i := range len(s) {
		x |= class[s[i]] << i
	}
	return x
}

const highs = 0x8080808080808080

func gate(seen uint64, digits, length int) Gate {
	seen &= 1<<digitLane - 1
	seen = (seen | (seen&^highs + ^uint64(highs))) & highs // a lane's high bit says that it is not empty
	g := Gate(seen * 0x0002040810204081 >> 56)             // and these bits side by side are the first five gates
	if digits >= MinDigits {
		g |= Digits
	}
	if length >= MinToken {
		g |= Long
	}
	return g
}

// Read looks at t as Look does, and finds its anchors.
func (a *Anchors) Read(t string) Gate {
	a.bits, a.of = a.bits[:0], t
	var seen, word, number uint64 // word, number: the last byte of the block before was a letter, a digit
	digits := 0
	for len(t) > 0 {
		var letters, numbers, others uint64
		for k := 0; k < 64 && len(t) > 0; k += 8 {
			var x uint64
			if len(t) >= 8 {
				x, t = classes(t), t[8:]
			} else {
				x, t = rest(t), ""
			}
			seen |= x
			letters |= x >> letterLane & 0xff << k
			numbers |= x >> digitLane & 0xff << k
			others |= (x>>dashLane | x | x>>8) & 0xff << k
		}
		digits += bits.OnesCount64(numbers)
		a.bits = append(a.bits, letters&^((letters|numbers)<<1|word|number)|numbers&^(numbers<<1|number)|others)
		word, number = letters>>63, numbers>>63
	}
	a.gate = gate(seen, digits, len(a.of))
	return a.gate
}

// Of says whether the anchors are those of t, the very string.
func (a *Anchors) Of(t string) bool {
	return len(a.of) == len(t) && unsafe.StringData(a.of) == unsafe.StringData(t)
}

// Next is the first anchor at or behind i, or the text's length.
func (a *Anchors) Next(i int) int {
	k := i >> 6
	if k >= len(a.bits) {
		return len(a.of)
	}
	w := a.bits[k] & (^uint64(0) << (i & 63))
	for w == 0 {
		if k++; k == len(a.bits) {
			return len(a.of)
		}
		w = a.bits[k]
	}
	return k<<6 + bits.TrailingZeros64(w)
}

// Trim lets go of the text, and of a buffer for longer ones than that.
func (a *Anchors) Trim(room int) {
	a.of = ""
	if cap(a.bits) > room/64 {
		a.bits = nil
	}
}
