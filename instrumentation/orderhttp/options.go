package orderhttp

import (
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

type config struct {
	keys    []string
	edge    bool
	session func(*http.Request) string
	foreign func(*http.Request) bool
	otel    []otelhttp.Option
}

// Option changes a Handler or a Transport.
type Option func(*config)

// Keys replaces the allow-list of baggage keys.
func Keys(keys ...string) Option { return func(c *config) { c.keys = keys } }

// PublicEdge says that anybody may call this Handler: it starts a new trace
// with a link to the caller's, and ignores the caller's baggage.
func PublicEdge() Option { return func(c *config) { c.edge = true } }

// SessionHeader takes the session id from a request header.
func SessionHeader(name string) Option {
	return Session(func(r *http.Request) string { return r.Header.Get(name) })
}

// Session takes the session id from wherever the function finds it, a cookie
// for example. A value that is no id (see orderctx.ErrInvalidID) is ignored.
func Session(find func(*http.Request) string) Option {
	return func(c *config) { c.session = find }
}

// Foreign names the requests of a Transport that leave our own systems: they
// get a client span, but neither trace context nor baggage.
func Foreign(is func(*http.Request) bool) Option { return func(c *config) { c.foreign = is } }

// OTel passes options on to otelhttp, a tracer provider or a filter.
func OTel(opts ...otelhttp.Option) Option {
	return func(c *config) { c.otel = append(c.otel, opts...) }
}

func newConfig(opts []Option) config {
	c := config{keys: orderctx.DefaultKeys()}
	for _, opt := range opts {
		opt(&c)
	}
	return c
}
