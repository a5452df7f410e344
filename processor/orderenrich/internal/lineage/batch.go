package lineage

import (
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
)

const (
	none = -1
	// maxValues bounds the different values of one identifier that are remembered for one trace of a payload.
	maxValues = 64
	// MaxSet is how many values the plural attribute of one span can hold; the first in sorted order stay.
	MaxSet = 128
	// MaxLinks is how many links a span may have and still bind its trace to others.
	MaxLinks = 8
)

// Rule is what lineage must know of an identifier.
type Rule struct {
	Name  binding.Name  // its number in the index
	Joins binding.Joins // over which its bindings travel between traces
	Text  string        // its name, the same in every process
	// Follows are the identifiers, by rule, whose values it is known by where a trace does not name it. None of them follows
	// another one.
	Follows []uint8
}

type span struct {
	id, parent [8]byte
	group      int32
	ordinal    int32 // place among the spans of its group
	facts      int32 // head of its list in Batch.facts
}

type fact struct {
	extract.Fact
	hops uint8
	next int32
}

// group is the spans of one trace.
type group struct {
	trace  [16]byte
	missed bool // the index was told that spans of it pass without
	spans  int32
	first  int32 // where its spans begin in Batch.byGroup
	values int32 // head of its list in Batch.values
	known  [2]int32
	grown  bool                    // the tree decides for some identifier
	tree   [extract.MaxRules]int32 // 1 + offset of the decisions of each span, 0 if the trace has one value
}

// value is one of the different values that a group's spans name.
type value struct {
	rule   uint8
	source binding.Source
	hops   uint8
	tag    uint16
	guess  bool // every span that names it was stamped so by another collector's guess
	text   string
	next   int32
}

// Join is a message, conversation or linked trace of a span.
type Join struct {
	Node binding.Node
	Via  binding.Source
}

type join struct {
	span int32
	Join
}

// Batch is reused from payload to payload; it belongs to one goroutine at a time.
type Batch struct {
	index *binding.Index
	rules []Rule
	// siblings makes records that share a missing parent one family: logs of one span.
	siblings bool

	spans  []span
	facts  []fact
	groups []group
	values []value
	joins  []join
	known  []binding.Binding
	trees  []Decision
	common []common // what holds for the spans of a group that say nothing, by group and identifier
	// byGroup is the spans in the order of their groups; empty until a tree is needed.
	byGroup []int32
	table   []int32 // open addressing: 1 + group
	last    int32
	work    forest
	learnt  Learnt

	watched   int            // the rule of which the index wants to know what is missed; none if it does not
	now       time.Time      // of Learn
	led       map[led]string // what was asked of values in this payload
	lastLed   led
	lastFound string
}

// Learnt is what a payload taught.
type Learnt struct {
	// New counts the bindings by source that were new to the index, or better than what it had.
	New [32]int
	// Several counts the traces of the payload with more than one value of an identifier.
	Several int
	// Refused counts what the index had no room for.
	Refused int
	// Ignored counts what quarantined sources said.
	Ignored int
	// Quarantined lists the sources that were found to name the wrong thing.
	Quarantined []Quarantine
}

// Quarantine is a source that is not believed any more.
type Quarantine struct {
	Rule   uint8
	Source binding.Source
	Tag    uint16
}

type common struct {
	Decision
	made bool
}

// Decision is what a span belongs to: one Value, or the sorted Set of several, or nothing.
type Decision struct {
	Value  string
	Source binding.Source
	Set    []string
}

// NewBatch makes a Batch over the index. siblings is for logs: records with the same span id share what they say.
func NewBatch(index *binding.Index, rules []Rule, siblings bool) *Batch {
	return &Batch{index: index, rules: rules, siblings: siblings, table: make([]int32, 64), last: none, watched: none}
}

