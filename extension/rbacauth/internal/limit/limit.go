// Package limit bounds how fast somebody may fail. Successes cost nothing: whoever shares an address with an
// attacker still gets in.
package limit

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// Limiter is a token bucket per key, with at most Keys buckets; the one that failed longest ago is forgotten first.
type Limiter struct {
	burst float64
	every time.Duration // one more failure is accounted for after this time
	keys  int

	mu      sync.Mutex
	buckets map[string]*list.Element // guarded by mu
	recent  list.List                // of *bucket, most recent first; guarded by mu
	evicted uint64                   // guarded by mu
}

type bucket struct {
	key   string
	left  float64
	since time.Time
}

// New returns a limiter that lets burst failures pass at once and one more per interval.
func New(burst int, every time.Duration, keys int) *Limiter {
	return &Limiter{burst: float64(burst), every: every, keys: keys, buckets: make(map[string]*list.Element)}
}

// Fail accounts for one failure of all keys together and reports whether each still had room for it.
func (l *Limiter) Fail(now time.Time, keys ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	room := true
	for _, key := range keys {
		if key != "" && !l.takeLocked(key, now) {
			room = false
		}
	}
	return room
}

func (l *Limiter) takeLocked(key string, now time.Time) bool {
	element, ok := l.buckets[key]
	if !ok {
		if len(l.buckets) >= l.keys {
			l.forgetLocked()
		}
		element = l.recent.PushFront(&bucket{key: key, left: l.burst, since: now})
		l.buckets[key] = element
	}
	l.recent.MoveToFront(element)
	b := element.Value.(*bucket)
	if passed := now.Sub(b.since); passed > 0 {
		b.left = min(l.burst, b.left+float64(passed)/float64(l.every))
		b.since = now
	}
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

func (l *Limiter) forgetLocked() {
	if oldest := l.recent.Back(); oldest != nil {
		l.recent.Remove(oldest)
		delete(l.buckets, oldest.Value.(*bucket).key)
		l.evicted++
	}
}

// Evicted returns how many buckets were forgotten to stay within the bound.
func (l *Limiter) Evicted() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.evicted
}

// Source returns the part of an address that one attacker is assumed to hold: all of an IPv4 address, the /64 of an
// IPv6 one.
func Source(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() {
		return "unknown"
	}
	if addr.Is6() {
		prefix, _ := addr.Prefix(64)
		return prefix.String()
	}
	return addr.String()
}
