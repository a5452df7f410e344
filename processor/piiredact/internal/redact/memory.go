package redact

import (
	"encoding/binary"
	"hash/maphash"
	"unsafe"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/meaning"
)

// A session remembers what it met last: keys, and values with what became of them. Both tables are direct-mapped, so
// that a flood of new ones costs nothing but the remembering: a session holds at most 6 KiB of pointers to decisions and
// classes, 56 KiB of places for values, and for each of these 1,024 either a clean text of at most 256 bytes or an edited
// one of at most 512. What is longer is a log line or a statement with literals, and hardly ever comes twice.
const (
	recentKeys   = 512
	recentWords  = 256
	recentValues = 1024
	maxRemember  = 256
	maxEdited    = 512
	fibonacci    = 0x9e3779b97f4a7c15
	otherEntropy = 0xff51afd7ed558ccd
)

// seed is the process's own: nobody outside can choose values that push each other out.
var seed = maphash.MakeSeed()

// memory is owned by its session.
type memory struct {
	keys   [recentKeys]*Decision
	words  [recentWords]*word
	values [recentValues]remembered
}

// word is what a name in a text means, with a copy of the name.
type word struct {
	meaning.Class
	name string
}

// class is what a name in a text means. Of names with ids in them the general form is remembered.
func (se *Session) class(name string) *meaning.Class {
	slot := se.memory.word(name)
	if *slot != nil && (*slot).name == name {
		return &(*slot).Class
	}
	if len(name) <= meaning.MaxKey {
		se.name = meaning.General(se.name[:0], name)
		name = unsafe.String(unsafe.SliceData(se.name), len(se.name))
		slot = se.memory.word(name)
	}
	if *slot == nil || (*slot).name != name {
		*slot = se.e.words.Get(name)
	}
	return &(*slot).Class
}

func (m *memory) word(name string) **word { return &m.words[spread(name)>>(64-8)] }

// remembered is a value that was met under a key of that meaning and under these actions. What a key means never
// changes, and what a value holds does not either: a clean value stays clean. Nothing is kept of a value until it is met
// again, since what comes once is not worth a copy.
type remembered struct {
	hash  uint64
	under *Decision
	as    *actions
	text  []byte  // the value, where nothing was found in it
	edit  *edited // what became of it, where something was
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

// value finds the place of a value; met says that it is the value's already.
func (m *memory) value(d *Decision, as *actions, s string) (slot *remembered, hash uint64, met bool) {
	hash = maphash.String(seed, s)
	slot = &m.values[(hash^d.salt)%recentValues]
	return slot, hash, slot.hash == hash && slot.under == d && slot.as == as
}

// take makes the place that of another value, of which nothing is kept yet.
func (r *remembered) take(d *Decision, as *actions, hash uint64) {
	r.hash, r.under, r.as, r.text = hash, d, as, r.text[:0]
	if r.edit != nil {
		*r.edit = edited{}
	}
}
