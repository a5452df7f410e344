package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/processor/orderenrich"
)

// attrs are attributes as they are written down.
type attrs map[string]any

// told is a span, link a link of it, and line a log record, of a story.
type (
	told struct {
		trace, id, parent int
		own               attrs
		resource          attrs
		events            []attrs
		links             []link
	}
	link struct {
		trace int
		own   attrs
	}
	line struct {
		name        string
		trace, span int
		body        any
		own         attrs
		resource    attrs
	}
)

// story is what happens to order_enrich, in one traces and one logs pipeline that share an index, and what comes of it.
type story struct {
	name        string
	identifiers string
	payloads    []any             // []told or []line
	want        map[string]string // "trace.id" of a span or name of a line → see outcome
}

func traceOf(n int) (id pcommon.TraceID) {
	if n > 0 {
		id = pcommon.TraceID{1, 14: byte(n >> 8), 15: byte(n)}
	}
	return id
}

func spanOf(n int) (id pcommon.SpanID) {
	if n > 0 {
		id = pcommon.SpanID{1, 6: byte(n >> 8), 7: byte(n)}
	}
	return id
}

func write(t *testing.T, to pcommon.Map, from attrs) {
	t.Helper()
	for _, k := range slices.Sorted(maps.Keys(from)) {
		require.NoError(t, to.PutEmpty(k).FromRaw(from[k]))
	}
}

func spansOf(t *testing.T, list []told) ptrace.Traces {
	t.Helper()
	td := ptrace.NewTraces()
	for _, x := range list {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", "shop-api")
		write(t, rs.Resource().Attributes(), x.resource)
		s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		s.SetTraceID(traceOf(x.trace))
		s.SetSpanID(spanOf(x.id))
		s.SetParentSpanID(spanOf(x.parent))
		s.SetName(fmt.Sprintf("%d.%d", x.trace, x.id))
		write(t, s.Attributes(), x.own)
		for _, e := range x.events {
			write(t, s.Events().AppendEmpty().Attributes(), e)
		}
		for _, l := range x.links {
			to := s.Links().AppendEmpty()
			to.SetTraceID(traceOf(l.trace))
			write(t, to.Attributes(), l.own)
		}
	}
	return td
}

func linesOf(t *testing.T, list []line) plog.Logs {
	t.Helper()
	ld := plog.NewLogs()
	for _, x := range list {
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", "shop-api")
		write(t, rl.Resource().Attributes(), x.resource)
		r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		r.SetEventName(x.name)
		r.SetTraceID(traceOf(x.trace))
		r.SetSpanID(spanOf(x.span))
		require.NoError(t, r.Body().FromRaw(x.body))
		write(t, r.Attributes(), x.own)
	}
	return ld
}

// outcome is the order of a span or record, its orders joined by |, and what else it knows.
func outcome(a pcommon.Map) string {
	var out []string
	text := func(k string) {
		if v, ok := a.Get(k); ok {
			var parts []string
			if v.Type() == pcommon.ValueTypeSlice {
				for _, e := range v.Slice().All() {
					parts = append(parts, e.AsString())
				}
			} else {
				parts = []string{v.AsString()}
			}
			out = append(out, strings.Join(parts, "|"))
		}
	}
	text("order.id")
	text("order.ids")
	for _, k := range []string{"session.id", "session.ids"} {
		n := len(out)
		if text(k); len(out) > n {
			out[n] = "session " + out[n]
		}
	}
	return strings.Join(out, ", ")
}

func (s story) run(t *testing.T) {
	h := withIndex(t)
	spans, lines := &consumertest.TracesSink{}, &consumertest.LogsSink{}
	config := "index: order_index\nsource: strip\nidentifiers:\n" + s.identifiers
	p, q := tracesProcessor(t, h, orderenrich.NewFactory(), config, spans), logsProcessor(t, h, orderenrich.NewFactory(), config, lines)
	for _, payload := range s.payloads {
		switch x := payload.(type) {
		case []told:
			require.NoError(t, p.ConsumeTraces(context.Background(), spansOf(t, x)))
		case []line:
			require.NoError(t, q.ConsumeLogs(context.Background(), linesOf(t, x)))
		}
	}
	stop(t, p, q, h.extensions[component.MustNewID("order_index")])
	got := map[string]string{}
	for _, td := range spans.AllTraces() {
		for _, rs := range td.ResourceSpans().All() {
			span := rs.ScopeSpans().At(0).Spans().At(0)
			got[span.Name()] = outcome(span.Attributes())
		}
	}
	for _, ld := range lines.AllLogs() {
		for _, rl := range ld.ResourceLogs().All() {
			r := rl.ScopeLogs().At(0).LogRecords().At(0)
			got[r.EventName()] = outcome(r.Attributes())
		}
	}
	for what, want := range s.want {
		out, ok := got[what]
		require.True(t, ok, "%s did not come out", what)
		require.Equal(t, want, out, what)
	}
}
