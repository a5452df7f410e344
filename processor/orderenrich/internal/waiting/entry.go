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
type Node[T any] struct {
	ID, Parent [8]byte
	// Held is where the caller keeps the span, and Item its number there, or Gone.
	Held T
	// Said is nil for most spans.
	Said *Said
	Item int32
	// Size is what the span takes, in bytes.
	Size uint32
	// sure says that the span belongs to what it or an ancestor names, whatever else comes.
	sure bool
	// Names says that the span itself names exactly one order.
	Names bool
	// Vague says that it names several, or only repeats a guess: what its ancestors name does not hold for it yet.
	Vague bool
}

// Said is what a span says.
type Said struct {
	Facts []extract.Fact
	Joins []lineage.Join
	// Marks is the caller's note of what stands on the span already.
	Marks [3]uint32
}

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
	Trace    [16]byte
	Nodes    []Node[T]
	deadline time.Time
	bytes    int64
	ended    bool
	named    bool // a node names an order
	next     *Entry[T]
}

// entryBytes is what an entry takes besides its nodes and spans: the struct, its place in the map and in the queue.
const entryBytes = 256
