package text

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// MaxShort is the length of the longest value that Inert reads: what fits in a register with a byte to spare.
const MaxShort = 7

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// Inert says that a short value cannot hold anything: letters, less than MinDigits digits and "-./" only. Such a value
// passes the gate, is no JSON, and is read at once: methods, schemes, versions, units.
func Inert(s string) bool {
	n := len(s)
	if n > MaxShort {
		return false
	}
	x := load(s)
	letter := within(x|ones*0x20, 'a', 'z')
	digit := within(x, '0', '9')
	return x&highs == 0 && bits.OnesCount64(letter|within(x, '-', '9')) == n && bits.OnesCount64(digit) < MinDigits
}

// within has the high bit of every byte of x that lies between lo and hi, where all bytes of x are below 0x80.
func within(x uint64, lo, hi uint64) uint64 {
	return (x + ones*(0x80-lo)) &^ (x + ones*(0x7f-hi)) & highs
}

// load puts less than eight bytes into a register.
func load(s string) (x uint64) {
	b, n := unsafe.Slice(unsafe.StringData(s), len(s)), len(s)
	switch {
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<(8*(n-4))
	case n >= 2:
		return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[n-1])<<(8*(n-1))
	case n == 1:
		return uint64(b[0])
	}
	return 0
}
