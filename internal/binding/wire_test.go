package binding

import (
	"errors"
	"testing"
	"time"
)

// pair is two indexes that hear each other's news when they are exchanged.
type pair struct {
	x    [2]*Index
	out  [2]Pack
	told [2]int
}

func newPair() *pair {
	p := &pair{}
	for i := range p.x {
		p.x[i] = New(Options{})
		p.x[i].Share(func(n News) { p.out[i].Add(n); p.told[i]++ })
	}
	return p
}

// exchange delivers what was told until nobody has anything new.
func (p *pair) exchange(t *testing.T) (rounds int) {
	t.Helper()
	for ; p.out[0].Count+p.out[1].Count > 0; rounds++ {
		if rounds == 10 {
			t.Fatal("they never stop talking")
		}
		for i := range p.x {
			if p.out[i].Count == 0 {
				continue
			}
			pack := p.x[i].Seal(&p.out[i], [8]byte{byte(i)}, 0)
			p.out[i] = Pack{}
			if _, err := p.x[1-i].Open(pack, [8]byte{byte(1 - i)}, start); err != nil {
				t.Fatal(err)
			}
		}
	}
	return rounds
}

func (p *pair) names(joins Joins) (order, session [2]Name) {
	for i := range p.x {
		if i == 1 {
			_, _ = p.x[i].Name("other.id", 0) // numbers differ between gateways
		}
		order[i], _ = p.x[i].Name("order.id", joins)
		session[i], _ = p.x[i].Name("session.id", 0)
	}
	return order, session
}

func TestGatewaysLearnFromEachOther(t *testing.T) {
	joins := Joins(0).With(Message).With(Link)
	for _, teachFirst := range []bool{true, false} {
		p := newPair()
		order, session := p.names(joins)
		m := MessageOf(Message, "m-1")
		teach := func() {
			p.x[0].Bind(Trace(id(1)), Binding{Name: order[0], Source: URL, Value: "ORD-1"}, start)
			p.x[0].Tell(ValueOf("order.id", "ORD-1"), Binding{Name: session[0], Source: Order, Value: "s"}, start)
		}
		if teachFirst {
			teach()
		}
		p.x[0].Connect(Trace(id(1)), m, Message, start)         // the producer, on gateway 0
		p.x[1].Connect(Trace(id(2)), m, Message, start)         // the consumer, on gateway 1
		p.x[1].Connect(Trace(id(3)), Trace(id(1)), Link, start) // links to the producer, on gateway 1
		if !teachFirst {
			p.exchange(t)
			teach()
		}
		p.exchange(t)
		for _, trace := range []uint64{2, 3} {
			if got := get(p.x[1], Trace(id(trace)), start)[order[1]]; got.Value != "ORD-1" {
				t.Errorf("teach first %v: trace %d: %+v", teachFirst, trace, got)
			}
		}
		if got := get(p.x[1], ValueOf("order.id", "ORD-1"), start)[session[1]]; got.Value != "s" {
			t.Errorf("session of the order: %+v", got)
		}
		before := p.told
		teach()
		if p.exchange(t); p.told != before {
			t.Errorf("what is known is told again: %v, %v", before, p.told)
		}
	}
}

func TestWhatIsAppliedIsNotToldAgain(t *testing.T) {
	p := newPair()
	order, _ := p.names(Joins(0).With(Message))
	p.x[0].Tell(MessageOf(Message, "m"), Binding{Name: order[0], Source: Message, Value: "ORD-1"}, start)
	p.exchange(t)
	if p.told != [2]int{1, 0} {
		t.Errorf("told %v", p.told)
	}
}

func TestPacksOfStrangersAreCountedAndHarmless(t *testing.T) {
	x, self := New(Options{}), [8]byte{1}
	order, _ := x.Name("order.id", 0)
	var p Pack
	p.Add(News{Node: MessageOf(Message, "m"), Binding: Binding{Name: order, Source: Message, Hops: 1, Tag: 77, Value: "ORD-1"}})
	p.Add(News{Node: Trace(id(1)), To: Trace(id(2))})
	good := x.Seal(&p, [8]byte{9}, 300)
	if o, err := x.Open(good, self, start); err != nil || o.Count != 2 || o.First != 300 || o.Sender != [8]byte{9} {
		t.Fatalf("%+v, %v", o, err)
	}
	if o, err := x.Open(good, [8]byte{9}, start); err != nil || o.Count != 0 {
		t.Errorf("one's own: %+v, %v", o, err)
	}
	head := len(x.Seal(&Pack{names: 1}, [8]byte{9}, 300))
	for n := range len(good) {
		whole := n == head || n == len(good)-33 // before the first piece of news, and between the two
		if _, err := x.Open(good[:n], self, start); (err == nil) != whole {
			t.Errorf("cut after %d of %d bytes: %v", n, len(good), err)
		}
	}
	if _, err := x.Open(append([]byte{2}, good[1:]...), self, start); !errors.Is(err, ErrPackVersion) {
		t.Error(err)
	}
	if _, err := x.Open(nil, self, start); !errors.Is(err, ErrPackDamaged) {
		t.Error(err)
	}
	y := New(Options{})
	if o, err := y.Open(good, self, start); err != nil || o.Count != 2 || y.Stats(start).Messages != 0 {
		t.Errorf("an identifier that it does not have: %+v, %v", o, err)
	}
}

