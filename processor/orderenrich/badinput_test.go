package orderenrich

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const badInputConfig = `
identifiers:
  order.id:
    attributes: [orderId]
    url_path: ["/orders/{order.id}/**", "/orders/{order.id}/pay", "/orders/search/{order.id}", "/shop/{order.id}"]
    message_id: true
    span_links: true
    pattern: "ORD-[0-9]{8}"
  session.id: {attributes: [sessionId], url_path: ["/shop/{session.id}"], follows: [order.id]}
`

// badInput is a row of the README's table: what comes in, and the order that each span has afterwards, "[…]" for several.
type badInput struct {
	row   string
	spans func(add func(trace, id, parent int) ptrace.Span)
	want  []string
}

func named(s ptrace.Span, order string) { s.Attributes().PutStr("orderId", order) }

const orderA, orderB = "ORD-00000001", "ORD-00000002"

var badInputs = []badInput{
	{"zero trace id", func(add func(int, int, int) ptrace.Span) {
		for i, order := range []string{orderA, "", orderB} {
			s := add(1, i+1, 1)
			s.SetTraceID(pcommon.TraceID{})
			if order != "" {
				named(s, order)
			}
		}
	}, []string{orderA, "", orderB}},
	{"no parent, or one that never comes", func(add func(int, int, int) ptrace.Span) {
		named(add(1, 2, 0), orderA)
		add(1, 3, 99)
		add(1, 4, 0)
	}, []string{orderA, orderA, orderA}},
	{"no parent, or one that never comes", func(add func(int, int, int) ptrace.Span) {
		named(add(1, 2, 98), orderA)
		named(add(1, 3, 99), orderB)
		add(1, 4, 97)
	}, []string{orderA, orderB, ""}},
	{"parents that form a circle", func(add func(int, int, int) ptrace.Span) {
		named(add(1, 1, 3), orderA)
		add(1, 2, 1)
		add(1, 3, 2)
		named(add(1, 4, 4), orderB)
	}, []string{orderA, "", "", orderB}},
	{"two spans with one id", func(add func(int, int, int) ptrace.Span) {
		named(add(1, 1, 0), orderA)
		named(add(1, 1, 0), orderB)
		add(1, 2, 1)
	}, []string{orderA, orderB, orderA}},
	{"more than 8 links or message ids", func(add func(int, int, int) ptrace.Span) {
		named(add(1, 1, 0), orderA)
		s := add(2, 1, 0)
		for i := range 10_000 {
			s.Links().AppendEmpty().SetTraceID(pcommon.TraceID{1, 0, byte(i >> 8), byte(i)})
		}
		s.Links().At(1).SetTraceID(pcommon.TraceID{1, 0, 0, 1})
	}, []string{orderA, ""}},
	{"more than 8 links or message ids", func(add func(int, int, int) ptrace.Span) {
		s := add(1, 1, 0)
		for range 10_000 {
			s.Links().AppendEmpty().Attributes().PutStr("orderId", orderA)
		}
	}, []string{orderA}},
	{"a URL of more than 8 KiB", func(add func(int, int, int) ptrace.Span) {
		add(1, 1, 0).Attributes().PutStr("url.full", "https://x/orders/"+orderA+"/"+strings.Repeat("a", 1<<20))
	}, []string{""}},
	{"an id of nothing but zeros", func(add func(int, int, int) ptrace.Span) {
		named(add(1, 1, 0), "00000000-0000-0000-0000-000000000000")
		named(add(2, 1, 0), "0")
	}, []string{"", ""}},
	{"`null`, `undefined`, `REDACTED`, `****1111`, a ciphertext, as an id", func(add func(int, int, int) ptrace.Span) {
		for i, v := range []string{"null", "undefined", "REDACTED", "[Redacted]", "****1111", "***@example.com", "enc:v1:AbC", "None"} {
			s := add(2*i+1, 1, 0) // all of them would join traces
			named(s, orderA)
			s.Attributes().PutStr("messaging.message.id", v)
			add(2*i+2, 1, 0).Attributes().PutStr("messaging.message.id", v)
		}
	}, slices.Repeat([]string{orderA, ""}, 8)},
	{"an id that does not match, is too long or no UTF-8", func(add func(int, int, int) ptrace.Span) {
		named(add(1, 1, 0), "4711")
		named(add(2, 1, 0), strings.Repeat("9", 1<<20))
		named(add(3, 1, 0), "ORD-0000000\xff")
	}, []string{"", "", ""}},
	{"templates that overlap", func(add func(int, int, int) ptrace.Span) {
		add(1, 1, 0).Attributes().PutStr("url.path", "/orders/"+orderA+"/pay") // both match, and say the same
		add(2, 1, 0).Attributes().PutStr("url.path", "/orders/search/"+orderB) // text is more specific than {order.id}
		add(3, 1, 0).Attributes().PutStr("url.path", "/orders/new")            // captured, and no order
	}, []string{orderA, orderB, ""}},
	{"templates that overlap", func(add func(int, int, int) ptrace.Span) { // those of two identifiers: each reads for itself
		add(1, 1, 0).Attributes().PutStr("url.path", "/shop/"+orderA)
	}, []string{orderA}},
	{"a list of more than 1,024 values", func(add func(int, int, int) ptrace.Span) {
		list := add(1, 1, 0).Attributes().PutEmptySlice("orderId")
		for i := range 100_000 {
			list.AppendEmpty().SetStr(map[bool]string{true: orderA, false: orderB}[i < 1024])
		}
	}, []string{orderA}},
}

func TestBadInputHasItsDocumentedOutcome(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	rows := map[string]bool{}
	for _, in := range badInputs {
		require.Contains(t, string(readme), "| "+in.row+" |", "documented")
		rows[in.row] = true
		for _, hold := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				cfg := loadConfig(t, badInputConfig)
				if hold {
					cfg.Hold.MaxWait = time.Second
				}
				p := newPair(t, cfg)
				td := ptrace.NewTraces()
				spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
				in.spans(func(trace, id, parent int) ptrace.Span {
					s := spans.AppendEmpty()
					s.SetTraceID(pcommon.TraceID{1, 0, byte(trace >> 8), byte(trace)})
					s.SetSpanID(pcommon.SpanID{7: byte(id)})
					if parent > 0 {
						s.SetParentSpanID(pcommon.SpanID{7: byte(parent)})
					}
					s.SetFlags(uint32(spans.Len()))
					return s
				})
				n := spans.Len()
				require.NoError(t, p.traces.ConsumeTraces(context.Background(), td))
				time.Sleep(3 * time.Second)
				require.Equal(t, in.want, ordersOf(t, p.outSpans, n), "%s, hold %v", in.row, hold)
			})
		}
	}
	require.Equal(t, len(rows)+1, strings.Count(string(readme[strings.Index(string(readme), "| bad input |"):strings.Index(string(readme), "## Limits")]), "\n| "),
		"every row of the table is tested; that of the CSV in TestATableThatIsWrongEndsTheStart")
}

// ordersOf is what the spans carry, in the order in which they were made.
func ordersOf(t *testing.T, sink *consumertest.TracesSink, n int) []string {
	t.Helper()
	got := make([]string, n)
	count := 0
	for _, td := range sink.AllTraces() {
		eachSpan(td, func(s ptrace.Span) {
			count++
			got[s.Flags()-1] = text(s, "order.id")
			if set := text(s, "order.ids"); set != "" {
				require.Empty(t, got[s.Flags()-1], "never both")
				got[s.Flags()-1] = set
			}
		})
	}
	require.Equal(t, n, count, "in = out")
	return got
}
