// Package redact compares pii_redact with contrib's redaction processor on the same batches, in one run:
//
//	go test -run '^$' -bench . ./test/bench/redact
package redact

import (
	"context"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/processor/piiredact"
)

// theirs are twelve patterns for what our detectors find, as contrib's documentation writes such patterns.
var theirs = map[string]any{
	"allow_all_keys": true,
	"blocked_values": []any{
		`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}`,
		`\+?[0-9]{1,3}[ (-]{0,2}[0-9]{3}[ )-]{0,2}[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{2}`,
		`\b4[0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}\b`,
		`\b5[1-5][0-9]{2}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}\b`,
		`\b220[0-4][ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}\b`,
		`\b[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\b`,
		`\b[0-9]{3}-[0-9]{3}-[0-9]{3} [0-9]{2}\b`,
		`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`,
		`(?i)bearer\s+[A-Za-z0-9._~+/=-]+`,
		`[a-z][a-z0-9+.-]*://[^:/\s]+:[^@/\s]+@`,
		`(?i)(?:password|passwd|secret|token|api_key)\s*[=:]\s*\S+`,
		`\b(?:AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36})\b`,
	},
}

// attributes are a span's as the semantic conventions and a shop have them; the last is personal.
var attributes = [][2]string{
	{"http.request.method", "POST"}, {"url.path", "/api/orders/ORD-10000042/price"}, {"http.route", "/api/orders/{id}/price"},
	{"server.address", "shop-api-5d4f6c7b8d-x2x4z"}, {"order.id", "ORD-10000042"}, {"order.status", "MANUFACTURING_STARTED"},
	{"messaging.message.id", "452a7c7c7c7048c2f887f61572b18fc2"}, {"messaging.destination.name", "orders.price"},
	{"db.system.name", "postgresql"}, {"db.operation.name", "SELECT orders"}, {"network.protocol.version", "1.1"},
	{"k8s.pod.uid", "275ecb36-5aa8-4c2a-9c47-d8bb681b9aff"}, {"thread.name", "http-nio-8080-exec-1"},
	{"error.type", "java.net.SocketTimeoutException"}, {"session.id", "00112233-4455-6677-8899-aabbccddeeff"},
	{"user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"},
	{"app.material", "gold585"}, {"app.weight", "12.5 g"}, {"service.version", "2.15.0"}, {"host.name", "web-01.example.com"},
}

const personal = "ring for ivan.petrov@example.com, call +7 (999) 123-45-67"

const body = `2026-11-23T04:18:53.120Z INFO [shop-api,4bf92f3577b34da6a3ce929d0e0e4736,00f067aa0ba902b7] c.s.o.OrderService : ` +
	`order ORD-10000042 moved from SUBMITTED to PRICE_CALCULATED in 1234 ms, price 129999.00 RUB, material gold585, weight 12.5 g, ` +
	`queue orders.price depth 12 of 10000, consumer mes-api-7c9d-1 prefetch 20, retries 0 of 5, next attempt in 30 s; model file ring-v2.stl ` +
	`uploaded with 4823121 bytes and checked against the catalogue; workshop accepted the order without any remark of the technologist`

const spans = 100

func put(m pcommon.Map, dirty bool) {
	for _, kv := range attributes {
		m.PutStr(kv[0], kv[1])
	}
	if dirty {
		m.PutStr("note", personal)
	}
}

func traces(dirtyEvery int) ptrace.Traces {
	td := ptrace.NewTraces()
	ss := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range spans {
		s := ss.AppendEmpty()
		s.SetName("POST /api/orders/{id}/price")
		put(s.Attributes(), dirtyEvery > 0 && i%dirtyEvery == 0)
	}
	return td
}

func logs() plog.Logs {
	ld := plog.NewLogs()
	ls := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range spans {
		ls.AppendEmpty().Body().SetStr(body)
	}
	return ld
}

type contender struct {
	name    string
	factory processor.Factory
	config  map[string]any
}

var contenders = []contender{
	{"ours", piiredact.NewFactory(), map[string]any{"attributes": map[string]any{"allow": []any{"order.id", "session.id"}}}},
	{"contrib", redactionprocessor.NewFactory(), theirs},
}

func (c contender) settings(tb testing.TB) (processor.Settings, component.Config) {
	cfg := c.factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(c.config).Unmarshal(cfg); err != nil {
		tb.Fatal(err)
	}
	return processortest.NewNopSettings(c.factory.Type()), cfg
}

func (c contender) traces(tb testing.TB) processor.Traces {
	set, cfg := c.settings(tb)
	p, err := c.factory.CreateTraces(context.Background(), set, cfg, consumertest.NewNop())
	if err == nil {
		err = p.Start(context.Background(), componenttest.NewNopHost())
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return p
}

func (c contender) logs(tb testing.TB) processor.Logs {
	set, cfg := c.settings(tb)
	p, err := c.factory.CreateLogs(context.Background(), set, cfg, consumertest.NewNop())
	if err == nil {
		err = p.Start(context.Background(), componenttest.NewNopHost())
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return p
}

func perValue(b *testing.B, values int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(values), "ns/value")
}

// BenchmarkTraces: clean batches; what a processor writes into a span (contrib's summary attributes) stays in it.
func BenchmarkTraces(b *testing.B) {
	for _, c := range contenders {
		b.Run(c.name, func(b *testing.B) {
			p, td := c.traces(b), traces(0)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.ConsumeTraces(context.Background(), td); err != nil {
					b.Fatal(err)
				}
			}
			perValue(b, spans*len(attributes))
		})
	}
}

// BenchmarkDirtyTraces: one span in ten holds a mail address and a phone; every round gets a fresh copy.
func BenchmarkDirtyTraces(b *testing.B) {
	for _, c := range contenders {
		b.Run(c.name, func(b *testing.B) {
			p, td := c.traces(b), traces(10)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				fresh := ptrace.NewTraces()
				td.CopyTo(fresh)
				b.StartTimer()
				if err := p.ConsumeTraces(context.Background(), fresh); err != nil {
					b.Fatal(err)
				}
			}
			perValue(b, spans*len(attributes)+spans/10)
		})
	}
}

func BenchmarkLogs(b *testing.B) {
	for _, c := range contenders {
		b.Run(c.name, func(b *testing.B) {
			p, ld := c.logs(b), logs()
			b.SetBytes(int64(spans * len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := p.ConsumeLogs(context.Background(), ld); err != nil {
					b.Fatal(err)
				}
			}
			perValue(b, spans)
		})
	}
}
