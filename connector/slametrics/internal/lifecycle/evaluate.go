package lifecycle

// evaluate brings an order's verdicts up to the watermark, emits what changed, and returns the next instant at which
// time alone changes something (never if nothing will).
func (b *Book) evaluate(id uint32, o *order, events []Event) int64 {
	vis := b.flow.visits(events, b.mark, o.gone, b.scratch, func(i, rep int) { b.fold(id, events, i, rep) })
	b.scratch = vis[:0]
	b.clearProblems(id, o)
	next := int64(never)
	for i := range vis {
		e := &events[vis[i].event]
		if vis[i].again && e.flags&reworked == 0 {
			e.flags |= reworked
			b.emit(Fact{Kind: Reworked, Stage: int(e.Stage)})
		}
		for slot, t := range b.flow.out[vis[i].stage] {
			if e.stands(slot) {
				continue
			}
			told := b.promised(id, t)
			in := b.flow.judge(vis, i, t, b.mark, told)
			in.stand(e.state(slot), b.putOff && len(told) > 0)
			b.change(id, events, vis, i, t, e.state(slot), in)
			e.setState(slot, in.verdict)
			next = min(next, in.next)
			b.trouble(id, o, vis, i, t, in)
		}
	}
	next = min(next, b.evaluateEndToEnd(id, o, events, vis))
	b.finish(id, o, events, vis)
	next = min(next, b.stick(o))
	for i := range events {
		if events[i].At > b.mark {
			return min(next, events[i].At)
		}
	}
	return next
}

func (b *Book) evaluateEndToEnd(id uint32, o *order, events []Event, vis []visit) int64 {
	t := b.flow.endToEnd
	if t < 0 {
		return never
	}
	from := b.flow.Transitions[t].From
	for i := range vis {
		if int(vis[i].stage) != from || events[vis[i].event].flags&unarmed != 0 {
			continue
		}
		if vis[i].again && o.gone&(1<<from) != 0 {
			return never // its first visit was dropped, after it was decided
		}
		in := b.flow.judge(vis, i, t, b.mark, nil)
		in.stand(o.endToEnd, false)
		b.change(id, events, vis, i, t, o.endToEnd, in)
		o.endToEnd = in.verdict
		b.trouble(id, o, vis, i, t, in)
		return in.next
	}
	if o.gone&(1<<from) == 0 {
		b.withdraw(id, events, t, o.endToEnd, events[0].At)
		o.endToEnd = Open
	}
	return never
}

// stands says that a transition is not judged from this event, or no more: it is too old, or what followed is not known.
func (e *Event) stands(slot int) bool {
	if e.flags&severed != 0 && e.state(slot) == Open {
		e.setState(slot, Void)
	}
	return e.flags&(unarmed|severed) != 0 || e.flags&closed != 0 && e.state(slot) != Open
}

// stand keeps what a judge decided that was further in time: an order that was handed over is not taken back only because
// our watermark has not come to its deadline yet. A promise that came late may put the deadline off: that is judged anew.
func (in *instance) stand(old Verdict, putOff bool) {
	if in.target >= 0 || in.stopped || putOff {
		return
	}
	if old == Lost && in.verdict == Breached || in.verdict == Open && (old == Lost || old == Breached) {
		in.verdict = old
	}
}

// change emits what a step of an instance's verdict means.
func (b *Book) change(id uint32, events []Event, vis []visit, i, t int, old Verdict, in instance) {
	if old == in.verdict {
		return
	}
	entered := vis[i].at
	base := Fact{Transition: t, Net: in.verdict, Entered: entered, Age: b.mark - entered, Party: events[vis[i].event].lag}
	base.Trace, base.Span = lastTrace(events)
	if in.target >= 0 {
		target := &events[vis[in.target].event]
		if target.Trace != [16]byte{} {
			base.Trace, base.Span = target.Trace, target.Span
		}
		if base.Duration = vis[in.target].at - entered; base.Duration < 0 {
			base.Duration = 0
			b.emitKind(base, Skewed)
		}
		base.Age = base.Duration
	}
	was, is := counted[old], counted[in.verdict]
	const breached, onTime = 1 << OutcomeBreached, 1 << OutcomeOnTime
	switch {
	case was&breached != 0 && is&breached == 0:
		b.decide(id, base, OutcomeRetracted)
	case was&onTime != 0:
		b.emitKind(base, Revised)
	}
	// A retracted breach is not counted on time as well: each instance is decided once.
	for out := range OutcomeRetracted {
		if is&^was&(1<<out) != 0 && (out != OutcomeOnTime || was == 0) {
			base.Due = in.due
			if out == OutcomeLost {
				base.Due = in.lost
			}
			b.decide(id, base, out)
		}
	}
	if in.verdict.reached() && !old.reached() {
		b.emitKind(base, Reached)
	}
}

func (b *Book) decide(id uint32, f Fact, out Outcome) {
	f.Kind, f.Outcome = Decided, out
	if out != OutcomeOnTime {
		f.Key = b.slab.key(id)
	}
	b.emit(f)
}

