package lifecycle

// index finds orders by the hash of their key: open addressing over ids alone, since the slab holds hash and key. It
// takes 5 to 11 bytes an order, a third of a map.
type index struct {
	slots []uint32 // id+1; 0 is free. A power of two, at most three quarters full.
	used  int
}

// find returns the id for which same holds among those of the hash.
func (x *index) find(hash uint64, s *slab, key string) (uint32, bool) {
	if len(x.slots) == 0 {
		return nobody, false
	}
	mask := uint64(len(x.slots) - 1)
	for i := hash & mask; x.slots[i] != 0; i = (i + 1) & mask {
		if id := x.slots[i] - 1; s.order(id).hash == hash && s.hasKey(id, key) {
			return id, true
		}
	}
	return nobody, false
}

// add enters an id that is not there yet.
func (x *index) add(hash uint64, id uint32, s *slab) {
	if (x.used+1)*4 > len(x.slots)*3 {
		old := x.slots
		x.slots, x.used = make([]uint32, max(64, 2*len(old))), 0
		for _, slot := range old {
			if slot != 0 {
				x.place(s.order(slot-1).hash, slot)
			}
		}
	}
	x.place(hash, id+1)
}

func (x *index) place(hash uint64, slot uint32) {
	mask := uint64(len(x.slots) - 1)
	i := hash & mask
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = slot
	x.used++
}

// remove takes an id out and closes the gap it leaves, so that no marker of the dead is needed.
func (x *index) remove(hash uint64, id uint32, s *slab) {
	mask := uint64(len(x.slots) - 1)
	gap := hash & mask
	for x.slots[gap] != id+1 {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; x.slots[i] != 0; i = (i + 1) & mask {
		home := s.order(x.slots[i]-1).hash & mask
		if (i-home)&mask >= (i-gap)&mask { // it may move back to the gap, not before its home
			x.slots[gap] = x.slots[i]
			gap = i
		}
	}
	x.slots[gap] = 0
	x.used--
}
