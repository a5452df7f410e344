package text

import (
	"encoding/binary"
	"unsafe"
)

// block is what is known about 64 bytes of a text: one bitmap for each of eight properties, bit i for byte i.
type block [8]uint64

// The lanes of a block. Letters, digits, bytes ≥ 0x80 and escapes have one of their own; the others share: a dash, a full
// stop and a blank may stand inside a number and so are in inner, too.
const (
	letters = iota
	digits
	wide    // bytes ≥ 0x80
	inner   // what may stand between the groups of a number: " -.()/_+" and a tab
	hexed   // letters: a to f; inner: '-'; else: ':', '=' and '>'
	dotted  // inner: '.'; hexed: ':'; else: '@'
	blanked // inner: ' '; else: a quote
	escapes // inner: '+'; else: '%' and '\'
)

func (b *block) hex() uint64    { return b[digits] | b[letters]&b[hexed] }
func (b *block) dashes() uint64 { return b[inner] & b[hexed] }
func (b *block) dots() uint64   { return b[inner] & b[dotted] }
func (b *block) blanks() uint64 { return b[inner] & b[blanked] }
func (b *block) colons() uint64 { return b[hexed] & b[dotted] }
func (b *block) pairs() uint64  { return b[hexed] &^ (b[inner] | b[letters]) }
func (b *block) ats() uint64    { return b[dotted] &^ (b[inner] | b[hexed]) }
func (b *block) quotes() uint64 { return b[blanked] &^ b[inner] }
func (b *block) pluses() uint64 { return b[inner] & b[escapes] }
func (b *block) others() uint64 {
	return ^(b[letters] | b[digits] | b[wide] | b[inner] | b[hexed] | b[dotted] | b[blanked] | b[escapes])
}

// class has a bit for each property of a byte, eight bits apart. The classes of eight bytes, each shifted by its place,
// are eight bitmaps of eight bits: three operations a byte tell all that is to be known.
var class = func() (m [256]uint64) {
	lanes := func(bytes string, of ...int) {
		for i := range len(bytes) {
			for _, lane := range of {
				m[bytes[i]] |= 1 << (8 * lane)
			}
		}
	}
	lanes("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", letters)
	lanes("0123456789", digits)
	lanes(" -.()/_+\t", inner)
	lanes("abcdefABCDEF-:=>", hexed)
	lanes(".:@", dotted)
	lanes(" '\"", blanked)
	lanes(`+%\`, escapes)
	for c := 0x80; c < len(m); c++ {
		m[c] = 1 << (8 * wide)
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

// read fills the block from the first 64 bytes of s, or as many as there are.
func (b *block) read(s string) {
	if len(s) < 64 {
		*b = block{}
		k := 0
		for ; len(s) >= 8; k++ {
			b[k&7], s = classes(s), s[8:]
		}
		b[k&7] = rest(s)
	} else {
		b[0], b[1], b[2], b[3] = classes(s), classes(s[8:]), classes(s[16:]), classes(s[24:])
		b[4], b[5], b[6], b[7] = classes(s[32:]), classes(s[40:]), classes(s[48:]), classes(s[56:])
	}
	b.transpose()
}

// transpose makes lane k of the k-th bytes of all words: from eight times eight bits of each lane to 64 of one.
func (b *block) transpose() {
	const quarter, half = 0x0000ffff0000ffff, 0x00ff00ff00ff00ff
	b0, b4 := b[0]&0xffffffff|b[4]<<32, b[0]>>32|b[4]&^0xffffffff
	b1, b5 := b[1]&0xffffffff|b[5]<<32, b[1]>>32|b[5]&^0xffffffff
	b2, b6 := b[2]&0xffffffff|b[6]<<32, b[2]>>32|b[6]&^0xffffffff
	b3, b7 := b[3]&0xffffffff|b[7]<<32, b[3]>>32|b[7]&^0xffffffff
	b0, b2 = b0&quarter|b2&quarter<<16, b0>>16&quarter|b2&^quarter
	b1, b3 = b1&quarter|b3&quarter<<16, b1>>16&quarter|b3&^quarter
	b4, b6 = b4&quarter|b6&quarter<<16, b4>>16&quarter|b6&^quarter
	b5, b7 = b5&quarter|b7&quarter<<16, b5>>16&quarter|b7&^quarter
	b[0], b[1] = b0&half|b1&half<<8, b0>>8&half|b1&^half
	b[2], b[3] = b2&half|b3&half<<8, b2>>8&half|b3&^half
	b[4], b[5] = b4&half|b5&half<<8, b4>>8&half|b5&^half
	b[6], b[7] = b6&half|b7&half<<8, b6>>8&half|b7&^half
}
