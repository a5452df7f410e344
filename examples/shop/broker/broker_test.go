package broker

import (
	"bytes"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func TestAMessageComesOutAsItWentIn(t *testing.T) {
	ch := dial(t)
	declare(t, ch, "q")
	sent := amqp.Publishing{
		ContentType: "application/json", MessageId: "m-1", CorrelationId: "c-1", DeliveryMode: amqp.Persistent, Type: "t", Priority: 3,
		Headers: amqp.Table{"traceparent": "00-ab", "n": int32(7), "deep": amqp.Table{"list": []any{"a", int64(1)}}},
		Body:    bytes.Repeat([]byte("0123456789"), 50_000), // several body frames
	}
	must(t, ch.PublishWithContext(t.Context(), "", "q", false, false, sent))
	got := next(t, consume(t, ch, "q"))
	if got.MessageId != "m-1" || got.CorrelationId != "c-1" || got.Priority != 3 || got.Type != "t" || !reflect.DeepEqual(got.Headers, sent.Headers) {
		t.Errorf("properties: %+v", got)
	}
	if !bytes.Equal(got.Body, sent.Body) {
		t.Errorf("body: %d bytes, want %d", len(got.Body), len(sent.Body))
	}
	must(t, got.Ack(false))
}

func TestAnEmptyBodyIsAMessageToo(t *testing.T) {
	ch := dial(t)
	declare(t, ch, "q")
	must(t, ch.PublishWithContext(t.Context(), "", "q", false, false, amqp.Publishing{MessageId: "empty"}))
	if got := next(t, consume(t, ch, "q")); got.MessageId != "empty" || len(got.Body) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestExchangesRoute(t *testing.T) {
	for _, tt := range []struct {
		kind, bound, key string
		want             bool
	}{
		{"direct", "a", "a", true},
		{"direct", "a", "b", false},
		{"fanout", "", "anything", true},
		{"topic", "order.*", "order.new", true},
		{"topic", "order.*", "order.new.eu", false},
		{"topic", "order.#", "order.new.eu", true},
		{"topic", "#.eu", "eu", true},
		{"topic", "#", "", true},
	} {
		t.Run(fmt.Sprintf("%s %s %s", tt.kind, tt.bound, tt.key), func(t *testing.T) {
			ch := dial(t)
			must(t, ch.ExchangeDeclare("x", tt.kind, true, false, false, false, nil))
			declare(t, ch, "q")
			must(t, ch.QueueBind("q", tt.bound, "x", false, nil))
			must(t, ch.QueueBind("q", tt.bound, "x", false, nil)) // bound twice, delivered once
			must(t, ch.Confirm(false))
			confirmed, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), "x", tt.key, false, false, amqp.Publishing{})
			must(t, err)
			if !confirmed.Wait() {
				t.Fatal("not confirmed")
			}
			q, err := ch.QueueDeclarePassive("q", true, false, false, false, nil)
			must(t, err)
			if got := q.Messages; (got == 1) != tt.want || got > 1 {
				t.Errorf("%d messages, want routed: %v", got, tt.want)
			}
		})
	}
}

func TestPrefetchHoldsBackAndAckReleases(t *testing.T) {
	ch := dial(t)
	declare(t, ch, "q")
	must(t, ch.Qos(2, 0, false))
	deliveries := consume(t, ch, "q")
	for i := range 5 {
		must(t, ch.PublishWithContext(t.Context(), "", "q", false, false, amqp.Publishing{MessageId: fmt.Sprint(i)}))
	}
	first, second := next(t, deliveries), next(t, deliveries)
	if q, err := ch.QueueDeclarePassive("q", true, false, false, false, nil); err != nil || q.Messages != 3 {
		t.Fatalf("%d ready (%v), want 3: prefetch was not kept", q.Messages, err)
	}
	must(t, second.Ack(true)) // settles the first as well
	third := next(t, deliveries)
	if first.MessageId != "0" || second.MessageId != "1" || third.MessageId != "2" {
		t.Errorf("order: %s %s %s", first.MessageId, second.MessageId, third.MessageId)
	}
}

func TestWhatIsPutBackKeepsItsPlace(t *testing.T) {
	ch := dial(t)
	declare(t, ch, "q")
	for i := range 3 {
		must(t, ch.PublishWithContext(t.Context(), "", "q", false, false, amqp.Publishing{MessageId: fmt.Sprint(i)}))
	}
	var got []string
	take := func() amqp.Delivery {
		d, ok, err := ch.Get("q", false)
		if err != nil || !ok {
			t.Fatalf("get: %v %v", ok, err)
		}
		return d
	}
	a, b := take(), take()
	must(t, b.Nack(false, true))
	must(t, a.Reject(true))
	for range 3 {
		d := take()
		got = append(got, fmt.Sprint(d.MessageId, d.Redelivered))
	}
	if want := "0true 1true 2false"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestRejectWithoutRequeueDrops(t *testing.T) {
	ch := dial(t)
	declare(t, ch, "q")
	must(t, ch.PublishWithContext(t.Context(), "", "q", false, false, amqp.Publishing{}))
	d, _, err := ch.Get("q", false)
	must(t, err)
	must(t, d.Reject(false))
	if _, ok, err := ch.Get("q", false); ok || err != nil {
		t.Errorf("still there: %v %v", ok, err)
	}
}

func TestUnsettledMessagesComeBackWhenTheConnectionDies(t *testing.T) {
	b := listen(t)
	ch := open(t, b)
	declare(t, ch, "q")
	must(t, ch.PublishWithContext(t.Context(), "", "q", false, false, amqp.Publishing{MessageId: "m"}))

	other, err := amqp.Dial(b.URL())
	must(t, err)
	dying, err := other.Channel()
	must(t, err)
	next(t, consume(t, dying, "q"))
	must(t, other.Close())

	if d := next(t, consume(t, ch, "q")); d.MessageId != "m" || !d.Redelivered {
		t.Errorf("%+v", d)
	}
}

func TestAMandatoryMessageWithoutAQueueIsReturnedThenConfirmed(t *testing.T) {
	ch := dial(t)
	must(t, ch.Confirm(false))
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	confirmed, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), "", "nowhere", true, false, amqp.Publishing{MessageId: "m", Body: []byte("x")})
	must(t, err)
	if !confirmed.Wait() {
		t.Error("not confirmed")
	}
	if r := next(t, returns); r.MessageId != "m" || r.ReplyCode != amqp.NoRoute {
		t.Errorf("%+v", r)
	}
}

