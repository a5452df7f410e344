package orderamqp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/examples/shop/broker"
	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

func TestAPublishedMessageCarriesTraceOrderAndID(t *testing.T) {
	ch := dial(t)
	spans, provider := recording()
	p := newPublisher(t, ch, TracerProvider(provider))
	if err := ch.ExchangeDeclare("orders", "direct", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind("q", "order.submitted", "orders", false, nil); err != nil {
		t.Fatal(err)
	}
	ctx, err := orderctx.WithOrder(remote(t), "ORD-10000042")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(ctx, "orders", "order.submitted", amqp.Publishing{CorrelationId: "c", Body: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	span := only(t, spans)
	got, ok, err := ch.Get("q", true)
	if err != nil || !ok {
		t.Fatalf("get: %v %v", ok, err)
	}
	wantParent := fmt.Sprintf("00-%s-%s-01", span.SpanContext().TraceID(), span.SpanContext().SpanID())
	if got.Headers["traceparent"] != wantParent || got.Headers["baggage"] != "order.id=ORD-10000042" {
		t.Errorf("headers %v", got.Headers)
	}
	if len(got.MessageId) != 32 || got.MessageId != str(span, "messaging.message.id") || got.Timestamp.IsZero() {
		t.Errorf("message id %q, span says %q", got.MessageId, str(span, "messaging.message.id"))
	}
	if span.SpanKind() != trace.SpanKindProducer || span.Name() != "publish orders" || span.Status().Code != codes.Unset {
		t.Errorf("%v %q %v", span.SpanKind(), span.Name(), span.Status())
	}
	for key, want := range map[string]string{
		"messaging.destination.name": "orders:order.submitted", "messaging.operation.type": "send", "messaging.system": "rabbitmq",
		"messaging.message.conversation_id": "c", "order.id": "ORD-10000042",
	} {
		if str(span, key) != want {
			t.Errorf("%s = %q, want %q", key, str(span, key), want)
		}
	}
}

func TestAMessageThatWentNowhereIsAnError(t *testing.T) {
	ch := dial(t)
	spans, provider := recording()
	p := newPublisher(t, ch, TracerProvider(provider))
	err := p.Publish(context.Background(), "", "nowhere", amqp.Publishing{})
	if !errors.Is(err, ErrReturned) {
		t.Errorf("err = %v", err)
	}
	if span := only(t, spans); span.Status().Code != codes.Error || str(span, "error.type") != "returned" {
		t.Errorf("%v %q", span.Status(), str(span, "error.type"))
	}
}

func TestAllowUnroutableMakesItNone(t *testing.T) {
	if err := newPublisher(t, dial(t), AllowUnroutable()).Publish(context.Background(), "", "nowhere", amqp.Publishing{}); err != nil {
		t.Error(err)
	}
}

// Many publishers at once, half of them to nowhere: each call learns its own
// message's fate, never a neighbour's.
func TestReturnsFindTheirCaller(t *testing.T) {
	p := newPublisher(t, dial(t))
	var all sync.WaitGroup
	for i := range 200 {
		all.Add(1)
		go func() {
			defer all.Done()
			key := "q"
			if i%2 == 1 {
				key = "nowhere"
			}
			if err := p.Publish(context.Background(), "", key, amqp.Publishing{}); errors.Is(err, ErrReturned) != (i%2 == 1) {
				t.Errorf("%d to %s: %v", i, key, err)
			}
		}()
	}
	all.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.inFlight) != 0 {
		t.Errorf("%d calls left behind", len(p.inFlight))
	}
}

func TestPublishingOnADeadChannelIsAnError(t *testing.T) {
	ch := dial(t)
	spans, provider := recording()
	p := newPublisher(t, ch, TracerProvider(provider))
	if err := ch.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(context.Background(), "", "q", amqp.Publishing{}); err == nil {
		t.Error("no error")
	}
	if span := only(t, spans); str(span, "error.type") != "amqp_504" {
		t.Errorf("error.type %q, %v", str(span, "error.type"), span.Status())
	}
}

func TestACancelledCallIsAnError(t *testing.T) {
	spans, provider := recording()
	p := newPublisher(t, dial(t), TracerProvider(provider))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Publish(ctx, "", "q", amqp.Publishing{}); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	if span := only(t, spans); span.Status().Code != codes.Error {
		t.Errorf("%v", span.Status())
	}
}

func TestOneTraceGoesThroughAQueue(t *testing.T) {
	ch := dial(t)
	spans, provider := recording()
	p := newPublisher(t, ch, TracerProvider(provider))
	if err := p.Publish(remote(t), "", "q", amqp.Publishing{}); err != nil {
		t.Fatal(err)
	}
	d, _, err := ch.Get("q", false)
	if err != nil {
		t.Fatal(err)
	}
	_, d = NewConsumer(TracerProvider(provider)).Start(context.Background(), "q", d)
	if err := d.Ack(false); err != nil {
		t.Fatal(err)
	}
	sent, processed := spans.Ended()[0], spans.Ended()[1]
	if processed.Parent().SpanID() != sent.SpanContext().SpanID() || processed.SpanContext().TraceID().String() != sender[3:35] {
		t.Errorf("parent %v, producer %v", processed.Parent(), sent.SpanContext())
	}
	if str(processed, "messaging.message.id") != str(sent, "messaging.message.id") {
		t.Error("the two spans name different messages")
	}
}

// dial opens a channel to a broker of its own with one queue, q.
func dial(t *testing.T) *amqp.Channel {
	t.Helper()
	b, err := broker.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := amqp.Dial(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare("q", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	return ch
}

func newPublisher(t *testing.T, ch *amqp.Channel, opts ...Option) *Publisher {
	t.Helper()
	p, err := NewPublisher(ch, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
