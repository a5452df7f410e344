package lifecycle

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestAPromiseThatHasBeenBrokenIsNotPutOff: what was told and when, in seconds, and the deadline that comes of it.
func TestAPromiseThatHasBeenBrokenIsNotPutOff(t *testing.T) {
	for _, tc := range []struct {
		name    string
		told    promises
		entered int64
		known   int64
		want    int64
	}{
		{"none", nil, 0, 99, 10},
		{"told before the stage was entered", promises{{1, 30}, {2, 40}}, 5, 99, 40},
		{"told in time", promises{{8, 30}}, 0, 99, 30},
		{"told at the deadline", promises{{10, 30}}, 0, 99, 30},
		{"told after the deadline", promises{{11, 30}}, 0, 99, 10},
		{"told after what was known", promises{{8, 30}}, 0, 7, 10},
		{"put off again and again", promises{{8, 30}, {25, 60}, {60, 90}}, 0, 99, 90},
		{"put off when it had been broken", promises{{8, 30}, {31, 60}}, 0, 99, 30},
		{"brought forward", promises{{8, 30}, {12, 20}}, 0, 99, 20},
		{"broken when it was told", promises{{8, 7}, {9, 60}}, 0, 99, 7},
		{"broken before the stage was entered", promises{{8, 7}, {20, 60}}, 30, 99, 60},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.told.deadline(tc.entered, tc.entered+10, tc.known); got != tc.want {
				t.Errorf("%d, want %d", got, tc.want)
			}
		})
	}
}

func TestPromisesHoldWhateverOrderTheyComeIn(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 3))
		var all []promise
		for range 1 + rng.IntN(maxPromises) {
			all = append(all, promise{rng.Int64N(50), rng.Int64N(8) * 10})
		}
		var one, other promises
		for _, p := range all {
			one, _ = one.with(p, 0)
		}
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, p := range slices.Concat(all, all) {
			other, _ = other.with(p, 0)
		}
		for entered := range int64(60) {
			if a, b := one.deadline(entered, entered+10, 100), other.deadline(entered, entered+10, 100); a != b {
				t.Fatalf("seed %d, entered at %d: %d and %d of %v and %v", seed, entered, a, b, one, other)
			}
		}
	}
}

func TestAPromisePutOffTenThousandTimesIsBoundedAndNotBroken(t *testing.T) {
	var told promises
	for at := range int64(10_000) {
		told, _ = told.with(promise{at, at + 60}, at-5)
	}
	if len(told) > maxPromises {
		t.Errorf("%d promises kept", len(told))
	}
	same := promises{}
	for at := range int64(10_000) {
		same, _ = same.with(promise{at, 20_000}, at-5)
	}
	if len(same) > 10 {
		t.Errorf("%d promises kept that say the same", len(same))
	}
	if got := told.deadline(-5, 5, 20_000); got != 10_059 {
		t.Errorf("%d, want the newest", got)
	}
}
