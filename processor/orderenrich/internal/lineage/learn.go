package lineage

import (
	"slices"
	"time"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
)

// Learn tells the index what the spans say and asks it what others said; after it, Decide answers.
func (b *Batch) Learn(now time.Time) Learnt {
	b.now, b.watched = now, b.watchedRule()
	for i := range b.spans {
		if b.spans[i].facts != none {
			b.gather(int32(i))
		}
	}
	for g := range b.groups {
		b.teach(&b.groups[g], now)
	}
	if len(b.learnt.Quarantined) > 0 {
		b.disbelieve(now)
	}
	if len(b.joins) > 0 {
		for _, j := range b.joins {
			b.tellJoin(j, now)
		}
		for _, j := range b.joins {
			b.askJoin(j, now)
		}
		b.known = b.known[:0]
		for g := range b.groups {
			b.ask(&b.groups[g], now)
		}
	}
	b.tellValues(now)
	for g := range b.groups {
		b.settle(int32(g))
	}
	b.common = slices.Grow(b.common[:0], len(b.groups)*len(b.rules))[:len(b.groups)*len(b.rules)]
	clear(b.common)
	return b.learnt
}

// gather adds what a span says to the values of its group.
func (b *Batch) gather(s int32) {
	g := &b.groups[b.spans[s].group]
	for f := b.spans[s].facts; f != none; f = b.facts[f].next {
		b.addValue(g, &b.facts[f])
	}
}

func (b *Batch) addValue(g *group, f *fact) {
	n := 0
	for v := g.values; v != none; v = b.values[v].next {
		have := &b.values[v]
		if have.rule != f.Rule {
			continue
		}
		if have.text == f.Value {
			have.guess = have.guess && f.Guess
			if f.Source > have.source {
				have.source, have.hops, have.tag = f.Source, f.hops, f.Tag
			}
			return
		}
		n++
	}
	if n < maxValues {
		b.values = append(b.values, value{f.Rule, f.Source, f.hops, f.Tag, f.Guess, f.Value, g.values})
		g.values = int32(len(b.values) - 1)
	}
}

// teach looks a group up and binds what the index does not know yet.
func (b *Batch) teach(g *group, now time.Time) {
	b.ask(g, now)
	if g.values == none || g.trace == ([16]byte{}) {
		return
	}
	changed := false
	for v := g.values; v != none; v = b.values[v].next {
		val := &b.values[v]
		k := b.knownOf(g, val.rule)
		if k != nil && k.Value == val.text && k.Source >= val.source {
			continue
		}
		out := b.index.Bind(binding.Trace(g.trace), binding.Binding{
			Name: b.rules[val.rule].Name, Source: val.source, Hops: val.hops, Tag: val.tag, Value: val.text,
		}, now)
		if out == binding.Better && k != nil && k.Value != val.text && k.Tag != val.tag && !k.Several && direct(k.Source, k.Hops) {
			b.contradict(val.rule, k.Source, k.Tag, k.Value, val.text)
		}
		b.count(out, val.source)
		changed = changed || out == binding.Bound || out == binding.Better || out == binding.Contradicted
	}
	if changed {
		b.ask(g, now)
	}
	for v := g.values; v != none; v = b.values[v].next {
		val := &b.values[v]
		k := b.knownOf(g, val.rule)
		if k != nil && !k.Several && k.Value != val.text && k.Source > val.source && k.Tag != val.tag && direct(val.source, val.hops) {
			b.contradict(val.rule, val.source, val.tag, val.text, k.Value)
		}
	}
}

// direct says that a source named the value in this trace itself. What came over a message or a link may contradict
// because the join is wrong, which is not the fault of whoever named it.
func direct(s binding.Source, hops uint8) bool {
	return hops == 0 && (s > binding.Message || s > binding.Order && s < binding.Link)
}

// contradict tells the index that a source said something else than a better one about one trace.
func (b *Batch) contradict(rule uint8, s binding.Source, tag uint16, value, better string) {
	if b.index.Contradict(tag, value, better) {
		b.learnt.Quarantined = append(b.learnt.Quarantined, Quarantine{rule, s, tag})
	}
}

