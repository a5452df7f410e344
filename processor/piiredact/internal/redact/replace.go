package redact

import (
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/pseudonym"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/text"
)

// replace edits s once: every finding takes its replacement's place.
func (se *Session) replace(s string, fs []finding.Finding) (string, Verdict) {
	se.out, se.passing = se.out[:0], true
	last, changed := 0, false
	for _, f := range fs {
		rule := se.actions.table[f.Entity]
		found := s[f.Start:f.End]
		if rule.Action == policy.Keep || se.ours(s, f) {
			continue
		}
		se.with = se.replacement(se.with[:0], f.Entity, rule, found)
		if string(se.with) == found && rule.Action != policy.Drop {
			continue
		}
		se.tell(f.Entity, rule.Action, found, se.with, false)
		if len(found) == len(s) {
			se.blind(f.Entity, rule, found)
		}
		if rule.Action == policy.Drop {
			se.dropped = true
		}
		se.out = append(se.out, s[last:f.Start]...)
		se.edits.add(len(se.out), len(se.out)+len(se.with), found)
		se.out = append(se.out, se.with...)
		last, changed = f.End, true
	}
	if !changed {
		return s, Same
	}
	if se.dropped {
		se.dropped = false
		return "", Dropped
	}
	return string(append(se.out, s[last:]...)), Changed
}

// whole replaces the value, unless it says nothing or was replaced before.
func (se *Session) whole(d *Decision, s string) (string, Verdict) {
	se.passing = true
	e := d.Whole
	if e == finding.Person || e == finding.Address { // a mail address as a name is a mail address everywhere
		if fs := se.scanner.Find(s, se.scanner.Look(s), &d.env); len(fs) == 1 && fs[0].Start == 0 && fs[0].End == len(s) {
			e = fs[0].Entity
		}
	}
	rule := se.actions.table[e]
	if rule.Action == policy.Keep {
		return se.edit(d, s)
	}
	if blank(s) || se.ours(s, finding.Finding{End: len(s)}) {
		return s, Same
	}
	se.with = se.replacement(se.with[:0], e, rule, s)
	if string(se.with) == s {
		return s, Same
	}
	se.tell(e, rule.Action, s, se.with, true)
	se.blind(e, rule, s)
	if rule.Action == policy.Drop {
		return "", Dropped
	}
	se.settled = rule.Action == policy.Hash // a pseudonym is ours
	return string(se.with), Changed
}

// blind makes the index of an attribute's whole value that was encrypted.
func (se *Session) blind(e finding.Entity, rule policy.Rule, found string) {
	if rule.Blind && rule.Action == policy.Encrypt && se.depth == 0 && se.at != "" {
		se.index = se.e.opt.Keys.Index(se.at, pseudonym.Canonical(e, se.read(found)))
	}
}

// ours: the bytes were written by us, and prove it.
func (se *Session) ours(s string, f finding.Finding) bool {
	return se.e.opt.Keys.Ours(s[f.Start:f.End]) || se.e.opt.Box.Around(se.at, s, f.Start, f.End)
}

// blank values say nothing of anyone.
func blank(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "null", "nil", "none", "true", "false", "undefined", "n/a", "-", "?", "unknown", "anonymous", "redacted", "redacted:redacted":
		return true
	}
	return strings.Trim(s, "*") == ""
}

// replacement appends what takes the place of found.
func (se *Session) replacement(dst []byte, e finding.Entity, rule policy.Rule, found string) []byte {
	switch rule.Action {
	case policy.Hash:
		return se.e.opt.Keys.AppendName(dst, se.label(e), pseudonym.Canonical(e, se.read(found)))
	case policy.Token:
		if t, err := se.e.opt.Box.Token(se.label(e), pseudonym.Canonical(e, se.read(found))); err == nil {
			return append(dst, t...)
		}
		return append(dst, Fixed...)
	case policy.Encrypt: // with its blind index, too, where it has one
		se.fleeting = true
		if t, err := se.e.opt.Box.Encrypt(se.at, found); err == nil {
			return append(dst, t...)
		}
		return append(dst, Fixed...)
	case policy.Truncate:
		return append(dst, truncate(e, se.read(found))...)
	case policy.Drop:
		return dst
	}
	switch {
	case rule.Domain && e == finding.Email:
		if at := strings.LastIndexByte(found, '@'); at >= 0 {
			return append(append(dst, "***"...), found[at:]...)
		}
	case rule.KeepLast > 0:
		if out, ok := lastOf(dst, se.read(found), rule.KeepLast); ok {
			return out
		}
	case e == finding.Password && strings.Contains(found, ":"):
		return append(dst, Fixed+":"+Fixed...)
	}
	return append(dst, Fixed...)
}

