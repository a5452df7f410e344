package binding

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func segments(t testing.TB, x *Index, now time.Time) [][]byte {
	t.Helper()
	var out [][]byte
	if err := x.Snapshot(now, func(s []byte) error { out = append(out, s); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSnapshotIsRestored(t *testing.T) {
	x := New(Options{MaxBytes: 64 << 20, TraceTTL: time.Minute})
	order, _ := x.Name("order.id", Joins(0).With(Message))
	for i := range uint64(50_000) {
		x.Bind(Trace(id(i+1)), Binding{Name: order, Source: URL, Tag: 9, Value: fmt.Sprintf("ORD-%08d", i)}, start)
	}
	x.Bind(Trace(id(1)), Binding{Name: order, Source: URL, Value: "other"}, start)
	m := MessageOf(Message, "m")
	x.Connect(Trace(id(60_000)), m, Message, start)
	x.Lookup(Trace(id(2)), start.Add(50*time.Second), nil) // now in two generations
	segs := segments(t, x, start.Add(50*time.Second))
	if len(segs) < 2 {
		t.Fatalf("%d segments", len(segs))
	}

	y := New(Options{MaxBytes: 64 << 20})
	other, _ := y.Name("session.id", 0) // another number for the same name
	y.Bind(Trace(id(3)), Binding{Name: other, Source: Header, Value: "s"}, start)
	n := 0
	for _, s := range segs {
		k, err := y.Restore(s, start)
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	if n != 50_002 {
		t.Errorf("%d entries, want 50002", n)
	}
	name, _ := y.Name("order.id", 0)
	for i := range uint64(50_000) {
		b := get(y, Trace(id(i+1)), start)[name]
		if b.Value != fmt.Sprintf("ORD-%08d", i) || b.Source != URL || b.Several != (i == 0) {
			t.Fatalf("trace %d: %+v", i+1, b)
		}
	}
	y.Bind(m, Binding{Name: name, Source: Message, Value: "ORD-7"}, start)
	if b := get(y, Trace(id(60_000)), start)[name]; b.Value != "ORD-7" {
		t.Errorf("the connection was not restored: %+v", b)
	}
}

func TestSnapshotStopsWhereItCannotBeWritten(t *testing.T) {
	x := New(Options{})
	x.Bind(Trace(id(1)), Binding{Source: URL, Value: "v"}, start)
	full := errors.New("disk full")
	if err := x.Snapshot(start, func([]byte) error { return full }); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

func TestNothingIsReadFromADamagedSegment(t *testing.T) {
	x := New(Options{})
	order, _ := x.Name("order.id", 0)
	x.Bind(Trace(id(1)), Binding{Name: order, Source: URL, Value: "ORD-1"}, start)
	whole := segments(t, x, start)[0]
	for i := range 8 * len(whole) {
		bad := slices.Clone(whole)
		bad[i/8] ^= 1 << (i % 8)
		damaged(t, bad)
	}
	for n := range len(whole) {
		damaged(t, whole[:n])
	}
	damaged(t, append(slices.Clone(whole), 0))
}

func damaged(t *testing.T, segment []byte) {
	t.Helper()
	y := New(Options{})
	if n, err := y.Restore(segment, start); err == nil || n != 0 || y.Stats(start).Traces != 0 {
		t.Fatalf("%d entries, %v", n, err)
	}
}

func FuzzRestore(f *testing.F) {
	x := New(Options{})
	order, _ := x.Name("order.id", Joins(0).With(Message))
	x.Bind(Trace(id(1)), Binding{Name: order, Source: URL, Value: "ORD-1"}, start)
	x.Connect(Trace(id(1)), MessageOf(Message, "m"), Message, start)
	for _, s := range segments(f, x, start) {
		content, _ := unseal(s)
		f.Add(content)
		f.Add(content[:len(content)/2])
	}
	f.Fuzz(func(t *testing.T, seg []byte) {
		y := New(Options{MaxBytes: MinBytes})
		_, _ = y.Restore(seal(seg), start)
		checkBound(t, y, start, MinBytes)
		for _, s := range segments(t, y, start) {
			if _, err := y.Restore(s, start); err != nil {
				t.Fatalf("its own snapshot: %v", err)
			}
		}
	})
}

func TestValuesSurviveWithWhatWasBoundToThemFirst(t *testing.T) {
	x := New(Options{})
	session, _ := x.Name("session.id", 0)
	node := ValueOf("order.id", "ORD-1")
	if node == ValueOf("order.i", "dORD-1") {
		t.Error("name and value run into each other")
	}
	for i, v := range []string{"s1", "s2", "s1"} {
		want := []Outcome{Bound, Weaker, Known}[i]
		if out := x.Bind(node, Binding{Name: session, Source: Order, Value: v}, start); out != want {
			t.Errorf("%s: outcome %d, want %d", v, out, want)
		}
	}
	y := New(Options{})
	_, _ = y.Name("another.id", 0)
	other, _ := y.Name("session.id", 0)
	y.Bind(node, Binding{Name: other, Source: Order, Value: "s3"}, start)
	fresh := New(Options{})
	if err := x.Snapshot(start, func(seg []byte) error {
		_, err := y.Restore(seg, start)
		_, again := fresh.Restore(seg, start)
		return errors.Join(err, again)
	}); err != nil {
		t.Fatal(err)
	}
	if got := get(y, node, start)[other]; got.Value != "s3" || got.Several {
		t.Errorf("%+v: what was learnt meanwhile stands", got)
	}
	restored, _ := fresh.Name("session.id", 0)
	if got := get(fresh, node, start.Add(29*24*time.Hour))[restored]; got.Value != "s1" {
		t.Errorf("%+v after 29 days", got)
	}
	for day := range 75 {
		fresh.Stats(start.Add(time.Duration(30+day) * 24 * time.Hour)) // as its metrics do
	}
	if got := get(fresh, node, start.Add(105*24*time.Hour)); len(got) != 0 {
		t.Errorf("%+v long after it was seen", got)
	}
}
