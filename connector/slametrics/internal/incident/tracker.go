package incident

import (
	"container/list"
	"strings"
	"sync"
	"time"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/exphist"
)

// Subject is what an incident is about: a transition ("a->b"), "messages:<destination>" or "service:<name>".
type Subject struct{ Flow, Name string }

// The flows of what belongs to no flow of orders.
const (
	FlowMessages = "messages"
	FlowServices = "services"
)

const (
	messagePrefix = "messages:"
	servicePrefix = "service:"
)

// Messages is the subject of a destination.
func Messages(destination string) Subject { return Subject{FlowMessages, messagePrefix + destination} }

// Service is the subject of a service.
func Service(name string) Subject { return Subject{FlowServices, servicePrefix + name} }

// Account is what has been counted of a subject's incidents. Histograms are in seconds.
type Account struct {
	Restored   [2]uint64 // undetected, detected
	TimeToTell exphist.Histogram
	Notify     exphist.Histogram
	TimeToMend exphist.Histogram
}

type entry struct {
	state
	subject Subject
	place   *list.Element // in the tracker's order
	account Account
	from    string // stage that a transition leaves
	fixed   bool   // of the configuration
	service bool   // its trouble is that its alert fires
}

// Tracker follows the incidents of a bounded set of subjects. It is owned by its mutex.
type Tracker struct {
	quiet int64
	limit int

	mu      sync.Mutex
	entries map[Subject]*entry
	order   *list.List // of *entry: the declared, then the others, those heard of last at the end
	denied  uint64
	evicted uint64
	began   int64
	facts   []Fact
}

// New makes a tracker of at most limit subjects besides the declared ones, whose counters begin at 'began'.
func New(quiet time.Duration, limit int, began int64) *Tracker {
	return &Tracker{quiet: int64(quiet), limit: limit, entries: map[Subject]*entry{}, order: list.New(), began: began}
}

// Declare makes a transition known, so that its counters exist at zero.
func (t *Tracker) Declare(s Subject, from string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[s]
	if e == nil {
		e = t.addLocked(s)
		t.limit++
	}
	e.from, e.fixed = from, true
}

// Evicted counts subjects that were forgotten, with what was counted of them, to make room for others.
func (t *Tracker) Evicted() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.evicted
}

// Denied counts events of subjects for which there was no room: as many others as the limit allows are in trouble.
func (t *Tracker) Denied() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.denied
}

func (t *Tracker) addLocked(s Subject) *entry {
	s = Subject{strings.Clone(s.Flow), strings.Clone(s.Name)}
	e := &entry{subject: s, service: s.Flow == FlowServices && strings.HasPrefix(s.Name, servicePrefix), account: Account{TimeToTell: exphist.New(), Notify: exphist.New(), TimeToMend: exphist.New()}}
	t.entries[s] = e
	e.place = t.order.PushBack(e)
	return e
}

// findLocked returns the subject's entry, made if there is room: the one in no trouble of which nothing was heard for
// longest makes way.
func (t *Tracker) findLocked(s Subject) *entry {
	if e := t.entries[s]; e != nil {
		if !e.fixed {
			t.order.MoveToBack(e.place)
		}
		return e
	}
	if len(t.entries) >= t.limit && !t.evictLocked() {
		t.denied++
		return nil
	}
	return t.addLocked(s)
}

func (t *Tracker) evictLocked() bool {
	for at := t.order.Front(); at != nil; at = at.Next() {
		if e := at.Value.(*entry); !e.fixed && e.phase == Clear {
			t.order.Remove(at)
			delete(t.entries, e.subject)
			t.evicted++
			return true
		}
	}
	return false
}

// allLocked visits the entries in order.
func (t *Tracker) allLocked(visit func(s Subject, e *entry)) {
	for at := t.order.Front(); at != nil; at = at.Next() {
		e := at.Value.(*entry)
		visit(e.subject, e)
	}
}

// Bad takes a bad event that happened at event time 'at' and became known at wall time now.
func (t *Tracker) Bad(s Subject, at, now int64, facts []Fact) []Fact {
	return t.with(s, now, facts, func(e *entry, emit func(Kind)) { e.impact(at, now, emit) })
}

// Over says that what was bad lasted until 'at', event time.
func (t *Tracker) Over(s Subject, at int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[s]; e != nil && e.phase != Clear {
		e.ended = max(e.ended, at)
	}
}

// Retract takes a bad event back: its telemetry was late.
func (t *Tracker) Retract(s Subject, now int64, facts []Fact) []Fact {
	return t.with(s, now, facts, func(e *entry, emit func(Kind)) { e.retract(emit) })
}

// Failed takes failed requests of a service, between two instants.
func (t *Tracker) Failed(service string, first, last int64) {
	t.with(Service(service), last, nil, func(e *entry, _ func(Kind)) { e.fail(first, last, t.quiet) })
}

func (t *Tracker) with(s Subject, now int64, facts []Fact, step func(*entry, func(Kind))) []Fact {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.findLocked(s)
	if e == nil {
		return facts
	}
	t.facts = facts
	step(e, func(k Kind) { t.emitLocked(k, s, e, now) })
	return t.facts
}

// Pass lets time pass. overdue says whether an order is past its deadline for a transition.
func (t *Tracker) Pass(mark, now int64, overdue func(Subject) bool, facts []Fact) []Fact {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.facts = facts
	t.allLocked(func(s Subject, e *entry) {
		if e.phase == Clear {
			return
		}
		trouble, until := e.alarm.fires(now), now
		if !e.service {
			trouble, until = e.fixed && overdue(s), mark
		}
		e.pass(mark, now, t.quiet, trouble, until, func(k Kind) { t.emitLocked(k, s, e, now) })
	})
	return t.facts
}

// emitLocked counts a fact and keeps it for the caller.
func (t *Tracker) emitLocked(k Kind, s Subject, e *entry, now int64) {
	f := Fact{Kind: k, Subject: s, Onset: e.onset, At: now, Detected: e.phase == Detected, Bad: e.bad}
	a := &e.account
	switch k {
	case Known:
		f.At = e.alarm.arrived
		f.NotifyDelay = time.Duration(max(0, e.alarm.arrived-e.alarm.starts))
		a.TimeToTell.Record(seconds(f.At - e.onset))
		a.Notify.Record(f.NotifyDelay.Seconds())
	case Restored:
		f.At = e.ended
		a.TimeToMend.Record(seconds(f.At - e.onset))
		if f.Detected {
			a.Restored[1]++
		} else {
			a.Restored[0]++
		}
	}
	t.facts = append(t.facts, f)
}

func seconds(ns int64) float64 { return float64(max(0, ns)) / 1e9 }

// Collect calls visit for every subject, under the tracker's lock, and then returns the state of the same instant.
func (t *Tracker) Collect(visit func(s Subject, open bool, a *Account)) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.allLocked(func(s Subject, e *entry) { visit(s, e.phase != Clear, &e.account) })
	return t.saveLocked()
}

// Save returns the state, but for the alarms; nil of a tracker that is nil.
func (t *Tracker) Save() []byte {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.saveLocked()
}

// Began is since when incidents are counted.
func (t *Tracker) Began() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.began
}
