package redact

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// corpus reads testdata: value a line, or key, tab, value.
func corpus(t *testing.T, name string) (cases [][2]string) {
	data, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimRight(string(data), "\n"), "\n") {
		if strings.HasPrefix(line, "# ") {
			continue
		}
		key, value, ok := strings.Cut(line, "\t")
		if !ok {
			key, value = "note", line
		}
		cases = append(cases, [2]string{key, value})
	}
	if len(cases) < 20 {
		t.Fatalf("%s: only %d cases", name, len(cases))
	}
	return cases
}

func TestEveryCaseOfTheCorporaIsFound(t *testing.T) {
	e := testEngine(policy.Balanced)
	for _, name := range []string{"cards", "phones", "emails", "secrets"} {
		cases := corpus(t, name)
		for _, c := range cases {
			se := e.Session()
			out, v := se.Text(se.Key("", c[0]), c[1], 0)
			if v == Same {
				t.Errorf("%s: %s=%q was not found", name, c[0], c[1])
			}
			if again, v := se.Text(se.Key("", c[0]), out, 0); v != Same {
				t.Errorf("%s: a second pass made %q of %q", name, again, out)
			}
			se.Release()
		}
		t.Logf("%-8s %4d cases, all found", name, len(cases))
	}
}

func TestOrdinaryTelemetryIsLeftAlone(t *testing.T) {
	e := testEngine(policy.Balanced)
	cases := corpus(t, "ordinary")
	for _, c := range cases {
		se := e.Session()
		if out, v := se.Text(se.Key("", c[0]), c[1], 0); v != Same {
			t.Errorf("%s=%q became %q", c[0], c[1], out)
		}
		se.Release()
	}
	t.Logf("%d cases, none touched", len(cases))
}
