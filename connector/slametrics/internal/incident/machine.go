package incident

import "time"

// Phase is how far an incident has come.
type Phase uint8

const (
	Clear Phase = iota
	Open
	Detected
)

// Kind is what a fact tells.
type Kind uint8

const (
	Opened    Kind = iota // At is when it became known to the judge
	Known                 // it was detected: At is when the alert arrived
	Restored              // At is when trouble was over
	Withdrawn             // what was bad was taken back before anyone was told
)

// Fact is one thing that the shell turns into telemetry.
type Fact struct {
	Kind        Kind
	Subject     Subject
	Onset       int64
	At          int64
	Detected    bool
	NotifyDelay time.Duration // of Known: from the alert's start to its arrival
	Bad         uint64        // bad events, taken back ones left out
}

// state of one subject. All times are ns since the epoch.
type state struct {
	phase Phase
	onset int64
	last  int64  // when trouble was last seen, on the wall clock
	ended int64  // when that trouble was: event time, of a service the wall clock
	bad   uint64 // bad events since the onset
	alarm alarm
	// Of a service: its present run of failures.
	firstFailure, lastFailure int64
}

// alarm is the newest alert on the subject. It outlives the incident: an alert that still fires when the next one begins
// has told of it.
type alarm struct {
	starts, arrived, resolved int64 // arrived is 0 if there was none, resolved while it fires
}

// alarmExpiry is how long an alert counts that nobody resolved: Alertmanager may have been replaced.
const alarmExpiry = int64(24 * time.Hour)

func (a *alarm) fires(now int64) bool {
	return a.arrived != 0 && a.resolved == 0 && now-a.arrived < alarmExpiry
}

// tells says whether the alert told of an incident with this onset, or of one still going on.
func (a *alarm) tells(onset int64) bool {
	return a.arrived != 0 && (a.resolved == 0 && onset-a.arrived < alarmExpiry || a.resolved >= onset)
}

// impact takes a bad event that happened at 'at'.
func (s *state) impact(at, now int64, emit func(Kind)) {
	s.bad++
	s.last = max(s.last, now)
	if s.phase == Clear {
		s.phase, s.onset, s.ended = Open, at, at
		emit(Opened)
		s.detect(emit)
		return
	}
	s.ended = max(s.ended, at)
	if s.phase == Open {
		s.onset = min(s.onset, at) // telemetry came out of order
	}
}

// retract takes a bad event back.
func (s *state) retract(emit func(Kind)) {
	if s.phase == Clear || s.bad == 0 {
		return
	}
	s.bad--
	if s.bad == 0 && s.phase == Open {
		s.phase = Clear
		emit(Withdrawn)
	}
}

// alert takes note of an alert that fires.
func (s *state) alert(starts, arrived int64, emit func(Kind)) {
	if !s.alarm.fires(arrived) {
		s.alarm = alarm{starts: starts, arrived: arrived}
	}
	s.detect(emit)
}

func (s *state) detect(emit func(Kind)) {
	if s.phase == Open && s.alarm.tells(s.onset) {
		s.phase = Detected
		emit(Known)
	}
}

// fail takes a run of failed requests of a service.
func (s *state) fail(first, last, quiet int64) {
	if s.firstFailure == 0 || first-s.lastFailure > quiet {
		s.firstFailure = first
	}
	s.lastFailure = max(s.lastFailure, last)
}

// blame opens the incident of a service whose alert fires: the run of failures that led to it began with its onset.
func (s *state) blame(quiet, now int64, emit func(Kind)) {
	s.last = max(s.last, now)
	if s.phase != Clear {
		return
	}
	onset := s.alarm.starts
	if s.firstFailure != 0 && s.lastFailure >= onset-quiet {
		onset = min(onset, max(s.firstFailure, onset-quiet))
	}
	s.phase, s.onset, s.ended, s.bad = Open, onset, now, 1
	emit(Opened)
	s.detect(emit)
}

// pass lets time pass up to watermark mark; trouble says that it went on until then.
func (s *state) pass(mark, now, quiet int64, trouble bool, until int64, emit func(Kind)) {
	if s.phase == Clear {
		return
	}
	if trouble {
		s.last, s.ended = max(s.last, now), max(s.ended, until)
		return
	}
	if mark-s.last >= quiet && now-s.last >= quiet {
		emit(Restored)
		s.phase, s.bad = Clear, 0
	}
}
