package orderamqp

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

const scopeName = "github.com/ordertrace/ordertrace/instrumentation/orderamqp"

type config struct {
	tracers        trace.TracerProvider
	propagator     propagation.TextMapPropagator
	link           bool
	autoAck        bool
	requeue        bool
	confirmTimeout time.Duration
	unroutable     bool
}

// Option changes a Publisher or a Consumer.
type Option func(*config)

// Keys replaces the allow-list of baggage keys (orderctx.DefaultKeys).
func Keys(keys ...string) Option {
	return func(c *config) { c.propagator = orderctx.Propagator(keys...) }
}

// TracerProvider replaces the global one.
func TracerProvider(p trace.TracerProvider) Option {
	return func(c *config) { c.tracers = p }
}

// Link makes each consumer span the root of a new trace with a link to the
// producer's span. Without it the consumer's span is the producer's child, and
// an order that is worked on at once stays one trace. Use Link where messages
// wait for hours, or where one message fans out to many consumers.
func Link() Option { return func(c *config) { c.link = true } }

// AutoAck says that the deliveries come from a consumer with autoAck: Serve
// then settles nothing, and the span ends when the handler returns.
func AutoAck() Option { return func(c *config) { c.autoAck = true } }

// RequeueFailed makes Serve put a message back whose handler failed. Without
// it the broker drops the message or dead-letters it: a message that always
// fails would otherwise go round for ever.
func RequeueFailed() Option { return func(c *config) { c.requeue = true } }

// ConfirmTimeout is how long Publish waits for the broker's confirmation when
// its context allows more. The default is 10 s, twice the heartbeat after
// which a dead connection is noticed.
func ConfirmTimeout(d time.Duration) Option { return func(c *config) { c.confirmTimeout = d } }

// AllowUnroutable publishes without the mandatory flag: a message that no queue
// takes is then no error. It is one by default, since that message is lost.
func AllowUnroutable() Option { return func(c *config) { c.unroutable = true } }

func newConfig(opts []Option) config {
	c := config{
		tracers:        otel.GetTracerProvider(),
		propagator:     orderctx.Propagator(),
		confirmTimeout: 10 * time.Second,
	}
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// newMessageID is random, not counted: several producers share a queue.
func newMessageID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	return hex.EncodeToString(id[:])
}
