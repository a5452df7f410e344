package piiredact

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/metadata"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/redact"
)

// clean are attributes as the semantic conventions have them, with nothing personal.
var clean = [][2]string{
	{"service.name", "shop-api"}, {"http.request.method", "POST"}, {"url.path", "/api/orders/ORD-10000042/price"},
	{"http.route", "/api/orders/{id}/price"}, {"server.address", "shop-api-5d4f6c7b8d-x2x4z"}, {"order.id", "ORD-10000042"},
	{"messaging.message.id", "452a7c7c7c7048c2f887f61572b18fc2"}, {"messaging.destination.name", "orders.price"},
	{"db.system.name", "postgresql"}, {"db.query.text", "SELECT id, status FROM orders WHERE id = $1"}, {"network.protocol.version", "1.1"},
	{"telemetry.sdk.version", "1.38.0"}, {"k8s.pod.uid", "275ecb36-5aa8-4c2a-9c47-d8bb681b9aff"}, {"thread.name", "http-nio-8080-exec-1"},
	{"user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"},
	{"error.type", "java.net.SocketTimeoutException"}, {"order.status", "MANUFACTURING_STARTED"}, {"session.id", "00112233-4455-6677-8899-aabbccddeeff"},
	{"client.port", "54321"}, {"container.id", "a3bf90e006b2"},
}

const cleanLog = `2026-11-23T04:18:53.120Z INFO [shop-api,4bf92f3577b34da6a3ce929d0e0e4736,00f067aa0ba902b7] c.s.o.OrderService : ` +
	`order ORD-10000042 moved from SUBMITTED to PRICE_CALCULATED in 1234 ms, price 129999.00 RUB, material gold585, weight 12.5 g, ` +
	`queue orders.price depth 12 of 10000, consumer mes-api-7c9d-1 prefetch 20, retries 0 of 5, next attempt in 30 s; model file ring-v2.stl ` +
	`uploaded with 4823121 bytes and checked against the catalogue; workshop accepted the order without any remark of the technologist`

func cleanBatch(spans int) signals {
	s := blank()
	ss := s.td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	ls := s.ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	ps := metr(s.md).Sum().DataPoints()
	for range spans {
		fill(ss.AppendEmpty().Attributes())
		ls.AppendEmpty().Body().SetStr(cleanLog)
		fill(ps.AppendEmpty().Attributes())
	}
	return s
}

func fill(m pcommon.Map) {
	for _, kv := range clean {
		m.PutStr(kv[0], kv[1])
	}
	m.PutInt("http.response.status_code", 200)
	m.PutDouble("order.price", 129999.5)
}

func bench(b *testing.B, walkOnce func(*redactor, signals), bytesPer int64, values int) {
	cfg := createDefaultConfig().(*Config)
	cfg.Attributes.Allow = []string{"order.id", "session.id"}
	r := newTestRedactor(b, cfg)
	s := cleanBatch(100)
	walkOnce(r, s)
	b.SetBytes(bytesPer)
	b.ReportAllocs()
	for b.Loop() {
		walkOnce(r, s)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(values), "ns/value")
}

func walkTraces(r *redactor, s signals)  { _, _ = r.traces(context.Background(), s.td) }
func walkLogs(r *redactor, s signals)    { _, _ = r.logs(context.Background(), s.ld) }
func walkMetrics(r *redactor, s signals) { _, _ = r.metrics(context.Background(), s.md) }

func cleanBytes() (n int64) {
	for _, kv := range clean {
		n += int64(len(kv[1]))
	}
	return n * 100
}

func BenchmarkCleanTraces(b *testing.B)  { bench(b, walkTraces, cleanBytes(), 100*(len(clean)+2)) }
func BenchmarkCleanLogs(b *testing.B)    { bench(b, walkLogs, int64(100*len(cleanLog)), 100) }
func BenchmarkCleanMetrics(b *testing.B) { bench(b, walkMetrics, cleanBytes(), 100*(len(clean)+2)) }

func BenchmarkDirtyValue(b *testing.B) {
	r := newTestRedactor(b, createDefaultConfig().(*Config))
	se := r.engine.Session()
	d := se.Key("", "note")
	for _, c := range [][2]string{
		{"email", "mail ivan.petrov@example.com now"}, {"phone", "call +7 (999) 123-45-67 now"}, {"card", "paid with 4111 1111 1111 1111"},
		{"json", `{"user":{"email":"ivan@example.com","id":5}}`}, {"sql", "SELECT * FROM t WHERE a = 'x' AND b = 5"},
	} {
		b.Run(c[0], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, v := se.Text(d, c[1], 0); v != redact.Changed {
					b.Fatal("not found")
				}
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	r := newTestRedactor(b, createDefaultConfig().(*Config))
	se := r.engine.Session()
	for _, kv := range append(clean, [2]string{"log", cleanLog}, [2]string{"log_ru", strings.Repeat("Заказ принят в работу мастером участка ", 10)}) {
		d := se.Key("", kv[0])
		b.Run(kv[0], func(b *testing.B) {
			b.SetBytes(int64(len(kv[1])))
			for b.Loop() {
				se.Text(d, kv[1], 0)
			}
		})
	}
}

func newTestRedactor(t testing.TB, cfg *Config) *redactor {
	r, err := newRedactor(processortest.NewNopSettings(metadata.Type), cfg, "traces")
	must(t, err)
	return r
}
