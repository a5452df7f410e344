package orderamqp

import (
	"context"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"testing/quick"
	"time"
	"unicode/utf8"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

const sender = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestHeadersAreReadFromTextOnly(t *testing.T) {
	for _, tt := range []struct {
		name  string
		value any
		want  string
	}{
		{"string", sender, sender},
		{"bytes", []byte(sender), sender},
		{"number", int64(7), ""},
		{"table", amqp.Table{"traceparent": sender}, ""},
		{"list", []any{sender}, ""},
		{"time", time.Unix(0, 0), ""},
		{"nil", nil, ""},
		{"huge string", strings.Repeat("a", maxHeaderLen+1), ""},
		{"huge bytes", make([]byte, maxHeaderLen+1), ""},
	} {
		if got := (headers{"traceparent": tt.value}).Get("traceparent"); got != tt.want {
			t.Errorf("%s: %.60q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestInjectWritesStringsAndLeavesTheCallersTable(t *testing.T) {
	ctx := remote(t)
	ctx, err := orderctx.WithOrder(ctx, "ORD-10000042")
	if err != nil {
		t.Fatal(err)
	}
	old := amqp.Table{"traceparent": "of the first hop", "tracestate": "stale=1", "x-retries": int32(2)}
	got := Inject(ctx, old)
	want := amqp.Table{"traceparent": sender, "baggage": "order.id=ORD-10000042", "x-retries": int32(2)}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(old) != 3 || old["tracestate"] != "stale=1" {
		t.Errorf("the caller's table changed: %v", old)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

// hostile is a header table as a stranger may send it.
type hostile amqp.Table

func (hostile) Generate(r *rand.Rand, size int) reflect.Value {
	h := hostile{}
	for _, key := range append(w3cHeaders[:], "x") {
		h[key] = anything(r, size, 3)
	}
	return reflect.ValueOf(h)
}

func anything(r *rand.Rand, size, depth int) any {
	raw := make([]byte, r.Intn(size+1))
	r.Read(raw)
	switch r.Intn(9) {
	case 0:
		return string(raw)
	case 1:
		return raw
	case 2:
		return r.Int63()
	case 3:
		return "00-" + string(raw) + "-01"
	case 4:
		return "order.id=" + string(raw) + ",session.id=" + string(raw)
	case 5:
		return strings.Repeat("order.id=a,", r.Intn(3000))
	case 6:
		if depth > 0 {
			return amqp.Table{"order.id": anything(r, size, depth-1)}
		}
	case 7:
		if depth > 0 {
			return []any{anything(r, size, depth-1)}
		}
	}
	return nil
}

func TestAnyHeadersMakeASpanWithCleanAttributes(t *testing.T) {
	check := func(h hostile, id, key string, body []byte) bool {
		spans, provider := recording()
		c := NewConsumer(TracerProvider(provider))
		d := amqp.Delivery{Headers: amqp.Table(h), MessageId: id, RoutingKey: key, Body: body, Acknowledger: &acker{}}
		_, d = c.Start(context.Background(), "q", d)
		if err := d.Ack(false); err != nil || len(spans.Ended()) != 1 {
			return false
		}
		for _, attr := range spans.Ended()[0].Attributes() {
			if !utf8.ValidString(attr.Value.String()) {
				return false
			}
		}
		return utf8.ValidString(spans.Ended()[0].Name())
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 3000}); err != nil {
		t.Error(err)
	}
}

func remote(t *testing.T) context.Context {
	t.Helper()
	ctx := orderctx.Propagator().Extract(context.Background(), headers{"traceparent": sender})
	if !trace.SpanContextFromContext(ctx).IsValid() {
		t.Fatal("no remote span context")
	}
	return ctx
}
