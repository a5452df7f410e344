//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/ordertrace/ordertrace/internal/backend"
	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// teeYAML sends what it receives to two places: the collector under test, and a Jaeger that sees it as it was.
const teeYAML = `
extensions: {healthcheckv2: {use_v2: true, http: {endpoint: "${env:ORDERTRACE_HEALTH_ENDPOINT}", status: {enabled: true, path: /}}}}
receivers: {otlp: {protocols: {http: {endpoint: "${env:ORDERTRACE_OTLP_HTTP_ENDPOINT}"}, grpc: {endpoint: "${env:ORDERTRACE_OTLP_GRPC_ENDPOINT}"}}}}
exporters:
  otlp_grpc/raw: {endpoint: "${env:RAW}", tls: {insecure: true}}
  otlp_grpc/tested: {endpoint: "${env:TESTED}", tls: {insecure: true}}
service:
  extensions: [healthcheckv2]
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc/raw, otlp_grpc/tested]}}
  telemetry: {metrics: {level: none}}
`

// HotROD is a program that we did not write; its traces know no orders.
func TestHotRODArrivesWholeThroughTheStandalonePreset(t *testing.T) {
	site := newSite(t)
	raw, err := site.Jaeger(t.Context(), backend.JaegerOptions{})
	require.NoError(t, err)
	through, err := site.Jaeger(t.Context(), backend.JaegerOptions{})
	require.NoError(t, err)
	prom, err := site.Prometheus(t.Context(), backend.PrometheusOptions{})
	require.NoError(t, err)
	tested := prepare(t, []string{"preset:standalone"}, "ORDERTRACE_JAEGER_OTLP="+through.OTLP, "ORDERTRACE_PROMETHEUS_OTLP="+prom.OTLP)
	tested.start(t, site, "collector")
	tee := prepare(t, []string{writeFile(t, "tee.yaml", teeYAML)}, "RAW="+raw.OTLP, "TESTED="+tested.grpc)
	tee.start(t, site, "tee")
	start := time.Now()
	orderRides(t, site, tee.http, 10)

	before, after := settledSpans(t, raw.Query, start), settledSpans(t, through.Query, start)
	require.Greater(t, len(before), 200, "HotROD sent spans")
	require.Len(t, after, len(before), "traces arrive whole")
	redacted := map[string]int{}
	for id, was := range before {
		is, ok := after[id]
		require.True(t, ok, "span %s of %s is missing", was.Name(), was.Service())
		requireOnlyRedacted(t, was, is, redacted)
	}
	t.Logf("%d spans; redacted attributes: %v", len(before), redacted)
	require.NotEmpty(t, redacted, "HotROD's SQL has literals")
}

// orderRides starts HotROD and asks it for n rides.
func orderRides(t *testing.T, site *backend.Site, otlp string, n int) {
	t.Helper()
	bin, err := backend.Tool("hotrod", "HOTROD_BIN")
	require.NoError(t, err)
	ports, err := backend.FreePorts(0, 0, 0, 0)
	require.NoError(t, err)
	hotrod, err := site.Run(backend.Command{
		Name: "hotrod", Path: bin,
		Args: []string{
			"all", "--otel-exporter=otlp", "--frontend-service-hostname=127.0.0.1", "--customer-service-hostname=127.0.0.1",
			"--driver-service-hostname=127.0.0.1", "--route-service-hostname=127.0.0.1",
			fmt.Sprintf("--frontend-service-port=%d", ports[0]), fmt.Sprintf("--customer-service-port=%d", ports[1]),
			fmt.Sprintf("--driver-service-port=%d", ports[2]), fmt.Sprintf("--route-service-port=%d", ports[3]),
		},
		Env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + otlp},
	})
	require.NoError(t, err)
	frontend := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	require.NoError(t, hotrod.WaitReady(t.Context(), backend.Answers(frontend+"/")))
	for i := range n {
		customer := []int{123, 392, 731, 567}[i%4]
		resp, err := http.Get(fmt.Sprintf("%s/dispatch?customer=%d&nonse=0.%d", frontend, customer, i))
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
}

