// Package orderctx carries the ids of an order's life, order.id and session.id,
// in the W3C baggage of a context.
//
// Only keys on an allow-list travel: a Propagator sends and accepts no other
// baggage, and only values that look like ids, so neither a customer's name
// that somebody put into baggage nor a stranger's header crosses a service.
// A SpanProcessor writes the same keys on every span that starts below.
//
//	otel.SetTextMapPropagator(orderctx.Propagator())
//	provider := trace.NewTracerProvider(trace.WithSpanProcessor(orderctx.SpanProcessor()), ...)
//	ctx, err := orderctx.WithOrder(ctx, "ORD-10000042")
package orderctx
