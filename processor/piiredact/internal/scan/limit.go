package scan

import "time"

// stride is how many anchors are read between two looks at the clock: a few milliseconds at the very worst.
const stride = 4096

// expired says that the time is up, and notes it.
func (sc *Scanner) expired() bool {
	if !sc.Late && !sc.Until.IsZero() && time.Now().After(sc.Until) {
		sc.Late = true
	}
	return sc.Late
}

// Trim lets go of the text that was read last, and of buffers with more room than that.
func (sc *Scanner) Trim(room int) {
	sc.anchors.Trim(room)
	sc.folded.Trim(room)
	if cap(sc.found) > room/32 {
		sc.found = nil
	}
	if sc.inner != nil {
		sc.inner.Trim(room)
	}
}
