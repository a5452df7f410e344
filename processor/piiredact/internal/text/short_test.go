package text

import (
	"strings"
	"testing"
)

// TestAnInertValuePassesTheGate: every pair of bytes at every place of values of every short length, and digits in all of them.
func TestAnInertValuePassesTheGate(t *testing.T) {
	inert := 0
	check := func(s string) {
		t.Helper()
		if !Inert(s) {
			return
		}
		inert++
		if g := Look(s); g != 0 || strings.ContainsAny(s, "{[\"") {
			t.Fatalf("%q is inert, and its gate is %b", s, g)
		}
	}
	for n := 1; n <= MaxShort; n++ {
		for _, fill := range []byte{'a', 'Z', '7', '-', '.', '/'} {
			b := []byte(strings.Repeat(string(fill), n))
			for i := range b {
				for k := i; k < n; k++ {
					for x := range 256 {
						for _, y := range []byte{byte(x), 'q', '5', 0, 0x80, '@', '{'} { //nolint:gosec // below 256
							b[i], b[k] = byte(x), y //nolint:gosec // below 256
							check(string(b))
							b[i], b[k] = fill, fill
						}
					}
				}
			}
		}
	}
	if inert < 1000 {
		t.Errorf("only %d values were inert", inert)
	}
}

func TestOrdinaryShortValuesAreInert(t *testing.T) {
	for _, s := range []string{"GET", "POST", "https", "1.1", "HTTP/2", "shop", "s", "ms", "By", "SELECT", "us-east", "N/A"} {
		if !Inert(s) {
			t.Errorf("%q is not", s)
		}
	}
	for _, s := range []string{"500", "a@b.co", "x:1", "[1]", "{}", "a=b", "пин", "x'1'", "%40", `\u0`, "longer-than", "a\x80", ">"} {
		if Inert(s) {
			t.Errorf("%q is", s)
		}
	}
	if !Inert("") {
		t.Error("the empty value is not")
	}
}

func BenchmarkInert(b *testing.B) {
	for _, s := range []string{"1.1", "https"} {
		b.Run(s, func(b *testing.B) {
			for b.Loop() {
				if !Inert(s) {
					b.Fatal("not inert")
				}
			}
		})
	}
}
