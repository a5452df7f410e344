// Package wire writes and reads state as bytes: little-endian, variable-length integers, length-prefixed strings. A
// reader of damaged bytes yields zeros and remembers the error; it never reads beyond the end or allocates for it.
package wire

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrShort says that the bytes ended early or a length made no sense.
var ErrShort = errors.New("state ends early or is damaged")

// Uint appends n.
func Uint(to []byte, n uint64) []byte { return binary.AppendUvarint(to, n) }

// Int appends n.
func Int(to []byte, n int64) []byte { return binary.AppendVarint(to, n) }

// Float appends f.
func Float(to []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(to, math.Float64bits(f))
}

// String appends s with its length.
func String(to []byte, s string) []byte { return append(Uint(to, uint64(len(s))), s...) }

// Reader reads what was appended, in the same order.
type Reader struct {
	rest []byte
	err  error
}

// NewReader reads from b.
func NewReader(b []byte) *Reader { return &Reader{rest: b} }

// Err is the first error, and ErrShort if bytes are left over after the last read that was meant to be there.
func (r *Reader) Err() error { return r.err }

// Rest is what has not been read.
func (r *Reader) Rest() []byte { return r.rest }

// Empty says that all bytes were read.
func (r *Reader) Empty() bool { return len(r.rest) == 0 }

// Uint reads a Uint.
func (r *Reader) Uint() uint64 {
	n, size := binary.Uvarint(r.rest)
	return n * r.skip(size)
}

// Int reads an Int.
func (r *Reader) Int() int64 {
	n, size := binary.Varint(r.rest)
	return n * int64(r.skip(size))
}

// skip moves on and returns 1, or 0 after an error.
func (r *Reader) skip(size int) uint64 {
	if size <= 0 || r.err != nil {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return 1
}

func (r *Reader) fail() {
	if r.err == nil {
		r.err = ErrShort
	}
	r.rest = nil
}

// Float reads a Float.
func (r *Reader) Float() float64 {
	b := r.Bytes(8)
	if b == nil {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// Bytes reads n bytes as they are, nil after an error. They are not copied.
func (r *Reader) Bytes(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.fail()
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// String reads a String.
func (r *Reader) String() string { return string(r.Bytes(r.Len(1))) }

// Len reads a count of things of at least size bytes each, and refuses one that cannot be.
func (r *Reader) Len(size int) int {
	n := r.Uint()
	if n > uint64(len(r.rest)/size) {
		r.fail()
		return 0
	}
	return int(n)
}
