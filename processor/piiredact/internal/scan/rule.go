package scan

import (
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/number"
)

// Rule is a user's own pattern. RE2 runs in linear time, but a long pattern can make that a long one: long texts are read
// in windows, with a look at the clock before each.
type Rule struct {
	Entity   finding.Entity
	Pattern  *regexp.Regexp
	Keywords []string // lower case; with any, one of them must stand in the text or the rule is not tried
	Check    func(digits []byte) bool
	// Exempt: what the pattern matches is nobody's data, whatever a detector says of it.
	Exempt bool
}

const (
	// window is how much of a text a pattern reads at a time; a match may go on for overlap bytes behind it.
	window  = 32 << 10
	overlap = 4 << 10
)

func (sc *Scanner) match(t string, env *number.Env) {
	lower := ""
	for i := range sc.rules {
		r := &sc.rules[i]
		if len(r.Keywords) > 0 && lower == "" {
			lower = strings.ToLower(t)
		}
		if !r.wanted(lower) {
			continue
		}
		if sc.expired() {
			return
		}
		found := sc.matches(r, t)
		if !r.Exempt {
			for _, m := range found {
				sc.found = append(sc.found, finding.Finding{Start: m[0], End: m[1], Entity: r.Entity})
			}
			continue
		}
		sc.found = slices.DeleteFunc(sc.found, func(f finding.Finding) bool {
			n := sort.Search(len(found), func(n int) bool { return found[n][1] >= f.End })
			return n < len(found) && f.Start >= found[n][0]
		})
	}
}

// matches are the rule's matches in t, one behind the other. A match that does not end with its window, which patterns
// without an end have, goes on to the end of the text; an exempting rule's is none.
func (sc *Scanner) matches(r *Rule, t string) (all [][]int) {
	for from := 0; from < len(t); {
		back := max(0, from-utf8.UTFMax) // what stands before, for \b and the like
		core, until := min(from+window, len(t)), min(from+window+overlap, len(t))
		next := core
		for _, m := range r.Pattern.FindAllStringIndex(t[back:until], -1) {
			lo, hi := m[0]+back, m[1]+back
			if lo >= core {
				break
			}
			if hi <= max(lo, from) { // empty, or read before
				continue
			}
			if hi == until && until < len(t) {
				if r.Exempt {
					continue
				}
				return append(all, []int{lo, len(t)})
			}
			next = max(next, hi)
			if r.checked(t[lo:hi]) {
				all = append(all, []int{lo, hi})
			}
		}
		if from = next; from < len(t) && sc.expired() {
			break
		}
	}
	return all
}

func (r *Rule) wanted(lower string) bool {
	if len(r.Keywords) == 0 {
		return true
	}
	for _, k := range r.Keywords {
		if strings.Contains(lower, k) {
			return true
		}
	}
	return false
}

func (r *Rule) checked(match string) bool {
	if r.Check == nil {
		return true
	}
	ds := make([]byte, 0, len(match))
	for i := range len(match) {
		if match[i]-'0' <= 9 {
			ds = append(ds, match[i])
		}
	}
	return r.Check(ds)
}
