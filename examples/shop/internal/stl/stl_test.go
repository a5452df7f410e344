package stl

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

func TestTheVolumeOfARingIsThatOfItsTorus(t *testing.T) {
	var model bytes.Buffer
	if err := Ring(&model, 9, 1.5, 200, 100); err != nil {
		t.Fatal(err)
	}
	got, err := Volume(&model)
	want := 2 * math.Pi * math.Pi * 9 * 1.5 * 1.5
	if err != nil || math.Abs(got-want)/want > 0.002 {
		t.Errorf("volume = %v (%v), want %v within 0.2 %%", got, err, want)
	}
}

func FuzzAnyBytesAreMeasuredOrRefused(f *testing.F) {
	var model bytes.Buffer
	if err := Ring(&model, 9, 1.5, 3, 3); err != nil {
		f.Fatal(err)
	}
	f.Add(model.Bytes())
	f.Add(model.Bytes()[:90])
	f.Add([]byte("solid ascii"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		volume, err := Volume(bytes.NewReader(b))
		if err != nil && !errors.Is(err, ErrNotSTL) {
			t.Errorf("err = %v", err)
		}
		if err == nil && (math.IsNaN(volume) || volume < 0) {
			t.Errorf("volume = %v", volume)
		}
	})
}
