package orderenrich

import (
	"context"
	"testing"

	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/metadata"
)

// fuzzConfig uses every source.
const fuzzConfig = `
index: order_index
identifiers:
  order.id: {attributes: [orderId], url_path: ["/api/orders/{order.id}/**"], query: [orderId], headers: [x-order-id], baggage: [order.id],
    message_id: true, conversation_id: true, span_links: true, sql: ["id = '([^']+)'"], sql_parameters: [id], log_body: ["order ([A-Z]+)"]}
  session.id: {attributes: [sessionId], message_id: true}
  enduser.pseudo.id: {attributes: [user.id], pseudonym_key: ""}
`

// FuzzPayloads feeds arbitrary payloads, one after the other, to a processor with and one without hold: what goes in comes
// out, and no span has two orders.
func FuzzPayloads(f *testing.F) {
	var enc ptrace.ProtoMarshaler
	for _, td := range []ptrace.Traces{
		payloadOf(sp{1, 1, 0, ""}, sp{1, 2, 1, "A"}, sp{1, 3, 1, "B"}, sp{1, 1, 1, ""}),
		payloadOf(sp{1, 1, 2, "A"}, sp{1, 2, 1, ""}, sp{2, 0, 0, "0"}),
		linked(),
	} {
		raw, err := enc.MarshalTraces(td)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	plain := newPair(f, loadConfig(f, fuzzConfig))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var spans ptrace.ProtoUnmarshaler
		if td, err := spans.UnmarshalTraces(raw); err == nil {
			sink := &consumertest.TracesSink{}
			cfg := loadConfig(t, fuzzConfig+"hold: {max_wait: 10ms, max_bytes: 1MiB}")
			p, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, sink)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Start(context.Background(), hostWithIndex()); err != nil {
				t.Fatal(err)
			}
			n := td.SpanCount()
			again := ptrace.NewTraces()
			td.CopyTo(again)
			room := p.(*tracesProcessor).hold.room
			if err := p.ConsumeTraces(context.Background(), td); err != nil {
				t.Fatal(err)
			}
			if s := room.Stats(); s.Bytes > 1<<20 || s.Bytes < 0 {
				t.Fatalf("%d bytes wait, of 1 MiB", s.Bytes)
			}
			if p.Shutdown(context.Background()) != nil || sink.SpanCount() != n {
				t.Fatalf("%d spans in, %d out", n, sink.SpanCount())
			}
			for _, out := range sink.AllTraces() {
				eachSpan(out, func(s ptrace.Span) { oneOrder(t, s) })
			}
			if plain.traces.ConsumeTraces(context.Background(), again) != nil || again.SpanCount() != n {
				t.Fatal("spans were lost")
			}
			eachSpan(again, func(s ptrace.Span) { oneOrder(t, s) })
			plain.outSpans.Reset()
		}
		var records plog.ProtoUnmarshaler
		if ld, err := records.UnmarshalLogs(raw); err == nil {
			n := ld.LogRecordCount()
			if plain.logs.ConsumeLogs(context.Background(), ld) != nil || ld.LogRecordCount() != n {
				t.Fatal("records were lost")
			}
			plain.outLogs.Reset()
		}
	})
}

// oneOrder checks what the processor wrote; a payload may of course bring both attributes itself, without the mark.
func oneOrder(t *testing.T, s ptrace.Span) {
	t.Helper()
	source, stamped := s.Attributes().Get("order.id.source")
	_, one := s.Attributes().Get("order.id")
	_, many := s.Attributes().Get("order.ids")
	if stamped && source.Str() == "attribute" && one && many {
		t.Fatalf("one order and several: %v", s.Attributes().AsRaw())
	}
}

func linked() ptrace.Traces {
	td := payloadOf(sp{1, 1, 0, "A"}, sp{2, 1, 0, ""})
	s := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1)
	l := s.Links().AppendEmpty()
	l.SetTraceID([16]byte{1, 3: 1})
	l.Attributes().PutStr("messaging.message.id", "m")
	s.Events().AppendEmpty().Attributes().PutStr("orderId", "B")
	s.Attributes().PutStr("url.full", "https://x/api/orders/C?orderId=D")
	s.Attributes().PutStr("db.query.text", "id = 'E'")
	s.Attributes().PutInt("user.id", 7)
	return td
}
