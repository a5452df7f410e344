package redact

import (
	"crypto/rand"
	"crypto/sha256"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/sealed"
)

// edited is what became of a value, under the keys of that era. Of the value itself it holds no more than a keyed hash,
// so that no personal data stays in memory; 128 bits of SHA-256 mean that no two values are taken for each other.
type edited struct {
	proof   [16]byte
	known   bool
	verdict Verdict
	era     uint64
	out     string // where the verdict is Changed
	found   tallies
}

// proofKey is the process's own.
var proofKey = func() (k [16]byte) {
	_, _ = rand.Read(k[:]) // never fails: crypto/rand ends the process instead
	return k
}()

func proof(s string) (p [16]byte) {
	var room [len(proofKey) + maxRemember]byte
	sum := sha256.Sum256(append(append(room[:0], proofKey[:]...), s...))
	copy(p[:], sum[:])
	return p
}

// maxTallies: a short value with findings of more kinds is not remembered.
const maxTallies = 4

// tallies are the findings in one value, by entity and action.
type tallies struct {
	n    int
	what [maxTallies]struct {
		entity finding.Entity
		action uint8
		times  uint16
	}
}

// add counts a finding; it reports false when there is no room for another kind.
func (t *tallies) add(e finding.Entity, action int) bool {
	for i := range t.what[:t.n] {
		if w := &t.what[i]; w.entity == e && int(w.action) == action {
			w.times++ // a value that is remembered has no more findings than bytes
			return true
		}
	}
	if t.n == maxTallies {
		return false
	}
	w := &t.what[t.n]
	w.entity, w.action, w.times = e, uint8(action), 1 //nolint:gosec // seven actions
	t.n++
	return true
}

// recall says what became of a value that was met before, or looks at it and remembers.
func (se *Session) recall(d *Decision, s string, depth int) (string, Verdict) {
	slot, hash, met := se.memory.value(d, se.actions, s)
	if met {
		if string(slot.text) == s {
			se.Counts.Remembered++
			return s, Same
		}
		if e := slot.edit; e != nil && e.known && e.era == se.e.era() && se.Seen == nil && e.proof == proof(s) {
			return se.again(e, s)
		}
	}
	era := se.e.era() // before keys are used: what is made with newer ones is not found under it, and made again
	se.passing, se.fleeting, se.tallies.n = false, false, 0
	out, verdict := se.passes(d, s, depth)
	switch {
	case se.budget.runs && se.late(): // not all of it may have been read
	case !met:
		slot.take(d, se.actions, hash)
	case verdict == Same && !se.passing:
		slot.text = append(slot.text[:0], s...)
	case !se.fleeting && len(out) <= maxEdited && !sealed.Marked(s):
		if slot.edit == nil {
			slot.edit = &edited{}
		}
		*slot.edit = edited{known: true, proof: proof(s), era: era, verdict: verdict, found: se.tallies}
		if verdict == Changed {
			slot.edit.out = out
		}
	}
	return out, verdict
}

// again repeats what was done about a value, and counts it.
func (se *Session) again(e *edited, s string) (string, Verdict) {
	se.Counts.Remembered++
	for _, w := range e.found.what[:e.found.n] {
		se.Counts.any = true
		se.Counts.Found[w.entity][w.action] += int64(w.times)
	}
	if e.verdict == Same {
		return s, Same
	}
	return e.out, e.verdict
}

// era changes with every change of keys.
func (e *Engine) era() uint64 { return e.opt.Keys.Era() + e.opt.Box.Era() }
