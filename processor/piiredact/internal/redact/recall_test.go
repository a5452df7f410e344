package redact

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/pseudonym"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/scan"
)

// TestWhatIsRememberedIsSaidAndCountedAsTheFirstTime: of every value that is found or ordinary, many times over.
func TestWhatIsRememberedIsSaidAndCountedAsTheFirstTime(t *testing.T) {
	values := slices.Clone(ordinary)
	for _, c := range found {
		values = append(values, [2]string{c[0], c[1]})
	}
	for _, profile := range policy.Profiles {
		e := testEngine(profile)
		remembered := 0
		for _, c := range values {
			se := e.Session()
			look := func() (string, Verdict, Counts) {
				se.Counts = Counts{}
				out, v := se.Text(se.Key("", c[0]), c[1], 0)
				counts := se.Counts
				remembered += int(counts.Remembered)
				counts.Remembered = 0
				return out, v, counts
			}
			out, v, counts := look()
			for n := range 4 {
				if o, w, again := look(); o != out || w != v || again != counts {
					t.Errorf("%s: %q under %q became %q, and %q the %d. time; counted %v and %v", profile, c[1], c[0], out, o, n+2, counts, again)
				}
			}
			se.Release()
		}
		if all := 3 * len(values); remembered < all/2 {
			t.Errorf("%s: only %d of %d were remembered", profile, remembered, all)
		}
	}
}

// TestNothingPersonalIsKept: what a session remembers holds no part of a value that was redacted.
func TestNothingPersonalIsKept(t *testing.T) {
	e, edits := testEngine(policy.Balanced), 0
	for _, c := range found {
		se := e.Session() // one that nobody gave back: it has met nothing yet
		for range 4 {
			se.Text(se.Key("", c[0]), c[1], 0)
		}
		for i := range se.memory.values {
			r := &se.memory.values[i]
			kept := string(r.text[:cap(r.text)])
			if r.edit != nil && r.edit.known {
				kept += r.edit.out
				edits++
			}
			if strings.Contains(kept, c[2]) {
				t.Errorf("%q of %q is kept in %q", c[2], c[1], kept)
			}
		}
	}
	if edits < len(found)/2 {
		t.Errorf("only %d of %d edits are remembered", edits, len(found))
	}
}

