package orderamqp

import (
	"context"
	"errors"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// maxOpen bounds the deliveries whose spans wait for their settlement. It is
// far above any sensible prefetch; beyond it a span ends at once and says so.
const maxOpen = 16384

// Consumer makes spans of deliveries. Use one per AMQP channel: a settlement
// with multiple=true ends the spans of all earlier deliveries of its channel.
// Safe for use by several goroutines.
type Consumer struct {
	config
	tracer trace.Tracer

	mu   sync.Mutex
	open map[uint64]trace.Span // unsettled, by delivery tag; guarded by mu; at most maxOpen
}

// NewConsumer returns a Consumer for the deliveries of one channel.
func NewConsumer(opts ...Option) *Consumer {
	c := &Consumer{config: newConfig(opts), open: map[uint64]trace.Span{}}
	c.tracer = c.tracers.Tracer(scopeName)
	return c
}

// Start begins the span of one delivery. The context carries the span and the
// ids that came with the message; the delivery that comes back must be used in
// place of d: settling it, through its own methods, ends the span. The spans
// of deliveries that are never settled end with Close.
func (c *Consumer) Start(ctx context.Context, queue string, d amqp.Delivery) (context.Context, amqp.Delivery) {
	ctx, span := c.startSpan(ctx, queue, d)
	if c.autoAck {
		return ctx, d
	}
	if d.Acknowledger != nil {
		d.Acknowledger = &settler{next: d.Acknowledger, consumer: c}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= maxOpen {
		span.SetAttributes(settlementKey.String("untracked"))
		span.End()
		return ctx, d
	}
	// A tag is used again after the channel was reopened; nobody can settle the
	// older delivery any more.
	if stale, ok := c.open[d.DeliveryTag]; ok {
		abandon(stale)
	}
	c.open[d.DeliveryTag] = span
	return ctx, d
}

func (c *Consumer) startSpan(ctx context.Context, queue string, d amqp.Delivery) (context.Context, trace.Span) {
	ctx = c.propagator.Extract(ctx, headers(d.Headers))
	opts := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(processAttributes(queue, d)...),
	}
	if c.link {
		opts = append(opts, trace.WithNewRoot())
		if sender := trace.SpanContextFromContext(ctx); sender.IsValid() {
			opts = append(opts, trace.WithLinks(trace.Link{SpanContext: sender}))
		}
	}
	name := queue
	if name == "" {
		name = d.RoutingKey
	}
	return c.tracer.Start(ctx, spanName("process", "", name), opts...)
}

// Serve calls handle for each delivery until the deliveries end or ctx is
// done. What handle has not settled itself is acknowledged when it returns
// nil, and refused when it returns an error.
func (c *Consumer) Serve(ctx context.Context, queue string, deliveries <-chan amqp.Delivery,
	handle func(context.Context, amqp.Delivery) error,
) error {
	defer c.Close()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d, ok := <-deliveries:
			if !ok {
				return amqp.ErrClosed
			}
			c.Handle(ctx, queue, d, handle)
		}
	}
}

// Handle is one step of Serve. When handle panics, the span fails, the message
// is refused, and the panic goes on.
func (c *Consumer) Handle(ctx context.Context, queue string, d amqp.Delivery,
	handle func(context.Context, amqp.Delivery) error,
) {
	ctx, d = c.Start(ctx, queue, d)
	span := trace.SpanFromContext(ctx)
	err := errPanic
	defer func() {
		if err != nil {
			span.SetStatus(codes.Error, text(err.Error()))
			span.SetAttributes(semconv.ErrorTypeKey.String(handlerErrorType(err)))
		}
		switch {
		case c.autoAck:
			span.End()
		case !c.unsettled(d.DeliveryTag):
		case err == nil:
			_ = d.Ack(false) // its failure is on the span; the broker delivers again
		default:
			_ = d.Nack(false, c.requeue)
		}
	}()
	err = handle(ctx, d)
}

// Close ends the spans of all deliveries that were not settled; their messages
// will be delivered again. Call it when the channel has closed.
func (c *Consumer) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for tag, span := range c.open {
		abandon(span)
		delete(c.open, tag)
	}
}

var errPanic = errors.New("handler panicked")

// handlerErrorType names a handler's error by its SQLSTATE, if it is a
// database's, or else by the Go type at its root: both are few.
func handlerErrorType(err error) string {
	var database interface{ SQLState() string }
	switch {
	case errors.Is(err, errPanic):
		return "panic"
	case errors.As(err, &database):
		return database.SQLState()
	}
	if kind := errorType(err); kind != otherError {
		return kind
	}
	root := err
	for next := errors.Unwrap(root); next != nil; next = errors.Unwrap(root) {
		root = next
	}
	switch kind := fmt.Sprintf("%T", root); kind {
	case "*errors.errorString", "*errors.joinError", "*fmt.wrapErrors":
		return otherError // says nothing
	default:
		return kind
	}
}

func (c *Consumer) unsettled(tag uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.open[tag]
	return ok
}

// take removes and returns the spans that a settlement of tag ends.
func (c *Consumer) take(tag uint64, multiple bool) []trace.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !multiple {
		span, ok := c.open[tag]
		if !ok {
			return nil
		}
		delete(c.open, tag)
		return []trace.Span{span}
	}
	var spans []trace.Span
	for open, span := range c.open {
		if open <= tag || tag == 0 { // tag 0 means all that are outstanding (AMQP 0-9-1)
			spans = append(spans, span)
			delete(c.open, open)
		}
	}
	return spans
}

func abandon(span trace.Span) {
	span.SetAttributes(settlementKey.String("none"), semconv.ErrorTypeKey.String("unsettled"))
	span.SetStatus(codes.Error, "channel closed before the message was settled")
	span.End()
}
