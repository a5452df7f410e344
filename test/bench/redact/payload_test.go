package redact

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// items is how many spans, log records or points a batch has: what an SDK sends at once.
const items = 100

// batch is one request of one signal; the other two are empty.
type batch struct {
	traces  ptrace.Traces
	logs    plog.Logs
	metrics pmetric.Metrics
	values  int // attribute values, and bodies
	bytes   int // of their text
}

// maker makes batches whose ids, times and amounts never come twice, as in a real stream; what does come again are the
// names of services, routes, hosts and tables, and in metrics the series.
type maker struct {
	*rand.Rand
	dirtyEvery int // one item in so many holds personal data; 0: none
	b          *batch
}

func (m *maker) batch(signal string) batch {
	m.b = &batch{traces: ptrace.NewTraces(), logs: plog.NewLogs(), metrics: pmetric.NewMetrics()}
	switch signal {
	case "traces":
		m.traces()
	case "logs":
		m.logs()
	case "metrics":
		m.metrics()
	}
	return *m.b
}

func (m *maker) str(a pcommon.Map, k, v string) {
	a.PutStr(k, v)
	m.b.values++
	m.b.bytes += len(v)
}

func (m *maker) int(a pcommon.Map, k string, v int64) {
	a.PutInt(k, v)
	m.b.values++
}

func (m *maker) one(list ...string) string { return list[m.IntN(len(list))] }

func (m *maker) hex(n int) string {
	var b strings.Builder
	for range n / 16 {
		fmt.Fprintf(&b, "%016x", m.Uint64())
	}
	return b.String()
}