func TestDeletingAQueueTellsItsConsumer(t *testing.T) {
	ch := dial(t)
	declare(t, ch, "q")
	deliveries := consume(t, ch, "q")
	cancelled := ch.NotifyCancel(make(chan string, 1))
	if _, err := ch.QueueDelete("q", false, false, false); err != nil {
		t.Fatal(err)
	}
	next(t, cancelled)
	select {
	case _, open := <-deliveries:
		if open {
			t.Error("a delivery from a deleted queue")
		}
	case <-time.After(5 * time.Second):
		t.Error("the deliveries did not end")
	}
}

func TestMistakesCloseTheChannelWithTheirCode(t *testing.T) {
	for _, tt := range []struct {
		name string
		code int
		do   func(*amqp.Channel) error
	}{
		{"unknown queue", 404, func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclarePassive("none", true, false, false, false, nil)
			return err
		}},
		{"unknown exchange", 404, func(ch *amqp.Channel) error { return ch.QueueBind("q", "", "none", false, nil) }},
		{"another kind", 406, func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare("amq.direct", "fanout", true, false, false, false, nil)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ch := dial(t)
			declare(t, ch, "q")
			err := tt.do(ch)
			broken, ok := err.(*amqp.Error) //nolint:errorlint // amqp091-go returns it bare here
			if !ok || broken.Code != tt.code {
				t.Errorf("err = %v, want code %d", err, tt.code)
			}
		})
	}
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	if _, err := Listen("0.0.0.0:0"); err == nil {
		t.Error("listened on all addresses without users")
	}
}

func TestGarbageEndsTheConnectionAndNothingElse(t *testing.T) {
	b := listen(t)
	for _, garbage := range []string{
		"GET / HTTP/1.1\r\n\r\n", "AMQP\x00\x00\x09\x01\xff\xff\xff\xff\xff\xff\xff\xff",
		"AMQP\x00\x00\x09\x01\x01\x00\x00\x00\x00\x00\x01\x00\x00", "",
	} {
		c, err := net.Dial("tcp", strings.TrimSuffix(strings.SplitN(b.URL(), "@", 2)[1], "/"))
		must(t, err)
		_, err = c.Write([]byte(garbage))
		must(t, err)
		_ = c.Close()
	}
	ch := open(t, b)
	declare(t, ch, "q")
}

func FuzzArgumentsNeverPanic(f *testing.F) {
	f.Add([]byte{0, 60, 0, 40, 0, 0, 1, 'x', 1, 'y', 0})
	f.Add([]byte{0, 50, 0, 10, 0, 0, 0, 0, 0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, payload []byte) {
		b := &Broker{conns: map[*conn]struct{}{}, exchanges: map[string]*exchange{"x": {kind: "topic"}}, queues: map[string]*queue{}}
		c := newConn(b, nil)
		c.handle(frame{kind: frameMethod, channel: 1, payload: []byte{0, 20, 0, 10, 0}})
		c.handle(frame{kind: frameMethod, channel: 1, payload: payload})
		c.handle(frame{kind: frameHeader, channel: 1, payload: payload})
		c.handle(frame{kind: frameBody, channel: 1, payload: payload})
		if b.stored < 0 || b.stored > maxStored {
			t.Errorf("stored = %d", b.stored)
		}
	})
}

func listen(t *testing.T) *Broker {
	t.Helper()
	b, err := Listen("127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, b.Close()) })
	return b
}

func open(t *testing.T, b *Broker) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(b.URL())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	must(t, err)
	return ch
}

func dial(t *testing.T) *amqp.Channel { t.Helper(); return open(t, listen(t)) }

func declare(t *testing.T, ch *amqp.Channel, name string) {
	t.Helper()
	_, err := ch.QueueDeclare(name, true, false, false, false, nil)
	must(t, err)
}

func consume(t *testing.T, ch *amqp.Channel, queue string) <-chan amqp.Delivery {
	t.Helper()
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	must(t, err)
	return deliveries
}

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v, open := <-from:
		if !open {
			t.Fatal("closed")
		}
		return v
	case <-time.After(5 * time.Second):
		t.Fatal("nothing came")
	}
	panic("unreachable")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
