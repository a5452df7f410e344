package lineage

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func trace(n byte) [16]byte { return [16]byte{15: n} }

func id(n int) [8]byte {
	if n == 0 {
		return [8]byte{}
	}
	return [8]byte{0: 1, 6: byte(n >> 8), 7: byte(n)}
}

func newIndex(t testing.TB) (*binding.Index, []Rule) {
	t.Helper()
	x := binding.New(binding.Options{MaxBytes: 8 << 20})
	all := binding.Joins(0).With(binding.Message).With(binding.Link)
	n, err := x.Name("order.id", all)
	if err != nil {
		t.Fatal(err)
	}
	return x, []Rule{{Name: n, Joins: all}}
}

func show(d Decision) string {
	if d.Set != nil {
		return "[" + strings.Join(d.Set, " ") + "]"
	}
	return d.Value
}

// s is a span of the tables below: its id, its parent and the values that it names by attribute.
type s struct {
	id, parent int
	names      string
}

func (sp s) add(b *Batch, tr [16]byte) {
	b.Add(tr, id(sp.id), id(sp.parent))
	for _, v := range strings.Fields(sp.names) {
		b.Fact(extract.Fact{Source: binding.Attribute, Value: v})
	}
}

func TestSeveralOrdersInOneTrace(t *testing.T) {
	tests := []struct {
		name  string
		spans []s
		want  []string
	}{
		{"one order reaches every span, siblings and orphans too", []s{{1, 0, ""}, {2, 1, "A"}, {3, 1, ""}, {4, 99, ""}}, []string{"A", "A", "A", "A"}},
		{"a span above several gets the set", []s{{1, 0, ""}, {2, 1, "B"}, {3, 1, "A"}}, []string{"[A B]", "B", "A"}},
		{"children inherit from the nearest", []s{{1, 0, ""}, {2, 1, "A"}, {3, 2, ""}, {4, 3, "B"}, {5, 4, ""}, {6, 3, ""}}, []string{"[A B]", "A", "A", "B", "B", "A"}},
		{"a span whose descendants all name one has it", []s{{1, 0, ""}, {2, 1, ""}, {3, 2, "A"}, {4, 2, ""}, {5, 1, "B"}}, []string{"[A B]", "A", "A", "A", "B"}},
		{"the ancestor comes before the descendants", []s{{1, 0, "A"}, {2, 1, ""}, {3, 2, "B"}}, []string{"A", "A", "B"}},
		{"what stands beside several belongs to none", []s{{1, 0, ""}, {2, 1, "A"}, {3, 1, "B"}, {4, 1, ""}, {5, 4, ""}}, []string{"[A B]", "A", "B", "", ""}},
		{"children before parents", []s{{5, 4, ""}, {4, 3, "B"}, {3, 1, ""}, {2, 1, "A"}, {1, 0, ""}}, []string{"B", "B", "B", "A", "[A B]"}},
		{"a span that names several", []s{{1, 0, "B A"}, {2, 1, "A"}, {3, 1, ""}}, []string{"[A B]", "A", ""}},
		{"alone, naming several", []s{{1, 0, "B A B"}}, []string{"[A B]"}},
		{"fragments", []s{{2, 1, "A"}, {3, 2, ""}, {5, 4, "B"}, {6, 5, ""}, {7, 77, ""}}, []string{"A", "A", "B", "B", ""}},
		{"a circle of parents", []s{{1, 2, "A"}, {2, 1, ""}, {3, 2, "B"}, {4, 3, ""}}, []string{"A", "B", "B", "B"}},
		{"its own parent", []s{{1, 1, "A"}, {2, 1, ""}, {3, 0, "B"}}, []string{"A", "A", "B"}},
		{"no span ids", []s{{0, 0, "A"}, {0, 0, "B"}, {0, 0, ""}}, []string{"A", "B", ""}},
		{"one id twice", []s{{1, 0, "A"}, {1, 0, "B"}, {2, 1, ""}}, []string{"A", "B", "A"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, rules := newIndex(t)
			b := NewBatch(x, rules, false)
			for range 2 { // a replay of the payload changes nothing
				b.Reset()
				for _, sp := range tt.spans {
					sp.add(b, trace(1))
				}
				b.Learn(now)
				for i, want := range tt.want {
					if got := show(b.Decide(i, 0)); got != want {
						t.Errorf("span %d: %q, want %q", tt.spans[i].id, got, want)
					}
				}
			}
		})
	}
}

