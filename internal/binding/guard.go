package binding

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const (
	// poisonAt is how many different values of higher rank one value of a source may meet before the source is no longer
	// believed: it then says something else than orders, such as accounts.
	poisonAt = 3
	// maxSuspects bounds the values under suspicion; when there are more, the suspicion starts anew.
	maxSuspects = 1024
	// guardBytes is what the guard takes of the index's bytes.
	guardBytes = 128 << 10
)

// guard keeps sources that name the wrong thing from binding. The bitmap is read without a lock; the rest belongs to the
// mutex.
type guard struct {
	count atomic.Int32
	bad   [1 << 16 / 32]atomic.Uint32

	mu       sync.Mutex
	suspects map[suspect][poisonAt - 1]uint64 // hashes of the better values that it met
}

// suspect is a value of a source; only its hash is kept.
type suspect struct {
	tag   uint16
	value uint64
}

var guardSeed = maphash.MakeSeed()

// has says that a source is quarantined.
func (g *guard) has(tag uint16) bool {
	return g.count.Load() > 0 && g.bad[tag/32].Load()&(1<<(tag%32)) != 0
}

// Quarantined says that what a source names is no longer believed.
func (x *Index) Quarantined(tag uint16) bool { return x.guard.has(tag) }

// Contradict notes that a value of a source met a better one in the same trace. It reports true once: when the source is
// put into quarantine, until the process ends. What it bound is then as if it had never been said.
func (x *Index) Contradict(tag uint16, value, better string) bool {
	g := &x.guard
	if tag == 0 || g.has(tag) {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := suspect{tag, maphash.String(guardSeed, value)}
	with := maphash.String(guardSeed, better) | 1
	met := g.suspects[s]
	for i, m := range met {
		if m == with {
			return false
		}
		if m == 0 {
			if g.suspects == nil || len(g.suspects) >= maxSuspects {
				g.suspects = map[suspect][poisonAt - 1]uint64{}
			}
			met[i] = with
			g.suspects[s] = met
			return false
		}
	}
	delete(g.suspects, s)
	if g.bad[tag/32].Or(1<<(tag%32))&(1<<(tag%32)) != 0 {
		return false
	}
	g.count.Add(1)
	return true
}
