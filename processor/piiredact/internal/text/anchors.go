package text

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
	"unsafe"
)

// Bits has one bit for every byte of a text.
type Bits []uint64

// Any says that a bit from lo to hi, exclusively, is set. Both may lie outside of the text.
func (b Bits) Any(lo, hi int) bool {
	lo, hi = max(lo, 0), min(hi, len(b)<<6)
	if lo >= hi {
		return false
	}
	k, last := lo>>6, (hi-1)>>6
	w := b[k] & (^uint64(0) << (lo & 63))
	for ; k < last; k++ {
		if w != 0 {
			return true
		}
		w = b[k+1]
	}
	return w&(^uint64(0)>>(63-(hi-1)&63)) != 0
}

// Next is the first bit at or behind i, or end when there is none before it.
func (b Bits) Next(i, end int) int {
	k := i >> 6
	if k >= len(b) {
		return end
	}
	w := b[k] & (^uint64(0) << (i & 63))
	for w == 0 {
		if k++; k<<6 >= end || k == len(b) {
			return end
		}
		w = b[k]
	}
	return k<<6 + bits.TrailingZeros64(w)
}

// add sets the bits of another from lo to hi, exclusively. Both may lie outside of the text.
func (b Bits) add(of Bits, lo, hi int) {
	lo, hi = max(lo, 0), min(hi, len(b)<<6)
	for k := lo >> 6; k<<6 < hi; k++ {
		w := of[k]
		if k == lo>>6 {
			w &= ^uint64(0) << (lo & 63)
		}
		if hi < (k+1)<<6 {
			w &= 1<<(hi&63) - 1
		}
		b[k] |= w
	}
}

const (
	// Before and Behind are how many characters before a number, and behind it, its words stand at most; before the year
	// of a date there are Date bytes more. Pairing is how many bytes stand between a number and its name's separator.
	Before  = 40
	Behind  = 16
	Date    = 36
	Pairing = 4
	// shortNumber is the most bytes that a number of less than nine digits has.
	shortNumber = 8 + 7*3
)

// Anchors are the bytes of a text at which a finder may begin: the first letter of a word that may be a credential, an
// account or a hardware address, the first digit of a number that may be somebody's, each of "@:=>", and dashes before
// flags and keys. The finders jump from one to the next. With them come the words that others look for.
// The buffers are reused: Anchors are owned by one goroutine.
type Anchors struct {
	starts  *Starts
	context func(string) Mark
	of      string
	blocks  []block // with two empty ones behind the last
	room    []uint64
	// These share the room.
	bits     Bits
	numbers  Bits // all that count with a word nearby
	quads    Bits // those of them that may be addresses
	clusters Bits
	contexts Bits
	verbs    Bits
}

// NewAnchors makes anchors for the words with these beginnings; context has the last word on one
// that gives a meaning: Context, with Address or without, or 0.
func NewAnchors(starts *Starts, context func(string) Mark) Anchors {
	return Anchors{starts: starts, context: context}
}

// Read looks at t as Look does, and finds its anchors.
func (a *Anchors) Read(t string) Gate {
	a.begin(t)
	var seen sight
	for k, s := 0, t; len(s) > 0; k, s = k+1, s[min(len(s), 64):] {
		b := &a.blocks[k]
		b.read(s)
		seen.see(b)
	}
	a.find()
	g := seen.gate(len(t))
	a.near(g)
	return g
}

// begin makes room for what is found in t.
func (a *Anchors) begin(t string) {
	n := (len(t) + 63) / 64
	a.of = t
	a.blocks = slices.Grow(a.blocks[:0], n+2)[:n+2]
	a.blocks[n], a.blocks[n+1] = block{}, block{}
	a.room = slices.Grow(a.room[:0], 6*n)[:6*n]
	of := func(k int) Bits { return a.room[k*n : (k+1)*n] }
	a.bits, a.numbers, a.quads, a.clusters, a.contexts, a.verbs = of(0), of(1), of(2), of(3), of(4), of(5)
}

// find looks at every block between its neighbours.
func (a *Anchors) find() {
	end := len(a.blocks) - 2
	v := view{&a.blocks[end], &a.blocks[end], &a.blocks[0]}
	for k, next := 0, uint64(0); k < end; k++ {
		if v = (view{v.at, v.behind, &a.blocks[k+1]}); k == 0 {
			next = v.clusters()
		}
		m := next
		next = (&view{v.at, v.behind, &a.blocks[k+2]}).clusters()
		hardware := v.hardware()
		numbers, long := v.numbers(m, next, k == 0)
		credentials, contexts, verbs := a.mark(v, k<<6)
		a.bits[k] = long | hardware | credentials | v.accounts() | v.dashes(k == 0) | v.pairs() | v.at.ats()
		a.numbers[k], a.quads[k], a.clusters[k], a.contexts[k], a.verbs[k] = numbers, numbers&v.quads(), m, contexts, verbs
	}
}

