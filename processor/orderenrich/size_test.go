package orderenrich

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// grpcLimit is what a gRPC server takes by default.
const grpcLimit = 4 << 20

func wireSize(t *testing.T, td ptrace.Traces) int {
	t.Helper()
	raw, err := encoder.MarshalTraces(td)
	require.NoError(t, err)
	return len(raw)
}

// fat is a payload of so many traces of one span each, of about so many bytes each.
func fat(trace, traces, size int, order string) ptrace.Traces {
	var spans []sp
	for i := range traces {
		spans = append(spans, sp{trace + i, 1, 0, order})
	}
	td := payloadOf(spans...)
	eachSpan(td, func(s ptrace.Span) { s.Attributes().PutStr("body", strings.Repeat("x", size)) })
	return td
}

func TestReleasedPayloadsFitIntoOneMessage(t *testing.T) {
	for _, size := range []int{10, 1_000, 30_000, 1_500_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, uint64(size)))
				sink := &consumertest.TracesSink{}
				p := holding(t, "", sink)
				trace, total := 0, 0
				for total < 24<<20 && trace < 20_000 {
					n := 1 + r.IntN(min(500, 3_000_000/size))
					td := fat(trace, n, size, "")
					td.ResourceSpans().At(0).Resource().Attributes().PutStr("big", strings.Repeat("r", r.IntN(20_000)))
					require.NoError(t, p.ConsumeTraces(context.Background(), td))
					trace += n
					total += n * size
				}
				time.Sleep(4 * time.Second)
				require.NoError(t, p.Shutdown(context.Background()))
				spans, bytes := 0, 0
				for _, td := range sink.AllTraces() {
					n := wireSize(t, td)
					require.Less(t, n, grpcLimit)
					spans += td.SpanCount()
					bytes += n
				}
				require.Equal(t, trace, spans)
				require.LessOrEqual(t, len(sink.AllTraces()), 2+bytes/(64<<10), "and are not small")
			})
		})
	}
}

// TestReleaseDoesNotFattenThePayloadThatCausedIt: what its sender sent in one message also leaves in one.
func TestReleaseDoesNotFattenThePayloadThatCausedIt(t *testing.T) {
	for name, refusal := range map[string]error{"taken": nil, "refused at first": errors.New("queue is full")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := &memDisk{m: map[string][]byte{}}
				sink := &moody{}
				p, reader := journalingUpTo(t, "64MiB", disk, sink)
				consume(t, p, sp{2, 1, 0, "B"})
				time.Sleep(4 * time.Second) // trace 2 does not wait any longer
				for i := range 6 {
					td := fat(1, 1, 500_000, "")
					s := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
					s.SetSpanID([8]byte{9, byte(i)})
					s.SetParentSpanID([8]byte{1, 0, 1})
					require.NoError(t, p.ConsumeTraces(context.Background(), td))
				}
				require.Equal(t, 1, sink.SpanCount())
				sink.say(refusal)
				td := fat(2, 1, 2_000_000, "")
				fat(1, 1, 10, "A").ResourceSpans().MoveAndAppendTo(td.ResourceSpans()) // the root: all below it goes, too
				require.NoError(t, p.ConsumeTraces(context.Background(), td))
				killed := disk.after()
				sink.say(nil)
				time.Sleep(4 * time.Second)
				require.Equal(t, 9, sink.SpanCount())
				for _, td := range sink.AllTraces() {
					require.Less(t, wireSize(t, td), grpcLimit)
				}
				require.Empty(t, counted(t, reader, "otelcol_order_enrich_lost", "signal"))
				require.NoError(t, p.Shutdown(context.Background()))
				require.Zero(t, disk.records())

				after := &consumertest.TracesSink{}
				p, _ = journalingUpTo(t, "64MiB", killed, after)
				time.Sleep(4 * time.Second)
				require.NoError(t, p.Shutdown(context.Background()))
				require.GreaterOrEqual(t, after.SpanCount(), 7)
				require.Zero(t, killed.records())
			})
		})
	}
}
