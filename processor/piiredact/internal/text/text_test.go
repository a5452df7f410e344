package text

import (
	"strings"
	"testing"
)

// slow is the gate, one byte at a time.
func slow(s string) (g Gate) {
	digits := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '@':
			g |= At
		case strings.IndexByte(":=>", c) >= 0:
			g |= Pair
		case c == '%' || c == '\\':
			g |= Escape
		case c == '\'' || c == '"':
			g |= Quote
		case c >= 0x80:
			g |= Wide
		}
	}
	if digits >= MinDigits {
		g |= Digits
	}
	if len(s) >= MinToken {
		g |= Long
	}
	return g
}

func FuzzTheGateSeesWhatIsThere(f *testing.F) {
	for _, s := range []string{"", "a@b", "12345678901234567", "k=v k:v", "100%", `\n`, "привет", "it's \"x\"", "<a>", "\x80\xff/9:;", "+7 (1)\t_", strings.Repeat("ab1 2c-", 20), strings.Repeat("я", 40) + "x1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := Look(s), slow(s); got != want {
			t.Errorf("%q: %08b, want %08b", s, got, want)
		}
		a := NewAnchors(&Starts{}, nil)
		if got, want := a.Read(s), slow(s); got != want {
			t.Errorf("%q: anchors say %08b, want %08b", s, got, want)
		}
		for i := range len(s) {
			for lane, bits := range a.blocks[i/64] {
				if got, want := bits>>(i%64)&1, class[s[i]]>>(8*lane)&1; got != want {
					t.Errorf("%q: lane %d of byte %d is %d, want %d", s, lane, i, got, want)
				}
			}
			if always := strings.IndexByte("@:=>", s[i]) >= 0; always && a.Next(i) != i {
				t.Errorf("%q: the anchor at %d is missing", s, i)
			}
		}
	})
}

func TestWordsAreKnownByTheirBeginningWhereverTheyStand(t *testing.T) {
	var s Starts
	s.Add(Verb, "select")
	s.Add(Context, "tel")
	s.Add(Context, "телефон")
	a := NewAnchors(&s, func(string) Mark { return Context })
	for n := range 130 {
		blank := strings.Repeat("-", n)
		for text, want := range map[string][2]int{
			blank + "SELECT 1": {n, -1}, blank + "tel 1": {-1, n}, blank + "телефон": {-1, n}, blank + "тепло": {-1, -1}, blank + "xtel 1": {-1, -1}, blank + "яtel 1": {-1, -1},
		} {
			a.Read(text)
			verb, context := a.Verb(0), a.Contexts().Next(0, len(text))
			if want[0] >= 0 && verb != want[0] || want[0] < 0 && verb != len(text) || want[1] >= 0 && context != want[1] || want[1] < 0 && context != len(text) {
				t.Errorf("%q: a verb at %d, a context at %d, want %v", text, verb, context, want)
			}
		}
	}
}

func TestBitsOfARangeAreFound(t *testing.T) {
	edges := []int{-5, 0, 1, 2, 62, 63, 64, 65, 100, 101, 127, 128, 190, 191, 192, 200}
	for _, at := range []int{0, 1, 63, 64, 100, 191} {
		b := make(Bits, 3)
		b[at/64] = 1 << (at % 64)
		for _, lo := range edges {
			for _, hi := range edges {
				if got, want := b.Any(lo, hi), lo <= at && at < hi; got != want {
					t.Fatalf("bit %d, from %d to %d: %v", at, lo, hi, got)
				}
				sum := make(Bits, 3)
				if sum.add(b, lo, hi); sum.Any(0, 192) != (lo <= at && at < hi) {
					t.Fatalf("bit %d was not added from %d to %d, or was beyond it", at, lo, hi)
				}
			}
		}
	}
}

func TestTextsAreReadAsAPersonReadsThem(t *testing.T) {
	var f Folded
	for in, want := range map[string]string{
		"a%40b": "a@b", "a%2540b": "a@b", `a\u0040b`: "a@b", "４１１１": "4111", "٤٢": "42", "1\u201112": "1-12", "1\u00a02": "1 2", "a\u200bb": "ab", `x\ny`: "x y", "𝟜": "4",
	} {
		if !f.Fold(in, Look(in)) || string(f.Text) != want {
			t.Errorf("%q is read as %q, want %q", in, f.Text, want)
		}
		if len(f.Off) != len(f.Text)+1 || int(f.Off[len(f.Text)]) != len(in) {
			t.Errorf("%q: offsets %v", in, f.Off)
		}
	}
	if f.Fold("обычный текст", Wide) || f.Fold("100% sure", Escape) {
		t.Error("nothing to read differently")
	}
}
