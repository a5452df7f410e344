package binding

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func id(n uint64) (k [16]byte) {
	binary.BigEndian.PutUint64(k[8:], n) // zero-padded, like a 64-bit trace id
	return k
}

func get(x *Index, n Node, now time.Time) map[Name]Binding {
	m := map[Name]Binding{}
	for _, b := range x.Lookup(n, now, nil) {
		if _, twice := m[b.Name]; twice {
			panic("two live bindings of one identifier")
		}
		m[b.Name] = b
	}
	return m
}

func TestMergeFollowsRankAndFirstSeen(t *testing.T) {
	a, b, c := "ORD-1", "ORD-2", "ORD-3"
	tests := []struct {
		name    string
		in      []Binding
		out     []Outcome
		value   string
		source  Source
		several bool
	}{
		{"first", []Binding{{Source: URL, Value: a}}, []Outcome{Bound}, a, URL, false},
		{"same again", []Binding{{Source: URL, Value: a}, {Source: URL, Value: a}}, []Outcome{Bound, Known}, a, URL, false},
		{"same, better source", []Binding{{Source: URL, Value: a}, {Source: Attribute, Value: a}}, []Outcome{Bound, Better}, a, Attribute, false},
		{"better replaces", []Binding{{Source: URL, Value: a}, {Source: Attribute, Value: b}}, []Outcome{Bound, Better}, b, Attribute, false},
		{"weaker is ignored", []Binding{{Source: Attribute, Value: a}, {Source: URL, Value: b}}, []Outcome{Bound, Weaker}, a, Attribute, false},
		{"equal rank contradicts", []Binding{{Source: URL, Value: a}, {Source: URL, Value: b}}, []Outcome{Bound, Contradicted}, a, URL, true},
		{"a third adds nothing", []Binding{{Source: URL, Value: a}, {Source: URL, Value: b}, {Source: URL, Value: c}}, []Outcome{Bound, Contradicted, Known}, a, URL, true},
		{"better settles a contradiction", []Binding{{Source: URL, Value: a}, {Source: URL, Value: b}, {Source: Header, Value: c}}, []Outcome{Bound, Contradicted, Better}, c, Header, false},
		{"ambiguous from the start", []Binding{{Source: URL, Value: a, Several: true}}, []Outcome{Contradicted}, a, URL, true},
		{"ambiguous later", []Binding{{Source: URL, Value: a}, {Source: URL, Value: a, Several: true}}, []Outcome{Bound, Contradicted}, a, URL, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := New(Options{})
			for i, b := range tt.in {
				if out := x.Bind(Trace(id(7)), b, start); out != tt.out[i] {
					t.Errorf("bind %d: outcome %d, want %d", i, out, tt.out[i])
				}
			}
			got := get(x, Trace(id(7)), start)[0]
			if got.Value != tt.value || got.Source != tt.source || got.Several != tt.several {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestBadInputIsRefused(t *testing.T) {
	x := New(Options{})
	long := string(make([]byte, MaxValue+1))
	for _, tt := range []struct {
		n Node
		b Binding
	}{
		{Trace([16]byte{}), Binding{Source: URL, Value: "a"}},
		{Trace(id(1)), Binding{Source: URL}},
		{Trace(id(1)), Binding{Source: URL, Value: long}},
		{Trace(id(1)), Binding{Value: "a"}},
		{Trace(id(1)), Binding{Name: MaxNames, Source: URL, Value: "a"}},
	} {
		if out := x.Bind(tt.n, tt.b, start); out != Refused {
			t.Errorf("%+v: outcome %d, want Refused", tt.b.Name, out)
		}
	}
	if x.Connect(Trace(id(1)), Trace(id(1)), Link, start) || x.Connect(Trace([16]byte{}), Trace(id(1)), Link, start) {
		t.Error("connected a node to itself or to the zero id")
	}
}

func TestBindingTravelsOverAMessageInBothOrders(t *testing.T) {
	for _, teachFirst := range []bool{true, false} {
		x := New(Options{})
		order, _ := x.Name("order.id", Joins(0).With(Message))
		session, _ := x.Name("session.id", 0)
		m := MessageOf(Message, "m-1")
		teach := func() {
			x.Bind(Trace(id(1)), Binding{Name: order, Source: Attribute, Value: "ORD-1"}, start)
			x.Bind(Trace(id(1)), Binding{Name: session, Source: Attribute, Value: "s"}, start)
		}
		if teachFirst {
			teach()
		}
		x.Connect(Trace(id(1)), m, Message, start)
		x.Connect(Trace(id(2)), m, Message, start)
		if !teachFirst {
			teach()
		}
		got := get(x, Trace(id(2)), start)
		if b := got[order]; b.Value != "ORD-1" || b.Source != Message || b.Hops != 2 {
			t.Errorf("teach first %v: %+v", teachFirst, b)
		}
		if _, ok := got[session]; ok {
			t.Error("an identifier without joins travelled")
		}
	}
}

// TestLinksEndAfterTwoHops tries every order in which the links may be seen: a way that is found later may be the shorter one.
func TestLinksEndAfterTwoHops(t *testing.T) {
	links := [][2]uint64{{1, 2}, {2, 3}, {3, 4}, {4, 5}, {3, 1}} // a circle
	for teachAt := range len(links) + 1 {
		for first := range 120 {
			x := New(Options{})
			order, _ := x.Name("order.id", Joins(0).With(Link))
			rest := append([][2]uint64(nil), links...)
			for n, pick := len(rest), first; ; n-- {
				if len(links)-n == teachAt {
					x.Bind(Trace(id(1)), Binding{Name: order, Source: URL, Value: "ORD-1"}, start)
				}
				if n == 0 {
					break
				}
				i := pick % n
				pick /= n
				x.Connect(Trace(id(rest[i][0])), Trace(id(rest[i][1])), Link, start)
				rest[i] = rest[n-1]
			}
			for i, want := range map[uint64]bool{1: true, 2: true, 3: true, 4: true, 5: false} {
				if _, ok := get(x, Trace(id(i)), start)[order]; ok != want {
					t.Fatalf("order %d, taught after %d links: trace %d bound: %v, want %v", first, teachAt, i, ok, want)
				}
			}
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	x := New(Options{})
	n := 0
	for i := uint64(2); i < 10_000; i++ {
		if x.Connect(Trace(id(1)), Trace(id(i)), Link, start) {
			n++
		}
	}
	if n != MaxEdges {
		t.Errorf("%d connections, want %d", n, MaxEdges)
	}
}

func TestTracesExpireAndUseKeepsThem(t *testing.T) {
	x := New(Options{TraceTTL: time.Minute})
	x.Bind(Trace(id(1)), Binding{Source: URL, Value: "kept"}, start)
	x.Bind(Trace(id(2)), Binding{Source: URL, Value: "gone"}, start)
	now := start
	for range 100 {
		now = now.Add(10 * time.Second)
		if now.Sub(start) <= time.Minute {
			if got := get(x, Trace(id(1)), now)[0]; got.Value != "kept" {
				t.Fatalf("lost after %v", now.Sub(start))
			}
		}
		if got := get(x, Trace(id(1)), now)[0]; got.Value != "kept" {
			t.Fatalf("a used trace was lost after %v", now.Sub(start))
		}
	}
	if got := get(x, Trace(id(2)), now); len(got) != 0 {
		t.Errorf("an unused trace is still there: %v", got)
	}
	if s := x.Stats(now); s.Expired == 0 || s.Evicted != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestEntriesExpireInATableThatNobodyUsed(t *testing.T) {
	x := New(Options{TraceTTL: time.Minute, MessageTTL: 7 * 24 * time.Hour})
	trace, message := Trace(id(1)), MessageOf(Message, "m")
	for _, n := range []Node{trace, message} {
		x.Bind(n, Binding{Source: URL, Value: "v"}, start)
	}
	if got := get(x, message, start.Add(6*24*time.Hour)); len(got) != 1 {
		t.Errorf("a message is gone after six days: %v", got)
	}
	for n, after := range map[Node]time.Duration{trace: 2 * time.Minute, message: 15 * 24 * time.Hour} {
		if got := get(x, n, start.Add(after)); len(got) != 0 {
			t.Errorf("%v after %s: %v", n.Space, after, got)
		}
	}
}

func TestUnusedTraceLivesForItsTTL(t *testing.T) {
	x := New(Options{TraceTTL: time.Minute})
	for i := range 600 { // a bind per 100 ms for a minute, then each must be there 59 s after it was bound
		now := start.Add(time.Duration(i) * 100 * time.Millisecond)
		x.Bind(Trace(id(uint64(i+1))), Binding{Source: URL, Value: "v"}, now)
		if j := i - 590; j >= 0 {
			if len(x.Lookup(Trace(id(uint64(j+1))), now, nil)) != 1 {
				t.Fatalf("trace %d is gone after 59 s", j)
			}
		}
	}
}

// TestAgreesWithAMap runs random operations against a plain map while nothing is evicted.
func TestAgreesWithAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	x := New(Options{MaxBytes: 64 << 20})
	type state struct {
		value   string
		source  Source
		several bool
	}
	model := map[[16]byte]map[Name]state{}
	for range 50_000 {
		k := id(uint64(r.IntN(5_000) + 1))
		n := Name(r.IntN(3))
		v := state{value: fmt.Sprintf("ORD-%d", r.IntN(4)), source: Source(r.IntN(int(sourceCount)-1) + 1)}
		x.Bind(Trace(k), Binding{Name: n, Source: v.source, Value: v.value}, start)
		if model[k] == nil {
			model[k] = map[Name]state{}
		}
		old, ok := model[k][n]
		switch {
		case !ok || v.source > old.source:
			model[k][n] = v
		case v.source == old.source && v.value != old.value:
			old.several = true
			model[k][n] = old
		}
	}
	for k, want := range model {
		got := get(x, Trace(k), start)
		if len(got) != len(want) {
			t.Fatalf("trace %x: %d identifiers, want %d", k, len(got), len(want))
		}
		for n, w := range want {
			if g := got[n]; g.Value != w.value || g.Source != w.source || g.Several != w.several {
				t.Fatalf("trace %x: %+v, want %+v", k, g, w)
			}
		}
	}
}

// heap counts what the tables really hold, transient copies excluded.
func checkBound(t testing.TB, x *Index, now time.Time, limit int64) {
	t.Helper()
	if s := x.Stats(now); s.Bytes > limit || s.MaxBytes > limit {
		t.Fatalf("%d bytes of at most %d (limit by tables %d)", s.Bytes, limit, s.MaxBytes)
	}
}

func TestByteBoundHoldsAndTheNewestSurvive(t *testing.T) {
	const limit = 2 << 20
	x := New(Options{MaxBytes: limit})
	for i := range uint64(120_000) {
		if out := x.Bind(Trace(id(i+1)), Binding{Source: URL, Value: "ORD-10000042"}, start); out != Bound {
			t.Fatalf("bind %d: outcome %d", i, out)
		}
		x.Bind(MessageOf(Message, fmt.Sprint(i)), Binding{Source: URL, Value: "ORD-10000042"}, start)
		if i%5_000 == 0 {
			checkBound(t, x, start, limit)
		}
	}
	for i := range uint64(5_000) {
		if len(x.Lookup(Trace(id(120_000-i)), start, nil)) != 1 {
			t.Fatalf("the trace %d from the end is gone", i)
		}
	}
	if s := x.Stats(start); s.Evicted == 0 {
		t.Error("nothing was evicted")
	}
}

func TestBytesPerTrace(t *testing.T) {
	const limit = 2*MinBytes - 1 // one shard: with several the fullest, which is another each time, would be measured
	x := New(Options{MaxBytes: limit})
	n := uint64(0)
	for x.Stats(start).Evicted == 0 {
		for range 100 {
			n++
			x.Bind(Trace(id(n)), Binding{Source: URL, Value: "ORD-10000042"}, start)
		}
	}
	per := float64(limit-guardBytes) / 8 * 5 / float64(n)
	t.Logf("%d traces, %.1f bytes of the traces' share for each", n, per)
	if per > 60 {
		t.Errorf("%.1f bytes a trace", per)
	}
}

func TestPoisonedSourceBindsNoMore(t *testing.T) {
	x := New(Options{})
	const poison, good = 7, 8
	bad := Binding{Source: Attribute, Tag: poison, Value: "ACCOUNT"}
	x.Bind(Trace(id(1)), bad, start)
	x.Bind(Trace(id(2)), Binding{Source: Attribute, Tag: good, Value: "ORD-9"}, start)
	for i, order := range []string{"ORD-1", "ORD-1", "ORD-2", "ORD-3"} {
		if now := x.Contradict(poison, "ACCOUNT", order); now != (i == 3) {
			t.Errorf("after %d contradictions: quarantined %v", i+1, now)
		}
	}
	if x.Contradict(poison, "ACCOUNT", "ORD-4") {
		t.Error("quarantined twice")
	}
	if got := get(x, Trace(id(1)), start); len(got) != 0 {
		t.Errorf("what it bound is still there: %v", got)
	}
	if out := x.Bind(Trace(id(3)), bad, start); out != Refused {
		t.Errorf("it binds: outcome %d", out)
	}
	if got := get(x, Trace(id(2)), start)[0]; got.Value != "ORD-9" {
		t.Errorf("another source's binding: %+v", got)
	}
	x.Bind(Trace(id(1)), Binding{Source: Link, Tag: good, Value: "ORD-5"}, start)
	if got := get(x, Trace(id(1)), start)[0]; got.Value != "ORD-5" {
		t.Errorf("a weaker source does not replace what is quarantined: %+v", got)
	}
	if s := x.Stats(start); s.Quarantined != 1 {
		t.Errorf("%+v", s)
	}
}

func TestDifferentValuesOfOneSourceAreNotCountedTogether(t *testing.T) {
	x := New(Options{})
	for i := range 20_000 {
		if x.Contradict(7, fmt.Sprint("L", i), fmt.Sprint("H", i)) {
			t.Fatal("quarantined")
		}
	}
}

func TestManyWritersAndReaders(t *testing.T) {
	x := New(Options{MaxBytes: 2 << 20})
	order, _ := x.Name("order.id", Joins(0).With(Link).With(Message))
	var wg sync.WaitGroup
	for w := range uint64(4) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(w, 0))
			for range 5_000 {
				a, b := Trace(id(r.Uint64N(500)+1)), Trace(id(r.Uint64N(500)+1))
				x.Connect(a, b, Link, start)
				x.Bind(a, Binding{Name: order, Source: URL, Value: "ORD-1"}, start)
				x.Lookup(b, start, nil)
			}
		})
	}
	wg.Wait()
	checkBound(t, x, start, 2<<20)
}

func FuzzIndexKeepsItsBound(f *testing.F) {
	f.Add([]byte("some operations, written as bytes"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		x := New(Options{MaxBytes: MinBytes, TraceTTL: time.Minute})
		order, _ := x.Name("order.id", Joins(0).With(Link).With(Message))
		now := start
		for len(ops) >= 4 {
			a, b := Trace(id(uint64(ops[1]))), MessageOf(Message, string(ops[2:3]))
			v := Binding{Name: order, Source: Source(ops[3]) % sourceCount, Value: string(ops[1:3])}
			switch ops[0] % 4 {
			case 0:
				x.Bind(a, v, now)
			case 1:
				x.Connect(a, b, Message, now)
			case 2:
				now = now.Add(time.Duration(ops[1]) * time.Second)
			case 3:
				v.Value = string(make([]byte, int(ops[2])))
				for i := range 64 {
					x.Bind(Trace(id(uint64(ops[1])<<8|uint64(i))), v, now)
				}
			}
			get(x, a, now)
			ops = ops[4:]
		}
		checkBound(t, x, now, MinBytes)
	})
}

func BenchmarkLookup(b *testing.B) {
	x := New(Options{MaxBytes: 256 << 20})
	const n = 1_000_000
	for i := range uint64(n) {
		x.Bind(Trace(id(i+1)), Binding{Source: URL, Value: "ORD-10000042"}, start)
	}
	var buf [4]Binding
	for _, miss := range []uint64{0, n} {
		b.Run(map[uint64]string{0: "hit", n: "miss"}[miss], func(b *testing.B) {
			b.ReportAllocs()
			i := uint64(0)
			for b.Loop() {
				i = i*2862933555777941757 + 3037000493
				x.Lookup(Trace(id(i>>20%n+1+miss)), start, buf[:0])
			}
		})
	}
}

func BenchmarkBind(b *testing.B) {
	x := New(Options{MaxBytes: 256 << 20})
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		i++
		x.Bind(Trace(id(i)), Binding{Source: URL, Value: "ORD-10000042"}, start)
	}
}
