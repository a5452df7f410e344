// Package orderhttp is otelhttp set up for orders: a server Handler and a
// client Transport that carry the W3C trace context and the allow-listed ids
// of orderctx, and no other baggage.
//
// On the public edge, where strangers call, a Handler starts a trace of its
// own (linked to the caller's) and throws incoming baggage away:
//
//	mux := http.NewServeMux()
//	server.Handler = orderhttp.Handler(mux, orderhttp.PublicEdge(), orderhttp.SessionHeader("X-Session-Id"))
//	client.Transport = orderhttp.Transport(http.DefaultTransport)
package orderhttp
