// Package queue is the shop's use of RabbitMQ: its exchanges and queues, one
// connection that comes back when it breaks, and the consumers' loops, in which
// the faults F2 happen.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ordertrace/ordertrace/examples/shop/internal/fault"
	"github.com/ordertrace/ordertrace/instrumentation/orderamqp"
)

// Orders is the direct exchange of the work, Events the fanout of all changes.
const (
	Orders = "orders"
	Events = "order.events"
)

// topology binds each queue to its exchange and key.
var topology = map[string]struct{ exchange, kind, key string }{
	"mes.submitted": {Orders, "direct", "order.submitted"},
	"crm.priced":    {Orders, "direct", "order.priced"},
	"mes.approved":  {Orders, "direct", "order.approved"},
	"crm.packed":    {Orders, "direct", "order.packed"},
	"shop.status":   {Events, "fanout", ""},
}

// Message is the body of all the shop's messages.
type Message struct {
	OrderID string `json:"order_id"`
	Status  string `json:"status,omitempty"`
	Email   string `json:"email,omitempty"`
}

// Bus is a service's connection to the broker.
type Bus struct {
	url    string
	faults *fault.Set
	count  func(queue, outcome string)
	warn   func(msg string, args ...any)

	mu        sync.Mutex // guards the connection and what hangs on it
	conn      *amqp.Connection
	publisher *orderamqp.Publisher
	out       *amqp.Channel // the publisher's
	raw       *amqp.Channel // for legacy publishers and faults: without instrumentation

	consuming sync.WaitGroup
}

// New returns a Bus that connects when it is first used. count is told the
// outcome of each message, warn what a person at the console should know.
func New(url string, faults *fault.Set, count func(queue, outcome string), warn func(string, ...any)) *Bus {
	return &Bus{url: url, faults: faults, count: count, warn: warn}
}

// Connect connects now and makes the exchanges and queues.
func (b *Bus) Connect(ctx context.Context) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		_, err := b.connection()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(wait):
		}
	}
}

// Publish sends a message of an order and waits for the broker's confirmation.
func (b *Bus) Publish(ctx context.Context, exchange, key string, m Message) error {
	if _, err := b.connection(); err != nil {
		return err
	}
	b.mu.Lock()
	publisher := b.publisher
	b.mu.Unlock()
	return publisher.Publish(ctx, exchange, key, publishing(m))
}

// PublishRaw sends without trace context, as programs older than tracing do,
// and returns the message's id.
func (b *Bus) PublishRaw(ctx context.Context, exchange, key, id string, m Message) error {
	msg := publishing(m)
	msg.MessageId = id
	return b.sendRaw(ctx, exchange, key, msg)
}

func (b *Bus) sendRaw(ctx context.Context, exchange, key string, msg amqp.Publishing) error {
	if _, err := b.connection(); err != nil {
		return err
	}
	b.mu.Lock()
	raw := b.raw
	b.mu.Unlock()
	confirmed, err := raw.PublishWithDeferredConfirmWithContext(ctx, exchange, key, false, false, msg)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", key, err)
	}
	if ok, err := confirmed.WaitContext(ctx); err != nil || !ok {
		return errors.Join(orderamqp.ErrNotConfirmed, err)
	}
	return nil
}

// DeleteQueue deletes a queue on the broker, with what is in it.
func (b *Bus) DeleteQueue(queue string) error {
	conn, err := b.connection()
	if err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	_, err = ch.QueueDelete(queue, false, false, false)
	return errors.Join(err, ch.Close())
}

// Close waits for the consumers, whose context must be done, and disconnects.
func (b *Bus) Close() error {
	b.consuming.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn == nil || b.conn.IsClosed() {
		return nil
	}
	return b.conn.Close()
}

func publishing(m Message) amqp.Publishing {
	body, _ := json.Marshal(m) // strings marshal
	return amqp.Publishing{ContentType: "application/json", DeliveryMode: amqp.Persistent, CorrelationId: m.OrderID, Body: body}
}

// connection returns the open connection, or dials.
func (b *Bus) connection() (*amqp.Connection, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn != nil && !b.conn.IsClosed() && !b.raw.IsClosed() && !b.out.IsClosed() {
		return b.conn, nil
	}
	if b.conn != nil {
		_ = b.conn.Close() // closed already, or of no use without its channels
	}
	conn, err := amqp.DialConfig(b.url, amqp.Config{Heartbeat: 10 * time.Second, Dial: amqp.DefaultDial(5 * time.Second)})
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	if err := b.openLocked(conn); err != nil {
		return nil, errors.Join(fmt.Errorf("set up the broker: %w", err), conn.Close())
	}
	b.conn = conn
	return conn, nil
}

func (b *Bus) openLocked(conn *amqp.Connection) error {
	var err error
	if b.out, err = conn.Channel(); err != nil {
		return err
	}
	if b.publisher, err = orderamqp.NewPublisher(b.out); err != nil {
		return err
	}
	if b.raw, err = conn.Channel(); err != nil {
		return err
	}
	if err := b.raw.Confirm(false); err != nil {
		return err
	}
	for queue := range topology {
		if b.faults.Standing("f2", "queue", queue) != nil {
			continue // it is meant to be away
		}
		if err := declare(b.raw, queue); err != nil {
			return err
		}
	}
	return nil
}

func declare(ch *amqp.Channel, queue string) error {
	bound := topology[queue]
	if err := ch.ExchangeDeclare(bound.exchange, bound.kind, true, false, false, false, nil); err != nil {
		return err
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return err
	}
	return ch.QueueBind(queue, bound.key, bound.exchange, false, nil)
}
