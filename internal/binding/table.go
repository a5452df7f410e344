package binding

// table is the generations of one key space in one shard, newest first. The shard's mutex owns it.
type table struct {
	seed  [2]uint64
	limit int   // bytes, growth of a generation included
	count int   // generations at most
	ttl   int64 // nanoseconds that an entry lives at least, unless the byte bound is hit
	gens  []*generation

	evicted int64 // entries dropped before their time, because of the byte bound
	expired int64 // entries dropped at their time
}

func (t *table) bytes() int {
	n := 0
	for _, g := range t.gens {
		n += g.bytes()
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
	if len(t.gens) == 0 {
		return
	}
	if g, open := t.gens[0], t.ttl/int64(t.count-1); g.closed == 0 && now-g.born > open {
		g.closed = g.born + open
	}
	for n := len(t.gens); n > 0; n-- {
		g := t.gens[n-1]
		if g.closed == 0 || now-g.closed <= t.ttl {
			return
		}
		t.expired += int64(g.used)
		t.gens[n-1] = nil
		t.gens = t.gens[:n-1]
	}
}

// newest returns the generation that is written to.
func (t *table) newest(now int64) *generation {
	if len(t.gens) == 0 || t.gens[0].closed != 0 {
		t.rotate(now)
	}
	return t.gens[0]
}

// rotate puts an empty generation in front and drops the oldest if there are too many. One part in count+1 of the limit
// stays free for the moment in which a growing generation holds its old and its new slots.
func (t *table) rotate(now int64) {
	if len(t.gens) > 0 && t.gens[0].closed == 0 {
		t.gens[0].closed = now
	}
	if len(t.gens) == t.count {
		old := t.gens[t.count-1]
		if now-old.closed > t.ttl {
			t.expired += int64(old.used)
		} else {
			t.evicted += int64(old.used)
		}
		t.gens = t.gens[:t.count-1]
	}
	g := &generation{seed: t.seed, max: t.limit / (t.count + 1), born: now}
	t.gens = append(t.gens, nil)
	copy(t.gens[1:], t.gens)
	t.gens[0] = g
}

// seek finds id and the generation that holds it, moving the entry to the newest generation.
func (t *table) seek(id [16]byte, now int64) (*generation, *slot) {
	t.age(now)
	for i, g := range t.gens {
		s := g.find(id)
		if s == nil {
			continue
		}
		if i == 0 && g.closed == 0 {
			return g, s
		}
		return t.promote(g, s.head, id, now)
	}
	return nil, nil
}

// promote copies the live records of an entry into the newest generation. The old copy stays until its generation goes;
// it is never read again, because newer generations are read first.
func (t *table) promote(from *generation, head uint32, id [16]byte, now int64) (*generation, *slot) {
	size := 0
	for ref := head; ref != 0; {
		r := from.read(ref)
		if r.name != nameDead {
			size += recordHead + len(r.value)
		}
		ref = r.next
	}
	if size > chunkBytes-1 {
		return nil, nil
	}
	g := t.fit(1, size, now)
	if g == nil {
		return nil, nil
	}
	// The chain is kept in its order, so that what was seen first stays first.
	var refs [maxChain]uint32
	n := 0
	for ref := head; ref != 0 && n < maxChain; {
		r := from.read(ref)
		if r.name != nameDead {
			refs[n] = ref
			n++
		}
		ref = r.next
	}
	next := uint32(0)
	for ; n > 0; n-- {
		r := from.read(refs[n-1])
		r.next = next
		next = g.push(r)
	}
	if next == 0 {
		return nil, nil
	}
	s := g.free(id)
	*s = slot{id: id, head: next}
	g.used++
	return g, s
}

// fit returns the newest generation with room for what is asked, rotating once if need be; nil if it is too much even
// for an empty one.
func (t *table) fit(slots, size int, now int64) *generation {
	if g := t.newest(now); g.room(slots, size) {
		return g
	}
	t.rotate(now)
	if g := t.gens[0]; g.room(slots, size) {
		return g
	}
	return nil
}

// add puts a record in front of the chain of id, creating the entry if there is none; false if there is no room.
func (t *table) add(id [16]byte, r record, now int64) bool {
	size := recordHead + len(r.value)
	g, s := t.seek(id, now)
	if s != nil && !g.room(0, size) {
		// The entry moves into a fresh generation together with its records, unless none of them is alive.
		t.rotate(now)
		if g, s = t.seek(id, now); s != nil && !g.room(0, size) {
			return false
		}
	}
	if s != nil {
		r.next = s.head
		s.head = g.push(r)
		return true
	}
	if g = t.fit(1, size, now); g == nil {
		return false
	}
	*g.free(id) = slot{id: id, head: g.push(r)}
	g.used++
	return true
}
