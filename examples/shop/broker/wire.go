package broker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Frame types and the byte that ends each frame (AMQP 0-9-1, 2.3.5).
const (
	frameMethod    = 1
	frameHeader    = 2
	frameBody      = 3
	frameHeartbeat = 8
	frameEnd       = 0xCE
	frameMax       = 131072
	frameOverhead  = 8
)

type frame struct {
	kind    byte
	channel uint16
	payload []byte
}

var errFrame = errors.New("malformed frame")

func readFrame(r *bufio.Reader) (frame, error) {
	var head [7]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	size := binary.BigEndian.Uint32(head[3:])
	if size > frameMax {
		return frame{}, fmt.Errorf("%w: %d bytes", errFrame, size)
	}
	payload := make([]byte, size+1)
	if _, err := io.ReadFull(r, payload); err != nil {
		return frame{}, err
	}
	if payload[size] != frameEnd {
		return frame{}, fmt.Errorf("%w: no end mark", errFrame)
	}
	return frame{kind: head[0], channel: binary.BigEndian.Uint16(head[1:]), payload: payload[:size]}, nil
}

func appendFrame(b []byte, kind byte, channel uint16, payload []byte) []byte {
	b = append(b, kind)
	b = binary.BigEndian.AppendUint16(b, channel)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload))) // below frameMax
	b = append(b, payload...)
	return append(b, frameEnd)
}

// method is a class and method id, written as in the specification: 60,40.
type method uint32

func id(class, number uint16) method { return method(class)<<16 | method(number) }

// args writes the arguments of a method, in order.
type args []byte

func (m method) with() args { return binary.BigEndian.AppendUint32(nil, uint32(m)) }

func (a args) u8(v uint8) args       { return append(a, v) }
func (a args) u16(v uint16) args     { return binary.BigEndian.AppendUint16(a, v) }
func (a args) u32(v uint32) args     { return binary.BigEndian.AppendUint32(a, v) }
func (a args) u64(v uint64) args     { return binary.BigEndian.AppendUint64(a, v) }
func (a args) long(s string) args    { return append(a.u32(uint32(len(s))), s...) } // our own short texts
func (a args) table(raw []byte) args { return append(a.u32(uint32(len(raw))), raw...) }

func (a args) short(s string) args {
	if len(s) > 255 {
		s = s[:255]
	}
	return append(a.u8(uint8(len(s))), s...) // cut to 255 above
}

func (a args) bit(v bool) args {
	if v {
		return a.u8(1)
	}
	return a.u8(0)
}

// fields reads the arguments of a method. After the first error all reads
// return zero values, and err says what was wrong.
type fields struct {
	b   []byte
	err error
}

func (f *fields) take(n int) []byte {
	if f.err != nil || n > len(f.b) {
		f.err = fmt.Errorf("%w: arguments end early", errFrame)
		return make([]byte, min(n, 8))
	}
	out := f.b[:n]
	f.b = f.b[n:]
	return out
}

func (f *fields) u8() uint8   { return f.take(1)[0] }
func (f *fields) u16() uint16 { return binary.BigEndian.Uint16(f.take(2)) }
func (f *fields) u32() uint32 { return binary.BigEndian.Uint32(f.take(4)) }
func (f *fields) u64() uint64 { return binary.BigEndian.Uint64(f.take(8)) }

func (f *fields) short() string { return f.text(int(f.u8())) }
func (f *fields) long() string  { return f.text(int(f.u32())) }

// skipTable ignores the arguments of declarations: none of them is supported,
// and clients send x-arguments that may be ignored safely here.
func (f *fields) skipTable() { f.long() }

func (f *fields) text(n int) string {
	b := f.take(n)
	if f.err != nil {
		return ""
	}
	return string(b)
}

// bits are packed from the lowest bit on.
func (f *fields) bits() func(i int) bool {
	v := f.u8()
	return func(i int) bool { return v>>i&1 == 1 }
}
