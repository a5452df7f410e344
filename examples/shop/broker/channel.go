package broker

import (
	"encoding/binary"
	"slices"
)

// maxBody is RabbitMQ's default limit for a message.
const maxBody = 16 << 20

type channel struct {
	id        uint16
	conn      *conn
	consumers map[string]*consumer
	unacked   map[uint64]unacked
	nextTag   uint64
	prefetch  int // for consumers that start from now on
	confirm   bool
	published uint64
	incoming  *incoming
}

// incoming is a publish whose header and body frames are still to come.
type incoming struct {
	message
	mandatory bool
	missing   uint64
}

func (ch *channel) send(a args) { ch.conn.send(ch.id, a) }

// handle does one frame; false ends the connection.
func (c *conn) handle(f frame) bool {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	if f.kind == frameHeartbeat {
		return true
	}
	if f.channel == 0 {
		return c.control(f)
	}
	ch := c.channels[f.channel]
	in := fields{b: f.payload}
	if ch == nil {
		return c.openChannel(f, &in)
	}
	switch f.kind {
	case frameMethod:
		return ch.methodLocked(method(in.u32()), &in)
	case frameHeader:
		return ch.headerLocked(f.payload)
	case frameBody:
		return ch.bodyLocked(f.payload)
	}
	return c.fail(501, "FRAME_ERROR - unknown frame")
}

// control is channel 0: only the end of the connection is left to say there.
func (c *conn) control(f frame) bool {
	in := fields{b: f.payload}
	if f.kind == frameMethod && method(in.u32()) == id(10, 50) {
		c.send(0, id(10, 51).with())
	}
	return false
}

func (c *conn) openChannel(f frame, in *fields) bool {
	switch m := method(in.u32()); {
	case f.kind != frameMethod:
		return true // content of a channel that we have closed
	case m == id(20, 10):
		ch := &channel{id: f.channel, conn: c, consumers: map[string]*consumer{}, unacked: map[uint64]unacked{}}
		c.channels[f.channel] = ch
		ch.send(id(20, 11).with().long(""))
		return true
	case m == id(20, 40): // both sides closed it at once
		c.send(f.channel, id(20, 41).with())
	}
	return true // close-ok, or a method sent before the client saw our close
}

// fail closes the channel with a reason.
func (ch *channel) fail(code uint16, text string) bool {
	ch.closeLocked()
	ch.send(id(20, 40).with().u16(code).short(text).u16(0).u16(0))
	return true
}

// closeLocked puts back what was not settled and ends the consumers.
func (ch *channel) closeLocked() {
	delete(ch.conn.channels, ch.id)
	touched := map[*queue]bool{}
	for _, c := range ch.consumers {
		c.queue.removeLocked(c)
	}
	for _, u := range ch.unacked {
		u.queue.putBackLocked(u.message)
		touched[u.queue] = true
	}
	ch.unacked, ch.consumers = nil, nil
	for q := range touched {
		q.pumpLocked()
	}
}

func (ch *channel) headerLocked(payload []byte) bool {
	if ch.incoming == nil || len(payload) < 14 {
		return ch.conn.fail(505, "UNEXPECTED_FRAME - header without publish")
	}
	ch.incoming.header = slices.Clone(payload)
	ch.incoming.missing = binary.BigEndian.Uint64(payload[4:])
	if ch.incoming.missing > maxBody {
		return ch.conn.fail(501, "FRAME_ERROR - message too large")
	}
	return ch.completeLocked()
}

func (ch *channel) bodyLocked(payload []byte) bool {
	if ch.incoming == nil || ch.incoming.header == nil || uint64(len(payload)) > ch.incoming.missing {
		return ch.conn.fail(505, "UNEXPECTED_FRAME - body without header")
	}
	ch.incoming.body = append(ch.incoming.body, payload...)
	ch.incoming.missing -= uint64(len(payload))
	return ch.completeLocked()
}

// completeLocked routes the message once its last byte is there. A return goes
// out before the confirmation, as clients expect.
func (ch *channel) completeLocked() bool {
	if ch.incoming.missing > 0 {
		return true
	}
	in := ch.incoming
	ch.incoming = nil
	queues, found := ch.conn.broker.routeLocked(in.exchange, in.key)
	if !found {
		return ch.fail(404, "NOT_FOUND - no exchange '"+in.exchange+"'")
	}
	if len(queues) == 0 && in.mandatory {
		ch.send(id(60, 50).with().u16(312).short("NO_ROUTE").short(in.exchange).short(in.key))
		ch.content(&in.message)
	}
	taken := ch.conn.broker.enqueueLocked(queues, &in.message)
	if ch.confirm {
		ch.published++
		if taken {
			ch.send(id(60, 80).with().u64(ch.published).bit(false))
		} else {
			ch.send(id(60, 120).with().u64(ch.published).u8(0))
		}
	}
	return true
}

func (ch *channel) content(m *message) {
	ch.conn.out.put(appendFrame(nil, frameHeader, ch.id, m.header))
	for part := range slices.Chunk(m.body, frameMax-frameOverhead) {
		ch.conn.out.put(appendFrame(nil, frameBody, ch.id, part))
	}
}

func (ch *channel) deliverLocked(c *consumer, m *message) {
	ch.nextTag++
	if !c.noAck {
		c.unacked++
		ch.unacked[ch.nextTag] = unacked{message: m, queue: c.queue, consumer: c}
	}
	ch.send(id(60, 60).with().short(c.tag).u64(ch.nextTag).bit(m.redelivered).short(m.exchange).short(m.key))
	ch.content(m)
}
