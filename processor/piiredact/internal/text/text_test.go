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

func anchored(s string, i int) bool {
	isLetter := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
	isDigit := func(c byte) bool { return c-'0' <= 9 }
	switch c := s[i]; {
	case isLetter(c):
		return i == 0 || !isLetter(s[i-1]) && !isDigit(s[i-1])
	case isDigit(c):
		return i == 0 || !isDigit(s[i-1])
	default:
		return strings.IndexByte("@:=>-", c) >= 0
	}
}

func FuzzTheGateSeesWhatIsThere(f *testing.F) {
	for _, s := range []string{"", "a@b", "12345678901234567", "k=v k:v", "100%", `\n`, "привет", "it's \"x\"", "<a>", "\x80\xff/9:;", strings.Repeat("ab1 2c-", 20), strings.Repeat("я", 40) + "x1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := Look(s), slow(s); got != want {
			t.Errorf("%q: %08b, want %08b", s, got, want)
		}
		var a Anchors
		if got, want := a.Read(s), slow(s); got != want {
			t.Errorf("%q: anchors say %08b, want %08b", s, got, want)
		}
		for i := range len(s) + 1 {
			want := i
			for want < len(s) && !anchored(s, want) {
				want++
			}
			if got := a.Next(i); got != want {
				t.Errorf("%q: the next anchor from %d is %d, want %d", s, i, got, want)
			}
		}
	})
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