func (m *maker) uuid() string {
	h := m.hex(32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

func (m *maker) order() string { return fmt.Sprintf("ORD-%08d", m.IntN(1e8)) }

func (m *maker) dirty(i int) bool { return m.dirtyEvery > 0 && i%m.dirtyEvery == 0 }

// personal is a text with data of the n-th of so many customers.
func (m *maker) personal(customers int) string {
	n := m.IntN(customers)
	return fmt.Sprintf(m.one("ring for ivan.petrov@mail-%d.example.com, call +7 (999) 123-45-67", "order of %d paid with 4111 1111 1111 1111",
		"Authorization: Bearer mF_9.B5f-4.1JqM9kP2xT%d", "postgres://shop:hunter2%d@db:5432/shop", "password=correct-horse-battery-%d"), n)
}

// Logs and spans tell of ever other customers. Points are of the same series in every batch, as exporters send them.
const (
	everOthers = 1 << 30
	theSame    = 20
)

func (m *maker) resource(a pcommon.Map) {
	pod := m.one("5d4f6c7b8d-x2x4z", "7c9d5b6f4-q8k2m", "6f8b9d7c5-zt4vn")
	m.str(a, "service.name", "shop-api")
	m.str(a, "service.version", "2.15.0")
	m.str(a, "service.instance.id", "275ecb36-5aa8-4c2a-9c47-d8bb681b9aff")
	m.str(a, "deployment.environment.name", "production")
	m.str(a, "telemetry.sdk.name", "opentelemetry")
	m.str(a, "telemetry.sdk.language", "java")
	m.str(a, "telemetry.sdk.version", "1.38.0")
	m.str(a, "host.name", "web-01.example.com")
	m.str(a, "k8s.pod.name", "shop-api-"+pod)
	m.str(a, "k8s.namespace.name", "shop")
	m.str(a, "container.id", "a3bf90e006b2b3bf90e006b2a3bf90e006b2b3bf90e006b2a3bf90e006b2b3bf")
	m.str(a, "process.runtime.description", "Eclipse Adoptium OpenJDK 64-Bit Server VM 21.0.5+11-LTS")
}

func (m *maker) traces() {
	rs := m.b.traces.ResourceSpans().AppendEmpty()
	m.resource(rs.Resource().Attributes())
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for i := range items {
		s := spans.AppendEmpty()
		a := s.Attributes()
		m.str(a, "thread.name", fmt.Sprintf("http-nio-8080-exec-%d", m.IntN(10)))
		m.int(a, "thread.id", int64(m.IntN(90)))
		m.str(a, "order.id", m.order())
		m.str(a, "session.id", m.uuid())
		switch i % 3 {
		case 0:
			s.SetName("POST /api/orders/{id}/price")
			m.server(a)
		case 1:
			s.SetName("SELECT orders")
			m.str(a, "db.system.name", "postgresql")
			m.str(a, "db.namespace", "shop")
			m.str(a, "db.operation.name", "SELECT")
			m.str(a, "db.collection.name", "orders")
			m.str(a, "db.query.text", m.one("SELECT id, status, price FROM orders WHERE id = $1", "UPDATE orders SET status = $2, updated_at = now() WHERE id = $1",
				"INSERT INTO order_items (order_id, material, weight) VALUES ($1, $2, $3)"))
			m.str(a, "server.address", "pg-main.shop.svc.cluster.local")
			m.int(a, "server.port", 5432)
		case 2:
			s.SetName("publish orders.price")
			m.str(a, "messaging.system", "rabbitmq")
			m.str(a, "messaging.destination.name", "orders.price")
			m.str(a, "messaging.operation.type", "send")
			m.str(a, "messaging.message.id", m.hex(32))
			m.str(a, "messaging.message.conversation_id", m.uuid())
			m.int(a, "messaging.message.body.size", int64(m.IntN(9000)))
			m.str(a, "app.price", fmt.Sprintf("%d.%02d RUB", m.IntN(300_000), m.IntN(100)))
		}
		if m.dirty(i) {
			m.str(a, "note", m.personal(everOthers))
		}
	}
}

func (m *maker) server(a pcommon.Map) {
	m.str(a, "http.request.method", "POST")
	m.str(a, "url.path", "/api/orders/"+m.order()+"/price")
	m.str(a, "url.scheme", "https")
	m.str(a, "http.route", "/api/orders/{id}/price")
	m.str(a, "server.address", "shop.example.com")
	m.int(a, "http.response.status_code", 200)
	m.str(a, "network.protocol.version", "1.1")
	m.str(a, "user_agent.original", m.one("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "okhttp/4.12.0"))
}

func (m *maker) logs() {
	rl := m.b.logs.ResourceLogs().AppendEmpty()
	m.resource(rl.Resource().Attributes())
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for i := range items {
		l := records.AppendEmpty()
		l.SetSeverityText("INFO")
		body := m.body(i)
		if m.dirty(i) {
			body += "; " + m.personal(everOthers)
		}
		l.Body().SetStr(body)
		m.b.values++
		m.b.bytes += len(body)
		m.str(l.Attributes(), "log.logger", "com.shop.orders.OrderService")
		m.str(l.Attributes(), "thread.name", fmt.Sprintf("http-nio-8080-exec-%d", m.IntN(10)))
	}
}

// body is a log line of 300 to 1,000 bytes.
func (m *maker) body(i int) string {
	at := fmt.Sprintf("2026-11-23T%02d:%02d:%02d.%03dZ", m.IntN(24), m.IntN(60), m.IntN(60), m.IntN(1000))
	switch i % 4 {
	case 0:
		return fmt.Sprintf("%s INFO [shop-api,%s,%s] c.s.o.OrderService : order %s moved from SUBMITTED to PRICE_CALCULATED in %d ms, price %d.00 RUB, "+
			"material gold585, weight %d.5 g, queue orders.price depth %d of 10000, consumer mes-api-7c9d-%d prefetch 20, retries 0 of 5, next attempt in 30 s; "+
			"model file ring-v2.stl uploaded with %d bytes and checked against the catalogue; workshop accepted the order without any remark of the technologist",
			at, m.hex(32), m.hex(16), m.order(), m.IntN(9000), m.IntN(300_000), m.IntN(90), m.IntN(10_000), m.IntN(9), m.IntN(9_000_000))
	case 1:
		return fmt.Sprintf("%s ERROR [mes-api,%s] c.s.m.PriceCalculator : price of %s was not calculated after %d ms\njava.net.SocketTimeoutException: Read timed out\n"+
			"\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:278)\n\tat java.base/sun.nio.ch.NioSocketImpl.implRead(NioSocketImpl.java:304)\n"+
			"\tat com.shop.mes.pricing.PriceCalculator.calculate(PriceCalculator.java:%d)\n\tat com.shop.mes.pricing.PriceListener.onMessage(PriceListener.java:57)\n"+
			"\tat org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer.doInvokeListener(AbstractMessageListenerContainer.java:1681)\n"+
			"\tat org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer.invokeListener(AbstractMessageListenerContainer.java:1600)\n\t... 12 more",
			at, m.hex(32), m.order(), m.IntN(9000), 100+m.IntN(90))
	case 2:
		return fmt.Sprintf(`10.0.3.%d - - [23/Nov/2026:04:%02d:%02d +0000] "POST /api/orders/%s/model HTTP/1.1" 201 %d "https://shop.example.com/cabinet/orders" `+
			`"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36" rt=%d.%03d uct="0.000" uht="0.0%d" urt="0.0%d" `+
			`upstream=10.0.4.17:8080 trace=%s cache=MISS`,
			m.IntN(250), m.IntN(60), m.IntN(60), m.order(), m.IntN(90_000), m.IntN(3), m.IntN(1000), m.IntN(90), m.IntN(90), m.hex(32))
	default:
		return fmt.Sprintf("%s INFO Заказ %s принят в работу мастером участка литья, материал золото 585 пробы, вес %d.3 г, размер %d, срок изготовления %d дней; "+
			"модель проверена, замечаний технолога нет, следующая стадия — шлифовка; очередь участка %d изделий, смена %d", at, m.order(), m.IntN(90), 15+m.IntN(8), 3+m.IntN(20), m.IntN(100), 1+m.IntN(3))
	}
}

func (m *maker) metrics() {
	rm := m.b.metrics.ResourceMetrics().AppendEmpty()
	m.resource(rm.Resource().Attributes())
	metric := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName("http.server.request.duration")
	metric.SetDescription("Duration of HTTP server requests.")
	metric.SetUnit("s")
	points := metric.SetEmptyHistogram().DataPoints()
	for i := range items {
		a := points.AppendEmpty().Attributes()
		m.str(a, "http.request.method", m.one("GET", "POST", "PUT"))
		m.str(a, "http.route", m.one("/api/orders/{id}", "/api/orders/{id}/price", "/api/orders/{id}/model", "/api/customers/{id}"))
		m.int(a, "http.response.status_code", int64(200+100*m.IntN(4)))
		m.str(a, "url.scheme", "https")
		m.str(a, "network.protocol.version", "1.1")
		m.str(a, "server.address", "shop.example.com")
		m.str(a, "error.type", m.one("java.net.SocketTimeoutException", "500", "org.postgresql.util.PSQLException"))
		m.str(a, "instance", fmt.Sprintf("10.0.%d.%d:8080", m.IntN(2), m.IntN(8)))
		if m.dirty(i) {
			m.str(a, "customer", m.personal(theSame))
		}
	}
}
