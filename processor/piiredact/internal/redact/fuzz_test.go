package redact

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

func FuzzWhateverGoesInComesOutWholeAndStays(f *testing.F) {
	for _, c := range found {
		f.Add(c[0], c[1])
	}
	for _, c := range ordinary {
		f.Add(c[0], c[1])
	}
	e := testEngine(policy.Balanced)
	f.Fuzz(func(t *testing.T, key, value string) {
		se := e.Session()
		defer se.Release()
		out, v := se.Text(se.Key("", key), value, 0)
		if v == Same && out != value {
			t.Fatalf("%q became %q without saying so", value, out)
		}
		if utf8.ValidString(value) && !utf8.ValidString(out) {
			t.Errorf("%q is no UTF-8 any more: %q", value, out)
		}
		if json.Valid([]byte(value)) && v == Changed && (value[0] == '{' || value[0] == '[') && !se.Key("", key).Statement && !json.Valid([]byte(out)) {
			t.Errorf("%q is no JSON any more: %q", value, out)
		}
		counts := se.Counts
		for range 3 { // remembered or not
			se.Counts = Counts{}
			if o, w := se.Text(se.Key("", key), value, 0); o != out || w != v || se.Counts.Found != counts.Found || se.Counts.Over != counts.Over || se.Counts.Values != counts.Values {
				t.Fatalf("key %q: %q became %q, then %q", key, value, out, o)
			}
		}
		if again, v := se.Text(se.Key("", key), out, 0); v != Same {
			t.Errorf("key %q: %q became %q, and on a second pass %q", key, value, out, again)
		}
	})
}
