package binding

import "time"

// edge is a connection of a node to another: their spans share a message or a link.
type edge struct {
	to  Node
	via Source
}

func (e edge) record() record {
	v := make([]byte, 17)
	v[0] = byte(e.to.Space)
	copy(v[1:], e.to.ID[:])
	return record{name: nameEdge, source: e.via, value: v}
}

func decodeEdge(r record) edge {
	return edge{to: Node{Space: Space(r.value[0]), ID: [16]byte(r.value[1:17])}, via: r.source}
}

// Connect remembers that a and b belong together, so that what is learnt of one later reaches the other; what either
// knows already travels at once. It reports false if a node already has MaxEdges connections or there is no room.
func (x *Index) Connect(a, b Node, via Source, now time.Time) bool {
	fresh, ok := x.join(a, b, via, now)
	if fresh && via == Link {
		x.tell(News{Node: a, To: b})
	}
	return ok
}

// join is Connect for this index alone; fresh says that the connection is new.
func (x *Index) join(a, b Node, via Source, now time.Time) (fresh, ok bool) {
	if a.IsZero() || b.IsZero() || a == b {
		return false, false
	}
	fresh, ok = x.connect(a, b, via, now.UnixNano())
	if _, back := x.connect(b, a, via, now.UnixNano()); !back {
		ok = false
	}
	// Both are read after both were connected: whoever binds one meanwhile already sees the connection.
	var buf [4]Binding
	for _, known := range x.Lookup(a, now, buf[:0]) {
		if !known.Several {
			x.travel(a, known, []edge{{b, via}}, now)
		}
	}
	for _, known := range x.Lookup(b, now, buf[:0]) {
		if !known.Several {
			x.travel(b, known, []edge{{a, via}}, now)
		}
	}
	return fresh, ok
}

func (x *Index) connect(from, to Node, via Source, now int64) (fresh, ok bool) {
	sh := x.shard(from.ID)
	sh.Lock()
	defer sh.Unlock()
	t := &sh.tables[from.Space]
	want := edge{to, via}
	var edges [MaxEdges]edge
	n := x.edgesLocked(t, from, now, &edges)
	for _, e := range edges[:n] {
		if e == want {
			return false, true
		}
	}
	if n == MaxEdges || !t.add(from.ID, want.record(), now) {
		sh.refused++
		return false, false
	}
	return true, true
}

func (x *Index) edgesLocked(t *table, n Node, now int64, edges *[MaxEdges]edge) int {
	count := 0
	for ref := t.seek(n.ID, now); ref != 0 && count < MaxEdges; {
		r := t.read(ref)
		if r.name == nameEdge {
			edges[count] = decodeEdge(r)
			count++
		}
		ref = r.next
	}
	return count
}
