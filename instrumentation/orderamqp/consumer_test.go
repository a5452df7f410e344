package orderamqp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

func TestSettlingEndsTheSpanWithItsOutcome(t *testing.T) {
	for _, tt := range []struct {
		name, settlement, errorType string
		status                      codes.Code
		settle                      func(amqp.Delivery) error
		broker                      error
	}{
		{"ack", "ack", "", codes.Unset, func(d amqp.Delivery) error { return d.Ack(false) }, nil},
		{"nack", "nack", "nack", codes.Error, func(d amqp.Delivery) error { return d.Nack(false, true) }, nil},
		{"reject", "reject", "reject", codes.Error, func(d amqp.Delivery) error { return d.Reject(false) }, nil},
		{"ack on a dead channel", "ack", "amqp_504", codes.Error, func(d amqp.Delivery) error { return d.Ack(false) }, amqp.ErrClosed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spans, provider := recording()
			c := NewConsumer(TracerProvider(provider))
			_, d := c.Start(context.Background(), "mes.orders", message(1, &acker{err: tt.broker}))
			if len(spans.Ended()) != 0 {
				t.Fatal("the span ended before the message was settled")
			}
			if err := tt.settle(d); !errors.Is(err, tt.broker) {
				t.Errorf("settle = %v", err)
			}
			span := only(t, spans)
			if span.Status().Code != tt.status || str(span, "error.type") != tt.errorType || str(span, "rabbitmq.settlement") != tt.settlement {
				t.Errorf("status %v, error.type %q, settlement %q", span.Status(), str(span, "error.type"), str(span, "rabbitmq.settlement"))
			}
		})
	}
}

func TestAConsumerSpanSaysWhatTheMessageIs(t *testing.T) {
	spans, provider := recording()
	_, d := NewConsumer(TracerProvider(provider)).Start(context.Background(), "mes.orders", message(9, &acker{}))
	if err := d.Ack(false); err != nil {
		t.Fatal(err)
	}
	span := only(t, spans)
	if span.Name() != "process mes.orders" || span.SpanKind() != trace.SpanKindConsumer {
		t.Errorf("%q %v", span.Name(), span.SpanKind())
	}
	for key, want := range map[string]string{
		"messaging.system": "rabbitmq", "messaging.operation.type": "process", "messaging.operation.name": "process",
		"messaging.destination.name": "orders:order.submitted:mes.orders", "messaging.rabbitmq.destination.routing_key": "order.submitted",
		"messaging.message.id": "m-9", "messaging.message.conversation_id": "c-9", "order.id": "ORD-1",
		"messaging.rabbitmq.message.delivery_tag": "9", "messaging.message.body.size": "2",
	} {
		if got := str(span, key); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
}

func TestParentIsTheDefaultAndLinkAnOption(t *testing.T) {
	for _, link := range []bool{false, true} {
		spans, provider := recording()
		opts := []Option{TracerProvider(provider)}
		if link {
			opts = append(opts, Link())
		}
		ctx, d := NewConsumer(opts...).Start(context.Background(), "q", message(1, &acker{}))
		if orderctx.Order(ctx) != "ORD-1" {
			t.Errorf("link=%v: order %q", link, orderctx.Order(ctx))
		}
		if err := d.Ack(false); err != nil {
			t.Fatal(err)
		}
		span := only(t, spans)
		child := span.Parent().TraceID().String() == sender[3:35]
		linked := len(span.Links()) == 1 && span.Links()[0].SpanContext.TraceID().String() == sender[3:35]
		if child == link || linked != link {
			t.Errorf("link=%v: child %v, linked %v", link, child, linked)
		}
	}
}

func TestAckMultipleEndsAllEarlierSpans(t *testing.T) {
	spans, provider := recording()
	c := NewConsumer(TracerProvider(provider))
	var last amqp.Delivery
	for tag := uint64(1); tag <= 4; tag++ {
		_, d := c.Start(context.Background(), "q", message(tag, &acker{}))
		if tag == 3 {
			last = d
		}
	}
	if err := last.Ack(true); err != nil {
		t.Fatal(err)
	}
	if n := len(spans.Ended()); n != 3 {
		t.Errorf("%d spans ended, want 3", n)
	}
	c.Close()
	if n := len(spans.Ended()); n != 4 || str(spans.Ended()[3], "rabbitmq.settlement") != "none" || spans.Ended()[3].Status().Code != codes.Error {
		t.Errorf("after Close %d spans, last %v", n, spans.Ended()[n-1].Status())
	}
}

func TestServeSettlesWhatTheHandlerLeaves(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []Option
		do   func(context.Context, amqp.Delivery) error
		want string
		code codes.Code
	}{
		{"success", nil, func(context.Context, amqp.Delivery) error { return nil }, "ack", codes.Unset},
		{"failure", nil, func(context.Context, amqp.Delivery) error { return errors.New("no") }, "nack", codes.Error},
		{"failure put back", []Option{RequeueFailed()}, func(context.Context, amqp.Delivery) error { return errors.New("no") }, "nack requeue", codes.Error},
		{"settled by the handler", nil, func(_ context.Context, d amqp.Delivery) error { return d.Reject(false) }, "reject", codes.Error},
		{"autoAck", []Option{AutoAck()}, func(context.Context, amqp.Delivery) error { return nil }, "", codes.Unset},
		{"autoAck failure", []Option{AutoAck()}, func(context.Context, amqp.Delivery) error { return errors.New("no") }, "", codes.Error},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spans, provider := recording()
			b := &acker{}
			deliveries := make(chan amqp.Delivery, 1)
			deliveries <- message(1, b)
			close(deliveries)
			err := NewConsumer(append(tt.opts, TracerProvider(provider))...).Serve(context.Background(), "q", deliveries, tt.do)
			if !errors.Is(err, amqp.ErrClosed) {
				t.Errorf("Serve = %v", err)
			}
			if b.got != tt.want || only(t, spans).Status().Code != tt.code {
				t.Errorf("broker saw %q, status %v", b.got, only(t, spans).Status())
			}
		})
	}
}

