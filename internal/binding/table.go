package binding

import "encoding/binary"

// parts is how many directories a table has: one that grows holds its old and its new buckets for a moment, so that they are kept
// small.
const parts = 16

// table is the entries of one key space in one shard. One directory finds them all; the records of each are together in a chunk of
// one generation, and move to the newest one when they are used. The shard's mutex owns it.
type table struct {
	seed  [2]uint64
	limit int   // bytes, growth included
	count int   // generations at most
	ttl   int64 // nanoseconds that an entry lives at least, unless the byte bound is hit

	dirs [parts]directory
	arena
	gens []generation // newest first
	seq  uint32       // of the newest
	due  int64        // when age has something to do

	evicted int64 // entries dropped before their time, because of the byte bound
	expired int64 // entries dropped at their time
}

// generation is the entries that were written or used in one span of time.
type generation struct {
	seq          uint32
	born, closed int64 // closed: when a newer generation was put in front of it, or its time was over
	chunks       int
	used         int // entries
}

func (t *table) bytes() int {
	n := t.arena.bytes()
	for i := range t.dirs {
		n += t.dirs[i].bytes()
	}
	return n
}

func (t *table) entries() int {
	n := 0
	for _, g := range t.gens {
		n += g.used
	}
	return n
}

// age closes the newest generation when it is old and drops those whose entries are all past their time. It is called before
// anything is read or written: if nobody did for long, the newest was closed when its time was over, and not just now.
func (t *table) age(now int64) {
	if now <= t.due || len(t.gens) == 0 {
		return
	}
	if g, open := &t.gens[0], t.ttl/int64(t.count-1); g.closed == 0 && now-g.born > open {
		g.closed = g.born + open
	}
	for n := len(t.gens); n > 0; n-- {
		g := &t.gens[n-1]
		if g.closed == 0 || now-g.closed <= t.ttl {
			break
		}
		t.drop(now)
	}
	t.schedule()
}

// schedule finds out when age has something to do.
func (t *table) schedule() {
	t.due = 0
	if n := len(t.gens); n > 0 {
		if g := t.gens[0]; g.closed == 0 {
			t.due = g.born + t.ttl/int64(t.count-1)
		}
		if g := t.gens[n-1]; g.closed != 0 && (t.due == 0 || g.closed+t.ttl < t.due) {
			t.due = g.closed + t.ttl
		}
	}
}

// rotate puts an empty generation in front and drops the oldest if there are too many.
func (t *table) rotate(now int64) {
	if len(t.gens) > 0 && t.gens[0].closed == 0 {
		t.gens[0].closed = now
	}
	if len(t.gens) == t.count {
		t.drop(now)
	}
	t.seq++
	t.gens = append(t.gens, generation{})
	copy(t.gens[1:], t.gens)
	t.gens[0] = generation{seq: t.seq, born: now}
	t.schedule()
}

// drop lets go of the oldest generation.
func (t *table) drop(now int64) {
	n := len(t.gens) - 1
	old := t.gens[n]
	if old.closed != 0 && now-old.closed > t.ttl {
		t.expired += int64(old.used)
	} else {
		t.evicted += int64(old.used)
	}
	t.gens = t.gens[:n]
	t.arena.drop(old.seq)
	if old.used == 0 {
		t.forget()
		return
	}
	for i := range t.dirs {
		d := &t.dirs[i]
		d.sweep(func(ref uint32) bool { return t.chunks[ref>>chunkShift].b != nil })
		if d.used*100 < d.main*bucketSlots*sparseAt {
			t.resize(d, max(firstBuckets+i/2, fitted(d.used)))
		}
	}
	t.forget()
}

// forget gives back what an empty table holds.
func (t *table) forget() {
	if len(t.gens) == 0 {
		t.dirs, t.arena = [parts]directory{}, arena{}
	}
}

// resize gives a directory another size, if that changes it and there is room for both at once.
func (t *table) resize(d *directory, main int) bool {
	if d.main == main {
		return false
	}
	if n, _ := size(main); t.bytes()+n*bucketBytes > t.limit {
		return false
	}
	next := sized(main)
	if !next.fill(d) {
		return false
	}
	*d = next
	return true
}

// part finds the directory of an id.
func (t *table) part(h uint64) *directory { return &t.dirs[h>>56%parts] }

// find returns the slot of an id, or nil. It is good until the next reserve.
func (t *table) find(id [16]byte, h uint64) *uint64 {
	d, print := t.part(h), uint32(h)
	for i := d.begin(print); i < len(d.buckets); i++ {
		b := &d.buckets[i]
		for k := range b {
			slot := b[k]
			if slot == 0 {
				return nil
			}
			if uint32(slot>>32) == print && t.is(uint32(slot), id) {
				return &b[k]
			}
		}
	}
	return nil
}