func TestEverySourceHasACodeOfItsOwn(t *testing.T) {
	if len(wireSources) != int(sourceCount) {
		t.Fatalf("%d codes for %d sources: add new ones at the end of wireSources", len(wireSources), sourceCount)
	}
	for s := range sourceCount {
		if wireSources[wireCodes[s]] != s {
			t.Errorf("source %s is read as %s", s, wireSources[wireCodes[s]])
		}
	}
	// Codes must never change: gateways of several versions share a stream.
	if wireCodes[LogBody] != 1 || wireCodes[Canonical] != 15 || wireCodes[Order] != 16 || wireCodes[Table] != 17 {
		t.Error("a code changed")
	}
}

func TestNewsAreSmall(t *testing.T) {
	x := New(Options{})
	order, _ := x.Name("order.id", 0)
	var p Pack
	for range 100 {
		p.Add(News{Node: MessageOf(Message, "m"), Binding: Binding{Name: order, Source: Message, Value: "ORD-10000042"}})
	}
	if per := float64(len(x.Seal(&p, [8]byte{}, 0))) / 100; per > 40 {
		t.Errorf("%.1f bytes for each", per)
	}
}

func FuzzOpen(f *testing.F) {
	x := New(Options{})
	order, _ := x.Name("order.id", 0)
	var p Pack
	p.Add(News{Node: MessageOf(Message, "m"), Binding: Binding{Name: order, Source: Message, Value: "ORD-1"}})
	p.Add(News{Node: Trace(id(1)), To: Trace(id(2))})
	f.Add(x.Seal(&p, [8]byte{9}, 1))
	f.Add([]byte{packVersion})
	f.Fuzz(func(t *testing.T, pack []byte) {
		x := New(Options{MaxBytes: MinBytes})
		_, _ = x.Name("order.id", Joins(0).With(Link).With(Message))
		_, _ = x.Open(pack, [8]byte{}, start)
		if s := x.Stats(start.Add(time.Second)); s.Bytes > MinBytes {
			t.Errorf("%d bytes", s.Bytes)
		}
	})
}

// Values that others tell are stamped on spans: what no identifier has is not taken, and the rest of the pack is.
func TestValuesThatNoIdentifierHasAreNotTaken(t *testing.T) {
	x := New(Options{})
	order, _ := x.Name("order.id", 0)
	var p Pack
	for i, value := range []string{"ORD-1\r\nX-Admin: 1", "\x00", "\x1b[2J", "no text \xff", "ORD-\u0085", "ORD-1", "заказ №7"} {
		p.Add(News{Node: MessageOf(Message, string(rune('a'+i))), Binding: Binding{Name: order, Source: Message, Value: value}})
	}
	o, err := x.Open(x.Seal(&p, [8]byte{9}, 0), [8]byte{1}, start)
	if err != nil || o.Count != 7 || o.Unfit != 5 || x.Stats(start).Messages != 2 {
		t.Errorf("%+v, %v, %d messages", o, err, x.Stats(start).Messages)
	}
}

func TestWhatAnIndexKeepsToItselfIsNeitherToldNorTaken(t *testing.T) {
	p := newPair()
	order, session := p.names(Joins(0).With(Message))
	p.x[0].KeepToSelf(session[0])
	m := MessageOf(Message, "m")
	p.x[0].Tell(m, Binding{Name: session[0], Source: Message, Value: "mine"}, start)
	p.x[0].Tell(m, Binding{Name: order[0], Source: Message, Value: "ORD-1"}, start)
	if p.told[0] != 1 {
		t.Errorf("told %v", p.told)
	}
	p.x[1].Tell(MessageOf(Message, "n"), Binding{Name: session[1], Source: Message, Value: "yours"}, start)
	p.exchange(t)
	if a, b := p.x[0].Stats(start).Messages, p.x[1].Stats(start).Messages; a != 1 || b != 2 {
		t.Errorf("%d and %d messages are known", a, b)
	}
}
