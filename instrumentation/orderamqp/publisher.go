package orderamqp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

var (
	// ErrReturned says that no queue took the message.
	ErrReturned = errors.New("message returned by the broker")
	// ErrNotConfirmed says that the broker refused the message, or that the
	// channel closed before it confirmed.
	ErrNotConfirmed = errors.New("message not confirmed by the broker")
)

// Publisher publishes with confirms and the mandatory flag: an order's message
// that went nowhere is an error of the span and of the call. Safe for use by
// several goroutines. It takes the channel's returns and its confirm mode for
// itself, so give it a channel of its own.
type Publisher struct {
	config
	channel *amqp.Channel
	tracer  trace.Tracer
	// returns is unbuffered: the channel's reader hands a return over before it
	// reads the confirmation that follows it. barrier then proves that the
	// return has also been noted.
	returns chan amqp.Return
	barrier chan struct{}
	closed  chan struct{}

	mu       sync.Mutex
	inFlight map[string][]*call // by message id; guarded by mu; bounded by the callers waiting
}

// call is one Publish that waits for its confirmation.
type call struct{ returned error }

// NewPublisher puts the channel into confirm mode.
func NewPublisher(channel *amqp.Channel, opts ...Option) (*Publisher, error) {
	if err := channel.Confirm(false); err != nil {
		return nil, fmt.Errorf("set confirm mode: %w", err)
	}
	p := &Publisher{
		config:   newConfig(opts),
		channel:  channel,
		returns:  channel.NotifyReturn(make(chan amqp.Return)),
		barrier:  make(chan struct{}),
		closed:   make(chan struct{}),
		inFlight: map[string][]*call{},
	}
	p.tracer = p.tracers.Tracer(scopeName)
	go p.noteReturns() // ends when the channel closes and amqp closes returns
	return p, nil
}

// Publish sends one message and waits until the broker has taken it. A message
// without an id gets one; its headers are copied before ours are added.
func (p *Publisher) Publish(ctx context.Context, exchange, key string, msg amqp.Publishing) error {
	if msg.MessageId == "" {
		msg.MessageId = newMessageID()
	}
	if msg.Timestamp.IsZero() {
		msg.Timestamp = time.Now()
	}
	ctx, span := p.tracer.Start(ctx, spanName("publish", exchange, key),
		trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(publishAttributes(exchange, key, msg)...))
	defer span.End()
	msg.Headers = inject(ctx, p.propagator, msg.Headers)
	err := p.send(ctx, exchange, key, msg)
	if err != nil {
		span.SetAttributes(semconv.ErrorTypeKey.String(errorType(err)))
		span.SetStatus(codes.Error, text(err.Error()))
	}
	return err
}

func (p *Publisher) send(ctx context.Context, exchange, key string, msg amqp.Publishing) error {
	ctx, cancel := context.WithTimeout(ctx, p.confirmTimeout)
	defer cancel()
	c := p.enter(msg.MessageId)
	defer p.leave(msg.MessageId, c)
	confirmed, err := p.channel.PublishWithDeferredConfirmWithContext(ctx, exchange, key, !p.unroutable, false, msg)
	if err != nil {
		return fmt.Errorf("publish to %q: %w", destination(exchange, key, ""), err)
	}
	acked, err := confirmed.WaitContext(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("wait for the broker's confirmation: %w", err)
	case !acked:
		return ErrNotConfirmed
	}
	return p.outcome(c)
}

// outcome waits until every return that came before the confirmation is noted.
func (p *Publisher) outcome(c *call) error {
	select {
	case p.barrier <- struct{}{}:
	case <-p.closed:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return c.returned
}

func (p *Publisher) enter(id string) *call {
	c := &call{}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight[id] = append(p.inFlight[id], c)
	return c
}

func (p *Publisher) leave(id string, c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := p.inFlight[id]
	for i := range waiting {
		if waiting[i] == c {
			waiting = append(waiting[:i], waiting[i+1:]...)
			break
		}
	}
	if len(waiting) == 0 {
		delete(p.inFlight, id)
		return
	}
	p.inFlight[id] = waiting
}

func (p *Publisher) noteReturns() {
	defer close(p.closed)
	for {
		select {
		case r, open := <-p.returns:
			if !open {
				return
			}
			p.note(r)
		case <-p.barrier:
		}
	}
}

// note marks every call with the returned message's id: two messages in flight
// with one id cannot be told apart, and both being doubted is the safe side.
func (p *Publisher) note(r amqp.Return) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.inFlight[r.MessageId] {
		c.returned = fmt.Errorf("%w: %d %s", ErrReturned, r.ReplyCode, r.ReplyText)
	}
}

// otherError is what semantic conventions call an error without a kind.
const otherError = "_OTHER"

// errorType is a word of a small set, as semantic conventions ask.
func errorType(err error) string {
	var broker *amqp.Error
	switch {
	case errors.Is(err, ErrReturned):
		return "returned"
	case errors.Is(err, ErrNotConfirmed):
		return "not_confirmed"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &broker):
		return fmt.Sprintf("amqp_%d", broker.Code)
	}
	return otherError
}
