package lineage

import (
	"testing"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
)

// said is what one span of a payload says: rule 0 is the order, rule 1 the session.
type said struct {
	trace, id, parent int
	order, session    string
	// stamped is a session that an earlier tier stamped because of the order.
	stamped string
}

type want struct{ order, session string }

func feedSaid(b *Batch, list []said) {
	for _, s := range list {
		b.Add(trace(byte(s.trace)), id(s.id), id(s.parent))
		for r, v := range []string{s.order, s.session} {
			if v != "" {
				b.Fact(extract.Fact{Rule: uint8(r), Source: binding.Attribute, Value: v})
			}
		}
		if s.stamped != "" {
			b.Fact(extract.Fact{Rule: 1, Source: binding.Order, Guess: true, Value: s.stamped})
		}
	}
}

func TestSessionFollowsTheOrderFromTraceToTrace(t *testing.T) {
	placed := []said{{trace: 1, id: 1, session: "s1"}, {trace: 1, id: 2, parent: 1, order: "A"}}
	tests := []struct {
		name     string
		payloads [][]said
		want     []want // of the last payload
	}{
		{"another trace of the order", [][]said{placed, {{trace: 2, id: 1}, {trace: 2, id: 2, parent: 1, order: "A"}}}, []want{{"A", "s1"}, {"A", "s1"}}},
		{"within one payload, the other trace first", [][]said{append([]said{{trace: 2, id: 1, order: "A"}}, placed...)}, []want{{"A", "s1"}, {"A", "s1"}, {"A", "s1"}}},
		{"order and session of the placing trace in different payloads", [][]said{
			{{trace: 1, id: 1, session: "s1"}}, {{trace: 1, id: 2, parent: 1, order: "A"}}, {{trace: 2, id: 1, order: "A"}},
		}, []want{{"A", "s1"}}},
		{"a session of the trace's own wins", [][]said{placed, {{trace: 2, id: 1, order: "A", session: "s2"}, {trace: 2, id: 2, parent: 1}}}, []want{{"A", "s2"}, {"A", "s2"}}},
		{"the first session stays when the customer returns", [][]said{
			placed, {{trace: 2, id: 1, order: "A", session: "s2"}}, {{trace: 3, id: 1, order: "A"}},
		}, []want{{"A", "s1"}}},
		{"each order of a trace has its own", [][]said{
			placed, {{trace: 2, id: 1, session: "s2", order: "B"}},
			{{trace: 3, id: 1}, {trace: 3, id: 2, parent: 1, order: "A"}, {trace: 3, id: 3, parent: 1, order: "B"}, {trace: 3, id: 4, parent: 3}},
		}, []want{{"[A B]", "[s1 s2]"}, {"A", "s1"}, {"B", "s2"}, {"B", "s2"}}},
		{"several orders of one session", [][]said{
			placed, {{trace: 2, id: 1, session: "s1", order: "B"}},
			{{trace: 3, id: 1}, {trace: 3, id: 2, parent: 1, order: "A"}, {trace: 3, id: 3, parent: 1, order: "B"}},
		}, []want{{"[A B]", "s1"}, {"A", "s1"}, {"B", "s1"}}},
		{"a trace of several orders teaches what single spans say together", [][]said{
			{{trace: 1, id: 1}, {trace: 1, id: 2, parent: 1, order: "A", session: "s1"}, {trace: 1, id: 3, parent: 1, order: "B", session: "s2"}, {trace: 1, id: 4, parent: 1, order: "C"}},
			{{trace: 2, id: 1, order: "A"}, {trace: 3, id: 1, order: "B"}, {trace: 4, id: 1, order: "C"}},
		}, []want{{"A", "s1"}, {"B", "s2"}, {"C", ""}}},
		{"records without a trace learn and teach", [][]said{{{trace: 0, order: "A", session: "s1"}}, {{trace: 0, order: "A"}, {trace: 0}}}, []want{{"A", "s1"}, {"", ""}}},
		{"what an earlier tier stamped teaches no order", [][]said{{{trace: 1, id: 1, order: "A", stamped: "s0"}}, {{trace: 2, id: 1, order: "A"}}}, []want{{"A", ""}}},
		{"what an earlier tier stamped yields to the trace's own", [][]said{{{trace: 1, id: 1, order: "A", stamped: "s0"}, {trace: 1, id: 2, parent: 1, session: "s1"}}}, []want{{"A", "s1"}, {"A", "s1"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := binding.New(binding.Options{MaxBytes: 8 << 20})
			order, _ := x.Name("order.id", 0)
			session, _ := x.Name("session.id", 0)
			b := NewBatch(x, []Rule{{Name: order, Text: "order.id"}, {Name: session, Text: "session.id", Follows: []uint8{0}}}, false)
			for _, p := range tt.payloads {
				b.Reset()
				feedSaid(b, p)
				b.Learn(now)
			}
			for i, w := range tt.want {
				if got := (want{show(b.Decide(i, 0)), show(b.Decide(i, 1))}); got != w {
					t.Errorf("span %d: %v, want %v", i, got, w)
				}
			}
		})
	}
}

func TestAQuarantinedSessionIsForgottenByItsOrders(t *testing.T) {
	x := binding.New(binding.Options{MaxBytes: 8 << 20})
	order, _ := x.Name("order.id", 0)
	session, _ := x.Name("session.id", 0)
	b := NewBatch(x, []Rule{{Name: order, Text: "order.id"}, {Name: session, Text: "session.id", Follows: []uint8{0}}}, false)
	ask := func(tr byte, s string, tag uint16) string {
		b.Reset()
		b.Add(trace(tr), id(1), id(0))
		b.Fact(extract.Fact{Rule: 0, Source: binding.Attribute, Value: "A"})
		if s != "" {
			b.Fact(extract.Fact{Rule: 1, Source: binding.Attribute, Value: s, Tag: tag})
		}
		b.Learn(now)
		return show(b.Decide(0, 1))
	}
	ask(1, "wrong", 7)
	if got := ask(2, "", 0); got != "wrong" {
		t.Fatalf("%q: the test shows nothing", got)
	}
	for _, better := range []string{"a", "b", "c"} {
		x.Contradict(7, "wrong", better)
	}
	if got := ask(3, "", 0); got != "" {
		t.Errorf("%q is still believed", got)
	}
	ask(4, "right", 9)
	if got := ask(5, "", 0); got != "right" {
		t.Errorf("%q, want what was said next", got)
	}
}