// Reset forgets the payload and lets go of all its strings.
func (b *Batch) Reset() {
	clear(b.facts)
	clear(b.values)
	clear(b.known)
	clear(b.trees)
	clear(b.common)
	clear(b.table)
	b.spans, b.facts, b.groups, b.values = b.spans[:0], b.facts[:0], b.groups[:0], b.values[:0]
	b.joins, b.known, b.trees = b.joins[:0], b.known[:0], b.trees[:0]
	b.byGroup = b.byGroup[:0]
	b.last = none
	b.learnt = Learnt{}
	b.resetLed()
}

// Tag numbers the field of a service that a fact was read from; it is the same in every process.
func Tag(service uint32, f extract.Fact) uint16 {
	for _, c := range [...]uint8{f.Rule, uint8(f.Source), f.Order} {
		service = (service ^ uint32(c)) * 16777619
	}
	return uint16(service^service>>16) | 1
}

// Service begins a Tag with the name of the service.
func Service(name string) uint32 {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return h
}

// Add adds a span (or a log record: id zero, parent its span) and returns its number; Fact and Join refer to the latest.
func (b *Batch) Add(trace [16]byte, id, parent [8]byte) int {
	g := b.groupOf(trace)
	b.spans = append(b.spans, span{id: id, parent: parent, group: g, ordinal: b.groups[g].spans, facts: none})
	b.groups[g].spans++
	return len(b.spans) - 1
}

// Fact adds what the latest span says, unless its source is not believed.
func (b *Batch) Fact(f extract.Fact) {
	if b.index.Quarantined(f.Tag) {
		b.learnt.Ignored++
		return
	}
	b.addFact(int32(len(b.spans)-1), f, 0)
}

// disbelieve takes back what this payload itself was told by sources that it found out: of them nothing is stamped any more.
func (b *Batch) disbelieve(now time.Time) {
	clear(b.values)
	b.values, b.known = b.values[:0], b.known[:0]
	for g := range b.groups {
		b.groups[g].values = none
	}
	for s := range b.spans {
		link := &b.spans[s].facts
		for *link != none {
			f := &b.facts[*link]
			if !b.index.Quarantined(f.Tag) {
				link = &f.next
				continue
			}
			b.learnt.Ignored++
			*link = f.next
		}
		b.gather(int32(s))
	}
	for g := range b.groups {
		b.ask(&b.groups[g], now)
	}
}

// Join adds a message, conversation or linked trace of the latest span.
func (b *Batch) Join(j Join) { b.joins = append(b.joins, join{int32(len(b.spans) - 1), j}) }

func (b *Batch) addFact(s int32, f extract.Fact, hops uint8) {
	sp := &b.spans[s]
	b.facts = append(b.facts, fact{f, hops, sp.facts})
	sp.facts = int32(len(b.facts) - 1)
}

func (b *Batch) groupOf(trace [16]byte) int32 {
	if trace == ([16]byte{}) {
		return b.newGroup(trace)
	}
	if b.last != none && b.groups[b.last].trace == trace {
		return b.last
	}
	if len(b.groups)*2 >= len(b.table) {
		b.growTable()
	}
	for i := place(trace, len(b.table)); ; i = (i + 1) & (len(b.table) - 1) {
		switch g := b.table[i]; {
		case g == 0:
			b.last = b.newGroup(trace)
			b.table[i] = b.last + 1
			return b.last
		case b.groups[g-1].trace == trace:
			b.last = g - 1
			return b.last
		}
	}
}

func (b *Batch) newGroup(trace [16]byte) int32 {
	b.groups = append(b.groups, group{trace: trace, values: none})
	return int32(len(b.groups) - 1)
}

func (b *Batch) growTable() {
	b.table = make([]int32, 2*len(b.table))
	for g := range b.groups {
		if b.groups[g].trace == ([16]byte{}) {
			continue
		}
		i := place(b.groups[g].trace, len(b.table))
		for b.table[i] != 0 {
			i = (i + 1) & (len(b.table) - 1)
		}
		b.table[i] = int32(g) + 1
	}
}

func place(trace [16]byte, n int) int {
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(trace[:8])^0xa0761d6478bd642f, binary.LittleEndian.Uint64(trace[8:])^0xe7037ed1a0b428db)
	return int((hi ^ lo) & uint64(n-1))
}
