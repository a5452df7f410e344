package lifecycle

// The slab keeps orders and their events in chunks without pointers: growth copies nothing, and the garbage
// collector skips it all. An order's events lie side by side in a block of the smallest class that holds them.

const (
	nobody     = ^uint32(0)
	orderChunk = 1 << 12
	blockChunk = 1 << 10
	inlineKey  = 24
	longKey    = 255 // keyLen of a key that lies in slab.long

	// MaxKey bounds the name of an order, in bytes. A caller refuses longer ones: ids have tens of bytes.
	MaxKey = 256
	// MaxEvents bounds the history of one order.
	MaxEvents   = 256
	roomForEnds = 4
)

var classes = [...]uint16{1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, MaxEvents}

const (
	started  uint8 = 1 << iota // counted as started: it has had an armed event
	finished                   // its end has been counted
	isStuck                    // counted in the stuck gauge
	resting                    // in the list of orders that wait for nothing
	troubled                   // has open problems
)

type order struct {
	hash       uint64
	gone       uint64 // stages whose visits were dropped to save room
	entered    int64  // when the current stage was entered
	prev, next uint32 // list of resting orders, oldest first
	block      uint32
	n          uint16
	class      uint8
	current    uint8
	flags      uint8
	endToEnd   Verdict
	keyLen     uint8
	key        [inlineKey]byte
}

func (o *order) is(flag uint8) bool { return o.flags&flag != 0 }

type slab struct {
	orders [][]order
	free   []uint32
	used   uint32
	long   map[uint32]string
	blocks [len(classes)]blocks
}

type blocks struct {
	chunks [][]Event
	free   []uint32
	used   uint32
}

func (s *slab) order(id uint32) *order { return &s.orders[id/orderChunk][id%orderChunk] }

// alloc makes an order with one event's room.
func (s *slab) alloc(key string, hash uint64) uint32 {
	var id uint32
	if n := len(s.free); n > 0 {
		id, s.free = s.free[n-1], s.free[:n-1]
	} else {
		id = s.used
		s.used++
		if int(id/orderChunk) >= len(s.orders) {
			s.orders = append(s.orders, make([]order, orderChunk))
		}
	}
	o := s.order(id)
	*o = order{hash: hash, prev: nobody, next: nobody, block: s.blocks[0].take(classes[0])}
	if len(key) <= inlineKey {
		o.keyLen = uint8(copy(o.key[:], key))
		return id
	}
	o.keyLen = longKey
	if s.long == nil {
		s.long = map[uint32]string{}
	}
	s.long[id] = string([]byte(key)) // the caller's string may point into telemetry
	return id
}

func (s *slab) release(id uint32) {
	o := s.order(id)
	s.blocks[o.class].give(o.block)
	if o.keyLen == longKey {
		delete(s.long, id)
	}
	*o = order{}
	s.free = append(s.free, id)
}

func (s *slab) hasKey(id uint32, key string) bool {
	o := s.order(id)
	if o.keyLen == longKey {
		return s.long[id] == key
	}
	return string(o.key[:o.keyLen]) == key
}

func (s *slab) key(id uint32) string {
	o := s.order(id)
	if o.keyLen == longKey {
		return s.long[id]
	}
	return string(o.key[:o.keyLen])
}

// events is the order's history, sorted. It is valid until the next insert for this order.
func (s *slab) events(o *order) []Event {
	return s.blocks[o.class].at(o.block, classes[o.class])[:o.n]
}

// insert puts e at position i. The caller has checked that there is room for it below MaxEvents.
func (s *slab) insert(o *order, i int, e Event) {
	if o.n == classes[o.class] {
		old, from := o.class, o.block
		o.class++
		o.block = s.blocks[o.class].take(classes[o.class])
		copy(s.blocks[o.class].at(o.block, classes[o.class]), s.blocks[old].at(from, classes[old]))
		s.blocks[old].give(from)
	}
	o.n++
	events := s.events(o)
	copy(events[i+1:], events[i:])
	events[i] = e
}

func (b *blocks) at(id uint32, size uint16) []Event {
	i := int(id%blockChunk) * int(size)
	return b.chunks[id/blockChunk][i : i+int(size)]
}

func (b *blocks) take(size uint16) uint32 {
	if n := len(b.free); n > 0 {
		id := b.free[n-1]
		b.free = b.free[:n-1]
		return id
	}
	id := b.used
	b.used++
	if int(id/blockChunk) >= len(b.chunks) {
		b.chunks = append(b.chunks, make([]Event, blockChunk*int(size)))
	}
	return id
}

func (b *blocks) give(id uint32) { b.free = append(b.free, id) }
