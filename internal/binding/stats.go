package binding

import (
	"sync"
	"sync/atomic"
	"time"
)

// Stats is what an Index holds at one moment.
type Stats struct {
	Bytes, MaxBytes int64
	Traces          int64 // entries, copies in older generations included
	Messages        int64
	Generations     int64
	Expired         int64 // entries dropped at their time, since the start
	Evicted         int64 // entries dropped before their time because of the byte bound, since the start
	Refused         int64 // bindings and connections for which there was no room, since the start
}

// Stats counts, and drops what is past its time.
func (x *Index) Stats(now time.Time) Stats {
	var s Stats
	for i := range x.shards {
		sh := &x.shards[i]
		sh.Lock()
		for k := range sh.tables {
			t := &sh.tables[k]
			t.age(now.UnixNano())
			s.Bytes += int64(t.bytes())
			s.MaxBytes += int64(t.limit)
			s.Generations += int64(len(t.gens))
			s.Expired += t.expired
			s.Evicted += t.evicted
		}
		s.Traces += int64(sh.tables[TraceSpace].entries())
		s.Messages += int64(sh.tables[MessageSpace].entries())
		s.Refused += sh.refused
		sh.Unlock()
	}
	return s
}

// Watcher is told of every trace whose binding changed. It is called without locks, from whoever bound.
type Watcher func(trace [16]byte, name Name)

// watchers is a copy-on-write list: binding is frequent, watching is not.
type watchers struct {
	mu   sync.Mutex
	list atomic.Pointer[[]*Watcher]
}

// Watch adds a watcher and returns what removes it.
func (x *Index) Watch(w Watcher) (stop func()) {
	p := &w
	x.watch.change(func(old []*Watcher) []*Watcher { return append(old, p) })
	return func() {
		x.watch.change(func(old []*Watcher) []*Watcher {
			kept := old[:0]
			for _, o := range old {
				if o != p {
					kept = append(kept, o)
				}
			}
			return kept
		})
	}
}

func (w *watchers) change(f func([]*Watcher) []*Watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*Watcher
	if old := w.list.Load(); old != nil {
		list = append(list, *old...)
	}
	list = f(list)
	w.list.Store(&list)
}

func (w *watchers) tell(trace [16]byte, name Name) {
	list := w.list.Load()
	if list == nil {
		return
	}
	for _, f := range *list {
		(*f)(trace, name)
	}
}
