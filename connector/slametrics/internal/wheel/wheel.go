// Package wheel is a hierarchical timing wheel over event time: one timer per small integer id, exact to the
// nanosecond, cheap to re-arm, without pointers for the garbage collector to follow.
//
// Seven levels of 64 slots cover 2^68 ns at a tick of 2^26 ns (67 ms). A timer whose slot is only partly due stays
// until its own instant is. Occupancy bitmaps let the wheel jump over empty time, so that a watermark that leaps by
// months costs a few steps.
package wheel

import "math/bits"

const (
	tickBits = 26
	slotBits = 6
	slots    = 1 << slotBits
	levels   = 7
	none     = ^uint32(0)
	// chunk is how many nodes are allocated at once: growth never copies.
	chunk = 1 << 12
)

type node struct {
	due        int64
	next, prev uint32
	slot       uint16 // level*slots + slot + 1; 0 means not armed
}

// Wheel holds at most one timer per id. It is owned by its caller's lock.
type Wheel struct {
	now   int64 // tick up to which time has been processed
	armed int
	heads [levels][slots]uint32
	occ   [levels]uint64
	nodes [][]node
}

// New returns an empty wheel.
func New() *Wheel {
	w := &Wheel{}
	for l := range w.heads {
		for s := range w.heads[l] {
			w.heads[l][s] = none
		}
	}
	return w
}

// Len is the number of armed timers.
func (w *Wheel) Len() int { return w.armed }

// Due returns when id fires, if it is armed.
func (w *Wheel) Due(id uint32) (int64, bool) {
	if int(id/chunk) >= len(w.nodes) {
		return 0, false
	}
	n := w.node(id)
	return n.due, n.slot != 0
}

// Arm sets or moves the timer of id. A time already past fires on the next Advance.
func (w *Wheel) Arm(id uint32, due int64) {
	for int(id/chunk) >= len(w.nodes) {
		w.nodes = append(w.nodes, make([]node, chunk))
	}
	n := w.node(id)
	if n.slot != 0 {
		if n.due == due {
			return
		}
		w.unlink(id, n)
	}
	n.due = due
	w.link(id, n)
}

// Disarm removes the timer of id, if there is one.
func (w *Wheel) Disarm(id uint32) {
	if int(id/chunk) >= len(w.nodes) {
		return
	}
	if n := w.node(id); n.slot != 0 {
		w.unlink(id, n)
	}
}

// Advance moves time to 'to' and calls fire for every timer due at or before it, earliest slot first. fire may arm
// and disarm timers, including its own: one that is due again at or before 'to' fires in the same call.
func (w *Wheel) Advance(to int64, fire func(id uint32)) {
	target := to >> tickBits
	for w.armed > 0 {
		start, level, slot := w.earliest()
		if start > target {
			break
		}
		w.now = max(w.now, start)
		if level > 0 {
			w.cascade(level, slot)
			continue
		}
		if !w.fireSlot(slot, to, fire) {
			break // what is left in this tick is not due yet
		}
	}
	w.now = max(w.now, target)
}

// fireSlot fires what is due in a level-0 slot and says whether anything was.
func (w *Wheel) fireSlot(slot int, to int64, fire func(id uint32)) bool {
	fired := false
	for {
		id := w.heads[0][slot]
		for id != none && w.node(id).due > to {
			id = w.node(id).next
		}
		if id == none {
			return fired
		}
		w.unlink(id, w.node(id))
		fired = true
		fire(id)
	}
}

// earliest finds the occupied slot that starts first; of equal starts the coarser one, which must cascade first.
func (w *Wheel) earliest() (start int64, level, slot int) {
	start = int64(^uint64(0) >> 1)
	for l := range levels {
		if w.occ[l] == 0 {
			continue
		}
		position := w.now >> (slotBits * l)
		current := int(position & (slots - 1))
		ahead := bits.TrailingZeros64(bits.RotateLeft64(w.occ[l], -current))
		if s := (position + int64(ahead)) << (slotBits * l); s <= start {
			start, level, slot = s, l, (current+ahead)&(slots-1)
		}
	}
	return start, level, slot
}

func (w *Wheel) cascade(level, slot int) {
	id := w.heads[level][slot]
	w.heads[level][slot] = none
	w.occ[level] &^= 1 << slot
	for id != none {
		n := w.node(id)
		next := n.next
		n.slot = 0
		w.armed--
		w.link(id, n)
		id = next
	}
}

func (w *Wheel) node(id uint32) *node { return &w.nodes[id/chunk][id%chunk] }

func (w *Wheel) link(id uint32, n *node) {
	due := max(n.due>>tickBits, w.now)
	level := 0
	for level < levels-1 && due>>(slotBits*level)-w.now>>(slotBits*level) >= slots {
		level++
	}
	position := due >> (slotBits * level)
	position = min(position, w.now>>(slotBits*level)+slots-1)
	slot := int(position & (slots - 1))
	n.slot = uint16(level*slots+slot) + 1
	n.prev, n.next = none, w.heads[level][slot]
	if n.next != none {
		w.node(n.next).prev = id
	}
	w.heads[level][slot] = id
	w.occ[level] |= 1 << slot
	w.armed++
}

func (w *Wheel) unlink(id uint32, n *node) {
	level, slot := int(n.slot-1)/slots, int(n.slot-1)%slots
	if n.prev != none {
		w.node(n.prev).next = n.next
	} else {
		w.heads[level][slot] = n.next
		if n.next == none {
			w.occ[level] &^= 1 << slot
		}
	}
	if n.next != none {
		w.node(n.next).prev = n.prev
	}
	n.slot = 0
	w.armed--
}
