package waiting

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func node(id, parent byte, names bool) Node[struct{}] {
	n := Node[struct{}]{ID: [8]byte{id}, Names: names}
	if parent > 0 {
		n.Parent = [8]byte{parent}
	}
	return n
}

func TestOnlyWhatIsBelowTheTeacherIsSure(t *testing.T) {
	vague := node(7, 2, false)
	vague.Vague = true
	e := &Entry[struct{}]{named: true, Nodes: []Node[struct{}]{
		node(1, 0, false), node(2, 1, true), node(3, 2, false), node(5, 4, false), node(4, 3, false),
		node(6, 1, false), vague, node(8, 7, false), node(9, 10, false), node(10, 9, false), node(11, 11, false), {}, {},
	}}
	var got []int
	var s Search
	release := func(i int) { got = append(got, i); e.Nodes[i].Item = Gone }
	e.Sure(&s, release)
	if want := []int{1, 2, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	got = nil
	e.Sure(&s, release)
	if got != nil {
		t.Errorf("released twice: %v", got)
	}
	e.Nodes = append(e.Nodes, node(12, 4, false))
	e.Sure(&s, release)
	if want := []int{13}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestEntriesEndInTheOrderOfTheirDeadlines(t *testing.T) {
	r := New[struct{}](Options{MaxWait: time.Second, MaxBytes: 1 << 20})
	for i := range 10 {
		r.With([16]byte{byte(i)}, true, begin.Add(time.Duration(i)*100*time.Millisecond), func(*Entry[struct{}]) {})
	}
	due := r.Due(begin.Add(time.Second+250*time.Millisecond), false, nil)
	if len(due) != 3 {
		t.Errorf("%d due, want 3", len(due))
	}
	if len(r.Due(begin.Add(time.Second+250*time.Millisecond), false, nil)) != 0 {
		t.Error("due twice")
	}
	due = r.Due(begin, true, due)
	for _, e := range due {
		r.Give(r.Leave(e))
	}
	if s := r.Stats(); s != (Stats{}) {
		t.Errorf("%+v", s)
	}
}

func nodes(rnd *rand.Rand) (out []Node[struct{}]) {
	for range 1 + rnd.IntN(3) {
		n := node(byte(rnd.IntN(50)), byte(rnd.IntN(50)), rnd.IntN(9) == 0)
		n.Size = 500
		out = append(out, n)
	}
	return out
}

// TestBoundHoldsWhateverHappens runs random operations and compares the figures with what is there.
func TestBoundHoldsWhateverHappens(t *testing.T) {
	const limit = 100_000
	r := New[struct{}](Options{MaxWait: time.Second, MaxBytes: limit})
	var wg sync.WaitGroup
	for w := range uint64(4) {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(w, 3))
			now := begin
			var search Search
			for range 20_000 {
				now = now.Add(time.Duration(rnd.IntN(10)) * time.Millisecond)
				trace := [16]byte{byte(rnd.IntN(100))}
				var ended *Entry[struct{}]
				r.With(trace, rnd.IntN(2) == 0, now, func(e *Entry[struct{}]) {
					switch {
					case e == nil:
					case !r.Add(e, nodes(rnd)):
						r.End(e)
						ended = e
					default:
						e.Sure(&search, func(i int) { r.Give(r.Drop(e, i)) })
					}
				})
				if ended != nil {
					r.Give(r.Leave(ended))
				}
				if s := r.Stats(); s.Bytes > limit || s.Bytes < 0 || s.Spans < 0 {
					t.Errorf("%+v", s)
					return
				}
				for _, e := range r.Due(now, false, nil) {
					r.Give(r.Leave(e))
				}
			}
		})
	}
	wg.Wait()
	for _, e := range r.Due(begin, true, nil) {
		r.Give(r.Leave(e))
	}
	if s := r.Stats(); s.Bytes != 0 || s.Spans != 0 || s.Traces != 0 || s.Degraded {
		t.Errorf("%+v", s)
	}
}
