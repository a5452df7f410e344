package lifecycle

import (
	"testing"
	"time"
)

func TestHowLongWorkLastedIsKept(t *testing.T) {
	const at = int64(1_700_000_000 * time.Second)
	for _, c := range []struct{ took, want time.Duration }{
		{0, 0}, {999, 0}, {1500 * time.Microsecond, 1500 * time.Microsecond}, {35 * time.Minute, 35 * time.Minute},
		{36 * time.Minute, 36 * time.Minute}, {time.Hour + 1, time.Hour + time.Millisecond}, {20 * 24 * time.Hour, 20 * 24 * time.Hour},
		{60 * 24 * time.Hour, (1<<31 - 1) * time.Millisecond}, {-time.Second, 0},
	} {
		e := NewEvent(0, at-int64(c.took), at, [16]byte{}, [8]byte{}, true)
		if e.Took() != c.want || e.began() != at-int64(c.want) {
			t.Errorf("%s became %s", c.took, e.Took())
		}
		if again := NewEvent(0, at-int64(e.Took()), at, [16]byte{}, [8]byte{}, true); again.Took() != e.Took() {
			t.Errorf("%s told and heard became %s", e.Took(), again.Took())
		}
	}
}

func TestInstantsAreReadAsProgramsWriteThem(t *testing.T) {
	const at = 1795860000 // 2026-11-28T10:00:00Z
	for text, want := range map[string]int64{
		"2026-11-28T10:00:00Z": at * 1e9, "2026-11-28T13:00:00+03:00": at * 1e9, "2026-11-28T10:00:00.25Z": at*1e9 + 25e7,
		"2026-11-28T10:00Z": at * 1e9, "2026-11-28T13:00+03:00": at * 1e9, "2026-11-28T13:00+03:00[Europe/Moscow]": at * 1e9,
		"2026-11-28T13:00:00.5+03:00[Europe/Moscow]": at*1e9 + 5e8, "2026-11-28 10:00:00Z": at * 1e9, "2026-11-28 13:00:00.5+03:00": at*1e9 + 5e8,
		"1795860000": at * 1e9, "1795860000000": at * 1e9, "1795860000000000": at * 1e9, "1795860000000000000": at * 1e9,
		// A time of nowhere, a day, and nonsense are none.
		"2026-11-28T10:00:00": 0, "2026-11-28": 0, "[Europe/Moscow]": 0, "": 0, "-5": 0, "0": 0, "1948-01-01T00:00:00Z": 0, "9999-01-01T00:00Z": 0, "next week": 0,
	} {
		if got, ok := Instant(text); ok != (want != 0) || ok && got != want {
			t.Errorf("%q: %d, %v; not %d", text, got, ok, want)
		}
	}
}
