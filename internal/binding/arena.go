package binding

import (
	"encoding/binary"
	"unsafe"
)

const (
	chunkShift = 14
	chunkBytes = 1 << chunkShift
	maxChunks  = 1 << (32 - chunkShift)
	// idBytes stand before the first record of an entry.
	idBytes = 16
	// recordHead is next (4), name and ambiguity (1), source and distance (1), tag (2), length of the value (1).
	recordHead = 9

	nameEdge = 0x7e // the record is a connection to another node, not a value
	nameDead = 0x7f // the record was replaced
	several  = 0x80 // a different value of the same rank was seen
)

// record is a decoded arena record. value points into the arena, which is never written twice.
type record struct {
	next    uint32
	name    uint8
	several bool
	source  Source
	hops    uint8
	tag     uint16
	value   []byte
}

// chunk holds entries of one generation; b is nil if the number is free.
type chunk struct {
	b   *[chunkBytes]byte
	gen uint32
}

const chunkSlot = int(unsafe.Sizeof(chunk{}))

// arena is the records of a table. A reference is the number of a chunk and an offset; 0 is none, because an id stands before
// every first record. The table that holds it owns it.
type arena struct {
	chunks []chunk
	held   int // chunks with memory
	last   int // the chunk that is written to
	tail   int // bytes used of it
}

func (a *arena) bytes() int { return a.held*chunkBytes + cap(a.chunks)*chunkSlot }

// next is a free number for a chunk, and how many bytes it takes to have it, memory for the chunk included.
func (a *arena) next() (number, bytes int) {
	for k := range a.chunks {
		if n := (a.last + k) % len(a.chunks); a.chunks[n].b == nil {
			return n, chunkBytes
		}
	}
	if len(a.chunks) < cap(a.chunks) {
		return len(a.chunks), chunkBytes
	}
	return len(a.chunks), chunkBytes + chunkSlot*grown(cap(a.chunks))
}

func grown(n int) int { return n + n/4 + 8 }

// open begins to write to a chunk of which next gave the number.
func (a *arena) open(number int, gen uint32) {
	if number == cap(a.chunks) {
		more := make([]chunk, number, grown(number))
		copy(more, a.chunks)
		a.chunks = more
	}
	if number == len(a.chunks) {
		a.chunks = a.chunks[:number+1]
	}
	a.chunks[number] = chunk{new([chunkBytes]byte), gen}
	a.held++
	a.last, a.tail = number, 0
}

// drop lets go of the chunks of a generation.
func (a *arena) drop(gen uint32) {
	for i := range a.chunks {
		if c := &a.chunks[i]; c.b != nil && c.gen == gen {
			*c = chunk{}
			a.held--
		}
	}
}

// put writes bytes for which there is room and returns a reference to the first.
func (a *arena) put(b []byte) uint32 {
	copy(a.chunks[a.last].b[a.tail:], b)
	ref := uint32(a.last)<<chunkShift | uint32(a.tail)
	a.tail += len(b)
	return ref
}

func (a *arena) raw(ref uint32) []byte {
	return a.chunks[ref>>chunkShift].b[ref&(chunkBytes-1):]
}

// is says whether an entry is that of an id.
func (a *arena) is(ref uint32, id [16]byte) bool {
	off := ref & (chunkBytes - 1)
	return [16]byte(a.chunks[ref>>chunkShift].b[off-idBytes:off]) == id
}

// id is that of an entry.
func (a *arena) id(ref uint32) [16]byte { return [16]byte(a.raw(ref - idBytes)) }

func (a *arena) read(ref uint32) record {
	b := a.raw(ref)
	return record{
		next: binary.LittleEndian.Uint32(b), name: b[4] &^ several, several: b[4]&several != 0,
		source: Source(b[5] & 31), hops: b[5] >> 5, tag: binary.LittleEndian.Uint16(b[6:]),
		value: b[recordHead : recordHead+int(b[8])],
	}
}

// kill marks a record as replaced; its bytes come back when the generation is dropped.
func (a *arena) kill(ref uint32) { a.raw(ref)[4] = nameDead }

func (a *arena) setHops(ref uint32, hops uint8) {
	b := a.raw(ref)
	b[5] = b[5]&31 | hops<<5
}

func (a *arena) markSeveral(ref uint32) { a.raw(ref)[4] |= several }

// appendRecord encodes a record, without what is next.
func appendRecord(b []byte, r record) []byte {
	name := r.name
	if r.several {
		name |= several
	}
	b = append(b, 0, 0, 0, 0, name, uint8(r.source)|r.hops<<5)
	b = binary.LittleEndian.AppendUint16(b, r.tag)
	return append(append(b, uint8(len(r.value))), r.value...)
}

// chain connects records that stand one behind the other, size bytes from the reference on.
func (a *arena) chain(ref uint32, size int) {
	for size > 0 {
		b := a.raw(ref)
		n := recordHead + int(b[8])
		if size -= n; size > 0 {
			binary.LittleEndian.PutUint32(b, ref+uint32(n))
		}
		ref += uint32(n)
	}
}