// seek finds the first record of an id, moving the entry to the newest generation; 0 if there is none.
func (t *table) seek(id [16]byte, now int64) uint32 {
	t.age(now)
	slot := t.find(id, hash(t.seed, id))
	if slot == nil {
		return 0
	}
	if t.chunks[uint32(*slot)>>chunkShift].gen == t.seq && t.gens[0].closed == 0 {
		return uint32(*slot)
	}
	return t.promote(uint32(*slot), id, now)
}

// promote copies the live records of an entry into the newest generation; 0 if there are none. The chain is kept in its order.
func (t *table) promote(head uint32, id [16]byte, now int64) uint32 {
	var room [idBytes + recordHead + MaxValue]byte
	b := append(room[:0], id[:]...)
	for ref := head; ref != 0; {
		r := t.read(ref)
		if r.name != nameDead {
			b = append(b, t.raw(ref)[:recordHead+len(r.value)]...)
			clear(b[len(b)-recordHead-len(r.value):][:4])
		}
		ref = r.next
	}
	if len(b) == idBytes || len(b) > chunkBytes {
		return 0
	}
	return t.write(b, id, now)
}

// write puts an entry into the newest generation, in place of the one that its id had; 0 if there is no room.
func (t *table) write(b []byte, id [16]byte, now int64) uint32 {
	h := hash(t.seed, id)
	moves := t.find(id, h) != nil
	if !t.reserve(t.part(h), len(b), now) {
		return 0
	}
	head := t.put(b) + idBytes
	t.chain(head, len(b)-idBytes)
	slot := h<<32 | uint64(head)
	if old := t.find(id, h); old != nil {
		t.leave(uint32(*old))
		*old = slot
	} else {
		if d := t.part(h); !d.insert(slot) && !(t.resize(d, d.main+d.main*growBy/100) && d.insert(slot)) {
			return 0 // what runs over has no room
		}
		if moves {
			t.evicted-- // its generation went to make room, but it did not
		}
	}
	t.gens[0].used++
	return head
}

// leave counts an entry out of its generation.
func (t *table) leave(ref uint32) {
	gen := t.chunks[ref>>chunkShift].gen
	for i := range t.gens {
		if t.gens[i].seq == gen {
			t.gens[i].used--
		}
	}
}

// reserve makes room for size bytes in the newest generation and for one more entry in a directory, unless it is nil. Where the
// bound stands in the way, the oldest generations go; false if even that is not enough.
func (t *table) reserve(d *directory, size int, now int64) bool {
	if len(t.gens) == 0 || t.gens[0].closed != 0 {
		t.rotate(now)
	}
	for !t.enter(d) || !t.extend(size, now) {
		if len(t.gens) == 1 {
			return false
		}
		t.drop(now)
	}
	return true
}

// enter makes sure that a directory can take one more entry.
func (t *table) enter(d *directory) bool {
	if d == nil || !d.full() {
		return true
	}
	main := max(d.main+d.main*growBy/100, firstBuckets)
	if d.main == 0 {
		for i := range t.dirs {
			if d == &t.dirs[i] {
				main += i / 2
			}
		}
	}
	return t.resize(d, main)
}

// extend makes sure that size bytes can be written in one piece. One part in count+1 of the limit is left to the directories.
func (t *table) extend(size int, now int64) bool {
	g := &t.gens[0]
	if g.chunks > 0 && t.tail+size <= chunkBytes {
		return true
	}
	if g.chunks > 0 && (g.chunks+1)*chunkBytes > t.limit/(t.count+1) {
		t.rotate(now)
		g = &t.gens[0]
	}
	number, bytes := t.next()
	if number >= maxChunks || t.bytes()+bytes > t.limit {
		return false
	}
	t.open(number, g.seq)
	g.chunks++
	return true
}

// add puts a record behind the first of an id, creating the entry if there is none; false if there is no room.
func (t *table) add(id [16]byte, r record, now int64) bool {
	size := recordHead + len(r.value)
	head := t.seek(id, now)
	if head != 0 {
		before := t.seq
		if !t.reserve(nil, size, now) {
			return false
		}
		if t.seq != before { // the entry moves into the fresh generation together with its records, unless none of them is alive
			before = t.seq
			if head = t.seek(id, now); head != 0 && (!t.reserve(nil, size, now) || t.seq != before) {
				return false
			}
		}
	}
	var room [idBytes + recordHead + MaxValue]byte
	if head == 0 {
		return t.write(appendRecord(append(room[:0], id[:]...), r), id, now) != 0
	}
	ref := t.put(appendRecord(room[:0], r))
	first := t.raw(head)
	binary.LittleEndian.PutUint32(t.raw(ref), binary.LittleEndian.Uint32(first))
	binary.LittleEndian.PutUint32(first, ref)
	return true
}
