package lineage

import (
	"sort"
	"time"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
)

// Settled says that the trace of a span was marked by Settle.
func (b *Batch) Settled(s int, mark binding.Name) bool {
	g := &b.groups[b.spans[s].group]
	return find(b.known[g.known[0]:g.known[1]], mark) != nil
}

// Settle marks the trace of a span in the index: its spans do not wait any more. Unless forced, a trace of which nothing is
// known is not marked.
func (b *Batch) Settle(s, rule int, mark binding.Name, forced bool, now time.Time) {
	g := &b.groups[b.spans[s].group]
	if g.trace != ([16]byte{}) && (forced || b.knownOf(g, uint8(rule)) != nil) {
		b.index.Bind(binding.Trace(g.trace), binding.Binding{Name: mark, Source: binding.Canonical, Value: "1"}, now)
	}
}

// Says tells whether a span itself names exactly one value (names), or several or only what another collector guessed
// (vague).
func (b *Batch) Says(s, rule int) (names, vague bool) {
	for f := b.spans[s].facts; f != none; f = b.facts[f].next {
		if b.facts[f].Rule == uint8(rule) && b.facts[f].Guess {
			return false, true
		}
	}
	d, _, _ := b.own(int32(s), uint8(rule))
	return d.Value != "", d.Set != nil
}

// Known says that one value is known for the trace of a span.
func (b *Batch) Known(s, rule int) bool {
	k := b.knownOf(&b.groups[b.spans[s].group], uint8(rule))
	return k != nil && !k.Several
}

// Families calls f with the spans of each trace, in turn. The slice is only lent.
func (b *Batch) Families(f func(trace [16]byte, spans []int32)) {
	for g := range b.groups {
		f(b.groups[g].trace, b.membersOf(int32(g)))
	}
}

// Said copies what a span says, without what came over its joins.
func (b *Batch) Said(s int) (facts []extract.Fact, joins []Join) {
	for f := b.spans[s].facts; f != none; f = b.facts[f].next {
		if b.facts[f].hops == 0 {
			facts = append(facts, b.facts[f].Fact)
		}
	}
	first := sort.Search(len(b.joins), func(i int) bool { return int(b.joins[i].span) >= s })
	for i := first; i < len(b.joins) && int(b.joins[i].span) == s; i++ {
		joins = append(joins, b.joins[i].Join)
	}
	return facts, joins
}

func (b *Batch) watchedRule() int {
	if name, ok := b.index.Watched(); ok {
		for r := range b.rules {
			if b.rules[r].Name == name {
				return r
			}
		}
	}
	return none
}

// Miss says that a span passes without a value of any identifier (rule -1), or of one. If the index is watched, it is told
// when the trace's value is learnt.
func (b *Batch) Miss(s, rule int) {
	if b.watched == none || rule != none && rule != b.watched {
		return
	}
	g := &b.groups[b.spans[s].group]
	if !g.missed && b.knownOf(g, uint8(b.watched)) == nil {
		g.missed = true
		b.index.Miss(g.trace, b.now)
	}
}

// IDs are those of a span and of its parent.
func (b *Batch) IDs(s int) (id, parent [8]byte) { return b.spans[s].id, b.spans[s].parent }
