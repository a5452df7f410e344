// Package series counts requests: rate, errors and duration by service and operation, over a bounded set of series.
//
// The hot path allocates nothing: the caller's strings are hashed and compared where they lie, and copied only when a
// series is made. Beyond the limit requests are counted in two series that never go away, one for each outcome.
package series

import (
	"hash/maphash"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/exphist"
)

const shards = 64 // a power of two, well above the number of cores

// Key names a series. Its strings may point into memory that is reused after Record returns.
type Key struct {
	Service   string
	Name      string
	DB        string
	Messaging string
	Kind      uint8
	Failed    bool
}

// Exemplar points from a series to the trace of one of its requests.
type Exemplar struct {
	Value float64
	At    int64
	Trace [16]byte
	Span  [8]byte
}

// Snapshot is a series at one instant.
type Snapshot struct {
	Key      Key
	Overflow bool
	Duration exphist.Histogram
	Exemplar []Exemplar // the slowest request and the newest, since the last snapshot
}

// tally is what was counted of a series, in all or since its writer last handed it in.
type tally struct {
	duration exphist.Histogram
	slowest  Exemplar
	newest   Exemplar
}

type series struct {
	key      Key
	overflow bool
	next     *series // of the same hash
	tally
}

type shard struct {
	mu     sync.Mutex
	series map[uint64]*series
	all    []*series // the same, in order of arrival
	_      [16]byte  // keeps neighbours off one cache line
}

// Store holds the series. Each shard is owned by its mutex.
type Store struct {
	seed     maphash.Seed
	limit    int64
	stripes  []*stripe // one for each core
	_        [64]byte  // what is above is read for every request
	count    atomic.Int64
	overflow atomic.Uint64
	shards   [shards]shard
	spill    [2]shard // one series each: ok and failed
}

// New makes a store of at most limit series, besides the two for what is beyond it.
func New(limit int) *Store {
	s := &Store{seed: maphash.MakeSeed(), limit: int64(limit), stripes: make([]*stripe, runtime.GOMAXPROCS(0))}
	for i := range s.stripes {
		s.stripes[i] = newStripe()
	}
	for i := range s.shards {
		s.shards[i].series = map[uint64]*series{}
	}
	for i := range s.spill {
		one := &series{overflow: true, key: Key{Failed: i == 1}, tally: newTally()}
		s.spill[i].series, s.spill[i].all = map[uint64]*series{0: one}, []*series{one}
	}
	return s
}

// Hash prepares the part of a key that a batch shares.
func (s *Store) Hash(service string) uint64 { return maphash.String(s.seed, service) }

// Len is the number of series, Overflowed the number of requests that found no room for one.
func (s *Store) Len() int { return int(s.count.Load()) }

// Overflowed is the number of requests counted in the overflow series.
func (s *Store) Overflowed() uint64 { return s.overflow.Load() }

// record counts a request that stands for n, where all writers count.
func (s *Store) record(hash uint64, key *Key, e *Exemplar, n uint64) {
	sh := &s.shards[hash&(shards-1)]
	sh.mu.Lock()
	found := s.find(sh, hash, key)
	if found == nil {
		sh.mu.Unlock()
		s.spillOver(key, e, n)
		return
	}
	found.record(e, n)
	sh.mu.Unlock()
}

// series finds or makes a series; nil if there is no room for it.
func (s *Store) series(hash uint64, key *Key) *series {
	sh := &s.shards[hash&(shards-1)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return s.find(sh, hash, key)
}

// find finds or makes a series of a shard, which the caller has locked.
func (s *Store) find(sh *shard, hash uint64, key *Key) *series {
	found := sh.series[hash]
	for found != nil && found.key != *key {
		found = found.next
	}
	if found == nil {
		found = s.insert(sh, hash, key)
	}
	return found
}

func (s *Store) hash(service uint64, key *Key) uint64 {
	const prime = 0x9E3779B97F4A7C15
	h := service*prime ^ maphash.String(s.seed, key.Name)
	if key.DB != "" {
		h = h*prime ^ maphash.String(s.seed, key.DB)
	}
	if key.Messaging != "" {
		h = h*prime ^ maphash.String(s.seed, key.Messaging) + 1
	}
	h = h*prime + uint64(key.Kind)<<1
	if key.Failed {
		h++
	}
	h *= prime
	return h ^ h>>32
}

// insert makes a series, with strings of its own; nil beyond the limit.
func (s *Store) insert(sh *shard, hash uint64, key *Key) *series {
	if s.count.Load() >= s.limit {
		return nil // as it is for every request beyond: it must not cost the others their cache line
	}
	if s.count.Add(1) > s.limit {
		s.count.Add(-1)
		return nil
	}
	n := &series{key: *key, next: sh.series[hash], tally: newTally()}
	n.key.Service, n.key.Name = strings.Clone(key.Service), strings.Clone(key.Name)
	n.key.DB, n.key.Messaging = strings.Clone(key.DB), strings.Clone(key.Messaging)
	sh.series[hash] = n
	sh.all = append(sh.all, n)
	return n
}

func (s *Store) spillOver(key *Key, e *Exemplar, n uint64) {
	s.overflow.Add(n)
	sh := &s.spill[0]
	if key.Failed {
		sh = &s.spill[1]
	}
	sh.mu.Lock()
	sh.series[0].record(e, n)
	sh.mu.Unlock()
}

// Collect calls visit for a copy of every series, outside the locks, and starts a new interval for exemplars. The
// snapshot is valid during the call only.
func (s *Store) Collect(visit func(*Snapshot)) {
	var batch [atOnce]Snapshot
	each := func(sh *shard) {
		for from := 0; ; from += atOnce {
			n := sh.snapshot(from, &batch)
			for k := range n {
				if !batch[k].Overflow || batch[k].Duration.Count > 0 {
					visit(&batch[k])
				}
			}
			if n < atOnce {
				return
			}
		}
	}
	s.gather()
	for i := range s.shards {
		each(&s.shards[i])
		runtime.Gosched() // an export must not keep a core from those who record
	}
	for i := range s.spill {
		each(&s.spill[i])
	}
}

// atOnce is how many series are copied under the lock at once: some microseconds' worth.
const atOnce = 32

// snapshot copies series from a position on, and returns how many there were.
func (sh *shard) snapshot(from int, to *[atOnce]Snapshot) (n int) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for _, one := range sh.all[min(from, len(sh.all)):] {
		if n == atOnce {
			break
		}
		one.snapshot(&to[n])
		n++
	}
	return n
}

func (s *series) snapshot(to *Snapshot) {
	to.Key, to.Overflow = s.key, s.overflow
	s.duration.Clone(&to.Duration)
	to.Exemplar = to.Exemplar[:0]
	if s.slowest.At != 0 {
		to.Exemplar = append(to.Exemplar, s.slowest)
	}
	if s.newest.At != 0 && s.newest != s.slowest {
		to.Exemplar = append(to.Exemplar, s.newest)
	}
	if n := len(to.Exemplar); n == 2 && to.Exemplar[0].At > to.Exemplar[1].At {
		to.Exemplar[0], to.Exemplar[1] = to.Exemplar[1], to.Exemplar[0] // stores refuse what is older than the last
	}
	s.slowest, s.newest = Exemplar{}, Exemplar{}
}
