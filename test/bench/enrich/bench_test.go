package enrich

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/groupbytraceprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/processor/orderenrich"
)

// counter counts what comes out and how many spans carry an order.
type counter struct{ spans, orders atomic.Int64 }

func (c *counter) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (c *counter) ConsumeTraces(_ context.Context, td ptrace.Traces) error {
	c.spans.Add(int64(td.SpanCount()))
	for i := range td.ResourceSpans().Len() {
		for j := range td.ResourceSpans().At(i).ScopeSpans().Len() {
			spans := td.ResourceSpans().At(i).ScopeSpans().At(j).Spans()
			for k := range spans.Len() {
				if _, ok := spans.At(k).Attributes().Get("order.id"); ok {
					c.orders.Add(1)
				}
			}
		}
	}
	return nil
}

type subject struct {
	name    string
	factory processor.Factory
	config  func(wait time.Duration) map[string]any
	waits   bool
	named   bool
}

func subjects() []subject {
	ours := func(wait time.Duration) map[string]any {
		return map[string]any{"identifiers": map[string]any{
			"order.id": map[string]any{
				"attributes": []any{"order.id", "orderId", "app.order.id"}, "url_path": []any{"/api/orders/{order.id}/**"},
				"query": []any{"orderId"}, "message_id": true, "span_links": true, "pattern": "ORD-[0-9]{8}",
			},
			"session.id": map[string]any{"attributes": []any{"session.id", "sessionId"}, "headers": []any{"x-session-id"}},
		}, "hold": map[string]any{"max_wait": wait.String(), "max_bytes": "1GiB"}}
	}
	streaming := func(time.Duration) map[string]any {
		m := ours(0)
		delete(m, "hold")
		return m
	}
	return []subject{
		{"order_enrich, streaming, nothing known", orderenrich.NewFactory(), streaming, false, false},
		{"order_enrich, streaming, orders", orderenrich.NewFactory(), streaming, false, true},
		{"order_enrich, hold", orderenrich.NewFactory(), ours, true, true},
		{"groupbytrace", groupbytraceprocessor.NewFactory(), func(wait time.Duration) map[string]any {
			return map[string]any{"wait_duration": wait.String(), "num_traces": 1_000_000}
		}, true, true},
		{"tail_sampling", tailsamplingprocessor.NewFactory(), func(wait time.Duration) map[string]any {
			return map[string]any{"decision_wait": wait.String(), "num_traces": 1_000_000, "policies": []any{map[string]any{"name": "all", "type": "always_sample"}}}
		}, true, true},
	}
}

func (s subject) begin(t *testing.T, wait time.Duration, next consumer.Traces) processor.Traces {
	t.Helper()
	cfg := s.factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(s.config(wait)).Unmarshal(cfg))
	p, err := s.factory.CreateTraces(context.Background(), processortest.NewNopSettings(s.factory.Type()), cfg, next)
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
	return p
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() (bytes, mallocs uint64) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.Mallocs
}

func (s subject) feed(t *testing.T, p processor.Traces, in []ptrace.Traces) {
	t.Helper()
	for i, td := range in {
		in[i] = ptrace.Traces{}
		require.NoError(t, p.ConsumeTraces(context.Background(), td))
	}
}

// cost is CPU and allocations from the first span in to the last span out.
func (s subject) cost(t *testing.T) (perSpan time.Duration, allocs float64, orders int64) {
	t.Helper()
	out := &counter{}
	p := s.begin(t, time.Second, out)
	in := makePayloads(s.named)
	_, m0 := heap()
	c0 := cpu()
	s.feed(t, p, in)
	for end := time.Now().Add(20 * time.Second); out.spans.Load() < totalSpans && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	spent := cpu() - c0
	_, m1 := heap()
	require.EqualValues(t, totalSpans, out.spans.Load(), s.name)
	require.NoError(t, p.Shutdown(context.Background()))
	return spent / totalSpans, float64(m1-m0) / totalSpans, out.orders.Load()
}

// kept is the heap for each span while all of them wait, and the share that is lost if the collector stops then.
func (s subject) kept(t *testing.T) (bytes, lost float64) {
	t.Helper()
	out := &counter{}
	p := s.begin(t, time.Minute, out)
	time.Sleep(time.Second) // what ran before lets go of its memory
	b0, _ := heap()
	s.feed(t, p, makePayloads(false)) // without names, so that nothing is released early
	time.Sleep(200 * time.Millisecond)
	b1, _ := heap()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = p.Shutdown(ctx)
	return float64(int64(b1)-int64(b0)) / totalSpans, 100 * (1 - float64(out.spans.Load())/totalSpans)
}

func TestCostTable(t *testing.T) {
	in := makePayloads(true)
	size := 0
	b0, _ := heap()
	again := makePayloads(true)
	b1, _ := heap()
	for _, td := range again {
		size += (&ptrace.ProtoMarshaler{}).TracesSize(td)
	}
	memory := float64(b1-b0) / totalSpans
	runtime.KeepAlive(in)
	var table strings.Builder
	fmt.Fprintf(&table, "\n%d spans of %d bytes encoded, %.0f in memory\n%-40s%10s%14s%14s%22s%12s\n", totalSpans, size/totalSpans, memory,
		"", "CPU/span", "allocs/span", "bytes kept", "lost at shutdown, %", "with order")
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			perSpan, allocs, orders := s.cost(t)
			fmt.Fprintf(&table, "%-40s%10v%14.2f", s.name, perSpan, allocs)
			if s.waits {
				kept, lost := s.kept(t)
				fmt.Fprintf(&table, "%14.0f%22.1f", kept, lost)
				if s.name == "order_enrich, hold" {
					require.Zero(t, lost, "spans are released, never dropped")
				}
			} else {
				fmt.Fprintf(&table, "%14s%22s", "-", "-")
			}
			fmt.Fprintf(&table, "%12d\n", orders)
		})
	}
	t.Log(table.String())
}
