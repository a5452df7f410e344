package orderctx

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// SpanProcessor writes the given baggage keys (DefaultKeys when there are
// none) as attributes on every span at its start. An attribute that the span
// was started with is left as it is.
func SpanProcessor(keys ...string) sdktrace.SpanProcessor {
	if len(keys) == 0 {
		keys = DefaultKeys()
	}
	return stamper{keys: keys}
}

type stamper struct{ keys []string }

var _ sdktrace.SpanProcessor = stamper{}

func (s stamper) OnStart(ctx context.Context, span sdktrace.ReadWriteSpan) {
	bag := baggage.FromContext(ctx)
	if bag.Len() == 0 {
		return
	}
	for _, key := range s.keys {
		value := bag.Member(key).Value()
		if validID(value) && !has(span.Attributes(), key) {
			span.SetAttributes(attribute.String(key, value))
		}
	}
}

func (stamper) OnEnd(sdktrace.ReadOnlySpan)      {}
func (stamper) Shutdown(context.Context) error   { return nil }
func (stamper) ForceFlush(context.Context) error { return nil }

func has(attrs []attribute.KeyValue, key string) bool {
	for _, attr := range attrs {
		if string(attr.Key) == key {
			return true
		}
	}
	return false
}
