package slametrics_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/ordertrace/ordertrace/connector/slametrics"
)

// newRigBefore makes a gateway whose spans go on to a trace store, with the instances in every order that the collector
// may make them in.
func newRigBefore(t *testing.T, config string, w *wire, store *consumertest.TracesSink, last bool) *rig {
	t.Helper()
	r := &rig{t: t, metrics: new(consumertest.MetricsSink), records: new(consumertest.LogsSink), born: time.Now().UTC()}
	factory, cfg := slametrics.NewFactory(), loadConfig(t, config)
	set, ctx := connectortest.NewNopSettings(factory.Type()), context.Background()
	behind := func() {
		tt, err := factory.CreateTracesToTraces(ctx, set, cfg, store)
		require.NoError(t, err)
		r.traces = append(r.traces, tt)
	}
	if !last {
		behind()
	}
	tl, err := factory.CreateTracesToLogs(ctx, set, cfg, w)
	require.NoError(t, err)
	tm, err := factory.CreateTracesToMetrics(ctx, set, cfg, r.metrics)
	require.NoError(t, err)
	r.traces = append(r.traces, tl, tm)
	if last {
		behind()
	}
	for _, c := range r.traces {
		require.NoError(t, c.Start(ctx, host{}))
	}
	return r
}

// fanOut gives a batch to all instances, as the collector does: one that refuses does not keep it from the others.
func (r *rig) fanOut(send func(connector.Traces) error) (refused error) {
	for _, c := range r.traces {
		if err := send(c); err != nil {
			refused = err
		}
	}
	return refused
}

// A sender repeats what was refused: a trace store beside the connector would get every repetition, one behind it gets
// each span once.
func TestAFullQueueToTheJudgeSendsTheTraceStoreNothingTwice(t *testing.T) {
	for _, last := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			judge, store := newRig(t, behindGateways), new(consumertest.TracesSink)
			w := &wire{to: judge.sendLogs}
			gateway := newRigBefore(t, "role: relay\nrelay_id: gw\n"+behindGateways, w, store, last)
			time.Sleep(1500 * time.Millisecond)
			w.full.Store(true)
			td := tracesWith(func(m pcommon.Map) { m.PutStr("order.id", "A"); m.PutStr("order.status", "SUBMITTED") })
			consume := func(c connector.Traces) error { return c.ConsumeTraces(t.Context(), td) }
			for range 60 {
				require.ErrorContains(t, gateway.fanOut(consume), "the queue is full")
				time.Sleep(time.Second)
			}
			require.Zero(t, store.SpanCount(), "the trace store had it, and would have it again")
			require.Empty(t, judge.told())
			w.full.Store(false)
			require.NoError(t, gateway.fanOut(consume))
			require.Equal(t, 1, store.SpanCount())
			time.Sleep(time.Minute)
			for _, c := range gateway.traces {
				require.NoError(t, c.Shutdown(context.Background()))
			}
			judge.stop()
			require.ElementsMatch(t, []string{"A submitted->priced breached", "A submitted->priced lost"}, judge.told())
			require.Equal(t, 1.0, judge.numbers()["order.started{}"])
			require.Equal(t, 1.0, gateway.numbers()["service.requests{service=shop,span_name=,span_kind=unspecified,outcome=ok}"])
		})
	}
}

// A judge counts each span once, whichever instances there are, and hands on all of them.
func TestAJudgeHandsOnWhatItHasRead(t *testing.T) {
	for _, last := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store := new(consumertest.TracesSink)
			r := newRigBefore(t, behindGateways, &wire{to: func(plog.Logs) {}}, store, last)
			r.stage("A", "SUBMITTED")
			r.stage("B", "SUBMITTED")
			for _, c := range r.traces {
				require.NoError(t, c.Shutdown(context.Background()))
			}
			require.Equal(t, 2, store.SpanCount())
			require.Equal(t, 2.0, r.numbers()["order.started{}"])
			require.Equal(t, 2.0, r.numbers()["service.requests{service=shop,span_name=SUBMITTED,span_kind=server,outcome=ok}"])
		})
	}
}
