package broker

import (
	"fmt"
	"slices"
)

func (ch *channel) basicMethod(m method, in *fields) bool {
	switch m {
	case id(60, 10): // qos; the limit by bytes is ignored, as RabbitMQ does
		in.u32()
		ch.prefetch = int(in.u16())
		in.bits()
		return ch.reply(false, id(60, 11).with())
	case id(60, 20):
		return ch.consume(in)
	case id(60, 30):
		return ch.cancel(in)
	case id(60, 31): // the client's answer to our cancel
		return true
	case id(60, 40):
		in.u16()
		p := &incoming{}
		p.exchange, p.key = in.short(), in.short()
		p.mandatory = in.bits()(0)
		ch.incoming = p
		return true
	case id(60, 70):
		return ch.get(in)
	case id(60, 80):
		tag := in.u64()
		return ch.settle(tag, in.bits()(0), false)
	case id(60, 90):
		tag := in.u64()
		return ch.settle(tag, false, in.bits()(0))
	case id(60, 120):
		tag, bit := in.u64(), in.bits()
		return ch.settle(tag, bit(0), bit(1))
	}
	return ch.unknown(m)
}

func (ch *channel) consume(in *fields) bool {
	in.u16()
	name, tag, bit := in.short(), in.short(), in.bits()
	q := ch.conn.broker.queues[name]
	if q == nil {
		return ch.fail(404, "NOT_FOUND - no queue '"+name+"'")
	}
	if tag == "" {
		ch.conn.broker.sequence++
		tag = fmt.Sprintf("amq.ctag-%d", ch.conn.broker.sequence)
	}
	if _, taken := ch.consumers[tag]; taken {
		return ch.conn.fail(530, "NOT_ALLOWED - consumer tag '"+tag+"' is in use")
	}
	c := &consumer{tag: tag, channel: ch, queue: q, noAck: bit(1), limit: ch.prefetch}
	if c.noAck {
		c.limit = 0
	}
	ch.consumers[tag] = c
	q.consumers = append(q.consumers, c)
	ch.reply(bit(3), id(60, 21).with().short(tag))
	q.pumpLocked()
	return true
}

func (ch *channel) cancel(in *fields) bool {
	tag, bit := in.short(), in.bits()
	if c, ok := ch.consumers[tag]; ok {
		delete(ch.consumers, tag)
		c.queue.removeLocked(c)
	}
	return ch.reply(bit(0), id(60, 31).with().short(tag))
}

func (ch *channel) get(in *fields) bool {
	in.u16()
	name, noAck := in.short(), in.bits()(0)
	q := ch.conn.broker.queues[name]
	switch {
	case q == nil:
		return ch.fail(404, "NOT_FOUND - no queue '"+name+"'")
	case q.ready.Len() == 0:
		ch.send(id(60, 72).with().short(""))
		return true
	}
	m := q.popLocked()
	ch.nextTag++
	if !noAck {
		ch.unacked[ch.nextTag] = unacked{message: m, queue: q}
	}
	ch.send(id(60, 71).with().u64(ch.nextTag).bit(m.redelivered).short(m.exchange).short(m.key).u32(count(q.ready.Len())))
	ch.content(m)
	return true
}

// settle ends one delivery or, with multiple, all up to it (0: all there are).
func (ch *channel) settle(tag uint64, multiple, requeue bool) bool {
	var tags []uint64
	if _, known := ch.unacked[tag]; known && !multiple {
		tags = append(tags, tag)
	}
	if multiple {
		for open := range ch.unacked {
			if open <= tag || tag == 0 {
				tags = append(tags, open)
			}
		}
	}
	if len(tags) == 0 && tag != 0 {
		return ch.fail(406, fmt.Sprintf("PRECONDITION_FAILED - unknown delivery tag %d", tag))
	}
	slices.Sort(tags)
	touched := map[*queue]bool{}
	for _, t := range tags {
		u := ch.unacked[t]
		delete(ch.unacked, t)
		if u.consumer != nil {
			u.consumer.unacked--
		}
		if requeue {
			u.queue.putBackLocked(u.message)
		}
		touched[u.queue] = true
	}
	for q := range touched {
		q.pumpLocked()
	}
	return true
}