func TestIndexCarriesBindingsBetweenPayloads(t *testing.T) {
	x, rules := newIndex(t)
	b := NewBatch(x, rules, false)
	step := func(sp s, want string) {
		t.Helper()
		b.Reset()
		sp.add(b, trace(1))
		b.Learn(now)
		if got := show(b.Decide(0, 0)); got != want {
			t.Errorf("%+v: %q, want %q", sp, got, want)
		}
	}
	step(s{1, 0, ""}, "")
	step(s{2, 1, "A"}, "A")
	step(s{3, 1, ""}, "A")
	step(s{4, 1, "B"}, "B")
	step(s{5, 1, ""}, "") // which of the two is not known any more
	step(s{6, 1, "A"}, "A")
}

func TestSpanKeepsTheBestOfWhatItNames(t *testing.T) {
	x, rules := newIndex(t)
	b := NewBatch(x, rules, false)
	b.Add(trace(1), id(1), id(0))
	b.Fact(extract.Fact{Source: binding.URL, Value: "U"})
	b.Fact(extract.Fact{Source: binding.Attribute, Order: 2, Value: "second alias"})
	b.Fact(extract.Fact{Source: binding.Attribute, Order: 1, Value: "first alias"})
	b.Fact(extract.Fact{Source: binding.Header, Value: "H"})
	b.Learn(now)
	if got := b.Decide(0, 0); got.Value != "first alias" || got.Source != binding.Attribute || got.Set != nil {
		t.Errorf("%+v", got)
	}
}

func TestZeroTraceIDsStandAlone(t *testing.T) {
	x, rules := newIndex(t)
	b := NewBatch(x, rules, false)
	s{1, 0, "A"}.add(b, [16]byte{})
	s{2, 1, ""}.add(b, [16]byte{})
	s{3, 1, "B"}.add(b, [16]byte{})
	b.Learn(now)
	for i, want := range []string{"A", "", "B"} {
		if got := show(b.Decide(i, 0)); got != want {
			t.Errorf("span %d: %q, want %q", i, got, want)
		}
	}
	if st := x.Stats(now); st.Traces != 0 {
		t.Errorf("%d traces in the index", st.Traces)
	}
}

