package replay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/extension/orderindex"
	"github.com/ordertrace/ordertrace/processor/orderenrich"
)

// visit is one trace of an order's life: the customer's own, which has a session, or one of MES and CRM, which has none.
func visit(trace int, order, session string, spans int) ptrace.Traces {
	td := ptrace.NewTraces()
	list := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range spans {
		s := list.AppendEmpty()
		s.SetTraceID(traceID(trace))
		s.SetSpanID(spanID(i + 1))
		if i > 0 {
			s.SetParentSpanID(spanID(1))
		}
	}
	list.At(spans-1).Attributes().PutStr("orderId", order)
	if session != "" {
		list.At(0).Attributes().PutStr("sessionId", session)
	}
	return td
}

// sessions replays 300 orders over ten hours: each is placed in a session, worked on in two to eight traces without one, and
// half of the customers return once in another session. It returns the share of spans with a session, and those with one
// that is neither their trace's nor the one in which the order was placed.
func sessions(t *testing.T, follows []string) (share float64, wrong int) {
	t.Helper()
	ctx := context.Background()
	id := component.MustNewID("order_index")
	ext, err := orderindex.NewFactory().Create(ctx, extensiontest.NewNopSettings(id.Type()), orderindex.NewFactory().CreateDefaultConfig())
	require.NoError(t, err)
	f := orderenrich.NewFactory()
	cfg := f.CreateDefaultConfig().(*orderenrich.Config)
	cfg.Index = &id
	session := cfg.Identifiers["session.id"]
	session.Follows = follows
	cfg.Identifiers["session.id"] = session
	require.NoError(t, cfg.Validate())
	sink := &consumertest.TracesSink{}
	p, err := f.CreateTraces(ctx, processortest.NewNopSettings(f.Type()), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.Start(ctx, host{componenttest.NewNopHost(), map[component.ID]component.Component{id: ext}}))

	r := rand.New(rand.NewPCG(7, 42))
	right := map[int]string{}
	trace := 0
	send := func(order int, own string) {
		trace++
		right[trace] = own
		if own == "" {
			right[trace] = fmt.Sprint("placed-", order)
		}
		require.NoError(t, p.ConsumeTraces(ctx, visit(trace, fmt.Sprintf("ORD-%08d", order), own, 3+r.IntN(10))))
	}
	for order := range 300 {
		send(order, fmt.Sprint("placed-", order))
		time.Sleep(2 * time.Minute)
		for range 2 + r.IntN(7) {
			send(r.IntN(order+1), "")
		}
		if r.IntN(2) == 0 {
			send(r.IntN(order+1), fmt.Sprint("returned-", trace))
		}
	}
	require.NoError(t, p.Shutdown(ctx))
	spans, with := 0, 0
	for _, td := range sink.AllTraces() {
		list := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
		for i := range list.Len() {
			spans++
			tid := list.At(i).TraceID()
			if v, ok := list.At(i).Attributes().Get("session.id"); ok {
				with++
				if v.Str() != right[int(tid[13])<<16|int(tid[14])<<8|int(tid[15])] {
					wrong++
				}
			}
		}
	}
	return 100 * float64(with) / float64(spans), wrong
}

func TestSessionFollowsTheOrder(t *testing.T) {
	for _, follows := range [][]string{nil, {"order.id"}} {
		synctest.Test(t, func(t *testing.T) {
			share, wrong := sessions(t, follows)
			t.Logf("session.id follows %v: on %.1f %% of the spans of orders, %d of them wrong", follows, share, wrong)
			require.Zero(t, wrong)
			if follows == nil {
				require.Less(t, share, 50.0, "the traffic needs it")
			} else {
				require.InDelta(t, 100, share, 0.001)
			}
		})
	}
}
