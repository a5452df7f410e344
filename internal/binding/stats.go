package binding

import "time"

// Stats is what an Index holds at one moment.
type Stats struct {
	Bytes, MaxBytes int64
	Traces          int64 // entries, copies in older generations included
	Messages        int64
	Generations     int64
	Expired         int64 // entries dropped at their time, since the start
	Evicted         int64 // entries dropped before their time because of the byte bound, since the start
	Quarantined     int64 // sources that bind no more
	Refused         int64 // bindings and connections for which there was no room, since the start
}

// Stats counts, and drops what is past its time.
func (x *Index) Stats(now time.Time) Stats {
	s := Stats{Bytes: guardBytes, MaxBytes: guardBytes}
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
	s.Quarantined = int64(x.guard.count.Load())
	return s
}
