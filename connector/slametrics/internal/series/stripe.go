package series

import "sync"

const (
	// ownSeries is how many series a stripe counts for itself: 1.6 MiB at most.
	ownSeries = 1 << 10
	slots     = 2 * ownSeries
	// patience is how often a full stripe meets a series that is not its own before it makes room for those of today.
	patience = 16 * ownSeries
)

// stripe counts for one writer at a time, so that cores share nothing for a request: not a lock, and not the cache lines
// of what it counts. Collect adds it up.
type stripe struct {
	mu     sync.Mutex
	own    [slots]*local // by hash, open addressing
	all    []*local      // the same; behind its length lie those that may be used again
	missed int
	_      [64]byte // keeps neighbours off one cache line
}

// local is what a stripe has counted of a series since it was gathered.
type local struct {
	hash   uint64
	key    Key // its strings are those of the series
	series *series
	idle   bool // nothing was counted from one collection to the next
	tally
}

func newStripe() *stripe { return &stripe{all: make([]*local, 0, ownSeries)} }

// Writer counts requests. The zero value is ready for Begin. It is owned by its caller, and holds a part of the store from
// Begin to End: batches, not connections.
type Writer struct {
	store     *Store
	stripe    *stripe // held; nil if other writers hold all
	preferred int
}

// Begin takes a stripe: the one it had before if it can, whose cache lines are near.
func (w *Writer) Begin(s *Store) {
	w.store = s
	for range s.stripes {
		if w.preferred >= len(s.stripes) {
			w.preferred = 0
		}
		if own := s.stripes[w.preferred]; own.mu.TryLock() {
			w.stripe = own
			return
		}
		w.preferred++
	}
}

// End lets others count.
func (w *Writer) End() {
	if w.stripe != nil {
		w.stripe.mu.Unlock()
	}
	w.store, w.stripe = nil, nil
}

// Record counts one request. service is Hash(key.Service).
func (w *Writer) Record(service uint64, key *Key, e *Exemplar) { w.RecordN(service, key, e, 1) }

// RecordN counts a request that stands for n, itself included.
func (w *Writer) RecordN(service uint64, key *Key, e *Exemplar, n uint64) {
	hash := w.store.hash(service, key)
	if w.stripe == nil {
		w.store.record(hash, key, e, n)
		return
	}
	at := hash % slots
	for ; ; at = (at + 1) % slots {
		l := w.stripe.own[at]
		if l == nil {
			break
		}
		if l.hash == hash && l.key == *key {
			l.record(e, n)
			return
		}
	}
	w.miss(hash, key, e, n)
}

// miss counts a request of a series that is not the stripe's own, and makes it so if there is room.
func (w *Writer) miss(hash uint64, key *Key, e *Exemplar, n uint64) {
	st := w.stripe
	if len(st.all) == ownSeries {
		if st.missed++; st.missed < patience {
			w.store.record(hash, key, e, n)
			return
		}
		w.store.take(st.all)
		st.keep(func(*local) bool { return false })
	}
	of := w.store.series(hash, key)
	if of == nil {
		w.store.spillOver(key, e, n)
		return
	}
	st.add(hash, of).record(e, n)
}

// add makes a series the stripe's own. There is room.
func (st *stripe) add(hash uint64, of *series) *local {
	n := len(st.all)
	st.all = st.all[:n+1]
	if st.all[n] == nil {
		st.all[n] = &local{tally: newTally()}
	}
	l := st.all[n]
	l.hash, l.key, l.series = hash, of.key, of
	st.place(l)
	return l
}

func (st *stripe) place(l *local) {
	at := l.hash % slots
	for st.own[at] != nil {
		at = (at + 1) % slots
	}
	st.own[at] = l
}

// keep disowns the series that are not worth their room. They have been taken.
func (st *stripe) keep(worth func(*local) bool) {
	kept := 0
	for i, l := range st.all {
		if worth(l) {
			st.all[kept], st.all[i] = l, st.all[kept]
			kept++
		}
	}
	for _, l := range st.all[kept:] {
		l.duration.Reset()
		*l = local{tally: tally{duration: l.duration}}
	}
	st.all, st.missed = st.all[:kept], 0
	clear(st.own[:])
	for _, l := range st.all {
		st.place(l)
	}
}

// take adds to the series what was counted of them. The caller holds the stripe.
func (s *Store) take(from []*local) {
	for _, l := range from {
		if l.idle = l.duration.Count == 0; l.idle {
			continue
		}
		sh := &s.shards[l.hash%shards]
		sh.mu.Lock()
		l.series.add(&l.tally)
		sh.mu.Unlock()
		l.clear()
	}
}

// gather takes what all stripes have counted.
func (s *Store) gather() {
	for _, st := range s.stripes {
		for from := 0; st.gather(s, from); {
			from += atOnce
		}
	}
}

// gather takes some series from a position on, and says whether there are more. A full stripe disowns the idle ones.
func (st *stripe) gather(s *Store, from int) (more bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	end := min(from+atOnce, len(st.all))
	s.take(st.all[min(from, end):end])
	if end < len(st.all) {
		return true
	}
	if len(st.all) == ownSeries {
		st.keep(func(l *local) bool { return !l.idle || l.duration.Count > 0 })
	}
	return false
}