// near adds the short numbers around words that may give them a meaning.
func (a *Anchors) near(g Gate) {
	width := 1
	if g&Wide != 0 {
		width = utf8.UTFMax
	}
	for i := a.contexts.Next(0, len(a.of)); i < len(a.of); i = a.contexts.Next(i+1, len(a.of)) {
		of := a.numbers
		if a.context(a.of[i:])&Address != 0 {
			of = a.quads
		}
		a.bits.add(of, i-Behind*width-shortNumber, i+Before*width+Date+1)
	}
}

// All adds every number, for texts whose key gives them a meaning.
func (a *Anchors) All() { a.bits.add(a.numbers, 0, len(a.of)) }

// mark looks the block's words up.
func (a *Anchors) mark(v view, base int) (credentials, contexts, verbs uint64) {
	var end [textEnd]byte
	t := &end
	if base+textEnd <= len(a.of) {
		t = (*[textEnd]byte)(unsafe.Slice(unsafe.StringData(a.of), len(a.of))[base:])
	} else {
		copy(end[:], a.of[base:])
	}
	l, starts := v.at[letters], a.starts
	ascii := l &^ back(v.before[letters], l, 1)
	for w := ascii; w != 0; w &= w - 1 {
		i := bits.TrailingZeros64(w) & 63
		if m := starts.of(plain(binary.LittleEndian.Uint32(t[i : i+4]))); m != 0 {
			if m&Context != 0 && a.context(a.of[base+i:]) == 0 {
				m &^= Context
			}
			credentials |= uint64(m&Credential) << i
			contexts |= uint64(m&Context) >> 1 << i
			verbs |= uint64(m&Verb) >> 2 << i
		}
	}
	words := l | v.at[wide]
	words &^= back(v.before[letters]|v.before[wide], words, 1)
	for w := words & v.at[wide]; w != 0; w &= w - 1 {
		i := bits.TrailingZeros64(w) & 63
		if starts.of(foreign(binary.LittleEndian.Uint64(t[i:i+8])))&Context != 0 && a.context(a.of[base+i:]) != 0 {
			contexts |= 1 << i
		}
	}
	return credentials &^ back(v.before[digits], v.at[digits], 1), contexts & words, verbs
}

// textEnd is a block and what a word at its last byte needs; behind the end of a text it is zeros.
const textEnd = 64 + 7

// Of says whether the anchors are those of t, the very string.
func (a *Anchors) Of(t string) bool {
	return len(a.of) == len(t) && unsafe.StringData(a.of) == unsafe.StringData(t)
}

// Next is the first anchor at or behind i, or the text's length.
func (a *Anchors) Next(i int) int { return a.bits.Next(i, len(a.of)) }

// Verb is the first word at or behind i that a statement may begin with, or the text's length.
func (a *Anchors) Verb(i int) int { return a.verbs.Next(i, len(a.of)) }

// Colons says that another colon stands within five bytes of the one at i.
func (a *Anchors) Colons(i int) bool {
	k, n := i>>6, i&63
	at, before := a.blocks[k].colons(), uint64(0)
	if k > 0 {
		before = a.blocks[k-1].colons()
	}
	left := at<<(63-n) | before>>(n+1) // byte i is the highest bit
	right := at>>n | a.blocks[k+1].colons()<<(64-n)
	return left&(31<<58)|right&(31<<1) != 0
}

// Digits says that the number at i may have so many digits, with all of its groups.
func (a *Anchors) Digits(i, least int) bool {
	n := 0
	for k := i >> 6; k < len(a.clusters) && n < least; k++ {
		run := a.clusters[k] >> (i & 63)
		long := bits.TrailingZeros64(^run)
		n += bits.OnesCount64(a.blocks[k][digits] >> (i & 63) & (1<<long - 1))
		if i += long; i&63 != 0 || long == 0 {
			break
		}
	}
	return n >= least
}

// Contexts are the beginnings of words that may give numbers nearby their meaning.
func (a *Anchors) Contexts() Bits { return a.contexts }

// Trim lets go of the text, and of buffers for longer ones than that.
func (a *Anchors) Trim(room int) {
	a.of = ""
	if cap(a.blocks) > room/64 {
		a.blocks, a.room = nil, nil
		a.bits, a.numbers, a.quads, a.clusters, a.contexts, a.verbs = nil, nil, nil, nil, nil, nil
	}
}