func (b *Batch) count(out binding.Outcome, s binding.Source) {
	switch out {
	case binding.Bound, binding.Better:
		b.learnt.New[s]++
	case binding.Refused:
		b.learnt.Refused++
	}
}

func (b *Batch) ask(g *group, now time.Time) {
	from := int32(len(b.known))
	b.known = b.index.Lookup(binding.Trace(g.trace), now, b.known)
	g.known = [2]int32{from, int32(len(b.known))}
}

func (b *Batch) knownOf(g *group, rule uint8) *binding.Binding {
	for i := g.known[0]; i < g.known[1]; i++ {
		if k := &b.known[i]; k.Name == b.rules[rule].Name {
			return k
		}
	}
	return nil
}

// tellJoin binds a message or linked trace to what the span belongs to: what it names itself, else the trace's only value.
func (b *Batch) tellJoin(j join, now time.Time) {
	g := &b.groups[b.spans[j.span].group]
	for r := range b.rules {
		rule := &b.rules[r]
		if !rule.Joins.Has(j.Via) {
			continue
		}
		d, hops, tag := b.own(j.span, uint8(r))
		if n, _ := b.different(g, uint8(r)); d.Source == binding.NoSource && n <= 1 {
			if k := b.knownOf(g, uint8(r)); k != nil && !k.Several {
				d, hops, tag = Decision{Value: k.Value, Source: k.Source}, k.Hops, k.Tag
			}
		}
		hops += binding.Step(j.Via)
		if d.Value == "" || hops > binding.MaxHops {
			continue
		}
		source := min(d.Source, j.Via)
		b.count(b.index.Tell(j.Node, binding.Binding{Name: rule.Name, Source: source, Hops: hops, Tag: tag, Value: d.Value}, now), source)
	}
}

// askJoin gives a span what its message or linked trace belongs to, if it names nothing itself; where that is not known
// yet, the two are connected, so that it arrives later.
func (b *Batch) askJoin(j join, now time.Time) {
	g := &b.groups[b.spans[j.span].group]
	var buf [4]binding.Binding
	known := b.index.Lookup(j.Node, now, buf[:0])
	waiting := false
	for r := range b.rules {
		rule := &b.rules[r]
		if !rule.Joins.Has(j.Via) {
			continue
		}
		if d, _, _ := b.own(j.span, uint8(r)); d.Source != binding.NoSource && d.Source > j.Via {
			continue
		}
		k := find(known, rule.Name)
		if k == nil {
			waiting = waiting || b.knownOf(g, uint8(r)) == nil
			continue
		}
		if t := b.knownOf(g, uint8(r)); t != nil && !t.Several && t.Value == k.Value && t.Source >= j.Via {
			continue // the trace knows it already, from better evidence
		}
		hops := k.Hops + binding.Step(j.Via)
		if k.Several || hops > binding.MaxHops {
			continue
		}
		f := extract.Fact{Rule: uint8(r), Source: min(k.Source, j.Via), Tag: k.Tag, Value: k.Value}
		b.addFact(j.span, f, hops)
		b.addValue(g, &b.facts[len(b.facts)-1])
		out := b.index.Bind(binding.Trace(g.trace), binding.Binding{Name: rule.Name, Source: f.Source, Hops: hops, Tag: f.Tag, Value: f.Value}, now)
		b.count(out, f.Source)
	}
	if waiting && g.trace != ([16]byte{}) {
		b.index.Connect(binding.Trace(g.trace), j.Node, j.Via, now)
	}
}

func find(known []binding.Binding, n binding.Name) *binding.Binding {
	for i := range known {
		if known[i].Name == n {
			return &known[i]
		}
	}
	return nil
}

