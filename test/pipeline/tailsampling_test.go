package pipeline

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/processor/orderenrich"
)

const before = `
index: order_index
identifiers:
  order.id: {attributes: [orderId]}
  session.id: {attributes: [sessionId], follows: [order.id]}
`

// oneSpan is a payload with one span of a trace; the attributes come in pairs.
func oneSpan(trace, id, parent int, attributes ...string) ptrace.Traces {
	td := ptrace.NewTraces()
	s := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetTraceID([16]byte{1, 14: byte(trace >> 8), 15: byte(trace)})
	s.SetSpanID([8]byte{7: byte(id)})
	if parent > 0 {
		s.SetParentSpanID([8]byte{7: byte(parent)})
	}
	for i := 0; i < len(attributes); i += 2 {
		s.Attributes().PutStr(attributes[i], attributes[i+1])
	}
	return td
}

// share counts the spans with an order id, and with a source beside it.
func share(sink *consumertest.TracesSink) (spans, orders, sessions, sources int) {
	for _, td := range sink.AllTraces() {
		for i := range td.ResourceSpans().Len() {
			for j := range td.ResourceSpans().At(i).ScopeSpans().Len() {
				list := td.ResourceSpans().At(i).ScopeSpans().At(j).Spans()
				for k := range list.Len() {
					spans++
					for name, n := range map[string]*int{"order.id": &orders, "session.id": &sessions, "order.id.source": &sources} {
						if _, ok := list.At(k).Attributes().Get(name); ok {
							*n++
						}
					}
				}
			}
		}
	}
	return spans, orders, sessions, sources
}

// In front of tail_sampling spans pass before their order is named; behind it whole traces come, and a second instance that
// shares the index completes them without holding anything. What is late comes on its own, and is known by then.
func TestAWholeTracePassAfterTailSamplingCompletesEveryTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := withIndex(t)
		out, first := &consumertest.TracesSink{}, &consumertest.TracesSink{}
		second := tracesProcessor(t, h, orderenrich.NewFactory(), before+"source: strip\n", out)
		sampling := tracesProcessor(t, h, tailsamplingprocessor.NewFactory(),
			`{decision_wait: 2s, num_traces: 10000, policies: [{name: all, type: always_sample}]}`, second)
		front := tracesProcessor(t, h, orderenrich.NewFactory(), before, tee{first, sampling})
		const traces, each = 200, 5
		for id := 1; id <= each; id++ { // the last span of each trace names the order, the third the session
			for n := range traces {
				var attrs []string
				switch id {
				case 3:
					attrs = []string{"sessionId", fmt.Sprint("s-", n)}
				case each:
					attrs = []string{"orderId", fmt.Sprint("ORD-", n)}
				}
				require.NoError(t, front.ConsumeTraces(context.Background(), oneSpan(n, id, id-1, attrs...)))
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		for n := range traces { // late: tail_sampling has decided already
			require.NoError(t, front.ConsumeTraces(context.Background(), oneSpan(n, each+1, 1)))
		}
		time.Sleep(5 * time.Second)
		stop(t, front, sampling, second)

		_, streamed, _, _ := share(first)
		spans, orders, sessions, sources := share(out)
		t.Logf("of %d spans %d carry their order in front of tail_sampling, %d behind the second pass, %d their session", spans, streamed, orders, sessions)
		require.Equal(t, traces*(each+1), spans, "in = out")
		require.Equal(t, traces*2, streamed, "the first pass alone")
		require.Equal(t, spans, orders)
		require.Equal(t, spans, sessions)
		require.Zero(t, sources, "the last pass strips what explains the stamps")
	})
}

// A second order that comes late in the trace corrects what the first pass could not know.
func TestTheWholeTracePassSeparatesSeveralOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := withIndex(t)
		out := &consumertest.TracesSink{}
		second := tracesProcessor(t, h, orderenrich.NewFactory(), before+"source: strip\n", out)
		sampling := tracesProcessor(t, h, tailsamplingprocessor.NewFactory(),
			`{decision_wait: 2s, num_traces: 100, policies: [{name: all, type: always_sample}]}`, second)
		front := tracesProcessor(t, h, orderenrich.NewFactory(), before, sampling)
		for _, td := range []ptrace.Traces{
			oneSpan(1, 2, 1, "orderId", "A"), oneSpan(1, 4, 2), oneSpan(1, 3, 1, "orderId", "B"), oneSpan(1, 5, 3), oneSpan(1, 1, 0),
		} {
			require.NoError(t, front.ConsumeTraces(context.Background(), td))
		}
		time.Sleep(5 * time.Second)
		stop(t, front, sampling, second)
		got := map[byte]string{}
		for _, td := range out.AllTraces() {
			for i := range td.ResourceSpans().Len() {
				s := td.ResourceSpans().At(i).ScopeSpans().At(0).Spans().At(0)
				id := s.SpanID()
				if v, ok := s.Attributes().Get("order.id"); ok {
					got[id[7]] = v.Str()
				} else if v, ok := s.Attributes().Get("order.ids"); ok {
					got[id[7]] = fmt.Sprint(v.Slice().AsRaw())
				}
			}
		}
		require.Equal(t, map[byte]string{1: "[A B]", 2: "A", 3: "B", 4: "A", 5: "B"}, got)
	})
}

// tee copies what it passes on.
type tee struct {
	*consumertest.TracesSink
	next interface {
		ConsumeTraces(context.Context, ptrace.Traces) error
	}
}

func (x tee) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	seen := ptrace.NewTraces()
	td.CopyTo(seen)
	if err := x.TracesSink.ConsumeTraces(ctx, seen); err != nil {
		return err
	}
	return x.next.ConsumeTraces(ctx, td)
}
