package binding

import (
	"errors"
	"time"
)

// nameMissed marks a trace of which a span passed without a value of the watched identifier.
const nameMissed = 0x7d

// Joined says that the value of a trace was learnt after spans of it had passed without.
type Joined struct {
	Trace [16]byte
	Value string
}

type watch struct {
	name Name
	told func(Joined)
}

// Watch calls told for every trace whose value of an identifier is learnt after Miss was called for it. told runs in the
// middle of a payload and must not wait. An index has one watcher; nil ends the watching.
func (x *Index) Watch(identifier string, told func(Joined)) error {
	if told == nil {
		x.watch.Store(nil)
		return nil
	}
	name, err := x.Name(identifier, 0)
	if err != nil {
		return err
	}
	if !x.watch.CompareAndSwap(nil, &watch{name, told}) {
		return errors.New("somebody else watches this index")
	}
	return nil
}

// Watched is the identifier that is watched, if one is.
func (x *Index) Watched() (Name, bool) {
	if w := x.watch.Load(); w != nil {
		return w.name, true
	}
	return 0, false
}

// Miss notes that a span of a trace passes without a value of the watched identifier.
func (x *Index) Miss(trace [16]byte, now time.Time) {
	w := x.watch.Load()
	if w == nil || trace == [16]byte{} {
		return
	}
	if value := x.miss(trace, w.name, now.UnixNano()); value != "" {
		w.told(Joined{trace, value})
	}
}

// miss marks the trace, unless it is marked; value is what has become known meanwhile.
func (x *Index) miss(trace [16]byte, name Name, now int64) (value string) {
	sh := x.shard(trace)
	sh.Lock()
	defer sh.Unlock()
	t := &sh.tables[TraceSpace]
	for ref := t.seek(trace, now); ref != 0; {
		r := t.read(ref)
		switch {
		case r.name == nameMissed:
			return ""
		case r.name == uint8(name) && !x.guard.has(r.tag):
			if r.several {
				return ""
			}
			return string(r.value)
		}
		ref = r.next
	}
	if !t.add(trace, record{name: nameMissed, source: Canonical}, now) {
		sh.refused++
	}
	return ""
}

// found tells the watcher if a value was bound to a trace that had been missed.
func (x *Index) found(n Node, b Binding, now int64) {
	w := x.watch.Load()
	if w == nil || b.Name != w.name || n.Space != TraceSpace || !x.forgive(n.ID, now) {
		return
	}
	w.told(Joined{n.ID, b.Value})
}

// forgive takes the mark off a trace.
func (x *Index) forgive(trace [16]byte, now int64) bool {
	sh := x.shard(trace)
	sh.Lock()
	defer sh.Unlock()
	t := &sh.tables[TraceSpace]
	for ref := t.seek(trace, now); ref != 0; {
		r := t.read(ref)
		if r.name == nameMissed {
			t.kill(ref)
			return true
		}
		ref = r.next
	}
	return false
}
