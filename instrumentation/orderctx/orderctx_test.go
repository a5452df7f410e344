package orderctx

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/quick"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

func TestOnlyAllowedKeysAreSent(t *testing.T) {
	ctx := mustOrder(t, context.Background(), "ORD-10000042")
	ctx = withRaw(t, ctx, "customer.name", "Ada")
	carrier := propagation.MapCarrier{}
	Propagator().Inject(ctx, carrier)
	if got, want := carrier["baggage"], "order.id=ORD-10000042"; got != want {
		t.Errorf("baggage = %q, want %q", got, want)
	}
}

func TestNothingIsSentWithoutIDs(t *testing.T) {
	carrier := propagation.MapCarrier{}
	Propagator().Inject(withRaw(t, context.Background(), "customer.name", "Ada"), carrier)
	if _, ok := carrier["baggage"]; ok {
		t.Errorf("sent %v", carrier)
	}
}

func TestExtractTakesAllowedIDsAndNothingElse(t *testing.T) {
	for _, tt := range []struct{ name, header, order, session string }{
		{"both", "order.id=ORD-10000001,session.id=s-1", "ORD-10000001", "s-1"},
		{"blanks and properties", " order.id = ORD-10000001 ;ttl=3 , x=y", "ORD-10000001", ""},
		{"percent-encoded colon", "order.id=a%3Ab", "a:b", ""},
		{"a mail address is no id", "order.id=ada%40example.com", "", ""},
		{"a sentence is no id", "order.id=drop%20table", "", ""},
		{"too long", "order.id=" + strings.Repeat("a", 129), "", ""},
		{"broken neighbour", "=,;;,order.id=ORD-10000001", "ORD-10000001", ""},
		{"over the W3C limit", "x=" + strings.Repeat("a", 8192) + ",order.id=ORD-10000001", "", ""},
		{"empty", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := Propagator().Extract(context.Background(), propagation.MapCarrier{"baggage": tt.header})
			if Order(ctx) != tt.order || Session(ctx) != tt.session {
				t.Errorf("order %q session %q, want %q %q", Order(ctx), Session(ctx), tt.order, tt.session)
			}
			if n := baggage.FromContext(ctx).Len(); n > 2 {
				t.Errorf("%d members taken", n)
			}
		})
	}
}

func TestAnArrivingIDWinsAndTheOtherStays(t *testing.T) {
	ctx := mustOrder(t, context.Background(), "ORD-1")
	ctx, _ = WithSession(ctx, "s-1")
	ctx = Propagator().Extract(ctx, propagation.MapCarrier{"baggage": "order.id=ORD-2"})
	if Order(ctx) != "ORD-2" || Session(ctx) != "s-1" {
		t.Errorf("order %q session %q", Order(ctx), Session(ctx))
	}
	if ctx = Without(ctx); Order(ctx) != "" || Session(ctx) != "" {
		t.Error("Without left an id")
	}
}

// Any text in a header: no panic, and what is taken is an id that travels on
// unchanged.
func TestAnyHeaderYieldsAnIDOrNothing(t *testing.T) {
	check := func(header string) bool {
		p := Propagator()
		ctx := p.Extract(context.Background(), propagation.MapCarrier{"baggage": header, "traceparent": header})
		id := Order(ctx)
		if id == "" {
			return true
		}
		carrier := propagation.MapCarrier{}
		p.Inject(ctx, carrier)
		return validID(id) && Order(p.Extract(context.Background(), carrier)) == id
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
}

func TestEveryValidIDSurvivesTheJourney(t *testing.T) {
	check := func(raw string) bool {
		ctx, err := WithOrder(context.Background(), raw)
		if err != nil {
			return errors.Is(err, ErrInvalidID) && Order(ctx) == ""
		}
		carrier := propagation.MapCarrier{}
		Propagator().Inject(ctx, carrier)
		return Order(Propagator().Extract(context.Background(), carrier)) == raw
	}
	for _, id := range []string{"ORD-10000042", "a/b+c=", "A:b_c.d", strings.Repeat("x", 128)} {
		if _, err := WithOrder(context.Background(), id); err != nil || !check(id) {
			t.Errorf("%q did not survive (%v)", id, err)
		}
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
}

func TestSpansBelowCarryTheIDs(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(SpanProcessor()), sdktrace.WithSpanProcessor(recorder))
	tracer := provider.Tracer("test")

	ctx, span := tracer.Start(context.Background(), "before")
	ctx = mustOrder(t, ctx, "ORD-10000042") // the id is learnt inside the span
	_, child := tracer.Start(ctx, "child")
	child.End()
	_, own := tracer.Start(ctx, "own", trace.WithAttributes(orderAttr("ORD-OTHER")))
	own.End()
	span.End()

	want := map[string]string{"before": "ORD-10000042", "child": "ORD-10000042", "own": "ORD-OTHER"}
	for _, s := range recorder.Ended() {
		got := ""
		for _, attr := range s.Attributes() {
			if attr.Key == OrderKey {
				got = attr.Value.AsString()
			}
		}
		if got != want[s.Name()] {
			t.Errorf("span %q carries %q, want %q", s.Name(), got, want[s.Name()])
		}
	}
}

func mustOrder(t *testing.T, ctx context.Context, id string) context.Context {
	t.Helper()
	ctx, err := WithOrder(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

func withRaw(t *testing.T, ctx context.Context, key, value string) context.Context {
	t.Helper()
	member, err := baggage.NewMemberRaw(key, value)
	if err != nil {
		t.Fatal(err)
	}
	bag, err := baggage.FromContext(ctx).SetMember(member)
	if err != nil {
		t.Fatal(err)
	}
	return baggage.ContextWithBaggage(ctx, bag)
}

func orderAttr(id string) attribute.KeyValue { return attribute.String(OrderKey, id) }

func BenchmarkSpanProcessor(b *testing.B) {
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(SpanProcessor()))
	tracer := provider.Tracer("bench")
	ctx, err := WithOrder(context.Background(), "ORD-10000042")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, span := tracer.Start(ctx, "span")
		span.End()
	}
}

func FuzzExtract(f *testing.F) {
	f.Add("order.id=ORD-10000042,session.id=s-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=b")
	f.Add("order.id=%4F%52%44;p=q, =,,", "00-00-00-00", strings.Repeat("x=y,", 40))
	f.Fuzz(func(t *testing.T, bag, parent, state string) {
		p := Propagator()
		ctx := p.Extract(context.Background(), propagation.MapCarrier{"baggage": bag, "traceparent": parent, "tracestate": state})
		for _, id := range []string{Order(ctx), Session(ctx)} {
			if id != "" && !validID(id) {
				t.Errorf("%q was taken for an id", id)
			}
		}
		if n := baggage.FromContext(ctx).Len(); n > len(DefaultKeys()) {
			t.Errorf("%d members were taken", n)
		}
		out := propagation.MapCarrier{}
		p.Inject(ctx, out)
		if again := p.Extract(context.Background(), out); Order(again) != Order(ctx) || Session(again) != Session(ctx) {
			t.Errorf("%q changed on its way: %v", bag, out)
		}
	})
}
