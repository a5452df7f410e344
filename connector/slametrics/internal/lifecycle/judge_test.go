package lifecycle

import (
	"fmt"
	"hash/maphash"
	"runtime"
	"testing"
	"time"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wheel"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

const s = int64(time.Second)

// chain is a -> b -> c with an end, and an end on the side.
func chain(t testing.TB) *Flow {
	t.Helper()
	f, err := NewFlow("order",
		[]Stage{{Name: "a"}, {Name: "b"}, {Name: "c", End: Good}, {Name: "x", End: Neutral}},
		[]Transition{{From: 0, To: 1, Deadline: 10 * time.Second, LostAfter: 30 * time.Second}, {From: 1, To: 2, Deadline: 20 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestTheVerdictsOfOneOrder: each event is stage, seconds; the verdict is that of the first a -> b at the watermark.
func TestTheVerdictsOfOneOrder(t *testing.T) {
	type at struct {
		stage   int
		seconds int64
	}
	for _, tc := range []struct {
		name   string
		events []at
		mark   int64
		want   Verdict
	}{
		{"waiting", []at{{0, 0}}, 9, Open},
		{"at the deadline", []at{{0, 0}}, 10, Breached},
		{"reached at the deadline", []at{{0, 0}, {1, 10}}, 10, OnTime},
		{"reached after it", []at{{0, 0}, {1, 11}}, 11, Late},
		{"lost", []at{{0, 0}}, 30, Lost},
		{"found", []at{{0, 0}, {1, 31}}, 31, LateFound},
		{"reached when it would be lost", []at{{0, 0}, {1, 30}}, 30, Late},
		{"ahead of the watermark", []at{{0, 0}, {1, 5}}, 4, Open},
		{"ended elsewhere", []at{{0, 0}, {3, 5}}, 5, Void},
		{"ended elsewhere, too late", []at{{0, 0}, {3, 12}}, 40, Breached},
		{"skipped", []at{{0, 0}, {2, 5}}, 5, Void},
		{"the successor's clock is behind", []at{{1, 3}, {0, 5}}, 5, OnTime},
		{"the least time of a repeat counts", []at{{0, 0}, {0, 5}, {1, 11}}, 11, Late},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := chain(t)
			var events []Event
			for _, e := range tc.events {
				events = append(events, NewEvent(e.stage, e.seconds*s, e.seconds*s, [16]byte{}, [8]byte{}, true))
			}
			visits := f.visits(events, tc.mark*s, 0, nil, func(int, int) {})
			for i := range visits {
				if visits[i].stage == 0 {
					if got := f.judge(visits, i, 0, tc.mark*s, nil); got.verdict != tc.want {
						t.Fatalf("%v, want %v", got.verdict, tc.want)
					}
					return
				}
			}
			t.Fatal("a was not visited")
		})
	}
}

func fill(b *Book, orders int) {
	var facts []Fact
	for i := range orders {
		key := fmt.Sprintf("ORD-%08d", i)
		for stage := range 2 {
			at := int64(1e18) + int64(i)*1e6 + int64(stage)*s
			facts = b.Observe(key, NewEvent(stage, at-1e6, at, [16]byte{byte(i), byte(i >> 8), byte(i >> 16), 1}, [8]byte{byte(i)}, true), facts[:0])
		}
	}
}

func newTestBook(t testing.TB, orders int) *Book {
	return NewBook(chain(t), Limits{MaxOrders: orders, MaxAge: time.Hour}, wheel.New())
}

// TestAnOrderInFlightCostsAtMost200Bytes counts everything: index, order, events, timer.
func TestAnOrderInFlightCostsAtMost200Bytes(t *testing.T) {
	const orders = 500_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b := newTestBook(t, orders)
	fill(b, orders)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / orders
	t.Logf("%.0f bytes an order", each)
	if each > 200 {
		t.Errorf("%.0f bytes an order, want at most 200", each)
	}
	runtime.KeepAlive(b)
}

func TestAFullBookForgetsFinishedOrdersAndRefusesNewOnes(t *testing.T) {
	b := newTestBook(t, 3)
	count := func(facts []Fact, kind Kind) (n int) {
		for _, f := range facts {
			if f.Kind == kind {
				n++
			}
		}
		return n
	}
	see := func(key string, stage int, at int64) []Fact {
		return b.Observe(key, NewEvent(stage, at*s, at*s, [16]byte{}, [8]byte{}, true), nil)
	}
	see("A", 0, 1)
	see("A", 3, 2)
	see("B", 0, 1)
	see("C", 0, 1)
	b.Advance(3*s, nil)
	if facts := see("D", 0, 4); count(facts, Evicted) != 1 || count(facts, Started) != 1 {
		t.Fatalf("the finished order makes room: %+v", facts)
	}
	if facts := see("E", 0, 4); count(facts, Refused) != 1 || b.Len() != 3 {
		t.Fatalf("open orders are not forgotten: %+v", facts)
	}
	if facts := b.Advance(5000*s, nil); count(facts, Expired) != 3 || b.Len() != 0 {
		t.Fatalf("expired %d, left %d", count(facts, Expired), b.Len())
	}
	if b.Open() != 0 || b.stages[0].InFlight != 0 || b.timers.(*wheel.Wheel).Len() != 0 {
		t.Fatal("nothing is left of forgotten orders")
	}
}

func TestTheIndexFindsWhatIsThereAndNothingElse(t *testing.T) {
	b := newTestBook(t, 400)
	b.limits.MaxAge = 100 * time.Second
	for i := range int64(20_000) { // orders come, end, and are forgotten: the index is shifted again and again
		key := fmt.Sprint("ORD-", i)
		b.Observe(key, NewEvent(3, i*s, i*s, [16]byte{}, [8]byte{}, true), nil)
		b.Advance(i*s, nil)
		for back := range min(i, 150) {
			_, ok := b.index.find(maphash.String(b.seed, fmt.Sprint("ORD-", i-back)), &b.slab, fmt.Sprint("ORD-", i-back))
			if ok != (back < 100) {
				t.Fatalf("order %d of %d: found %v", i-back, i, ok)
			}
		}
	}
	if b.index.used != b.Len() || len(b.index.slots) > 512 {
		t.Fatalf("%d in the index, %d orders, %d slots", b.index.used, b.Len(), len(b.index.slots))
	}
}

func TestABookIsTheSameAfterSaveAndLoad(t *testing.T) {
	b := newTestBook(t, 1000)
	fill(b, 1000)
	b.Advance(int64(1e18)+5*s, nil)
	saved := b.Save(nil)
	again := newTestBook(t, 1000)
	if facts, err := again.Load(wire.NewReader(saved), nil); err != nil || len(facts) != 0 {
		t.Fatalf("%v, %d facts", err, len(facts))
	}
	if string(again.Save(nil)) != string(saved) {
		t.Fatal("saved again, it differs")
	}
	for cut := range 2000 {
		if _, err := newTestBook(t, 1000).Load(wire.NewReader(saved[:cut]), nil); err == nil {
			t.Fatalf("%d bytes of %d were taken for all", cut, len(saved))
		}
	}
}

func BenchmarkRestore(b *testing.B) {
	book := newTestBook(b, 100_000)
	fill(book, 100_000)
	saved := book.Save(nil)
	b.ReportMetric(float64(len(saved))/100_000, "bytes/order")
	for b.Loop() {
		if _, err := newTestBook(b, 100_000).Load(wire.NewReader(saved), nil); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWhatIsLostForLongLeavesRoomForWhatIsLateNow(t *testing.T) {
	b := newTestBook(t, 20)
	enter := func(n int, at int64) {
		for i := range n {
			b.Observe(fmt.Sprintf("%d-%d", at, i), NewEvent(0, at*s, at*s, [16]byte{1}, [8]byte{byte(i)}, true), nil)
		}
	}
	enter(8, 100)
	enter(5, 200)
	b.Advance(215*s, nil)
	count := map[string]int{}
	for _, p := range b.Problems(3, nil) {
		count[p.Outcome]++
	}
	if count["lost"] != 3 || count["breached"] != 3 {
		t.Errorf("%v, want 3 of each", count)
	}
}

// TestAnOrderOfTenThousandEventsIsJudgedToItsEnd: a -> b again and again, then c, whose end to end is open all the while.
func TestAnOrderOfTenThousandEventsIsJudgedToItsEnd(t *testing.T) {
	for name, behind := range map[string]int64{"as they come": 0, "all at once": 1 << 40} {
		t.Run(name, func(t *testing.T) {
			f, err := NewFlow("order", []Stage{{Name: "a"}, {Name: "b"}, {Name: "c", End: Good}}, []Transition{
				{From: 0, To: 1, Deadline: 10 * time.Second}, {From: 1, To: 0, Deadline: 10 * time.Second},
				{From: 1, To: 2, Deadline: 5 * time.Hour}, {From: 0, To: 2, Deadline: 50 * time.Hour, EndToEnd: true}})
			if err != nil {
				t.Fatal(err)
			}
			b := NewBook(f, Limits{MaxOrders: 9, MaxAge: time.Hour}, wheel.New())
			var facts []Fact
			for i := range int64(10_001) {
				stage, at := int(i%2), i*s
				if i == 10_000 {
					stage = 2
				}
				facts = b.Observe("A", NewEvent(stage, at, at, [16]byte{1}, [8]byte{byte(i)}, true), facts)
				facts = b.Advance(at-behind, facts)
			}
			facts = b.Advance(20_000*s, facts)
			counts, kinds := map[Outcome]int{}, map[Kind]int{}
			for _, fact := range facts {
				kinds[fact.Kind]++
				if fact.Kind == Decided {
					counts[fact.Outcome]++
				}
			}
			if kinds[Finished] != 1 || len(b.Problems(9, nil)) > 0 || counts[OutcomeBreached] > 0 {
				t.Errorf("%v, verdicts %v, problems %v", kinds, counts, b.Problems(9, nil))
			}
			// b is left for a all but once: 5,000 times a -> b, 4,999 times b -> a, b -> c and the whole.
			if behind == 0 && (counts[OutcomeOnTime] != 10_001 || kinds[Crowded] > 0) {
				t.Errorf("%v, verdicts %v", kinds, counts)
			}
			if behind > 0 && kinds[Crowded] < 7_000 {
				t.Errorf("%v: what is left out is counted", kinds)
			}
		})
	}
}

// Two judges' watermarks differ by what each has heard of the paths.
func TestAJudgeThatIsBehindTakesBackNothingOfAnOrderThatWasHandedOver(t *testing.T) {
	ahead, behind := newTestBook(t, 5), newTestBook(t, 5)
	ahead.Observe("A", NewEvent(0, 100*s, 100*s, [16]byte{1}, [8]byte{1}, true), nil)
	ahead.Advance(135*s, nil) // breached at 110, lost at 130
	blob, _ := ahead.Give(nil, func(string) bool { return true })
	behind.Advance(105*s, nil)
	behind.Adopting(true)
	facts, err := behind.Adopt(wire.NewReader(blob), nil)
	if err != nil {
		t.Fatal(err)
	}
	behind.Adopting(false)
	for _, mark := range []int64{106, 115, 140} {
		facts = behind.Advance(mark*s, facts)
	}
	for _, f := range facts {
		if f.Kind == Decided {
			t.Errorf("%s was decided again", f.Outcome)
		}
	}
	if len(behind.Problems(9, nil)) != 1 || behind.Problems(9, nil)[0].Outcome != "lost" {
		t.Errorf("%+v", behind.Problems(9, nil))
	}
}
