//go:build e2e

package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/instrumentation/orderamqp"
	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
	"github.com/ordertrace/ordertrace/internal/backend"
)

// wire is a connection to a real broker and the spans that were made on it.
type wire struct {
	conn    *amqp.Connection
	spans   *tracetest.InMemoryExporter
	tracers *sdktrace.TracerProvider
}

func newWire(t *testing.T) *wire {
	t.Helper()
	r, err := newSite(t).RabbitMQ(t.Context(), backend.RabbitMQOptions{})
	require.NoError(t, err)
	conn, err := amqp.Dial(r.URL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	w := &wire{conn: conn, spans: tracetest.NewInMemoryExporter()}
	w.tracers = sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans), sdktrace.WithSpanProcessor(orderctx.SpanProcessor()))
	return w
}

func (w *wire) channel(t *testing.T) *amqp.Channel {
	t.Helper()
	ch, err := w.conn.Channel()
	require.NoError(t, err)
	return ch
}

func (w *wire) queue(t *testing.T, ch *amqp.Channel) string {
	t.Helper()
	q, err := ch.QueueDeclare("", false, true, false, false, nil)
	require.NoError(t, err)
	return q.Name
}

// ended waits for the span of that kind that ends last.
func (w *wire) ended(t *testing.T, kind trace.SpanKind, n int) []tracetest.SpanStub {
	t.Helper()
	var found []tracetest.SpanStub
	eventually(t, 10*time.Second, func() error {
		found = nil
		for _, s := range w.spans.GetSpans() {
			if s.SpanKind == kind {
				found = append(found, s)
			}
		}
		return want(n, len(found), kind.String()+" spans")
	})
	return found
}

func attrOf(s tracetest.SpanStub, key string) string {
	for _, a := range s.Attributes {
		if a.Key == attribute.Key(key) {
			return a.Value.String()
		}
	}
	return ""
}

func TestAMQPWrappersCarryTheOrderThroughRealRabbitMQ(t *testing.T) {
	w := newWire(t)
	tracers := orderamqp.TracerProvider(w.tracers)
	in := w.channel(t)
	queue := w.queue(t, in)
	publisher, err := orderamqp.NewPublisher(w.channel(t), tracers)
	require.NoError(t, err)
	deliveries, err := in.Consume(queue, "", false, false, false, false, nil)
	require.NoError(t, err)

	t.Run("parent, ids and message id arrive; ack ends the span", func(t *testing.T) {
		w.spans.Reset()
		ctx, root := w.tracers.Tracer("test").Start(t.Context(), "order")
		ctx, err := orderctx.WithOrder(ctx, "ORD-10000042")
		require.NoError(t, err)
		ctx, err = orderctx.WithSession(ctx, "s-1")
		require.NoError(t, err)
		require.NoError(t, publisher.Publish(ctx, "", queue, amqp.Publishing{Body: []byte("ring")}))
		root.End()

		consumer := orderamqp.NewConsumer(tracers)
		received, d := consumer.Start(t.Context(), queue, <-deliveries)
		require.Equal(t, "ORD-10000042", orderctx.Order(received))
		require.Empty(t, kindSpans(w, trace.SpanKindConsumer), "the span lasts until the message is settled")
		require.NoError(t, d.Ack(false))

		sent, got := w.ended(t, trace.SpanKindProducer, 1)[0], w.ended(t, trace.SpanKindConsumer, 1)[0]
		require.Equal(t, sent.SpanContext.TraceID(), got.SpanContext.TraceID())
		require.Equal(t, sent.SpanContext.SpanID(), got.Parent.SpanID())
		require.Equal(t, "ORD-10000042", attrOf(got, "order.id"))
		require.Equal(t, "s-1", attrOf(got, "session.id"))
		require.NotEmpty(t, attrOf(sent, "messaging.message.id"))
		require.Equal(t, attrOf(sent, "messaging.message.id"), attrOf(got, "messaging.message.id"))
	})
	t.Run("a failing handler fails the span and its message comes again", func(t *testing.T) {
		w.spans.Reset()
		require.NoError(t, publisher.Publish(t.Context(), "", queue, amqp.Publishing{Body: []byte("ring")}))
		consumer := orderamqp.NewConsumer(tracers, orderamqp.RequeueFailed())
		tries := 0
		for range 2 {
			consumer.Handle(t.Context(), queue, <-deliveries, func(context.Context, amqp.Delivery) error {
				if tries++; tries == 1 {
					return errors.New("no gold")
				}
				return nil
			})
		}
		spans := w.ended(t, trace.SpanKindConsumer, 2)
		require.Equal(t, codes.Error, spans[0].Status.Code)
		require.Equal(t, codes.Unset, spans[1].Status.Code)
		require.Equal(t, "true", attrOf(spans[1], "rabbitmq.redelivered"))
	})
	t.Run("a message that no queue takes is an error of the call and the span", func(t *testing.T) {
		w.spans.Reset()
		err := publisher.Publish(t.Context(), "", "nobody", amqp.Publishing{Body: []byte("ring")})
		require.ErrorIs(t, err, orderamqp.ErrReturned)
		require.Equal(t, codes.Error, w.ended(t, trace.SpanKindProducer, 1)[0].Status.Code)
	})
	t.Run("links instead of parents when asked", func(t *testing.T) {
		w.spans.Reset()
		require.NoError(t, publisher.Publish(t.Context(), "", queue, amqp.Publishing{Body: []byte("ring")}))
		consumer := orderamqp.NewConsumer(tracers, orderamqp.Link())
		_, d := consumer.Start(t.Context(), queue, <-deliveries)
		require.NoError(t, d.Ack(false))
		sent, got := w.ended(t, trace.SpanKindProducer, 1)[0], w.ended(t, trace.SpanKindConsumer, 1)[0]
		require.NotEqual(t, sent.SpanContext.TraceID(), got.SpanContext.TraceID())
		require.Len(t, got.Links, 1)
		require.Equal(t, sent.SpanContext.SpanID(), got.Links[0].SpanContext.SpanID())
	})
}

func kindSpans(w *wire, kind trace.SpanKind) (found []tracetest.SpanStub) {
	for _, s := range w.spans.GetSpans() {
		if s.SpanKind == kind {
			found = append(found, s)
		}
	}
	return found
}