// own is what a span names itself: of its best source and alias the only value, or the set of them.
func (b *Batch) own(s int32, rule uint8) (d Decision, hops uint8, tag uint16) {
	var order uint8
	for i := b.spans[s].facts; i != none; i = b.facts[i].next {
		f := &b.facts[i]
		if f.Guess && f.Rule == rule && b.superseded(&b.groups[b.spans[s].group], rule, f.Source, f.Value) {
			continue
		}
		if f.Rule != rule || f.Source < d.Source || f.Source == d.Source && f.Order > order {
			continue
		}
		if f.Source > d.Source || f.Order < order {
			d = Decision{Value: f.Value, Source: f.Source}
			order, hops, tag = f.Order, f.hops, f.Tag
			continue
		}
		if d.Set == nil && d.Value != f.Value {
			d.Set = insert([]string{d.Value}, f.Value)
			d.Value = ""
		} else if d.Set != nil {
			d.Set = insert(d.Set, f.Value)
		}
	}
	return d, hops, tag
}

// superseded says that the trace has a better value than what another collector guessed.
func (b *Batch) superseded(g *group, rule uint8, s binding.Source, text string) bool {
	k := b.knownOf(g, rule)
	return k != nil && !k.Several && k.Source > s && k.Value != text
}

// different counts the values of a group, and returns the last.
func (b *Batch) different(g *group, rule uint8) (n int, only *value) {
	for v := g.values; v != none; v = b.values[v].next {
		val := &b.values[v]
		if val.rule != rule || val.guess && b.superseded(g, rule, val.source, val.text) {
			continue
		}
		n++
		only = val
	}
	return n, only
}

// settle finds out for each identifier of a group whether one value holds for all of its spans; if not, the tree decides.
func (b *Batch) settle(gi int32) {
	g := &b.groups[gi]
	if g.values == none {
		return // all that Decide needs is in known
	}
	for r := range b.rules {
		n, only := b.different(g, uint8(r))
		k := b.knownOf(g, uint8(r))
		switch {
		case n == 0:
			continue
		case n == 1 && g.spans == 1, n == 1 && k != nil && !k.Several && k.Value == only.text:
			continue
		case n > 1:
			b.learnt.Several++
		}
		var fallback Decision
		switch {
		case n == 1 && k == nil: // the index had no room
			fallback = Decision{Value: only.text, Source: only.source}
		case n == 1 && !k.Several:
			fallback = Decision{Value: k.Value, Source: k.Source}
		}
		b.grow(gi, uint8(r), fallback)
	}
}

// Silent says that nothing is known of the trace of a span.
func (b *Batch) Silent(s int) bool {
	g := &b.groups[b.spans[s].group]
	return g.values == none && g.known[0] == g.known[1]
}

// Quiet says that nothing is known of any trace, and that nobody wants to know of it.
func (b *Batch) Quiet() bool {
	return len(b.known) == 0 && len(b.values) == 0 && b.watched == none
}

// Decide says what a span belongs to: what it or its trace is known by, else what an identifier that leads is known by.
func (b *Batch) Decide(s, rule int) Decision {
	sp := &b.spans[s]
	if sp.facts != none || b.groups[sp.group].grown {
		return b.choose(s, rule)
	}
	c := &b.common[int(sp.group)*len(b.rules)+rule]
	if !c.made {
		*c = common{b.choose(s, rule), true}
	}
	return c.Decision
}

func (b *Batch) choose(s, rule int) Decision {
	d := b.decide(s, rule)
	if len(b.rules[rule].Follows) > 0 && d.Source <= binding.Order {
		if led := b.follow(s, rule); led.Source != binding.NoSource {
			return led
		}
	}
	return d
}

func (b *Batch) decide(s, rule int) Decision {
	sp := &b.spans[s]
	g := &b.groups[sp.group]
	if t := g.tree[rule]; t > 0 {
		return b.trees[t-1+sp.ordinal]
	}
	if sp.facts != none {
		if d, _, _ := b.own(int32(s), uint8(rule)); d.Source != binding.NoSource {
			return d
		}
	}
	if k := b.knownOf(g, uint8(rule)); k != nil && !k.Several {
		return Decision{Value: k.Value, Source: k.Source}
	}
	return Decision{}
}
