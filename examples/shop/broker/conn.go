package broker

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"sync"
	"time"
)

const (
	heartbeat = 10 * time.Second
	// maxUnsent bounds what waits for a client that does not read.
	maxUnsent  = 64 << 20
	maxChannel = 2047
)

type conn struct {
	broker *Broker
	net    net.Conn
	out    *outbox
	// channels is written by serve only, under broker.mu.
	channels map[uint16]*channel
}

func newConn(b *Broker, network net.Conn) *conn {
	return &conn{broker: b, net: network, out: newOutbox(), channels: map[uint16]*channel{}}
}

func (c *conn) serve() {
	defer func() {
		c.broker.mu.Lock()
		c.broker.forgetLocked(c)
		c.broker.mu.Unlock()
		c.out.close()
	}()
	r := bufio.NewReader(c.net)
	if !c.handshake(r) {
		return
	}
	stop := make(chan struct{})
	defer close(stop)
	go c.beat(stop)
	for {
		_ = c.net.SetReadDeadline(time.Now().Add(3 * heartbeat))
		f, err := readFrame(r)
		if err != nil || !c.handle(f) {
			return
		}
	}
}

// handshake goes from the protocol header to connection.open. It accepts any
// user: the listener is on loopback and the messages are a demo's.
func (c *conn) handshake(r *bufio.Reader) bool {
	_ = c.net.SetReadDeadline(time.Now().Add(heartbeat))
	var header [8]byte
	want := []byte("AMQP\x00\x00\x09\x01")
	if _, err := io.ReadFull(r, header[:]); err != nil || !bytes.Equal(header[:], want) {
		c.out.put(want)
		return false
	}
	c.send(0, id(10, 10).with().u8(0).u8(9).table(properties()).long("PLAIN AMQPLAIN").long("en_US"))
	if !c.expect(r, id(10, 11)) {
		return false
	}
	c.send(0, id(10, 30).with().u16(maxChannel).u32(frameMax).u16(uint16(heartbeat/time.Second)))
	if !c.expect(r, id(10, 31)) || !c.expect(r, id(10, 40)) {
		return false
	}
	c.send(0, id(10, 41).with().short(""))
	return true
}

// expect ignores the arguments: frame and channel limits of a client can only
// be lower than ours, and amqp091-go takes what it is offered.
func (c *conn) expect(r *bufio.Reader, want method) bool {
	for {
		f, err := readFrame(r)
		if err != nil {
			return false
		}
		if f.kind == frameHeartbeat {
			continue
		}
		in := fields{b: f.payload}
		return f.kind == frameMethod && method(in.u32()) == want
	}
}

func properties() []byte {
	yes := func(a args, name string) args { return a.short(name).u8('t').u8(1) }
	var capabilities args
	for _, name := range []string{"publisher_confirms", "basic.nack", "consumer_cancel_notify"} {
		capabilities = yes(capabilities, name)
	}
	var all args
	all = all.short("product").u8('S').long("ordertrace shop stand-in broker")
	all = all.short("capabilities").u8('F').table(capabilities)
	return all
}

func (c *conn) beat(stop <-chan struct{}) {
	ticker := time.NewTicker(heartbeat / 2)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.out.put(appendFrame(nil, frameHeartbeat, 0, nil))
		case <-stop:
			return
		}
	}
}

func (c *conn) send(channel uint16, a args) { c.out.put(appendFrame(nil, frameMethod, channel, a)) }

// fail closes the connection with a reason, as AMQP wants it.
func (c *conn) fail(code uint16, text string) bool {
	c.send(0, id(10, 50).with().u16(code).short(text).u16(0).u16(0))
	return false
}

// outbox holds what is to be written, so that nobody writes to the network
// while holding the broker's lock.
type outbox struct {
	mu     sync.Mutex
	wake   *sync.Cond
	buf    []byte
	closed bool
}

func newOutbox() *outbox {
	o := &outbox{}
	o.wake = sync.NewCond(&o.mu)
	return o
}

func (o *outbox) put(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	if len(o.buf)+len(b) > maxUnsent {
		o.closed = true // the client reads nothing: drain closes the connection
	} else {
		o.buf = append(o.buf, b...)
	}
	o.wake.Signal()
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.wake.Signal()
}

// drain writes until the outbox is closed and empty, then closes the network.
func (o *outbox) drain(w net.Conn) {
	defer func() { _ = w.Close() }()
	for {
		o.mu.Lock()
		for len(o.buf) == 0 && !o.closed {
			o.wake.Wait()
		}
		out := o.buf
		o.buf = nil
		o.mu.Unlock()
		if len(out) == 0 {
			return
		}
		_ = w.SetWriteDeadline(time.Now().Add(3 * heartbeat))
		if _, err := w.Write(out); err != nil {
			return
		}
	}
}
