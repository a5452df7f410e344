package lifecycle

import "time"

// Event says that an order entered a stage. It holds no pointers, so that a million of them cost the garbage
// collector nothing. The verdict bits belong to the book.
type Event struct {
	At      int64    // event time: the end of the span, ns since the epoch
	Trace   [16]byte // zero if unknown
	Span    [8]byte
	lag     uint32 // how long the work lasted, see encodeLag; the party in flows that CountDoubles
	verdict uint16 // three bits for each transition that leaves the stage
	Stage   uint8
	flags   uint8
}

const (
	unarmed  uint8 = 1 << iota // too old to start a timer: it fills a gap only
	reworked                   // counted as rework
	closed                     // what followed was dropped to save room: what is decided stands
	severed                    // what followed found no room: nothing more is decided from here
)

// NewEvent makes an event of work from start to end. An unarmed one opens no transition instance.
func NewEvent(stage int, start, end int64, trace [16]byte, span [8]byte, armed bool) Event {
	e := Event{At: end, Stage: uint8(stage), Trace: trace, Span: span}
	if start < end {
		e.lag = encodeLag(end - start)
	}
	if !armed {
		e.flags = unarmed
	}
	return e
}

// NewPartyEvent makes an instantaneous event of a flow that CountDoubles.
func NewPartyEvent(stage int, at int64, party uint32, trace [16]byte, span [8]byte, armed bool) Event {
	e := NewEvent(stage, at, at, trace, span, armed)
	e.lag = party
	return e
}

// inMS marks a lag in milliseconds.
const inMS = 1 << 31

// encodeLag keeps microseconds up to half an hour, and milliseconds, rounded up, up to 24 days.
func encodeLag(ns int64) uint32 {
	if us := ns / int64(time.Microsecond); us < inMS {
		return uint32(us)
	}
	ms := ns/int64(time.Millisecond) + 1
	if ns%int64(time.Millisecond) == 0 {
		ms--
	}
	return inMS | uint32(min(ms, inMS-1))
}

// Armed says that the event opens transition instances.
func (e *Event) Armed() bool { return e.flags&unarmed == 0 }

// Took is how long the work lasted, about.
func (e *Event) Took() time.Duration {
	if e.lag >= inMS {
		return time.Duration(e.lag-inMS) * time.Millisecond
	}
	return time.Duration(e.lag) * time.Microsecond
}

// Party is who sent or took the message, in flows that CountDoubles.
func (e *Event) Party() uint32 { return e.lag }

// began is when the work started, about.
func (e *Event) began() int64 { return e.At - int64(e.Took()) }

func (e *Event) state(slot int) Verdict { return Verdict(e.verdict >> (3 * slot) & 7) }

func (e *Event) setState(slot int, v Verdict) {
	e.verdict = e.verdict&^(7<<(3*slot)) | uint16(v)<<(3*slot)
}

// before orders events by time, then by the rank of their stage.
func (e *Event) before(o *Event) bool {
	return e.At < o.At || e.At == o.At && e.Stage < o.Stage
}

// Verdict is the net state of a transition instance.
type Verdict uint8

const (
	Open      Verdict = iota // not decided
	Void                     // will not be judged
	OnTime                   // reached in time
	Breached                 // the deadline passed
	Late                     // reached, after the deadline
	Lost                     // lost_after passed
	LateFound                // reached, after it had been declared lost
	verdicts                 // number of verdicts
)

// String names the verdict as logs do.
func (v Verdict) String() string {
	return [verdicts]string{"open", "void", "on_time", "breached", "late", "lost", "late"}[v]
}

// Outcome is what is counted: each at most once per step of an instance's life.
type Outcome uint8

const (
	OutcomeOnTime Outcome = iota
	OutcomeBreached
	OutcomeLate
	OutcomeLost
	OutcomeRetracted
	Outcomes // number of outcomes
)

// String names the outcome as metrics do.
func (o Outcome) String() string {
	return [Outcomes]string{"on_time", "breached", "late", "lost", "retracted"}[o]
}

// counted is the set of outcomes that have been counted for an instance in this state, in the order they happen.
var counted = [verdicts]uint8{
	OnTime:    1 << OutcomeOnTime,
	Breached:  1 << OutcomeBreached,
	Late:      1<<OutcomeBreached | 1<<OutcomeLate,
	Lost:      1<<OutcomeBreached | 1<<OutcomeLost,
	LateFound: 1<<OutcomeBreached | 1<<OutcomeLost | 1<<OutcomeLate,
}

// reached says whether the instance's target was reached.
func (v Verdict) reached() bool { return v == OnTime || v == Late || v == LateFound }
