package enrich

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/groupbytraceprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich"
)

// counter counts what comes out and, if it is to look, how many spans carry an order; looking costs as much as half of what is
// measured.
type counter struct {
	spans, orders atomic.Int64
	look          bool
}

func (c *counter) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (c *counter) ConsumeTraces(_ context.Context, td ptrace.Traces) error {
	c.spans.Add(int64(td.SpanCount()))
	if !c.look {
		return nil
	}
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
	journal bool
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
	journaled := func(wait time.Duration) map[string]any {
		m := ours(wait)
		m["hold"].(map[string]any)["journal"] = "file_storage"
		return m
	}
	return []subject{
		{name: "order_enrich, streaming, nothing known", factory: orderenrich.NewFactory(), config: streaming},
		{name: "order_enrich, streaming, orders", factory: orderenrich.NewFactory(), config: streaming, named: true},
		{name: "order_enrich, hold", factory: orderenrich.NewFactory(), config: ours, waits: true, named: true},
		{name: "order_enrich, hold, journal on disk", factory: orderenrich.NewFactory(), config: journaled, waits: true, named: true, journal: true},
		{name: "groupbytrace", factory: groupbytraceprocessor.NewFactory(), config: func(wait time.Duration) map[string]any {
			return map[string]any{"wait_duration": wait.String(), "num_traces": 1_000_000}
		}, waits: true, named: true},
		{name: "tail_sampling", factory: tailsamplingprocessor.NewFactory(), config: func(wait time.Duration) map[string]any {
			return map[string]any{"decision_wait": wait.String(), "num_traces": 1_000_000, "policies": []any{map[string]any{"name": "all", "type": "always_sample"}}}
		}, waits: true, named: true},
	}
}

func (s subject) begin(t *testing.T, wait time.Duration, next consumer.Traces) processor.Traces {
	t.Helper()
	cfg := s.factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(s.config(wait)).Unmarshal(cfg))
	p, err := s.factory.CreateTraces(context.Background(), processortest.NewNopSettings(s.factory.Type()), cfg, next)
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), s.host(t)))
	return p
}

// disk is a host with a file_storage that syncs, as in the presets.
type disk struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (d disk) GetExtensions() map[component.ID]component.Component { return d.extensions }

func (s subject) host(t *testing.T) component.Host {
	t.Helper()
	if !s.journal {
		return componenttest.NewNopHost()
	}
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory, cfg.FSync = t.TempDir(), true
	ext, err := f.Create(context.Background(), extensiontest.NewNopSettings(f.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, ext.Start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, ext.Shutdown(context.Background())) })
	return disk{componenttest.NewNopHost(), map[component.ID]component.Component{component.MustNewID("file_storage"): ext}}
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
func (s subject) cost(t *testing.T) (perSpan time.Duration, allocs float64) {
	t.Helper()
	return s.run(t, &counter{})
}

// orders is how many spans know their order.
func (s subject) orders(t *testing.T) int64 {
	t.Helper()
	out := &counter{look: true}
	s.run(t, out)
	return out.orders.Load()
}

func (s subject) run(t *testing.T, out *counter) (perSpan time.Duration, allocs float64) {
	t.Helper()
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
	return spent / totalSpans, float64(m1-m0) / totalSpans
}

// reading is the CPU of looking at each span's trace id and the lengths of its keys in the same cold memory, the least that
// anything costs that looks at every attribute.
func reading(t *testing.T) time.Duration {
	t.Helper()
	var times []time.Duration
	for range 3 {
		in := makePayloads(false)
		heap()
		seen := 0
		c0 := cpu()
		for _, td := range in {
			for i := range td.ResourceSpans().Len() {
				spans := td.ResourceSpans().At(i).ScopeSpans().At(0).Spans()
				for k := range spans.Len() {
					id := spans.At(k).TraceID()
					seen += int(id[15] & 1)
					for key := range spans.At(k).Attributes().All() {
						seen += len(key)
					}
				}
			}
		}
		times = append(times, (cpu()-c0)/totalSpans)
		require.Greater(t, seen, totalSpans)
	}
	slices.Sort(times)
	return times[1]
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

// recoding is the CPU of encoding and decoding spans: what it would cost to let them wait as bytes.
func recoding(t *testing.T) time.Duration {
	t.Helper()
	var times []time.Duration
	for range 3 {
		in := makePayloads(false)
		heap()
		c0 := cpu()
		for i, td := range in {
			raw, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
			require.NoError(t, err)
			in[i], err = (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(raw)
			require.NoError(t, err)
		}
		times = append(times, (cpu()-c0)/totalSpans)
	}
	slices.Sort(times)
	return times[1]
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
	fmt.Fprintf(&table, "\n%d spans of %d bytes encoded, %.0f in memory; CPU is the median of three\n%-40s%10s%14s%14s%22s%12s\n", totalSpans, size/totalSpans, memory,
		"", "CPU/span", "allocs/span", "bytes kept", "lost at shutdown, %", "with order")
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			var times []time.Duration
			var allocs float64
			for range 3 {
				var spent time.Duration
				spent, allocs = s.cost(t)
				times = append(times, spent)
			}
			slices.Sort(times)
			perSpan := times[1]
			fmt.Fprintf(&table, "%-40s%10v%14.2f", s.name, perSpan, allocs)
			if s.waits {
				kept, lost := s.kept(t)
				fmt.Fprintf(&table, "%14.0f%22.1f", kept, lost)
				if strings.HasPrefix(s.name, "order_enrich") {
					require.Zero(t, lost, "spans are released, never dropped")
				}
			} else {
				fmt.Fprintf(&table, "%14s%22s", "-", "-")
			}
			fmt.Fprintf(&table, "%12d\n", s.orders(t))
		})
	}
	fmt.Fprintf(&table, "%-40s%10v\n", "(reading ids and the lengths of keys)", reading(t))
	fmt.Fprintf(&table, "%-40s%10v\n", "(encoding and decoding)", recoding(t))
	bytes, lookup := index(t)
	fmt.Fprintf(&table, "the index: %.1f bytes a trace, %v to look one up of a million\n", bytes, lookup)
	t.Log(table.String())
}

// index is what a million traces with an order each take, and how long it takes to find one.
func index(t *testing.T) (bytes float64, lookup time.Duration) {
	t.Helper()
	const traces = 1_000_000
	x := binding.New(binding.Options{MaxBytes: 256 << 20})
	name, err := x.Name("order.id", 0)
	require.NoError(t, err)
	now := time.Now()
	id := func(n int) binding.Node {
		n = n * 7919 % traces
		return binding.Trace([16]byte{1, 2, 3, 12: byte(n >> 16), 13: byte(n >> 8), 14: byte(n), 15: 1})
	}
	for n := range traces {
		x.Bind(id(n), binding.Binding{Name: name, Source: binding.Attribute, Value: fmt.Sprintf("ORD-%08d", n)}, now)
	}
	s := x.Stats(now)
	require.Zero(t, s.Evicted)
	bytes = float64(s.Bytes) / traces
	var known []binding.Binding
	c0 := cpu()
	for n := range traces {
		known = x.Lookup(id(n), now, known[:0])
	}
	lookup = (cpu() - c0) / traces
	require.Len(t, known, 1)
	return bytes, lookup
}
