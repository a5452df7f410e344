package scan

import (
	"slices"
	"strings"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/meaning"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/number"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/text"
)

func newScanner() *Scanner {
	return New(func(name string) *meaning.Class { c := meaning.Of(name); return &c }, nil)
}

// slowly reads t as scan does, and calls the finders at every word, every number and every byte that may be an anchor.
func (sc *Scanner) slowly(t string, g text.Gate, env *number.Env) []finding.Finding {
	sc.found = sc.found[:0]
	sc.anchors.Read(t)
	sc.numbers.Begin(sc.anchors.Contexts(), g&text.Wide != 0)
	if sc.encoded(t, 0) > 0 {
		return sc.merged()
	}
	for i := 0; i < len(t); {
		next, before := i+1, len(sc.found)
		switch k := kinds[t[i]]; {
		case i > 0 && (k == letter && (kinds[t[i-1]] == letter || kinds[t[i-1]] == digit) || k == digit && kinds[t[i-1]] == digit):
		case k == letter:
			next = sc.word(t, i, env)
		case k == digit:
			next = sc.digits(t, i, g, env)
		case k == at:
			next = sc.at(t, i)
		case k == colon || k == equals:
			next = sc.separator(t, i, env)
		case k == greater:
			next = sc.tag(t, i)
		case k == dash:
			next = sc.dashes(t, i)
		}
		if len(sc.found) == before && kinds[t[i]] != digit { // it went on to the next anchor
			next = i + 1
		}
		i = next
	}
	return sc.merged()
}

func FuzzAnchorsHideNothing(f *testing.F) {
	for _, s := range []string{
		"ring +7 (999) 123-45-67 or 8 999 123 45 67", "карта 4111 1111 1111 1111, паспорт 4510 123456, серия 4510", "cvv 123, call 2125551234", "ИНН 500100732259; СНИЛС 112-233-445 95",
		"at 203.0.113.77 - - [23/Nov/2026:04:18:53 +0000]", "203.0.113.77 - - \"GET\"", "mac 00:1a:2b:3c:4d:5e or 001a.2b3c.4d5e, ip 2001:db8::8a2e:370:7334", "GB82 WEST 1234 5698 7654 32, IBANGB82WEST12345698765432",
		"bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0", "mysql -psecret --password hunter2 -u name:pass", "key 0123456789abcdef0123456789abcdef-us12", "Authorization: Bearer mF_9.B5f-4.1JqM9kP2xT", "with Token 0123456789abcdef0123", "an ApiKey 0123456789abcdef0123 was used",
		"postgres://u:p@db/x?a=b", "token=ghp_0123456789abcdefghijklmnopqrstuvwxyz", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh", "<password>x</password>", "gold585 12 345 678", "born 1990-05-17", "д.р. 17.05.1990",
		"4bf92f3577b34da6a3ce929d0e0e4736 2026-11-23T04:18:53.120Z order ORD-10000042 in 1234 ms", "İp 203.0.113.77", "base64: aXZhbkBleGFtcGxlLmNvbQ==", "xcard 4111111111111111",
	} {
		f.Add(s, 0)
		f.Add(strings.Repeat("- ", 25)+s, 1)
		f.Add(s+" "+s+"\n"+s, 37)
	}
	fast, slow := newScanner(), newScanner()
	f.Fuzz(func(t *testing.T, s string, shift int) {
		s = strings.Repeat(".", shift&63) + s
		g := fast.Look(s)
		if g&^text.Quote == 0 || g.Quiet() && g&text.Long == 0 || g&(text.Escape|text.Wide) != 0 && fast.folded.Fold(s, g) {
			return
		}
		got := slices.Clone(fast.Find(s, g, &number.Env{}))
		for _, want := range slow.slowly(s, g, &number.Env{}) {
			if !slices.ContainsFunc(got, func(f finding.Finding) bool { return f.Start <= want.Start && want.End <= f.End }) {
				t.Errorf("%q: found %v, and looking everywhere %v", s, got, want)
			}
		}
	})
}