type sqlError struct{}

func (sqlError) Error() string    { return "lock timeout" }
func (sqlError) SQLState() string { return "55P03" }

func TestAHandlersErrorIsNamed(t *testing.T) {
	for want, err := range map[string]error{
		"55P03":         fmt.Errorf("move: %w", sqlError{}),
		"timeout":       fmt.Errorf("ask: %w", context.DeadlineExceeded),
		"amqp_504":      amqp.ErrClosed,
		"*fs.PathError": fmt.Errorf("open: %w", &fs.PathError{Op: "open", Err: nil}),
		"_OTHER":        errors.New("no"),
	} {
		if got := handlerErrorType(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	if got := handlerErrorType(errors.Join(errors.New("a"), errors.New("b"))); got != "_OTHER" {
		t.Errorf("joined: %q", got)
	}
}

func TestAPanickingHandlerIsRefusedAndStillPanics(t *testing.T) {
	spans, provider := recording()
	b := &acker{}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		NewConsumer(TracerProvider(provider)).Handle(context.Background(), "q", message(1, b),
			func(context.Context, amqp.Delivery) error { panic("boom") })
	}()
	if span := only(t, spans); b.got != "nack" || str(span, "error.type") != "panic" {
		t.Errorf("broker saw %q, error.type %q", b.got, str(span, "error.type"))
	}
}

func TestAReusedTagEndsTheSpanItReplaces(t *testing.T) {
	spans, provider := recording()
	c := NewConsumer(TracerProvider(provider))
	c.Start(context.Background(), "q", message(1, &acker{}))
	c.Start(context.Background(), "q", message(1, &acker{}))
	if span := only(t, spans); str(span, "rabbitmq.settlement") != "none" {
		t.Errorf("settlement %q", str(span, "rabbitmq.settlement"))
	}
}

func TestOpenSpansAreBounded(t *testing.T) {
	spans, provider := recording()
	c := NewConsumer(TracerProvider(provider))
	for tag := uint64(1); tag <= maxOpen+3; tag++ {
		c.Start(context.Background(), "q", message(tag, &acker{}))
	}
	if n := len(spans.Ended()); n != 3 || str(spans.Ended()[0], "rabbitmq.settlement") != "untracked" {
		t.Errorf("%d spans ended at once", n)
	}
}

func TestSpanNamesAreFew(t *testing.T) {
	for _, tt := range []struct{ exchange, key, name, destination string }{
		{"orders", "order.1234", "publish orders", "orders:order.1234"},
		{"", "mes.orders", "publish mes.orders", "mes.orders"},
		{"", "amq.gen-XYZ", "publish (anonymous)", "amq.gen-XYZ"},
		{"", "", "publish amq.default", "amq.default"},
		{"\xff", "", "publish \uFFFD", "\uFFFD"},
	} {
		if got := spanName("publish", tt.exchange, tt.key); got != tt.name {
			t.Errorf("name %q, want %q", got, tt.name)
		}
		if got := destination(tt.exchange, tt.key, ""); got != tt.destination {
			t.Errorf("destination %q, want %q", got, tt.destination)
		}
	}
}

// acker records how a message was settled.
type acker struct {
	got string
	err error
}

func (b *acker) Ack(uint64, bool) error { b.got = "ack"; return b.err }
func (b *acker) Nack(_ uint64, _, requeue bool) error {
	b.got = "nack"
	if requeue {
		b.got = "nack requeue"
	}
	return b.err
}
func (b *acker) Reject(uint64, bool) error { b.got = "reject"; return b.err }

func message(tag uint64, b *acker) amqp.Delivery {
	return amqp.Delivery{
		Acknowledger: b, DeliveryTag: tag, Exchange: "orders", RoutingKey: "order.submitted", MessageId: "m-9", CorrelationId: "c-9",
		Headers: amqp.Table{"traceparent": sender, "baggage": "order.id=ORD-1"}, Body: []byte("{}"),
	}
}

func recording() (*tracetest.SpanRecorder, *sdktrace.TracerProvider) {
	recorder := tracetest.NewSpanRecorder()
	return recorder, sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(orderctx.SpanProcessor()), sdktrace.WithSpanProcessor(recorder))
}

func only(t *testing.T, r *tracetest.SpanRecorder) sdktrace.ReadOnlySpan {
	t.Helper()
	if n := len(r.Ended()); n != 1 {
		t.Fatalf("%d spans ended, want 1", n)
	}
	return r.Ended()[0]
}

func str(span sdktrace.ReadOnlySpan, key string) string {
	attrs := span.Attributes()
	if i := slices.IndexFunc(attrs, func(kv attribute.KeyValue) bool { return string(kv.Key) == key }); i >= 0 {
		return attrs[i].Value.String()
	}
	return ""
}

func BenchmarkConsume(b *testing.B) {
	c := NewConsumer(TracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(orderctx.SpanProcessor()))))
	d := message(1, &acker{})
	b.ReportAllocs()
	for b.Loop() {
		_, wrapped := c.Start(context.Background(), "mes.orders", d)
		_ = wrapped.Ack(false)
	}
}
