// Package sla compares sla_metrics with contrib's span_metrics on the same batches, in one run:
//
//	go test -bench . -benchtime 2s ./test/bench/sla
package sla

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/connector/slametrics"
)

// orders is the flow that sla_metrics follows besides; span_metrics has nothing like it.
var orders = map[string]any{
	"flows": map[string]any{"order": map[string]any{
		"stages": map[string]any{
			"submitted": map[string]any{"service": "shop-api", "attributes": map[string]any{"order.status": "SUBMITTED"}},
			"priced":    map[string]any{"service": "mes-api", "attributes": map[string]any{"order.status": "PRICE_CALCULATED"}},
		},
		"transitions": []any{map[string]any{"from": "submitted", "to": "priced", "deadline": "10m", "lost_after": "24h"}},
	}},
	"metrics_flush_interval": "250ms",
}

// comparable settings: exponential histograms in seconds, exemplars, the same dimensions.
var spanMetrics = map[string]any{
	"histogram":              map[string]any{"unit": "s", "exponential": map[string]any{"max_size": 160}},
	"exemplars":              map[string]any{"enabled": true, "max_per_data_point": 2},
	"dimensions":             []any{map[string]any{"name": "db.system.name"}, map[string]any{"name": "messaging.system"}},
	"metrics_flush_interval": "250ms",
}

type contender struct {
	name    string
	factory connector.Factory
	config  map[string]any
}

var contenders = []contender{
	{"sla_metrics", slametrics.NewFactory(), orders},
	{"span_metrics", spanmetricsconnector.NewFactory(), spanMetrics},
}

func start(b testing.TB, factory connector.Factory, raw map[string]any) connector.Traces {
	b.Helper()
	return startInto(b, factory, raw, consumertest.NewNop(), componenttest.NewNopHost())
}

func startInto(b testing.TB, factory connector.Factory, raw map[string]any, next consumer.Metrics, host component.Host) connector.Traces {
	b.Helper()
	cfg := factory.CreateDefaultConfig()
	require.NoError(b, confmap.NewFromStringMap(raw).Unmarshal(cfg))
	set := connectortest.NewNopSettings(factory.Type())
	set.ID = component.NewID(factory.Type()) // the same at every start: state is kept by it
	c, err := factory.CreateTracesToMetrics(context.Background(), set, cfg, next)
	require.NoError(b, err)
	require.NoError(b, c.Start(context.Background(), host))
	b.Cleanup(func() { require.NoError(b, component.Component(c).Shutdown(context.Background())) })
	return c
}

// batch is 1,000 spans of two services, 100 operations; one span in twenty moves an order on.
func batch() ptrace.Traces {
	td := ptrace.NewTraces()
	now := time.Now()
	for n, service := range []string{"shop-api", "mes-api"} {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", service)
		rs.Resource().Attributes().PutStr("host.name", "node-17")
		spans := rs.ScopeSpans().AppendEmpty().Spans()
		for i := range 500 {
			s := spans.AppendEmpty()
			s.SetName(fmt.Sprintf("operation %d", i%50))
			s.SetKind(ptrace.SpanKind(1 + i%3))
			s.SetTraceID([16]byte{byte(i), byte(i >> 8), byte(n), 1})
			s.SetSpanID([8]byte{byte(i), 1})
			s.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Duration(1+i*i%997) * time.Millisecond)))
			s.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
			a := s.Attributes()
			a.PutStr("http.request.method", "POST")
			a.PutStr("url.path", "/api/orders")
			a.PutInt("http.response.status_code", 200)
			a.PutStr("session.id", "f4c1")
			a.PutStr("order.id", fmt.Sprintf("ORD-%08d", i%40))
			if i%5 == 3 {
				a.PutStr("db.system.name", "postgresql")
			}
			if i%20 == 0 {
				a.PutStr("order.status", []string{"SUBMITTED", "PRICE_CALCULATED"}[n])
			}
		}
	}
	return td
}

func BenchmarkSpan(b *testing.B) {
	for _, c := range contenders {
		b.Run(c.name, func(b *testing.B) {
			consumer, td, ctx := start(b, c.factory, c.config), batch(), context.Background()
			require.NoError(b, consumer.ConsumeTraces(ctx, td))
			b.ReportAllocs()
			for b.Loop() {
				_ = consumer.ConsumeTraces(ctx, td)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/span")
		})
	}
}

func BenchmarkSpanOnTwoCores(b *testing.B) {
	for _, c := range contenders {
		b.Run(c.name, func(b *testing.B) {
			consumer, ctx := start(b, c.factory, c.config), context.Background()
			b.SetParallelism(1)
			var mu sync.Mutex
			var took []time.Duration
			b.RunParallel(func(pb *testing.PB) {
				td := batch()
				var own []time.Duration
				for pb.Next() {
					began := time.Now()
					_ = consumer.ConsumeTraces(ctx, td)
					own = append(own, time.Since(began))
				}
				mu.Lock()
				took = append(took, own...)
				mu.Unlock()
			})
			slices.Sort(took)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/span")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us/batch")
		})
	}
}
