package wire

import (
	"errors"
	"testing"
)

func TestWhatWasWrittenIsRead(t *testing.T) {
	b := Float(String(Int(Uint(nil, 1<<63), -5), "order"), 1.5)
	r := NewReader(b)
	if n, i, s, f := r.Uint(), r.Int(), r.String(), r.Float(); n != 1<<63 || i != -5 || s != "order" || f != 1.5 || r.Err() != nil || !r.Empty() {
		t.Fatal(n, i, s, f, r.Err())
	}
	for cut := range b {
		r := NewReader(b[:cut])
		_, _, _, _ = r.Uint(), r.Int(), r.String(), r.Float()
		if !errors.Is(r.Err(), ErrShort) {
			t.Fatalf("cut at %d: %v", cut, r.Err())
		}
	}
}

func FuzzReaderNeverPanics(f *testing.F) {
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(_ *testing.T, b []byte) {
		r := NewReader(b)
		for !r.Empty() && r.Err() == nil {
			_, _, _, _ = r.Uint(), r.String(), r.Len(40), r.Float()
		}
	})
}
