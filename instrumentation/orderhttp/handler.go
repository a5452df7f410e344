package orderhttp

import (
	"net/http"
	"strconv"

	"github.com/felixge/httpsnoop"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

// Handler wraps next in a server span per request, named after the method and
// the route that an http.ServeMux matched.
func Handler(next http.Handler, opts ...Option) http.Handler {
	c := newConfig(opts)
	traced := otelhttp.NewHandler(routed(next), "", append([]otelhttp.Option{
		otelhttp.WithPropagators(orderctx.Propagator(c.keys...)),
		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return c.edge }),
		otelhttp.WithSpanNameFormatter(spanName),
	}, c.otel...)...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		traced.ServeHTTP(w, c.admit(r))
	})
}

// admit prepares the request before its span starts: the span processor reads
// the ids from the context at that moment.
func (c config) admit(r *http.Request) *http.Request {
	if c.edge && len(r.Header.Values("baggage")) > 0 {
		r = r.Clone(r.Context())
		r.Header.Del("baggage")
	}
	if c.session == nil {
		return r
	}
	ctx, err := orderctx.WithSession(r.Context(), c.session(r))
	if err != nil {
		return r
	}
	return r.WithContext(ctx)
}

// routed adds what otelhttp leaves out: the route, which is known only after
// the router ran, error.type of a 5xx, and the failure of a handler that
// panicked (otelhttp ends that span without a status).
func routed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		span := trace.SpanFromContext(r.Context())
		status, returned := 0, false
		defer func() {
			if route := route(r); route != "" {
				span.SetAttributes(attribute.String("http.route", route))
			}
			switch {
			case !returned:
				span.SetAttributes(attribute.String("error.type", "panic"))
				span.SetStatus(codes.Error, "handler panicked")
			case status >= http.StatusInternalServerError:
				span.SetAttributes(attribute.String("error.type", strconv.Itoa(status)))
			}
		}()
		next.ServeHTTP(httpsnoop.Wrap(w, httpsnoop.Hooks{
			WriteHeader: func(write httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
				return func(code int) {
					if status == 0 && code >= http.StatusOK { // 1xx may come before the answer
						status = code
					}
					write(code)
				}
			},
		}), r)
		returned = true
	})
}

func spanName(_ string, r *http.Request) string {
	if route := route(r); route != "" {
		return method(r.Method) + " " + route
	}
	return method(r.Method)
}

// method keeps span names few: a client may send any word as its method.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return m
	}
	return "HTTP"
}

// route is the path part of a ServeMux pattern ("[METHOD ][HOST]/[PATH]").
func route(r *http.Request) string {
	for i := range len(r.Pattern) {
		if r.Pattern[i] == '/' {
			return r.Pattern[i:]
		}
	}
	return ""
}