func TestNewKeysCountForRememberedValuesAtOnce(t *testing.T) {
	key := func(n byte) []pseudonym.Key {
		k, err := pseudonym.Parse(fmt.Appendf(nil, `{"keys":[{"id":"k%d","key":"%s=","status":"primary"}]}`, n, strings.Repeat(string('A'+rune(n)), 42)+"A"))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	e := testEngine(policy.Balanced)
	se := e.Session() // one session all the time: keys are replaced while it works
	defer se.Release()
	look := func(k, s string) string {
		out := ""
		for range 4 {
			out, _ = se.Text(se.Key("", k), s, 0)
		}
		return out
	}
	e.opt.Keys.Replace(key(1))
	first, whole := look("note", "mail ivan@example.com now"), look("customer.name", "Ivan Petrov")
	if ours := look("customer.name", whole); ours != whole {
		t.Errorf("%s was not recognised as ours: %s", whole, ours)
	}
	for n := byte(2); n < 12; n++ {
		e.opt.Keys.Replace(key(n))
		id := fmt.Sprintf("_k%d_", n)
		for k, s := range map[string]string{"note": "mail ivan@example.com now", "customer.name": "Ivan Petrov", "customer_name": whole} {
			if out, _ := se.Text(se.Key("", k), s, 0); !strings.Contains(out, id) {
				t.Errorf("under key %d, %s=%s is still %s", n, k, s, out)
			}
			look(k, s)
		}
	}
	e.opt.Keys.Replace(key(1))
	if again := look("note", "mail ivan@example.com now"); again != first {
		t.Errorf("the same key makes %s and %s", first, again)
	}
}

// TestWhatWasReadTooLateIsNotRememberedAsClean: a value whose time was up before its end may hold anything.
func TestWhatWasReadTooLateIsNotRememberedAsClean(t *testing.T) {
	e := New(Options{
		Table: policy.Balanced.Table(), Keys: testEngine(policy.Balanced).opt.Keys, Box: testEngine(policy.Balanced).opt.Box,
		Rules: []scan.Rule{}, Limits: Limits{Bytes: 1 << 20, Depth: 32, Findings: 1000, Time: time.Hour, Keys: 1024},
	})
	se := e.Session()
	defer se.Release()
	d := se.Key("", "note")
	const value = "mail ivan@example.com now"
	for range 4 { // as a clock that has run out leaves it
		se.budget = budget{runs: true, late: true}
		se.look(d, value, 0)
	}
	se.budget = budget{}
	if out, v := se.Text(d, value, 0); v != Changed || strings.Contains(out, "ivan") {
		t.Errorf("%q is left", out)
	}
}

func TestAPersonWhoAsksWhyIsToldEveryTime(t *testing.T) {
	e := testEngine(policy.Balanced)
	se := e.Session()
	defer se.Release()
	d := se.Key("", "note")
	for range 3 {
		se.Text(d, "mail ivan@example.com now", 0)
	}
	told := 0
	se.Seen = func(s Seen) {
		if told++; s.Found != "ivan@example.com" || s.Entity != finding.Email {
			t.Errorf("told of %+v", s)
		}
	}
	for range 3 {
		se.Text(d, "mail ivan@example.com now", 0)
	}
	if told != 3 {
		t.Errorf("told %d times", told)
	}
}

// TestAFloodOfValuesKeepsNoMoreThanItsBound: whatever comes, twice each, the memory stays what its comment says.
func TestAFloodOfValuesKeepsNoMoreThanItsBound(t *testing.T) {
	e := testEngine(policy.Balanced)
	se := e.Session()
	defer se.Release()
	d := se.Key("", "note")
	for i := range 3_000 {
		dirty, clean := fmt.Sprintf("mail u%d@example.com %s", i, strings.Repeat("a@b.co ", i%30)), fmt.Sprintf("nothing %d %s", i, strings.Repeat("at all ", i%30))
		for range 3 {
			se.Text(d, dirty, 0)
			se.Text(d, clean, 0)
		}
	}
	edits := 0
	for i := range se.memory.values {
		r := &se.memory.values[i]
		if len(r.text) > 0 && r.edit != nil && r.edit.known || cap(r.text) > 2*maxRemember {
			t.Fatalf("%d bytes of text and an edit", cap(r.text))
		}
		if r.edit != nil {
			if len(r.edit.out) > maxEdited {
				t.Fatalf("%d bytes of an edit", len(r.edit.out))
			}
			edits++
		}
	}
	if edits < recentValues/4 {
		t.Errorf("only %d edits", edits)
	}
}

// TestWhatIsRememberedOfANameIsSoUnderItsActionsOnly: an override that keeps mail addresses says nothing of the same name
// elsewhere, whichever comes first.
func TestWhatIsRememberedOfANameIsSoUnderItsActionsOnly(t *testing.T) {
	const name, body = "ivan.petrov@mail.ru", `{"ivan.petrov@mail.ru":1}`
	kept := *policy.Balanced.Table()
	kept.Set(finding.Email, policy.Rule{Action: policy.Keep})
	opt := testEngine(policy.Balanced).opt
	for range 40 { // more than there is memory for
		opt.Overrides = append(opt.Overrides, Override{Keys: []string{"unused"}, Table: opt.Table})
	}
	opt.Overrides[0] = Override{Keys: []string{"first"}, Table: &kept}
	opt.Overrides[39] = Override{Keys: []string{"last"}, Table: &kept}
	for _, keys := range [][]string{{"first", "last", "note"}, {"note", "first", "last"}} {
		e := New(opt)
		se := e.Session()
		for n := range 3 {
			for _, key := range keys {
				se.At(key)
				out, v := se.Text(se.Key("", key), body, 0)
				if _, w := se.Name(name); v != w || (v == Same) != (key != "note") {
					t.Errorf("%v: %s, the %d. time: %q became %q", keys, key, n+1, body, out)
				}
			}
		}
		se.Release()
	}
}
