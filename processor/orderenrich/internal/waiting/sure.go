package waiting

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Search is the working memory of Sure.
type Search struct {
	at    []int32 // open addressing: 1 + node
	state []uint8 // of each node
	path  []int32
}

const (
	open uint8 = iota
	sure
	unsure
)

// seed keeps senders from choosing span ids that collide.
var seed = rand.Uint64() | 1

// Sure marks what is certain by now, and calls release for each span that still waits and need not wait any more: those
// that name an order, and those below them. release calls Drop.
func (e *Entry[T]) Sure(s *Search, release func(node int)) {
	if !e.named {
		return
	}
	place(s, e.Nodes)
	s.state = slices.Grow(s.state[:0], len(e.Nodes))[:len(e.Nodes)]
	clear(s.state)
	for i := range e.Nodes {
		climb(s, e.Nodes, int32(i))
	}
	for i := range e.Nodes {
		if s.state[i] == sure {
			e.Nodes[i].sure = true
			if e.Nodes[i].Item != Gone {
				release(i)
			}
		}
	}
}

// climb finds out about a node by going up until it is clear.
func climb[T any](s *Search, nodes []Node[T], n int32) {
	verdict := unsure
	s.path = s.path[:0]
	for {
		if s.state[n] != open {
			verdict = s.state[n]
			break
		}
		s.state[n] = unsure // also ends circles
		s.path = append(s.path, n)
		if nodes[n].sure || nodes[n].Names {
			verdict = sure
			break
		}
		p := parent(s, nodes, nodes[n].Parent)
		if p < 0 || nodes[n].Vague {
			break
		}
		n = p
	}
	for _, n := range s.path {
		s.state[n] = verdict
	}
}

// place puts the ids of all nodes into the table. Of two nodes with one id the first is the parent.
func place[T any](s *Search, nodes []Node[T]) {
	size := 1 << bits.Len(uint(2*len(nodes)))
	if len(s.at) < size {
		s.at = make([]int32, size)
	} else {
		s.at = s.at[:size]
		clear(s.at)
	}
	for i := range nodes {
		if nodes[i].ID == ([8]byte{}) {
			continue
		}
		k := slot(nodes[i].ID, size)
		for s.at[k] != 0 && nodes[s.at[k]-1].ID != nodes[i].ID {
			k = (k + 1) & (size - 1)
		}
		if s.at[k] == 0 {
			s.at[k] = int32(i) + 1
		}
	}
}

// parent is the node with an id, or -1.
func parent[T any](s *Search, nodes []Node[T], id [8]byte) int32 {
	if id == ([8]byte{}) {
		return -1
	}
	for k := slot(id, len(s.at)); s.at[k] != 0; k = (k + 1) & (len(s.at) - 1) {
		if n := s.at[k] - 1; nodes[n].ID == id {
			return n
		}
	}
	return -1
}

func slot(id [8]byte, size int) int {
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(id[:])^seed, 0x9e3779b97f4a7c15)
	return int(hi^lo) & (size - 1)
}