func TestMessagesJoinTracesInAnyOrder(t *testing.T) {
	m := binding.MessageOf(binding.Message, "m-1")
	send := func(b *Batch) { s{1, 0, "A"}.add(b, trace(1)); b.Join(Join{m, binding.Message}) }
	receive := func(b *Batch) {
		s{1, 0, ""}.add(b, trace(2))
		b.Join(Join{m, binding.Message})
		s{2, 1, ""}.add(b, trace(2))
	}
	tests := []struct {
		name     string
		payloads []func(*Batch)
	}{
		{"together", []func(*Batch){func(b *Batch) { send(b); receive(b) }}},
		{"together, receiver first", []func(*Batch){func(b *Batch) { receive(b); send(b) }}},
		{"apart", []func(*Batch){send, receive}},
		{"apart, receiver first", []func(*Batch){receive, send}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, rules := newIndex(t)
			b := NewBatch(x, rules, false)
			for _, p := range tt.payloads {
				b.Reset()
				p(b)
				b.Learn(now)
			}
			b.Reset()
			s{9, 1, ""}.add(b, trace(2))
			b.Learn(now)
			if d := b.Decide(0, 0); d.Value != "A" || d.Source != binding.Message {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestSenderLearnsFromTheReceiver(t *testing.T) {
	x, rules := newIndex(t)
	b := NewBatch(x, rules, false)
	m := binding.MessageOf(binding.Message, "m-1")
	s{1, 0, ""}.add(b, trace(1))
	b.Join(Join{m, binding.Message})
	b.Learn(now)
	b.Reset()
	s{1, 0, "A"}.add(b, trace(2))
	b.Join(Join{m, binding.Message})
	s{3, 1, ""}.add(b, trace(1))
	b.Learn(now)
	if got := show(b.Decide(1, 0)); got != "A" {
		t.Errorf("%q", got)
	}
}

func TestBatchConsumerTellsItsMessagesApart(t *testing.T) {
	x, rules := newIndex(t)
	b := NewBatch(x, rules, false)
	a, c := binding.MessageOf(binding.Message, "a"), binding.MessageOf(binding.Message, "c")
	s{1, 0, "A"}.add(b, trace(1))
	b.Join(Join{a, binding.Message})
	s{1, 0, "C"}.add(b, trace(2))
	b.Join(Join{c, binding.Message})
	s{1, 0, ""}.add(b, trace(3)) // the batch
	s{2, 1, ""}.add(b, trace(3))
	b.Join(Join{a, binding.Message})
	s{3, 2, ""}.add(b, trace(3))
	s{4, 1, ""}.add(b, trace(3))
	b.Join(Join{c, binding.Message})
	s{5, 4, ""}.add(b, trace(3))
	b.Learn(now)
	for i, want := range []string{"A", "C", "[A C]", "A", "A", "C", "C"} {
		if got := show(b.Decide(i, 0)); got != want {
			t.Errorf("span %d: %q, want %q", i, got, want)
		}
	}
}

func TestBetterEvidenceCorrectsTheGuessOfAnotherCollector(t *testing.T) {
	x, rules := newIndex(t)
	b := NewBatch(x, rules, false)
	b.Add(trace(1), id(1), id(0))
	b.Fact(extract.Fact{Source: binding.Link, Guess: true, Value: "guess"})
	s{2, 1, "A"}.add(b, trace(1))
	b.Learn(now)
	for i := range 2 {
		if got := show(b.Decide(i, 0)); got != "A" {
			t.Errorf("span %d: %q", i, got)
		}
	}
}

func TestWrongJoinDoesNotDiscreditItsSource(t *testing.T) {
	x, rules := newIndex(t)
	b := NewBatch(x, rules, false)
	m := binding.MessageOf(binding.Message, "a message id that is used again and again")
	b.Add(trace(1), id(1), id(0))
	b.Fact(extract.Fact{Source: binding.Attribute, Tag: 9, Value: "A"})
	b.Join(Join{m, binding.Message})
	b.Learn(now)
	for i := range byte(10) {
		b.Reset()
		s{1, 0, ""}.add(b, trace(i+2))
		b.Join(Join{m, binding.Message})
		b.Learn(now)
		b.Reset()
		b.Add(trace(i+2), id(2), id(1))
		b.Fact(extract.Fact{Source: binding.Canonical, Tag: 11, Value: fmt.Sprint("order ", i)})
		if l := b.Learn(now); len(l.Quarantined) > 0 {
			t.Fatalf("quarantined: %+v", l.Quarantined)
		}
	}
	if x.Quarantined(9) {
		t.Error("the best source is not believed any more")
	}
}

func TestASourceTeachesNothingInThePayloadThatFindsItOut(t *testing.T) {
	x, rules := newIndex(t)
	b := NewBatch(x, rules, false)
	for i := range byte(5) {
		b.Add(trace(i+1), id(1), id(0))
		b.Fact(extract.Fact{Source: binding.Attribute, Tag: 9, Value: "account"})
		b.Add(trace(i+1), id(2), id(1))
		b.Fact(extract.Fact{Source: binding.Canonical, Tag: 11, Value: fmt.Sprint("order ", i)})
	}
	b.Add(trace(9), id(1), id(0))
	b.Fact(extract.Fact{Source: binding.Attribute, Tag: 9, Value: "account"})
	if l := b.Learn(now); len(l.Quarantined) != 1 || l.Ignored != 6 {
		t.Fatalf("%+v", l)
	}
	for i := range 11 {
		want := fmt.Sprint("order ", i/2)
		if i == 10 {
			want = ""
		}
		if d := show(b.Decide(i, 0)); d != want {
			t.Errorf("span %d: %q, want %q", i, d, want)
		}
	}
}

func TestLogsOfOneSpanShareWhatTheySay(t *testing.T) {
	x, rules := newIndex(t)
	b := NewBatch(x, rules, true)
	for _, r := range []s{{0, 1, "A"}, {0, 1, ""}, {0, 2, "B"}, {0, 2, ""}, {0, 3, ""}, {0, 0, ""}} {
		r.add(b, trace(1))
	}
	b.Learn(now)
	for i, want := range []string{"A", "A", "B", "B", "", ""} {
		if got := show(b.Decide(i, 0)); got != want {
			t.Errorf("record %d: %q, want %q", i, got, want)
		}
	}
}

func TestSetsAreBounded(t *testing.T) {
	x, rules := newIndex(t)
	b := NewBatch(x, rules, false)
	s{1, 0, ""}.add(b, trace(1))
	for i := range 10_000 {
		s{i%30_000 + 2, 1, fmt.Sprintf("ORD-%08d", 99_999-i)}.add(b, trace(1))
	}
	b.Learn(now)
	d := b.Decide(0, 0)
	if len(d.Set) != MaxSet || d.Set[0] != "ORD-00090000" {
		t.Errorf("%d values, first %q", len(d.Set), d.Set[0])
	}
	if got := b.Decide(5_000, 0).Value; got != "ORD-00095000" {
		t.Errorf("span 5000: %q", got)
	}
}

// FuzzDecisions builds arbitrary payloads and holds the decisions against a slow reading of the rules.
func FuzzDecisions(f *testing.F) {
	f.Add([]byte{1, 0, 0, 2, 1, 1, 3, 1, 2, 4, 3, 0, 5, 6, 0, 6, 5, 1})
	f.Add([]byte{1, 2, 1, 2, 3, 0, 3, 1, 2, 0, 0, 0, 9, 9, 3})
	f.Fuzz(func(t *testing.T, in []byte) {
		x, rules := newIndex(t)
		b := NewBatch(x, rules, false)
		var spans []s
		for len(in) >= 3 && len(spans) < 200 {
			sp := s{int(in[0] % 16), int(in[1] % 16), []string{"", "", "A", "B", "C", "A B"}[in[2]%6]}
			spans = append(spans, sp)
			sp.add(b, trace(1))
			in = in[3:]
		}
		b.Learn(now)
		distinct := map[string]bool{}
		for _, sp := range spans {
			for _, v := range strings.Fields(sp.names) {
				distinct[v] = true
			}
		}
		for i, sp := range spans {
			d := b.Decide(i, 0)
			if d.Value != "" && d.Set != nil {
				t.Fatalf("span %d has one order and several: %+v", i, d)
			}
			if names := strings.Fields(sp.names); len(names) == 1 && d.Value != names[0] {
				t.Fatalf("span %d names %s and got %+v", i, sp.names, d)
			}
			if len(distinct) == 1 && !distinct[d.Value] {
				t.Fatalf("span %d of a trace with one order got %+v", i, d)
			}
			if d.Value != "" && !distinct[d.Value] {
				t.Fatalf("span %d got an order that nobody named: %+v", i, d)
			}
			if want, ok := oracle(spans, i); ok && show(d) != want && len(distinct) > 1 {
				t.Fatalf("span %d of %v: %q, want %q", i, spans, show(d), want)
			}
		}
	})
}
