package orderhttp

import (
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"

	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

// Transport wraps base (http.DefaultTransport when nil) in a client span per
// request, and sends the trace context and the allow-listed ids along, except
// to requests that Foreign names.
func Transport(base http.RoundTripper, opts ...Option) http.RoundTripper {
	c := newConfig(opts)
	own := otelhttp.NewTransport(base, append([]otelhttp.Option{
		otelhttp.WithPropagators(orderctx.Propagator(c.keys...)),
	}, c.otel...)...)
	if c.foreign == nil {
		return own
	}
	silent := otelhttp.NewTransport(base, append([]otelhttp.Option{
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()),
	}, c.otel...)...)
	return divided{foreign: c.foreign, own: own, silent: silent}
}

type divided struct {
	foreign     func(*http.Request) bool
	own, silent http.RoundTripper
}

func (d divided) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.foreign(r) {
		return d.silent.RoundTrip(r)
	}
	return d.own.RoundTrip(r)
}
