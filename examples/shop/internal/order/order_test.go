package order

import "testing"

func TestALifeGoesForwardOneStepAtATime(t *testing.T) {
	life := All()[:8]
	for i, from := range life {
		for j, to := range life {
			want := Illegal
			switch {
			case j == i+1:
				want = Move
			case j <= i:
				want = Already
			}
			if got := Check(from, to); got != want {
				t.Errorf("%s → %s: %v, want %v", from, to, got, want)
			}
		}
	}
}

func TestOnlyAnOrderWithoutApprovalIsCancelled(t *testing.T) {
	for _, from := range All() {
		want := Illegal
		switch from {
		case Submitted, Priced:
			want = Move
		case Cancelled:
			want = Already
		}
		if got := Check(from, Cancelled); got != want {
			t.Errorf("%s → CANCELLED: %v, want %v", from, got, want)
		}
		if from != Cancelled {
			if got := Check(Cancelled, from); got != Illegal {
				t.Errorf("CANCELLED → %s: %v, want Illegal", from, got)
			}
		}
	}
}

func TestNumbersHaveEightDigits(t *testing.T) {
	if ID(41) != "ORD-10000042" || !ValidID(ID(41)) {
		t.Error(ID(41))
	}
	for _, bad := range []string{"", "ORD-1", "ORD-100000421", "ord-10000042", "ORD-10000042\n", "xORD-10000042"} {
		if ValidID(bad) {
			t.Errorf("%q is no order number", bad)
		}
	}
}
