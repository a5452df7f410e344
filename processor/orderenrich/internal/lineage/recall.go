package lineage

import (
	"sort"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
)

// KnownBefore says that the index already had a value for a span's trace when Learn began.
func (b *Batch) KnownBefore(s, rule int) bool {
	return b.groups[b.spans[s].group].before&(1<<rule) != 0
}

// Says tells whether a span itself names exactly one value (names), or several or only what another collector guessed
// (vague).
func (b *Batch) Says(s, rule int) (names, vague bool) {
	for f := b.spans[s].facts; f != none; f = b.facts[f].next {
		if b.facts[f].Rule == uint8(rule) && b.facts[f].Guess {
			return false, true
		}
	}
	d, _ := b.own(int32(s), uint8(rule))
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

// IDs are those of a span and of its parent.
func (b *Batch) IDs(s int) (id, parent [8]byte) { return b.spans[s].id, b.spans[s].parent }
