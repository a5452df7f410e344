package scan

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/number"
)

// Rule is a user's own pattern. RE2 runs in linear time, so a hostile pattern costs no more than its size.
type Rule struct {
	Entity   finding.Entity
	Pattern  *regexp.Regexp
	Keywords []string // lower case; with any, one of them must stand in the text or the rule is not tried
	Check    func(digits []byte) bool
	// Exempt: what the pattern matches is nobody's data, whatever a detector says of it.
	Exempt bool
}

func (sc *Scanner) match(t string, env *number.Env) {
	for i := range sc.rules {
		r := &sc.rules[i]
		if !r.wanted(t) {
			continue
		}
		for _, m := range r.Pattern.FindAllStringIndex(t, -1) {
			if m[1] <= m[0] || !r.checked(t[m[0]:m[1]]) {
				continue
			}
			if r.Exempt {
				sc.found = slices.DeleteFunc(sc.found, func(f finding.Finding) bool { return f.Start >= m[0] && f.End <= m[1] })
			} else {
				sc.found = append(sc.found, finding.Finding{Start: m[0], End: m[1], Entity: r.Entity})
			}
		}
	}
}

func (r *Rule) wanted(t string) bool {
	if len(r.Keywords) == 0 {
		return true
	}
	t = strings.ToLower(t)
	for _, k := range r.Keywords {
		if strings.Contains(t, k) {
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
