package slametrics_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"go.opentelemetry.io/collector/component/componenttest"

	"github.com/ordertrace/ordertrace/connector/slametrics"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/metadatatest"

	"go.opentelemetry.io/otel/attribute"
)

// watched is a connector whose own telemetry is read.
func watched(t *testing.T, config string, on ...*disk) (connector.Traces, *componenttest.Telemetry, *consumertest.MetricsSink) {
	of := componenttest.NewNopHost()
	if len(on) > 0 {
		of, config = host{on[0]}, "storage: disk\n"+config
	}
	tel := componenttest.NewTelemetry()
	factory, sink := slametrics.NewFactory(), new(consumertest.MetricsSink)
	set := connectortest.NewNopSettings(factory.Type())
	set.TelemetrySettings = tel.NewTelemetrySettings()
	c, err := factory.CreateTracesToMetrics(context.Background(), set, loadConfig(t, config), sink)
	require.NoError(t, err)
	require.NoError(t, c.Start(context.Background(), of))
	t.Cleanup(func() {
		require.NoError(t, component.Component(c).Shutdown(context.Background()))
		require.NoError(t, tel.Shutdown(context.Background()))
	})
	return c, tel, sink
}

func submitted(keys ...string) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for _, key := range keys {
		s := spans.AppendEmpty()
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		s.Attributes().PutStr("order.id", key)
		s.Attributes().PutStr("order.status", "SUBMITTED")
	}
	return td
}

func TestAbsurdOrderIdsAreRefusedAndCounted(t *testing.T) {
	c, tel, _ := watched(t, simple)
	huge := strings.Repeat("x", 1<<20)
	require.NoError(t, c.ConsumeTraces(context.Background(), submitted("", huge, huge+"1", strings.Repeat("y", 256), "ORD-1")))
	one := func(reason string, n int64) metricdata.DataPoint[int64] {
		return metricdata.DataPoint[int64]{Value: n, Attributes: attribute.NewSet(attribute.String("flow", "order"), attribute.String("reason", reason))}
	}
	metadatatest.AssertEqualSLAMetricsEvents(t, tel, []metricdata.DataPoint[int64]{one("no_key", 1), one("long_key", 2)}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualSLAMetricsOrders(t, tel, []metricdata.DataPoint[int64]{
		{Value: 2, Attributes: attribute.NewSet(attribute.String("flow", "order"))}}, metricdatatest.IgnoreTimestamp())
}

func TestAMillionOrderIdsStayWithinTheLimit(t *testing.T) {
	c, tel, _ := watched(t, simple+"limits: {max_orders: 1000}\n")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	keys := make([]string, 10_000)
	for n := range 100 {
		for i := range keys {
			keys[i] = fmt.Sprintf("ORD-%d-%d", n, i)
		}
		require.NoError(t, c.ConsumeTraces(context.Background(), submitted(keys...)))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(8<<20), "bytes kept of a million ids")
	metadatatest.AssertEqualSLAMetricsOrdersDropped(t, tel, []metricdata.DataPoint[int64]{
		{Value: 999_000, Attributes: attribute.NewSet(attribute.String("flow", "order"), attribute.String("reason", "refused"))}}, metricdatatest.IgnoreTimestamp())
}

func TestAbsurdNamesAreCutAndStillCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		td := submitted("ORD-1")
		td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.name", strings.Repeat("ю", 1<<20))
		td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetName("a" + strings.Repeat("ю", 1<<20))
		r.sendTraces(td)
		r.stop()
		want := "service.requests{service=" + strings.Repeat("ю", 127) + ",span_name=a" + strings.Repeat("ю", 127) + ",span_kind=unspecified,outcome=ok}"
		require.Contains(t, r.numbers(), want, "cut between characters")
	})
}

func TestASampledSpanCountsForThoseThatWereDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "services: {enabled: true}")
		td := submitted("ORD-1", "ORD-2", "ORD-3")
		spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
		spans.At(0).TraceState().FromRaw("ot=th:c") // one in four
		spans.At(1).TraceState().FromRaw("ot=th:0") // all
		r.sendTraces(td)
		r.stop()
		for _, name := range []string{"service.requests", "service.duration"} {
			require.Equal(t, 6.0, r.numbers()[name+"{service=shop,span_name=,span_kind=unspecified,outcome=ok}"], name)
		}
	})
}

// TestDamagedStateIsCountedAndTheRestIsUsed damages one key of what a killed process left behind.
func TestDamagedStateIsCountedAndTheRestIsUsed(t *testing.T) {
	left := newDisk()
	r := newRigOn(t, incidents, left)
	for _, id := range []string{"ORD-1", "ORD-2", "ORD-3"} { // a journal entry each
		r.stage(id, "SUBMITTED")
	}
	left = left.clone()
	r.stop()
	for key, want := range map[string]struct {
		reason string
		orders int64
	}{
		"state":     {"load", 3}, // the journal holds them all
		"journal/0": {"replay", 2}, "journal/1": {"replay", 2}, "journal/2": {"replay", 2},
		"incidents": {"load", 3}, "alarms": {"load", 3},
	} {
		t.Run(key, func(t *testing.T) {
			d := left.clone()
			b := append([]byte{0, 0}, d.data[key]...)
			b[0], b[len(b)/2], b[len(b)-1] = 77, b[len(b)/2]^1, b[len(b)-1]^1
			d.data[key] = b
			_, tel, _ := watched(t, incidents, d)
			metadatatest.AssertEqualSLAMetricsStateFailures(t, tel, []metricdata.DataPoint[int64]{
				{Value: 1, Attributes: attribute.NewSet(attribute.String("reason", want.reason))}}, metricdatatest.IgnoreTimestamp())
			metadatatest.AssertEqualSLAMetricsOrders(t, tel, []metricdata.DataPoint[int64]{
				{Value: want.orders, Attributes: attribute.NewSet(attribute.String("flow", "order"))}}, metricdatatest.IgnoreTimestamp())
		})
	}
}
