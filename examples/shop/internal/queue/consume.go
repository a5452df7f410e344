package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ordertrace/ordertrace/examples/shop/internal/order"
	"github.com/ordertrace/ordertrace/instrumentation/orderamqp"
)

// retryPause is how long a failed message is kept before it is given back, so
// that it does not go round at full speed while a lock is held.
const retryPause = 300 * time.Millisecond

// How long a consumer waits before it comes back, doubled each time.
const (
	shortest = 200 * time.Millisecond
	longest  = 3 * time.Second
)

// Handler does the work of one message. An error gives the message back to the
// queue; the handler is called again with it.
type Handler func(ctx context.Context, m Message) error

// Consume works on a queue with so many workers, until ctx is done. It comes
// back when the connection breaks or the queue was deleted.
func (b *Bus) Consume(ctx context.Context, queue string, workers int, handle Handler, opts ...orderamqp.Option) {
	b.consuming.Add(1)
	go func() {
		defer b.consuming.Done()
		wait := shortest
		for ctx.Err() == nil {
			if b.standBy(ctx, queue) {
				continue
			}
			began := time.Now()
			err := b.session(ctx, queue, workers, handle, opts)
			if err == nil || ctx.Err() != nil {
				continue
			}
			if time.Since(began) > longest {
				wait = shortest // it has worked for a while
			}
			b.warn("consumer comes back", "queue", queue, "in", wait, "reason", err)
			pause(ctx, wait)
			wait = min(2*wait, longest)
		}
	}()
}

// standBy waits while a fault keeps the consumer or the queue away.
func (b *Bus) standBy(ctx context.Context, queue string) bool {
	for _, mode := range []string{"consumer", "queue"} {
		if a := b.faults.Standing("f2", mode, queue); a != nil {
			select {
			case <-ctx.Done():
			case <-a.Done():
			}
			return true
		}
	}
	return false
}

// session is one subscription, from its start to its end.
func (b *Bus) session(ctx context.Context, queue string, workers int, handle Handler, opts []orderamqp.Option) error {
	conn, err := b.connection()
	if err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer func() { _ = ch.Close() }() // closed already when the session ended by that
	if err := declare(ch, queue); err != nil {
		return err
	}
	if err := ch.Qos(workers, 0, false); err != nil {
		return err
	}
	tag := "shop-" + queue
	deliveries, err := ch.Consume(queue, tag, false, false, false, false, nil)
	if err != nil {
		return err
	}
	consumer := orderamqp.NewConsumer(append(opts, orderamqp.RequeueFailed())...)
	defer consumer.Close()
	// Work that has begun is finished when the service stops.
	work := context.WithoutCancel(ctx)
	var all sync.WaitGroup
	for range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			for d := range deliveries {
				b.deliver(work, consumer, queue, d, handle)
			}
		}()
	}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	err = b.watch(ctx, queue, ended)
	_ = ch.Cancel(tag, false) // ends deliveries; without effect when they have ended
	<-ended
	return err
}

// watch returns when the session should end or has ended.
func (b *Bus) watch(ctx context.Context, queue string, ended <-chan struct{}) error {
	for {
		changed := b.faults.Changed()
		if b.faults.Standing("f2", "consumer", queue) != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return fmt.Errorf("deliveries of %s ended", queue)
		case <-changed:
		}
	}
}

// deliver is where messages are lost, doubled and delayed: before the
// instrumentation, which must learn nothing of it.
func (b *Bus) deliver(ctx context.Context, consumer *orderamqp.Consumer, queue string, d amqp.Delivery, handle Handler) {
	var m Message
	if err := json.Unmarshal(d.Body, &m); err == nil && order.ValidID(m.OrderID) {
		if a := b.faults.Strikes("f2", "drop", queue, m.OrderID); a != nil {
			_ = d.Ack(false)
			return
		}
		if a := b.faults.Strikes("f2", "duplicate", queue, m.OrderID); a != nil && a.Once(m.OrderID) {
			if err := b.sendRaw(ctx, "", queue, again(d)); err != nil {
				b.warn("duplicate a message", "error", err)
			}
		}
		if a := b.faults.Strikes("f2", "delay", queue, m.OrderID); a != nil && a.Once(m.OrderID) {
			select {
			case <-time.After(a.Delay()):
			case <-a.Done():
			}
		}
	}
	consumer.Handle(ctx, queue, d, func(ctx context.Context, d amqp.Delivery) error {
		err := b.attempt(ctx, d, m, handle)
		outcome := "ok"
		if err != nil {
			outcome = "error"
		}
		b.count(queue, outcome)
		return err
	})
}

func (b *Bus) attempt(ctx context.Context, d amqp.Delivery, m Message, handle Handler) error {
	if !order.ValidID(m.OrderID) {
		return d.Reject(false) // it would be as wrong the next time
	}
	err := handle(ctx, m)
	if err != nil {
		pause(ctx, retryPause)
	}
	return err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// again is a copy of a message, its id and headers included.
func again(d amqp.Delivery) amqp.Publishing {
	return amqp.Publishing{
		Headers: d.Headers, ContentType: d.ContentType, DeliveryMode: d.DeliveryMode, CorrelationId: d.CorrelationId,
		MessageId: d.MessageId, Timestamp: d.Timestamp, Type: d.Type, Body: d.Body,
	}
}
