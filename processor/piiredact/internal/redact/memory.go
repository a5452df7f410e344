package redact

import (
	"encoding/binary"
	"hash/maphash"
	"unsafe"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/meaning"
)

// A session remembers what it met last: keys, and values in which nothing was found. Both tables are direct-mapped, so
// that a flood of new ones costs nothing but the remembering: a session holds at most 6 KiB of pointers to decisions and
// classes, and 56 KiB and the texts of 1,024 values of at most 256 bytes. What is longer is a log line or a statement
// with literals, and hardly ever comes twice.
const (
	recentKeys   = 512
	recentWords  = 256
	cleanValues  = 1024
	minRemember  = 8 // shorter values are looked at faster than they are looked up
	maxRemember  = 256
	fibonacci    = 0x9e3779b97f4a7c15
	otherEntropy = 0xff51afd7ed558ccd
)

// seed is the process's own: nobody outside can choose values that push each other out.
var seed = maphash.MakeSeed()

// memory is owned by its session.
type memory struct {
	keys   [recentKeys]*Decision
	words  [recentWords]*word
	values [cleanValues]remembered
}

// word is what a name in a text means, with a copy of the name.
type word struct {
	meaning.Class
	name string
}

// class is what a name in a text means.
func (se *Session) class(name string) *meaning.Class {
	slot := &se.memory.words[spread(name)>>(64-8)]
	if *slot == nil || (*slot).name != name {
		*slot = se.e.words.Get(name)
	}
	return &(*slot).Class
}

// remembered is a value in which nothing was found under a key of that meaning and under these actions. What a key means never changes, and
// what a value holds does not either: what depends on keys of pseudonyms or on depth is not remembered.
type remembered struct {
	hash  uint64
	under *Decision
	as    *actions
	text  []byte // empty until the value is met again: what comes once is not worth a copy
}

// key is the decision for a key that was met before, or nil.
func (m *memory) key(key string) (d *Decision, slot **Decision) {
	slot = &m.keys[spread(key)>>(64-9)]
	if d = *slot; d != nil && d.key == key {
		return d, slot
	}
	return nil, slot
}

// spread mixes the length and both ends of a key. Keys with the same ones push each other out, no more.
func spread(key string) uint64 {
	b := unsafe.Slice(unsafe.StringData(key), len(key))
	var first, last uint64
	if len(b) >= 8 {
		first, last = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[len(b)-8:])
	} else {
		for _, c := range b {
			first = first<<8 | uint64(c)
		}
	}
	return (first ^ last*otherEntropy ^ uint64(len(b))) * fibonacci
}

// value finds the place of a value; known says that it was met before and is clean.
func (m *memory) value(d *Decision, as *actions, s string) (slot *remembered, hash uint64, known bool) {
	hash = maphash.String(seed, s)
	slot = &m.values[(hash^d.salt)%cleanValues]
	return slot, hash, slot.hash == hash && slot.under == d && slot.as == as && string(slot.text) == s
}

// clean notes that nothing was found in s.
func (r *remembered) clean(d *Decision, as *actions, hash uint64, s string) {
	if r.hash == hash && r.under == d && r.as == as {
		r.text = append(r.text, s...)
		return
	}
	r.hash, r.under, r.as, r.text = hash, d, as, r.text[:0]
}
