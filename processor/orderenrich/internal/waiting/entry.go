package waiting

import (
	"time"
	"unsafe"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/lineage"
)

// Gone is the Item of a node whose span has been released.
const Gone = -1

// Node is what is remembered of a span of a waiting trace, also after the span itself was released: the tree is needed
// until the entry ends.
type Node struct {
	ID, Parent [8]byte
	// Item is the caller's number of the span, or Gone.
	Item int32
	// sure says that the span belongs to what it or an ancestor names, whatever else comes.
	sure bool
	// Names says that the span itself names exactly one order.
	Names bool
	// Vague says that it names several, or only repeats a guess: what its ancestors name does not hold for it yet.
	Vague bool
	// Said is nil for most spans.
	Said *Said
}

// Said is what a span says.
type Said struct {
	Facts []extract.Fact
	Joins []lineage.Join
	// Marks is the caller's note of what stands on the span already.
	Marks [3]uint32
}

const nodeBytes = int64(unsafe.Sizeof(Node{}))

func (s *Said) bytes() int64 {
	if s == nil {
		return 0
	}
	n := int64(unsafe.Sizeof(Said{})) + int64(len(s.Facts))*int64(unsafe.Sizeof(extract.Fact{})) +
		int64(len(s.Joins))*int64(unsafe.Sizeof(lineage.Join{}))
	for _, f := range s.Facts {
		n += int64(len(f.Value))
	}
	return n
}

// Entry is one waiting trace.
type Entry[T any] struct {
	Trace [16]byte
	Nodes []Node
	// Held is the caller's.
	Held     T
	deadline time.Time
	bytes    int64
	ended    bool
	named    bool // a node names an order
	next     *Entry[T]
}

// entryBytes is what an entry takes besides its nodes and spans: the struct, its place in the map and in the queue.
const entryBytes = 256

// Sure marks what is certain by now, and calls release for each span that still waits and need not wait any more: those
// that name an order, and those below them. release says by which Item it is gone.
func (e *Entry[T]) Sure(release func(node int)) {
	if !e.named {
		return
	}
	at := make(map[[8]byte]int32, len(e.Nodes))
	for i := range e.Nodes {
		if id := e.Nodes[i].ID; id != ([8]byte{}) {
			if _, taken := at[id]; !taken {
				at[id] = int32(i)
			}
		}
	}
	const open, sure, unsure = 0, 1, 2
	state := make([]uint8, len(e.Nodes))
	var path []int32
	for i := range e.Nodes {
		path = path[:0]
		verdict := uint8(unsure)
		for n := int32(i); ; {
			if state[n] != open {
				verdict = state[n]
				break
			}
			state[n] = unsure // also ends circles
			path = append(path, n)
			if e.Nodes[n].sure || e.Nodes[n].Names {
				verdict = sure
				break
			}
			p, ok := at[e.Nodes[n].Parent]
			if !ok || e.Nodes[n].Vague {
				break
			}
			n = p
		}
		for _, n := range path {
			state[n] = verdict
		}
	}
	for i := range e.Nodes {
		if state[i] == sure {
			e.Nodes[i].sure = true
			if e.Nodes[i].Item != Gone {
				release(i)
			}
		}
	}
}
