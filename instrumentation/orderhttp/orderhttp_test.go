package orderhttp

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestAnInnerServiceContinuesTraceAndIDs(t *testing.T) {
	spans, provider := recording()
	seen := serve(t, provider, nil, http.Header{"Traceparent": {parent}, "Baggage": {"order.id=ORD-1,secret=x"}})
	span := only(t, spans)
	if got := span.Parent().TraceID().String(); got != parent[3:35] {
		t.Errorf("parent trace = %s", got)
	}
	if seen.order != "ORD-1" || attr(span, "order.id") != "ORD-1" {
		t.Errorf("order: handler %q, span %q", seen.order, attr(span, "order.id"))
	}
	if span.Name() != "GET /orders/{id}" || attr(span, "http.route") != "/orders/{id}" {
		t.Errorf("name %q, route %q", span.Name(), attr(span, "http.route"))
	}
}

func TestThePublicEdgeTrustsNobody(t *testing.T) {
	spans, provider := recording()
	header := http.Header{"Traceparent": {parent}, "Baggage": {"order.id=ORD-STOLEN", "session.id=theirs"}, "X-Session-Id": {"s-7"}}
	seen := serve(t, provider, []Option{PublicEdge(), SessionHeader("X-Session-Id")}, header)
	span := only(t, spans)
	if span.Parent().IsValid() || span.SpanContext().TraceID().String() == parent[3:35] {
		t.Error("the caller's trace was continued")
	}
	if len(span.Links()) != 1 || span.Links()[0].SpanContext.TraceID().String() != parent[3:35] {
		t.Errorf("links = %v", span.Links())
	}
	if seen.order != "" || attr(span, "order.id") != "" {
		t.Errorf("a stranger's order id was taken: %q", seen.order)
	}
	if seen.session != "s-7" || attr(span, "session.id") != "s-7" {
		t.Errorf("session: handler %q, span %q", seen.session, attr(span, "session.id"))
	}
}

func TestASessionThatIsNoIDIsIgnored(t *testing.T) {
	_, provider := recording()
	seen := serve(t, provider, []Option{SessionHeader("X-Session-Id")}, http.Header{"X-Session-Id": {"ada@example.com"}})
	if seen.session != "" {
		t.Errorf("session = %q", seen.session)
	}
}

func TestAPanicFailsTheSpan(t *testing.T) {
	spans, provider := recording()
	h := Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		OTel(otelhttp.WithTracerProvider(provider)))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}()
	if span := only(t, spans); span.Status().Code != codes.Error || attr(span, "error.type") != "panic" {
		t.Errorf("status %v, error.type %q", span.Status(), attr(span, "error.type"))
	}
}

func TestAFailedRequestSaysItsCode(t *testing.T) {
	for _, tt := range []struct {
		code int
		want string
	}{{503, "503"}, {500, "500"}, {404, ""}, {200, ""}} {
		spans, provider := recording()
		h := Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(tt.code)
			if _, ok := w.(http.Flusher); !ok {
				t.Error("the writer lost its other abilities")
			}
		}), OTel(otelhttp.WithTracerProvider(provider)))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		span := only(t, spans)
		if got := attr(span, "error.type"); got != tt.want || (span.Status().Code == codes.Error) != (tt.want != "") {
			t.Errorf("%d: error.type %q, status %v", tt.code, got, span.Status())
		}
	}
}

func TestAnInventedMethodDoesNotNameTheSpan(t *testing.T) {
	spans, provider := recording()
	h := Handler(http.NotFoundHandler(), OTel(otelhttp.WithTracerProvider(provider)))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("PROPFIND1234", "/", nil))
	if name := only(t, spans).Name(); name != "HTTP" {
		t.Errorf("name = %q", name)
	}
}

func TestTheTransportSendsIDsToOursAndNothingToOthers(t *testing.T) {
	_, provider := recording()
	base := &capture{}
	client := http.Client{Transport: Transport(base, OTel(otelhttp.WithTracerProvider(provider)),
		Foreign(func(r *http.Request) bool { return !strings.HasSuffix(r.URL.Host, ".internal") }))}
	ctx, err := orderctx.WithOrder(t.Context(), "ORD-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"mes.internal", "parcels.example"} {
		req, err := http.NewRequestWithContext(ctx, "GET", "http://"+host+"/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if h := base.headers[0]; h.Get("Baggage") != "order.id=ORD-1" || h.Get("Traceparent") == "" {
		t.Errorf("to ours: %v", h)
	}
	if h := base.headers[1]; h.Get("Baggage") != "" || h.Get("Traceparent") != "" {
		t.Errorf("to a stranger: %v", h)
	}
}

type seen struct{ order, session string }

func serve(t *testing.T, provider *sdktrace.TracerProvider, opts []Option, header http.Header) (s seen) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(_ http.ResponseWriter, r *http.Request) {
		s = seen{orderctx.Order(r.Context()), orderctx.Session(r.Context())}
	})
	req := httptest.NewRequest("GET", "/orders/17?x=1", nil)
	req.Header = header
	Handler(mux, append(opts, OTel(otelhttp.WithTracerProvider(provider)))...).ServeHTTP(httptest.NewRecorder(), req)
	return s
}

type capture struct{ headers []http.Header }

func (c *capture) RoundTrip(r *http.Request) (*http.Response, error) {
	c.headers = append(c.headers, r.Header.Clone())
	return &http.Response{StatusCode: 204, Body: http.NoBody, Request: r}, nil
}

func recording() (*tracetest.SpanRecorder, *sdktrace.TracerProvider) {
	recorder := tracetest.NewSpanRecorder()
	return recorder, sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(orderctx.SpanProcessor()), sdktrace.WithSpanProcessor(recorder))
}

func only(t *testing.T, r *tracetest.SpanRecorder) sdktrace.ReadOnlySpan {
	t.Helper()
	if n := len(r.Ended()); n != 1 {
		t.Fatalf("%d spans", n)
	}
	return r.Ended()[0]
}

func attr(span sdktrace.ReadOnlySpan, key string) string {
	attrs := span.Attributes()
	if i := slices.IndexFunc(attrs, func(kv attribute.KeyValue) bool { return string(kv.Key) == key }); i >= 0 {
		return attrs[i].Value.AsString()
	}
	return ""
}
