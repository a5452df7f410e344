package orderamqp

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/propagation"
)

// maxHeaderLen is the W3C limit for baggage, the longest header we read.
const maxHeaderLen = 8192

// w3cHeaders are ours to write. A message that is passed on still has those of
// its first hop, and an absent tracestate must not leave the old one behind.
var w3cHeaders = [...]string{"traceparent", "tracestate", "baggage"}

// headers lets a propagator read and write an AMQP header table. Values are
// written as strings. Whatever else a sender put there (numbers, nested
// tables, megabytes) reads as absent.
type headers amqp.Table

var _ propagation.TextMapCarrier = headers{}

func (h headers) Get(key string) string {
	var value string
	switch v := h[key].(type) {
	case string:
		value = v
	case []byte: // some clients send text as an AMQP byte array
		if len(v) <= maxHeaderLen {
			value = string(v)
		}
	}
	if len(value) > maxHeaderLen {
		return ""
	}
	return value
}

func (h headers) Set(key, value string) { h[key] = value }

func (h headers) Keys() []string {
	keys := make([]string, 0, len(h))
	for key := range h {
		keys = append(keys, key)
	}
	return keys
}

// Inject returns a copy of table with the trace context and the ids of ctx, for
// code that publishes without a Publisher. Only the option Keys matters here.
func Inject(ctx context.Context, table amqp.Table, opts ...Option) amqp.Table {
	return inject(ctx, newConfig(opts).propagator, table)
}

// inject returns a copy of table that carries ctx. The caller's table stays as
// it is: it may belong to a delivery that is being passed on.
func inject(ctx context.Context, p propagation.TextMapPropagator, table amqp.Table) amqp.Table {
	out := make(amqp.Table, len(table)+len(w3cHeaders))
	for key, value := range table {
		out[key] = value
	}
	for _, key := range w3cHeaders {
		delete(out, key)
	}
	p.Inject(ctx, headers(out))
	return out
}