// labels are the names of entities in pseudonyms.
var labels = func() (all [finding.FirstRule]string) {
	for _, e := range finding.Builtins() {
		all[e] = strings.ReplaceAll(e.String(), "_", "")
	}
	return all
}()

func (se *Session) label(e finding.Entity) string {
	if e >= finding.FirstRule {
		return se.e.opt.Names[e-finding.FirstRule]
	}
	return labels[e]
}

// read is the found text as a reader sees it, so that encodings do not make another person of the same one.
func (se *Session) read(found string) string {
	if g := text.Look(found); g&(text.Escape|text.Wide) != 0 && se.folded.Fold(found, g) {
		return string(se.folded.Text)
	}
	return found
}

// lastOf keeps the last n digits and letters behind stars, when that is at most a third of them.
func lastOf(dst []byte, s string, n int) ([]byte, bool) {
	all := 0
	for i := range len(s) {
		all += telling[s[i]]
	}
	if all < 3*n {
		return dst, false
	}
	dst = append(dst, "****"...)
	for i := range len(s) {
		if telling[s[i]] == 1 {
			if all--; all < n {
				dst = append(dst, s[i])
			}
		}
	}
	return dst, true
}

// telling has 1 for the bytes that tell cards and accounts apart: digits and letters.
var telling = func() (m [256]int) {
	for c := range m {
		if b := byte(c); b-'0' <= 9 || b|0x20 >= 'a' && b|0x20 <= 'z' {
			m[c] = 1
		}
	}
	return m
}()

// truncate coarsens: an address to its network (/24, /48), the rest to nothing.
func truncate(e finding.Entity, found string) string {
	if e == finding.GPS {
		if strings.Contains(found, "°") {
			return Fixed
		}
		return coarse(found)
	}
	if e != finding.IP {
		return Fixed
	}
	a, err := netip.ParseAddr(found)
	if err != nil {
		return Fixed
	}
	bits := 48
	if a.Is4() || a.Is4In6() {
		a, bits = a.Unmap(), 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return Fixed
	}
	return p.Addr().String()
}

// coordinate coarsens a place in a string: two decimals are about a kilometre.
func (se *Session) coordinate(s string, two bool) (string, bool) {
	rule := se.actions.table[finding.GPS]
	if rule.Action == policy.Keep {
		return s, false
	}
	if strings.Contains(s, "°") && !two { // 55°45'04.5"N 37°37'06.3"E
		out := string(se.replacement(nil, finding.GPS, rule, s))
		se.tell(finding.GPS, rule.Action, s, []byte(out), true)
		return out, true
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == ';' })
	for _, p := range parts {
		if v, err := strconv.ParseFloat(p, 64); err != nil || math.Abs(v) > 180 {
			return s, false
		}
	}
	if two && (len(parts) != 2 || !strings.Contains(parts[0], ".") || !strings.Contains(parts[1], ".")) {
		return s, false
	}
	out := coarse(s)
	if rule.Action != policy.Truncate {
		out = string(se.replacement(nil, finding.GPS, rule, s))
	}
	if out == s || len(parts) == 0 {
		return s, false
	}
	se.tell(finding.GPS, rule.Action, s, []byte(out), true)
	return out, true
}

// coarse leaves two decimals of every number in s.
func coarse(s string) string {
	b := make([]byte, 0, len(s))
	decimals := -1 // behind a point: how many digits
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			decimals = 0
		case c-'0' > 9:
			decimals = -1
		case decimals >= 0:
			decimals++
		}
		if decimals <= 2 {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// point coarsens a coordinate that is a number.
func (se *Session) point(v float64) (string, float64, Verdict) {
	rule := se.actions.table[finding.GPS]
	switch rule.Action {
	case policy.Keep:
		return "", v, Same
	case policy.Truncate:
		if t := math.Trunc(v*100) / 100; t != v && math.Abs(v) <= 180 {
			se.tell(finding.GPS, rule.Action, "", nil, true)
			return "", t, Changed
		}
		return "", v, Same
	case policy.Drop:
		se.tell(finding.GPS, rule.Action, "", nil, true)
		return "", v, Dropped
	}
	se.tell(finding.GPS, rule.Action, "", nil, true)
	return string(se.replacement(nil, finding.GPS, rule, strconv.FormatFloat(v, 'f', -1, 64))), v, Changed
}
