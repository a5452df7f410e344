package text

import "encoding/binary"

// Mark is what a word may be the beginning of.
type Mark uint8

const (
	// Credential: a finder of credentials begins here.
	Credential Mark = 1 << iota
	// Context: a word that gives numbers nearby their meaning.
	Context
	// Verb: a statement begins here.
	Verb
	// Address: a word that gives a meaning to addresses only. It is no beginning's mark.
	Address

	marks    = Credential | Context | Verb
	markBits = 3
)

// Starts are the beginnings of the words that somebody looks for: one load tells most words of a text from them. Of ASCII
// words the first three bytes count, whatever their case, of Cyrillic ones the first three letters, of others four bytes.
// Every slot has the marks and, above them, five more bits of the hash, or zeros when several beginnings share it.
type Starts [1 << slotBits]Mark

const slotBits = 13

// Add notes that words with this beginning have the mark. It has the three bytes or letters that count, or more; where
// the first is not ASCII, every spelling is a beginning of its own.
func (s *Starts) Add(as Mark, beginning string) {
	b := [8]byte{}
	copy(b[:], beginning)
	x := foreign(binary.LittleEndian.Uint64(b[:]))
	if x&0x80 == 0 {
		x = plain(uint32(x)) //nolint:gosec // the first four bytes
	}
	slot, check := spread(x)
	if e := s[slot]; e != 0 && e>>markBits != check {
		check = 0
	}
	s[slot] = s[slot]&marks | as | check<<markBits
}

// plain are the bytes that count of an ASCII word, lower case.
func plain(x uint32) uint64 { return uint64(x&0xffffff | 0x202020) }

// foreign are the bytes that count of another word.
func foreign(x uint64) uint64 {
	if third := x >> 32 & 0xff; third == 0xD0 || third == 0xD1 {
		return x & (1<<48 - 1)
	}
	return x & (1<<32 - 1)
}

const mixer = 0x9e3779b97f4a7c15

// spread hashes a word's first bytes: to a slot, and to a check from 1 to 31.
func spread(x uint64) (slot uint64, check Mark) {
	x *= mixer
	return x >> (64 - slotBits), Mark(x>>32&31) | 1 //nolint:gosec // five bits
}

// of is what a word may begin. Most slots are empty.
func (s *Starts) of(x uint64) Mark {
	e := s[x*mixer>>(64-slotBits)]
	if e == 0 {
		return 0
	}
	return e.checked(x)
}

//go:noinline
func (e Mark) checked(x uint64) Mark {
	if _, check := spread(x); e>>markBits != check && e>>markBits != 0 {
		return 0
	}
	return e & marks
}
