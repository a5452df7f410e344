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
