// Package broker is a small AMQP 0-9-1 server in memory: what the shop uses
// where no RabbitMQ is installed, and what tests talk to.
//
// It has direct, fanout and topic exchanges, queues with several consumers,
// prefetch, acks, nacks, requeueing in order, mandatory returns, publisher
// confirms, basic.get and consumer cancel notifications. It has no persistence,
// no transactions, no header exchanges, no dead-lettering, no TTL, no users and
// no TLS, and listens on loopback only. Message properties and headers pass
// through byte by byte.
//
//	b, err := broker.Listen("127.0.0.1:0")
//	defer b.Close()
//	conn, err := amqp.Dial(b.URL())
package broker

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// maxStored bounds the bytes of all messages in all queues. What comes on top
// is not stored: publishers with confirms get a nack, the others lose it.
const maxStored = 256 << 20

// Broker serves AMQP on one listener.
type Broker struct {
	listener net.Listener
	serving  sync.WaitGroup

	mu        sync.Mutex // guards everything below, and all queues, channels and consumers
	closed    bool
	conns     map[*conn]struct{}
	exchanges map[string]*exchange
	queues    map[string]*queue
	stored    int // bytes in all queues, at most maxStored
	sequence  uint64
}

// Listen starts a broker on a loopback address.
func Listen(address string) (*Broker, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen on %q: the stand-in broker knows no users: give it a loopback address, or use RabbitMQ", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	b := &Broker{
		listener:  listener,
		conns:     map[*conn]struct{}{},
		exchanges: map[string]*exchange{},
		queues:    map[string]*queue{},
	}
	for name, kind := range map[string]string{"amq.direct": "direct", "amq.fanout": "fanout", "amq.topic": "topic"} {
		b.exchanges[name] = &exchange{kind: kind}
	}
	b.serving.Add(1)
	go b.accept()
	return b, nil
}

// URL is what amqp.Dial takes.
func (b *Broker) URL() string { return "amqp://guest:guest@" + b.listener.Addr().String() + "/" }

// Close ends all connections and waits until their goroutines are gone.
func (b *Broker) Close() error {
	b.mu.Lock()
	b.closed = true
	for c := range b.conns {
		_ = c.net.Close() // its reader ends and cleans up
	}
	b.mu.Unlock()
	err := b.listener.Close()
	b.serving.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (b *Broker) accept() {
	defer b.serving.Done()
	for {
		network, err := b.listener.Accept()
		if err != nil {
			return // closed
		}
		c := newConn(b, network)
		b.mu.Lock()
		if b.closed {
			b.mu.Unlock()
			_ = network.Close()
			return
		}
		b.conns[c] = struct{}{}
		b.mu.Unlock()
		b.serving.Add(2)
		go func() { defer b.serving.Done(); c.out.drain(c.net) }()
		go func() { defer b.serving.Done(); c.serve() }()
	}
}

// forgetLocked removes a connection: its unsettled messages go back, its
// exclusive queues go away.
func (b *Broker) forgetLocked(c *conn) {
	delete(b.conns, c)
	for _, ch := range c.channels {
		ch.closeLocked()
	}
	for name, q := range b.queues {
		if q.owner == c {
			b.deleteQueueLocked(name, q)
		}
	}
}
