package redact

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// lines reads testdata without its comments; fields are separated by tabs.
func lines(t *testing.T, name string) (rows [][]string) {
	data, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimRight(string(data), "\n"), "\n") {
		if !strings.HasPrefix(line, "# ") {
			rows = append(rows, strings.Split(line, "\t"))
		}
	}
	if len(rows) < 20 {
		t.Fatalf("%s: only %d cases", name, len(rows))
	}
	return rows
}

// corpus reads testdata: value a line, or key, tab, value.
func corpus(t *testing.T, name string) (cases [][2]string) {
	for _, row := range lines(t, name) {
		if len(row) == 1 {
			row = []string{"note", row[0]}
		}
		cases = append(cases, [2]string{row[0], row[1]})
	}
	return cases
}

// through passes a value twice: the second pass must change nothing.
func through(t *testing.T, e *Engine, key, value string) (string, Verdict) {
	t.Helper()
	se := e.Session()
	defer se.Release()
	out, v := se.Text(se.Key("", key), value, 0)
	if again, v := se.Text(se.Key("", key), out, 0); v != Same {
		t.Errorf("%s=%q: a second pass made %q of %q", key, value, again, out)
	}
	return out, v
}

func TestEveryCaseOfTheCorporaIsFound(t *testing.T) {
	e := testEngine(policy.Balanced)
	for _, name := range []string{"cards", "phones", "emails", "secrets", "ibans"} {
		cases := corpus(t, name)
		for _, c := range cases {
			if _, v := through(t, e, c[0], c[1]); v == Same {
				t.Errorf("%s: %s=%q was not found", name, c[0], c[1])
			}
		}
		t.Logf("%-8s %4d cases, all found", name, len(cases))
	}
}

// unescaped undoes the escapes of a Go string.
func unescaped(t *testing.T, s string) string {
	u, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return u
}

func TestTheSecretIsGoneFromEveryFormOfTheCorpora(t *testing.T) {
	e := testEngine(policy.Balanced)
	cases := map[string]int{}
	for _, row := range lines(t, "found") {
		if len(row) != 4 {
			t.Fatalf("%q: not detector, key, value, secret", row)
		}
		value, secret := unescaped(t, row[2]), unescaped(t, row[3])
		if !strings.Contains(value, secret) {
			t.Fatalf("%q does not hold %q", value, secret)
		}
		cases[row[0]]++
		if out, v := through(t, e, row[1], value); v != Dropped && strings.Contains(out, secret) {
			t.Errorf("%s: %s=%q: %q is still in %q", row[0], row[1], value, secret, out)
		}
	}
	t.Logf("%v", cases)
}

func TestTheIBANsOfEveryCorporaCountryAreFoundInTheirPaperForm(t *testing.T) {
	e := testEngine(policy.Balanced)
	for _, c := range corpus(t, "ibans") {
		paper := grouped(c[1], " ", 4, 4, 4, 4, 4, 4, 4, 4)
		for _, text := range []string{"IBAN " + paper, "to " + paper + ", thanks", strings.ToLower(c[1]), "IBAN" + c[1], "/pay/" + c[1] + "/now"} {
			if out, _ := through(t, e, "note", text); survives(paper, out) {
				t.Errorf("%q became %q", text, out)
			}
		}
	}
}

// TestThePhonesOfEveryCorporaCountryAreFound: four digits are a number on islands of a few hundred people only.
func TestThePhonesOfEveryCorporaCountryAreFound(t *testing.T) {
	e := testEngine(policy.Balanced)
	rows := lines(t, "phones_by_country")
	n := 0
	for _, row := range rows {
		e164, abroad, home := row[2], row[3], row[4]
		cases := [][3]string{{"note", e164, e164}, {"note", "call " + abroad + " now", abroad}, {"message", "to=" + e164 + ";", e164}}
		if len(home) > 4 {
			cases = append(cases, [3]string{"customer.phone", home, home}, [3]string{"note", "phone: " + home, home}, [3]string{"note", "тел. " + home, home})
		}
		for _, c := range cases {
			if len(c[2]) < 9 && strings.HasPrefix(c[1], "тел.") {
				continue // a word without a colon announces numbers of seven digits and more
			}
			n++
			if out, _ := through(t, e, c[0], c[1]); strings.Contains(out, c[2][len(c[2])-4:]) {
				t.Errorf("%s %s: %s=%q became %q", row[0], row[1], c[0], c[1], out)
			}
		}
	}
	t.Logf("%d forms of %d numbers, all found", n, len(rows))
}

func TestOrdinaryTelemetryIsLeftAlone(t *testing.T) {
	e := testEngine(policy.Balanced)
	cases := corpus(t, "ordinary")
	for _, c := range cases {
		if out, v := through(t, e, c[0], c[1]); v != Same {
			t.Errorf("%s=%q became %q", c[0], c[1], out)
		}
	}
	t.Logf("%d cases, none touched", len(cases))
}
