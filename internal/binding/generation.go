package binding

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

const (
	slotBytes  = int(unsafe.Sizeof(slot{}))
	chunkShift = 14
	chunkBytes = 1 << chunkShift
	firstSlots = 64
	// recordHead is next (4), name and ambiguity (1), source and distance (1), tag (2), length of the value (1).
	recordHead = 9

	nameEdge = 0x7e // the record is a connection to another node, not a value
	nameDead = 0x7f // the record was replaced
	several  = 0x80 // a different value of the same rank was seen
)

// slot is one entry of a table; head 0 means free.
type slot struct {
	id   [16]byte
	head uint32
}

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

// generation is one table and its arena. It is owned by the shard that holds it.
type generation struct {
	seed   [2]uint64
	max    int // bytes this generation may take, growth included
	born   int64
	closed int64 // when a newer generation was put in front of it
	slots  []slot
	used   int
	chunks []*[chunkBytes]byte
	tail   int // bytes used of the last chunk
}

func (g *generation) bytes() int {
	return len(g.slots)*slotBytes + len(g.chunks)*chunkBytes + cap(g.chunks)*8
}

// place is where the search for id starts. The ids may be zero-padded or time-prefixed, so all 16 bytes are mixed; the
// seed is random so that a sender cannot choose ids that collide.
func (g *generation) place(id [16]byte, n int) int {
	i, _ := bits.Mul64(hash(g.seed, id)*0x9e3779b97f4a7c15, uint64(n))
	return int(i)
}

func hash(seed [2]uint64, id [16]byte) uint64 {
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(id[:8])^seed[0], binary.LittleEndian.Uint64(id[8:])^seed[1])
	return hi ^ lo
}

// find returns the slot of id, or nil.
func (g *generation) find(id [16]byte) *slot {
	n := len(g.slots)
	if n == 0 {
		return nil
	}
	for i := g.place(id, n); ; {
		s := &g.slots[i]
		if s.head == 0 {
			return nil
		}
		if s.id == id {
			return s
		}
		if i++; i == n {
			i = 0
		}
	}
}

// room makes place for one more slot and for size bytes of records; false means that the generation is full.
func (g *generation) room(slots, size int) bool {
	if slots > 0 && (g.used+slots)*5 > len(g.slots)*4 && !g.growSlots() {
		return false
	}
	if len(g.chunks) > 0 && g.tail+size <= chunkBytes {
		return true
	}
	after := g.bytes() + chunkBytes
	if len(g.chunks) == cap(g.chunks) {
		after += 8 * (cap(g.chunks) + 8)
	}
	if after > g.max || len(g.chunks) >= 1<<(32-chunkShift) {
		return false
	}
	if len(g.chunks) == cap(g.chunks) {
		grown := make([]*[chunkBytes]byte, len(g.chunks), 2*cap(g.chunks)+8)
		copy(grown, g.chunks)
		g.chunks = grown
	}
	g.chunks = append(g.chunks, new([chunkBytes]byte))
	g.tail = 0
	if len(g.chunks) == 1 {
		g.tail = 1 // reference 0 means none
	}
	return true
}

func (g *generation) growSlots() bool {
	n := len(g.slots)
	want := max(firstSlots, n+n/2)
	rest := g.bytes() - n*slotBytes
	if fit := (g.max - rest) / slotBytes; want > fit {
		want = fit
	}
	if want < firstSlots || want < n+n/8 {
		return false
	}
	old := g.slots
	g.slots = make([]slot, want)
	for k := range old {
		if old[k].head != 0 {
			*g.free(old[k].id) = old[k]
		}
	}
	return true
}

// free returns the empty slot in which id, not yet present, belongs.
func (g *generation) free(id [16]byte) *slot {
	n := len(g.slots)
	i := g.place(id, n)
	for g.slots[i].head != 0 {
		if i++; i == n {
			i = 0
		}
	}
	return &g.slots[i]
}

// push writes a record and returns its reference; room must have said yes.
func (g *generation) push(r record) uint32 {
	c := len(g.chunks) - 1
	b := g.chunks[c][g.tail:]
	binary.LittleEndian.PutUint32(b, r.next)
	b[4] = r.name
	if r.several {
		b[4] |= several
	}
	b[5] = uint8(r.source) | r.hops<<5
	binary.LittleEndian.PutUint16(b[6:], r.tag)
	b[8] = uint8(len(r.value))
	copy(b[recordHead:], r.value)
	ref := uint32(c)<<chunkShift | uint32(g.tail)
	g.tail += recordHead + len(r.value)
	return ref
}

func (g *generation) raw(ref uint32) []byte {
	return g.chunks[ref>>chunkShift][ref&(chunkBytes-1):]
}

func (g *generation) read(ref uint32) record {
	b := g.raw(ref)
	return record{
		next: binary.LittleEndian.Uint32(b), name: b[4] &^ several, several: b[4]&several != 0,
		source: Source(b[5] & 31), hops: b[5] >> 5, tag: binary.LittleEndian.Uint16(b[6:]),
		value: b[recordHead : recordHead+int(b[8])],
	}
}

// kill marks a record as replaced; its bytes come back when the generation is dropped.
func (g *generation) kill(ref uint32) { g.raw(ref)[4] = nameDead }

func (g *generation) markSeveral(ref uint32) { g.raw(ref)[4] |= several }