// settledSpans returns all spans by id once no more arrive; it fails when there are none, or no end of them, for minutes.
func settledSpans(t *testing.T, addr string, since time.Time) map[string]ask.Span {
	t.Helper()
	jaeger := ask.Jaeger{Addr: addr}
	spans := map[string]ask.Span{}
	end := time.Now().Add(2 * time.Minute)
	for last, same := -1, 0; same < 12; time.Sleep(500 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "the spans in Jaeger at %s did not settle within 2 minutes: %d now, %d before", addr, len(spans), last)
		services, err := jaeger.Services(t.Context())
		require.NoError(t, err)
		for _, service := range services {
			ids, _, err := jaeger.Find(t.Context(), ask.Search{Service: service, Since: since, Limit: 1000})
			require.NoError(t, err)
			for _, id := range ids {
				traces, err := jaeger.Trace(t.Context(), id)
				require.NoError(t, err)
				for _, s := range ask.Spans(traces) {
					spans[s.TraceID().String()+s.SpanID().String()] = s
				}
			}
		}
		if len(spans) == last && last > 0 {
			same++
		} else {
			same = 0
		}
		last = len(spans)
	}
	return spans
}

// requireOnlyRedacted fails when anything but text values differs, and notes which attributes were redacted.
func requireOnlyRedacted(t *testing.T, was, is ask.Span, redacted map[string]int) {
	t.Helper()
	what := was.Service() + " " + was.Name()
	require.Equal(t, was.Name(), is.Name(), what)
	require.Equal(t, was.Kind(), is.Kind(), what)
	require.Equal(t, was.ParentSpanID(), is.ParentSpanID(), what)
	require.Equal(t, was.StartTimestamp(), is.StartTimestamp(), what)
	require.Equal(t, was.EndTimestamp(), is.EndTimestamp(), what)
	require.Equal(t, was.Status().Code(), is.Status().Code(), what)
	if said := was.Status().Message(); said != is.Status().Message() {
		require.NotEmpty(t, said, "%s: a status message from nowhere", what)
		require.NotEmpty(t, is.Status().Message(), "%s: the status message is gone", what)
		redacted[was.Service()+" status"]++
	}
	require.Equal(t, was.Links().Len(), is.Links().Len(), what)
	requireSameAttributes(t, was.Service(), what, was.Attributes(), is.Attributes(), redacted)
	requireSameAttributes(t, was.Service(), what+": resource", was.Resource, is.Resource, redacted)
	require.Equal(t, was.Events().Len(), is.Events().Len(), what)
	for i, event := range was.Events().All() {
		require.Equal(t, event.Timestamp(), is.Events().At(i).Timestamp(), what)
		requireSameAttributes(t, was.Service(), what+": event", event.Attributes(), is.Events().At(i).Attributes(), redacted)
	}
	for _, key := range []string{"order.id", "order.ids", "session.id"} {
		require.Empty(t, is.Attr(key), "%s: a span without an order got %s", what, key)
	}
}

// requireSameAttributes fails when an attribute was added or dropped, or another than a text changed.
func requireSameAttributes(t *testing.T, service, what string, was, is pcommon.Map, redacted map[string]int) {
	t.Helper()
	require.Equal(t, was.Len(), is.Len(), "%s: attributes added or dropped", what)
	for key, value := range was.All() {
		got, ok := is.Get(key)
		require.True(t, ok, "%s: attribute %s is missing", what, key)
		require.Equal(t, value.Type(), got.Type(), "%s: attribute %s", what, key)
		if value.Type() != pcommon.ValueTypeStr {
			require.Equal(t, value.AsString(), got.AsString(), "%s: attribute %s", what, key)
		} else if value.Str() != got.Str() {
			require.NotEmpty(t, got.Str(), "%s: attribute %s is gone, not redacted", what, key)
			redacted[strings.TrimSpace(service+" "+key)]++
		}
	}
}
