package bytesize

import "testing"

func TestParse(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "1024": 1024, "256MiB": 256 << 20, " 1.5 GiB ": 3 << 29, "2kB": 2000, "2KB": 2000, "7B": 7, "1MB": 1e6, "3GB": 3e9, "4KiB": 4096,
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "-1MiB", "1e400", "NaN", "inf", "1TiB", "0x10", "9223372036854775807GiB", "1 000", "1_000"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

func TestStringIsReadBack(t *testing.T) {
	for _, s := range []Size{0, 1, 1023, 1024, 256 << 20, 3 << 29, 5 << 30} {
		if got, err := Parse(s.String()); err != nil || got != s {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("256MiB")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := Parse(text); err == nil && s < 0 {
			t.Errorf("%q gave %d", text, s)
		}
	})
}