func (b *Book) emitKind(f Fact, kind Kind) {
	f.Kind = kind
	b.emit(f)
}

// fold moves what was decided on an event to the event that now represents its visit, or takes it back.
func (b *Book) fold(id uint32, events []Event, i, rep int) {
	e := &events[i]
	if rep >= 0 {
		events[rep].flags |= e.flags & reworked
	}
	if e.verdict == 0 {
		return
	}
	for slot, t := range b.flow.out[e.Stage] {
		v := e.state(slot)
		if v == Open {
			continue
		}
		if rep >= 0 && events[rep].state(slot) == Open {
			events[rep].setState(slot, v)
			continue
		}
		b.withdraw(id, events, t, v, e.At)
	}
	e.verdict = 0
}

// withdraw takes back the verdict of an instance that is no more: an earlier event changed the order's story.
func (b *Book) withdraw(id uint32, events []Event, t int, v Verdict, entered int64) {
	f := Fact{Transition: t, Net: Void, Entered: entered, Age: b.mark - entered, Party: events[0].lag}
	f.Trace, f.Span = lastTrace(events)
	switch {
	case counted[v]&(1<<OutcomeBreached) != 0:
		b.decide(id, f, OutcomeRetracted)
	case v == OnTime:
		b.emitKind(f, Revised)
	}
}

// finish counts the end of an order, once.
func (b *Book) finish(id uint32, o *order, events []Event, vis []visit) {
	if len(vis) == 0 || o.is(finished) || !o.is(started) {
		return
	}
	last := vis[len(vis)-1]
	end := b.flow.Stages[last.stage].End
	if end == NoEnd {
		return
	}
	o.flags |= finished
	f := Fact{Kind: Finished, End: end, Stage: int(last.stage), Entered: vis[0].at}
	f.Duration = max(last.at-vis[0].at, 0)
	f.Trace, f.Span = events[last.event].Trace, events[last.event].Span
	b.emit(f)
}

// stick counts an order as stuck when it has been in its stage for too long, and returns when that will be.
func (b *Book) stick(o *order) int64 {
	if !o.is(started) || o.current == nowhere || b.flow.stuck[o.current] == 0 || o.is(isStuck) {
		return never
	}
	due := after(o.entered, b.flow.stuck[o.current])
	if due > b.mark {
		return due
	}
	o.flags |= isStuck
	b.stages[o.current].Stuck++
	return never
}

// lastTrace is the newest trace of the order, ahead of the watermark too.
func lastTrace(events []Event) ([16]byte, [8]byte) {
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Trace != [16]byte{} {
			return events[i].Trace, events[i].Span
		}
	}
	return [16]byte{}, [8]byte{}
}

// room is how many events an order may have already when e comes: an end is taken when nothing else is, lest an order
// of which too much is told never ends.
func (f *Flow) room(e *Event) int {
	if f.ends&(1<<e.Stage) == 0 {
		return MaxEvents - roomForEnds
	}
	return MaxEvents
}

// makeRoom shortens a full history below limit: repeats first, then visits on which everything is decided.
func (b *Book) makeRoom(o *order, limit int) bool {
	for _, w := range []int64{b.mark, never} {
		b.dropRepeats(o, w)
		if int(o.n) < limit {
			return true
		}
	}
	events := b.slab.events(o)
	vis := b.flow.visits(events, b.mark, o.gone, b.scratch, func(int, int) {})
	if len(vis) < 2 {
		return false
	}
	// All but the newest half: their verdicts are final unless telemetry is later than the allowed lateness.
	cut, origin := vis[len(vis)/2].event, b.origin(o, vis)
	kept := 0
	for i := range events {
		if i < cut && i != origin && b.flow.decided(&events[i]) {
			if origin < 0 || events[i].Stage != events[origin].Stage {
				o.gone |= 1 << events[i].Stage
			}
			continue
		}
		if i < cut {
			events[i].flags |= closed
		}
		events[kept] = events[i]
		kept++
	}
	o.n = uint16(kept)
	return kept < limit
}

// origin is the event from which the order is judged end to end, or -1.
func (b *Book) origin(o *order, vis []visit) int {
	if b.flow.endToEnd < 0 {
		return -1
	}
	from := b.flow.Transitions[b.flow.endToEnd].From
	for i := range vis {
		if int(vis[i].stage) == from && !vis[i].again {
			return vis[i].event
		}
	}
	return -1
}

func (b *Book) dropRepeats(o *order, w int64) {
	events := b.slab.events(o)
	repeat := [MaxEvents]bool{}
	b.flow.visits(events, w, o.gone, b.scratch, func(i, rep int) { repeat[i] = rep >= 0 && events[i].verdict == 0 })
	kept := 0
	for i := range events {
		if !repeat[i] {
			events[kept] = events[i]
			kept++
		}
	}
	o.n = uint16(kept)
}

// decided says whether every transition that leaves the event's stage has a verdict.
func (f *Flow) decided(e *Event) bool {
	for slot := range f.out[e.Stage] {
		if e.state(slot) == Open {
			return false
		}
	}
	return true
}
