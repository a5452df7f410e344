package incident

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/exphist"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

const version = 2

// saveLocked returns all but the alarms.
func (t *Tracker) saveLocked() []byte {
	to := wire.Int(wire.Uint(nil, version), t.began)
	to = wire.Uint(to, uint64(len(t.entries)))
	t.allLocked(func(s Subject, e *entry) {
		to = wire.String(wire.String(to, s.Flow), s.Name)
		to = wire.Uint(wire.Uint(to, uint64(e.phase)), e.bad)
		for _, at := range []int64{e.onset, e.last, e.ended, e.firstFailure, e.lastFailure} {
			to = wire.Int(to, at)
		}
		to = wire.Uint(wire.Uint(to, e.account.Restored[0]), e.account.Restored[1])
		for _, h := range e.account.histograms() {
			to = h.Save(to)
		}
	})
	return to
}

func (a *Account) histograms() []*exphist.Histogram {
	return []*exphist.Histogram{&a.TimeToTell, &a.Notify, &a.TimeToMend}
}

// Load reads what Collect returned. Transitions that are no longer declared are left out.
func (t *Tracker) Load(saved []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := wire.NewReader(saved)
	if v := r.Uint(); v != version {
		return fmt.Errorf("incidents of version %d, this is version %d: they start anew", v, version)
	}
	began := r.Int()
	type loaded struct {
		subject Subject
		entry
	}
	var all []loaded
	for range r.Len(17) {
		l := loaded{subject: Subject{r.String(), r.String()}}
		l.phase, l.bad = Phase(r.Uint()), r.Uint()
		for _, at := range []*int64{&l.onset, &l.last, &l.ended, &l.firstFailure, &l.lastFailure} {
			*at = r.Int()
		}
		l.account.Restored = [2]uint64{r.Uint(), r.Uint()}
		for _, h := range l.account.histograms() {
			*h = exphist.Load(r)
		}
		if l.phase > Detected {
			return errors.New("the state of incidents is damaged: they start anew")
		}
		all = append(all, l)
	}
	if r.Err() != nil {
		return fmt.Errorf("incidents start anew: %w", r.Err())
	}
	t.began = began
	for i := range all {
		if e := t.keptLocked(all[i].subject); e != nil {
			e.state, e.account = all[i].state, all[i].account
		}
	}
	return nil
}

// keptLocked is the entry of a subject that was saved; nil if it is none any more.
func (t *Tracker) keptLocked(s Subject) *entry {
	if strings.HasPrefix(s.Name, messagePrefix) && s.Flow == FlowMessages || strings.HasPrefix(s.Name, servicePrefix) && s.Flow == FlowServices {
		return t.findLocked(s)
	}
	return t.entries[s]
}

// SaveAlarms returns what alerts have told. It is kept apart, at each notification: Alertmanager repeats none for hours.
func (t *Tracker) SaveAlarms() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	to, n := []byte(nil), 0
	t.allLocked(func(s Subject, e *entry) {
		if a := e.alarm; a.arrived != 0 {
			to = wire.String(wire.String(to, s.Flow), s.Name)
			to = wire.Int(wire.Int(wire.Int(to, a.starts), a.arrived), a.resolved)
			n++
		}
	})
	return append(wire.Uint(wire.Uint(nil, version), uint64(n)), to...)
}

// LoadAlarms reads what SaveAlarms returned, after Load: an incident that was told of since is detected again.
func (t *Tracker) LoadAlarms(saved []byte, now int64, facts []Fact) ([]Fact, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.facts = facts
	r := wire.NewReader(saved)
	if v := r.Uint(); v != version {
		return facts, fmt.Errorf("alerts of version %d, this is version %d: what they told is forgotten", v, version)
	}
	for range r.Len(5) {
		s := Subject{r.String(), r.String()}
		a := alarm{starts: r.Int(), arrived: r.Int(), resolved: r.Int()}
		if r.Err() != nil {
			break
		}
		e := t.keptLocked(s)
		if e == nil {
			continue
		}
		e.alarm = a
		emit := func(k Kind) { t.emitLocked(k, s, e, now) }
		e.detect(emit)
		if e.service && a.fires(now) {
			e.blame(t.quiet, a.arrived, emit)
		}
	}
	return t.facts, r.Err()
}
