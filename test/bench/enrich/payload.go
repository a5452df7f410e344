package enrich

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

const (
	payloads        = 60
	spansPerPayload = 512
	spansPerTrace   = 24
	totalSpans      = payloads * spansPerPayload
)

// makePayloads is 30,720 spans of about 1,100 bytes, as batches of several services leave them and as they come off the
// wire: the spans of a trace are spread over neighbouring payloads. Every trace names its order on its last span if named
// is true.
func makePayloads(named bool) []ptrace.Traces {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]ptrace.Traces, payloads)
	var (
		encoder ptrace.ProtoMarshaler
		decoder ptrace.ProtoUnmarshaler
	)
	for p := range out {
		out[p] = ptrace.NewTraces()
		for s := range 8 {
			rs := out[p].ResourceSpans().AppendEmpty()
			rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", s))
			rs.Resource().Attributes().PutStr("host.name", "host-1.example")
			spans := rs.ScopeSpans().AppendEmpty().Spans()
			for k := range spansPerPayload / 8 {
				fill(r, spans.AppendEmpty(), p*spansPerPayload+s*spansPerPayload/8+k, named)
			}
		}
		raw, err := encoder.MarshalTraces(out[p])
		if err == nil {
			out[p], err = decoder.UnmarshalTraces(raw)
		}
		if err != nil {
			panic(err)
		}
	}
	return out
}

func fill(r *rand.Rand, s ptrace.Span, n int, named bool) {
	trace, in := n/(3*spansPerTrace)*3+n%3, n%(3*spansPerTrace)/3
	s.SetTraceID([16]byte{1, 2, 3, 12: byte(trace >> 16), 13: byte(trace >> 8), 14: byte(trace), 15: 1})
	s.SetSpanID([8]byte{1, 5: byte(n >> 16), 6: byte(n >> 8), 7: byte(n)})
	if in > 0 {
		up := n - 3*(1+r.IntN(in))
		s.SetParentSpanID([8]byte{1, 5: byte(up >> 16), 6: byte(up >> 8), 7: byte(up)})
	}
	s.SetName("GET /api/catalogue/{id}")
	a := s.Attributes()
	a.EnsureCapacity(16)
	for _, k := range []string{
		"http.request.method", "server.address", "network.protocol.version", "url.scheme", "user_agent.original",
		"thread.name", "db.system.name", "db.namespace", "code.function.name",
	} {
		a.PutStr(k, "value-of-"+k)
	}
	a.PutInt("http.response.status_code", 200)
	a.PutStr("url.path", "/api/catalogue/rings/17")
	a.PutStr("db.query.text", "SELECT "+strings.Repeat("column_name, ", 36)+" FROM t WHERE id = $1")
	if named && in == spansPerTrace-1 {
		a.PutStr("orderId", fmt.Sprintf("ORD-%08d", trace))
	}
}
