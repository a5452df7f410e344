package heartbeat_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/ptracetest"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/receiver/heartbeat"
	"github.com/ordertrace/ordertrace/receiver/heartbeat/internal/metadatatest"
)

var update = flag.Bool("update", false, "write want.yaml anew")

// door is the next component: it takes what its answer allows.
type door struct {
	answer func(context.Context) error // nil: yes

	mu    sync.Mutex
	spans []ptrace.Traces // owned by mu
	times []time.Time     // owned by mu
}

func (d *door) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (d *door) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	d.mu.Lock()
	d.spans, d.times = append(d.spans, td), append(d.times, time.Now())
	d.mu.Unlock()
	if d.answer == nil {
		return nil
	}
	return d.answer(ctx)
}

func newHeart(t *testing.T, section map[string]any, next consumer.Traces) (receiver.Traces, *componenttest.Telemetry) {
	t.Helper()
	cfg, err := load(section)
	require.NoError(t, err)
	tel := componenttest.NewTelemetry()
	set := receivertest.NewNopSettings(heartbeat.NewFactory().Type())
	set.TelemetrySettings = tel.NewTelemetrySettings()
	h, err := heartbeat.NewFactory().CreateTraces(context.Background(), set, cfg, next)
	require.NoError(t, err)
	return h, tel
}

func start(t *testing.T, h receiver.Traces) {
	t.Helper()
	require.NoError(t, h.Start(context.Background(), componenttest.NewNopHost()))
}

func stop(t *testing.T, h receiver.Traces) {
	t.Helper()
	require.NoError(t, h.Shutdown(context.Background()))
}

func counted(n int64) []metricdata.DataPoint[int64] {
	return []metricdata.DataPoint[int64]{{Value: n}}
}

func TestItBeatsAtOnceAndThenOncePerIntervalUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, born := new(door), time.Now()
		h, tel := newHeart(t, map[string]any{"agent_id": "shop-1"}, d)
		start(t, h)
		start(t, h) // a second start starts no second heart
		time.Sleep(35 * time.Second)
		synctest.Wait()
		stop(t, h)
		time.Sleep(time.Minute)
		var at []time.Duration
		for _, when := range d.times {
			at = append(at, when.Sub(born))
		}
		require.Equal(t, []time.Duration{0, 10 * time.Second, 20 * time.Second, 30 * time.Second}, at)
		metadatatest.AssertEqualHeartbeatSent(t, tel, counted(4), metricdatatest.IgnoreTimestamp())
		traces := map[[16]byte]bool{}
		for i, td := range d.spans {
			require.Equal(t, 1, td.SpanCount())
			s := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
			require.False(t, s.TraceID().IsEmpty() || s.SpanID().IsEmpty())
			traces[s.TraceID()] = true
			require.Equal(t, d.times[i].UTC(), s.StartTimestamp().AsTime())
			require.Equal(t, s.StartTimestamp(), s.EndTimestamp())
		}
		require.Len(t, traces, 4, "each beat is a trace of its own")
	})
}

func TestARefusedBeatIsCountedAndTheNextOneComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		d := &door{answer: func(context.Context) error {
			if n++; n <= 2 {
				return errors.New("queue is full")
			}
			return nil
		}}
		h, tel := newHeart(t, map[string]any{"agent_id": "shop-1", "interval": "1s"}, d)
		start(t, h)
		time.Sleep(4500 * time.Millisecond)
		synctest.Wait()
		stop(t, h)
		require.Len(t, d.spans, 5, "a refused beat is not sent again")
		metadatatest.AssertEqualHeartbeatRefused(t, tel, counted(2), metricdatatest.IgnoreTimestamp())
		metadatatest.AssertEqualHeartbeatSent(t, tel, counted(3), metricdatatest.IgnoreTimestamp())
	})
}

func TestAPipelineThatBlocksHoldsUpNeitherStartNorShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{answer: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		h, tel := newHeart(t, map[string]any{"agent_id": "shop-1"}, d)
		born := time.Now()
		start(t, h)
		require.Zero(t, time.Since(born))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, d.spans, 1, "beats do not pile up behind one that waits")
		before := time.Now()
		stop(t, h)
		require.Zero(t, time.Since(before))
		metadatatest.AssertEqualHeartbeatRefused(t, tel, counted(1), metricdatatest.IgnoreTimestamp())
	})
}

func TestShutdownWaitsForTheBeatUnderWayAsLongAsItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{answer: func(context.Context) error { time.Sleep(3 * time.Second); return nil }} // deaf to its context
		h, _ := newHeart(t, map[string]any{"agent_id": "shop-1"}, d)
		start(t, h)
		synctest.Wait()
		before := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		require.ErrorIs(t, h.Shutdown(ctx), context.DeadlineExceeded)
		stop(t, h)
		require.Equal(t, 3*time.Second, time.Since(before))
	})
}

func TestShutdownIsSafeWithoutStartAndTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := new(door)
		h, _ := newHeart(t, map[string]any{"agent_id": "shop-1"}, d)
		stop(t, h)
		require.Empty(t, d.spans)
		h, _ = newHeart(t, map[string]any{"agent_id": "shop-1"}, d)
		start(t, h)
		stop(t, h)
		stop(t, h)
	})
}

// TestGolden compares the first beat with testdata/<case>/want.yaml. The bubble's clock starts at
// 2000-01-01T00:00:00Z (946684800), so that stamps are exact; the ids are random, and zero in the file.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/config.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, file := range cases {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var section map[string]any
			require.NoError(t, yaml.Unmarshal(text, &section))
			d := new(door)
			synctest.Test(t, func(t *testing.T) {
				h, _ := newHeart(t, section, d)
				start(t, h)
				synctest.Wait()
				stop(t, h)
			})
			require.Len(t, d.spans, 1)
			got, want := d.spans[0], filepath.Join(dir, "want.yaml")
			span := got.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
			span.SetTraceID([16]byte{})
			span.SetSpanID([8]byte{})
			if *update {
				require.NoError(t, golden.WriteTracesToFile(want, got))
			}
			expected, err := golden.ReadTraces(want)
			require.NoError(t, err)
			require.NoError(t, ptracetest.CompareTraces(expected, got))
		})
	}
}

func TestABeatOfManyTracesIsHeardByEveryGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &door{}
		h, tel := newHeart(t, map[string]any{"agent_id": "shop-1", "traces": 16}, next)
		start(t, h)
		synctest.Wait()
		stop(t, h)
		require.Len(t, next.spans, 1)
		spans := next.spans[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans()
		traces := map[string]bool{}
		for i := range spans.Len() {
			traces[spans.At(i).TraceID().String()] = true
		}
		require.Len(t, traces, 16)
		metadatatest.AssertEqualHeartbeatSent(t, tel, counted(1), metricdatatest.IgnoreTimestamp())
	})
}
