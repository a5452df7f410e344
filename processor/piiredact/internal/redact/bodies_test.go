package redact

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// body is a kind of log line, as long as those that a body is made of.
type body struct {
	name string
	draw func() string
}

// bodies are log lines as servers, libraries and databases write them, with nothing personal in them.
func (m maker) bodies() []body {
	n := func(below int) string { return fmt.Sprint(m.IntN(below)) }
	at := func() string {
		return fmt.Sprintf("2026-11-23T%02d:%02d:%02d.%03dZ", m.IntN(24), m.IntN(60), m.IntN(60), m.IntN(1000))
	}
	order := func() string { return fmt.Sprintf("ORD-%08d", m.IntN(1e8)) }
	return []body{
		{"spring", func() string {
			return at() + " INFO [shop-api," + m.hex(32) + "," + m.hex(16) + "] c.s.o.OrderService : order " + order() + " moved from SUBMITTED to PRICE_CALCULATED in " + n(9000) +
				" ms, price " + n(300_000) + ".00 RUB, material gold585, weight " + n(90) + ".5 g, queue orders.price depth " + n(10_000) + " of 10000, consumer mes-api-7c9d-" + n(9) +
				" prefetch 20, retries 0 of 5, next attempt in 30 s; model file ring-v2.stl uploaded with " + n(9_000_000) +
				" bytes and checked against the catalogue; workshop accepted the order without any remark of the technologist"
		}},
		{"stack trace", func() string {
			return at() + " ERROR [mes-api," + m.hex(32) + "] c.s.m.PriceCalculator : price of " + order() + " was not calculated after " + n(9000) + " ms\njava.net.SocketTimeoutException: Read timed out\n" +
				"\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:278)\n\tat java.base/sun.nio.ch.NioSocketImpl.implRead(NioSocketImpl.java:304)\n" +
				"\tat com.shop.mes.pricing.PriceCalculator.calculate(PriceCalculator.java:1" + n(90) + ")\n\tat com.shop.mes.pricing.PriceListener.onMessage(PriceListener.java:57)\n" +
				"\tat org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer.doInvokeListener(AbstractMessageListenerContainer.java:1681)\n" +
				"\tat org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer.invokeListener(AbstractMessageListenerContainer.java:1600)\n\t... 12 more"
		}},
		{"access log", func() string {
			return "10.0.3." + n(250) + " - - [23/Nov/2026:04:1" + n(10) + ":2" + n(10) + ` +0000] "POST /api/orders/` + order() + `/model HTTP/1.1" 201 ` + n(90_000) + ` "https://shop.example.com/cabinet/orders" ` +
				`"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36" rt=0.` + n(1000) + ` uct="0.000" uht="0.0` + n(90) + `" urt="0.0` + n(90) +
				`" upstream=10.0.4.17:8080 trace=` + m.hex(32) + " cache=MISS"
		}},
		{"russian", func() string {
			return at() + " INFO Заказ " + order() + " принят в работу мастером участка литья, материал золото 585 пробы, вес " + n(90) + ".3 г, размер " + n(9) + ", срок изготовления " + n(23) +
				" дней; модель проверена, замечаний технолога нет, следующая стадия — шлифовка; очередь участка " + n(100) + " изделий, смена " + n(3)
		}},
		{"logfmt", func() string {
			return "time=" + at() + ` level=info msg="request served" logger=http caller=server/handler.go:` + n(400) + " method=POST path=/api/orders/" + order() + "/price status=200 duration=" + n(900) + "." + n(999) +
				"ms bytes_in=" + n(90_000) + " bytes_out=" + n(90_000) + " trace_id=" + m.hex(32) + " span_id=" + m.hex(16) + " service=shop-api version=2.15.0 pod=shop-api-" + m.hex(10) + "-x2x4z node=node-" + n(9) +
				` attempt=1 queue=orders.price prefetch=20 user_agent="okhttp/4.12.0" cache=miss upstream=10.0.4.17:8080 retry=false`
		}},
		{"json", func() string {
			return `{"timestamp":"` + at() + `","level":"INFO","logger":"com.shop.orders.OrderService","thread":"http-nio-8080-exec-` + n(10) + `","message":"order ` + order() + ` moved from SUBMITTED to PRICE_CALCULATED in ` + n(9000) +
				` ms","trace_id":"` + m.hex(32) + `","span_id":"` + m.hex(16) + `","order":{"id":"` + order() + `","status":"PRICE_CALCULATED","amount":` + n(300_000) + `.50,"currency":"RUB","items":[{"material":"gold585","weight":12.5},{"material":"silver925","weight":3.2}]},"host":"shop-api-7c9d5b6f4-q8k2m","version":"2.15.0"}`
		}},
		{"json behind a time", func() string {
			return at() + ` INFO order.moved {"order":"` + order() + `","from":"SUBMITTED","to":"PRICE_CALCULATED","ms":` + n(9000) + `,"trace":"` + m.hex(32) + `","queue":{"name":"orders.price","depth":` + n(9000) + `,"consumers":3},"material":"gold585","weight":` + n(90) + `.5,"file":"ring-v2.stl","bytes":` + n(9_000_000) + `,"retries":[0,5]} done in ` + n(100) + "ms by worker-" + n(16)
		}},
		{"postgres", func() string {
			return "2026-11-23 04:1" + n(10) + ":07." + n(999) + " UTC [" + n(99_999) + "] shop@shop LOG:  duration: " + n(900) + "." + n(999) + " ms  execute <unnamed>: SELECT id, status, price FROM orders WHERE id = $1 AND status = $2 ORDER BY updated_at DESC LIMIT $3 OFFSET $4; " +
				"checkpoint complete: wrote " + n(9000) + " buffers (" + n(9) + "." + n(9) + "%); 0 WAL file(s) added, 0 removed, 1 recycled; write=" + n(90) + "." + n(999) + " s, sync=0.0" + n(99) + " s, total=" + n(90) + "." + n(999) + " s; sync files=" + n(99) + ", longest=0.0" + n(99) + " s, average=0.001 s; distance=" + n(99_999) + " kB"
		}},
		{"ids before colons", func() string {
			return at() + " WARN worker-" + n(16) + ": order " + order() + ": price was not calculated: queue is full; job " + m.hex(16) + ": attempt " + n(9) + " of 10; batch " + m.digits(8) + ": " + n(900) +
				" of 1000 models read; model " + m.digits(6) + ": no remark of the technologist; workshop " + m.digits(4) + ": shift " + n(3) + ", next attempt in " + n(90) + " s, no model was lost and none was read twice by the workers of this shift"
		}},
		{"syslog", func() string {
			return "<134>1 " + at() + " mes-7c9d5b6f4-q8k2m rabbitmq " + n(9999) + " - - [info] <0." + n(9999) + ".0> connection <0." + n(9999) + ".0> (10.0.4." + n(250) + ":" + n(60_000) + " -> 10.0.4.17:5672): user 'shop' authenticated and granted access to vhost '/'; " +
				"channel 1 opened, prefetch 20, consumer tag ctag1." + m.hex(16) + ", queue orders.price has " + n(9000) + " messages ready and " + n(20) + " unacknowledged, memory " + n(9_000_000) + " bytes, " + n(99) + "% of the high watermark"
		}},
	}
}

func BenchmarkBodies(b *testing.B) {
	m := maker{rand.New(rand.NewPCG(7, 7))}
	e := testEngine(policy.Balanced)
	for _, kind := range m.bodies() {
		b.Run(kind.name, func(b *testing.B) {
			lines, size := make([]string, 1024), 0 // more than a branch predictor learns by heart
			for i := range lines {
				lines[i] = kind.draw()
				size += len(lines[i])
			}
			se := e.Session()
			defer se.Release()
			b.ReportAllocs()
			b.SetBytes(int64(size / len(lines)))
			for i := 0; b.Loop(); i++ {
				if out, v := se.Text(e.Plain(), lines[i%len(lines)], 0); v != Same {
					b.Fatalf("%q became %q", lines[i%len(lines)], out)
				}
			}
		})
	}
}
