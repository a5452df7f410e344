package broker

import (
	"container/list"
	"fmt"
	"slices"
)

// methodLocked does one method of an open channel; false ends the connection.
func (ch *channel) methodLocked(m method, in *fields) bool {
	var ok bool
	switch m >> 16 {
	case 20:
		ok = ch.channelMethod(m, in)
	case 40:
		ok = ch.exchangeMethod(m, in)
	case 50:
		ok = ch.queueMethod(m, in)
	case 60:
		ok = ch.basicMethod(m, in)
	case 85: // confirm.select
		noWait := in.bits()
		ch.confirm = true
		ok = ch.reply(noWait(0), id(85, 11).with())
	default:
		return ch.unknown(m)
	}
	if in.err != nil {
		return ch.conn.fail(502, "SYNTAX_ERROR - "+in.err.Error())
	}
	return ok
}

func (ch *channel) unknown(m method) bool {
	return ch.conn.fail(540, fmt.Sprintf("NOT_IMPLEMENTED - method %d,%d", m>>16, m&0xffff))
}

func (ch *channel) reply(noWait bool, a args) bool {
	if !noWait {
		ch.send(a)
	}
	return true
}

func (ch *channel) channelMethod(m method, in *fields) bool {
	switch m {
	case id(20, 20): // flow: always on
		ch.send(id(20, 21).with().u8(in.u8()))
	case id(20, 21), id(20, 41):
	case id(20, 40):
		ch.closeLocked()
		ch.send(id(20, 41).with())
	default:
		return ch.unknown(m)
	}
	return true
}

func (ch *channel) exchangeMethod(m method, in *fields) bool {
	b := ch.conn.broker
	in.u16()
	name := in.short()
	switch m {
	case id(40, 10):
		kind, bit := in.short(), in.bits()
		in.skipTable()
		x := b.exchanges[name]
		switch {
		case in.err != nil:
			return false
		case x == nil && bit(0):
			return ch.fail(404, "NOT_FOUND - no exchange '"+name+"'")
		case x != nil && !bit(0) && x.kind != kind:
			return ch.fail(406, "PRECONDITION_FAILED - exchange '"+name+"' is of kind "+x.kind)
		case x == nil && kind != "direct" && kind != "fanout" && kind != "topic":
			return ch.conn.fail(503, "COMMAND_INVALID - unknown exchange type '"+kind+"'")
		case x == nil:
			b.exchanges[name] = &exchange{kind: kind}
		}
		return ch.reply(bit(4), id(40, 11).with())
	case id(40, 20):
		bit := in.bits()
		delete(b.exchanges, name)
		return ch.reply(bit(1), id(40, 21).with())
	}
	return ch.unknown(m)
}

func (ch *channel) queueMethod(m method, in *fields) bool {
	b := ch.conn.broker
	in.u16()
	name := in.short()
	if m == id(50, 10) {
		return ch.declareQueue(name, in)
	}
	q := b.queues[name]
	if q == nil && m != id(50, 40) {
		return ch.fail(404, "NOT_FOUND - no queue '"+name+"'")
	}
	switch m {
	case id(50, 20), id(50, 50):
		return ch.bind(m, name, in)
	case id(50, 30):
		bit := in.bits()
		return ch.reply(bit(0), id(50, 31).with().u32(count(q.purgeLocked())))
	case id(50, 40):
		bit := in.bits()
		switch {
		case q == nil:
			return ch.reply(bit(2), id(50, 41).with().u32(0))
		case bit(0) && len(q.consumers) > 0, bit(1) && q.ready.Len() > 0:
			return ch.fail(406, "PRECONDITION_FAILED - queue '"+name+"' is in use or not empty")
		}
		return ch.reply(bit(2), id(50, 41).with().u32(count(b.deleteQueueLocked(name, q))))
	}
	return ch.unknown(m)
}

func (ch *channel) declareQueue(name string, in *fields) bool {
	b, bit := ch.conn.broker, in.bits()
	in.skipTable()
	if in.err != nil {
		return false
	}
	passive, exclusive, autoDelete, noWait := bit(0), bit(2), bit(3), bit(4)
	if name == "" {
		b.sequence++
		name = fmt.Sprintf("amq.gen-%d", b.sequence)
	}
	q := b.queues[name]
	switch {
	case q == nil && passive:
		return ch.fail(404, "NOT_FOUND - no queue '"+name+"'")
	case q != nil && q.owner != nil && q.owner != ch.conn:
		return ch.fail(405, "RESOURCE_LOCKED - queue '"+name+"' is exclusive")
	case q == nil:
		q = &queue{name: name, broker: b, ready: list.New(), autoDelete: autoDelete}
		if exclusive {
			q.owner = ch.conn
		}
		b.queues[name] = q
	}
	return ch.reply(noWait, id(50, 11).with().short(name).u32(count(q.ready.Len())).u32(count(len(q.consumers))))
}

func (ch *channel) bind(m method, queue string, in *fields) bool {
	name, key := in.short(), in.short()
	x := ch.conn.broker.exchanges[name]
	if x == nil {
		return ch.fail(404, "NOT_FOUND - no exchange '"+name+"'")
	}
	bound := binding{queue, key}
	if m == id(50, 50) {
		x.bindings = slices.DeleteFunc(x.bindings, func(other binding) bool { return other == bound })
		return ch.reply(false, id(50, 51).with())
	}
	bit := in.bits()
	if !slices.Contains(x.bindings, bound) {
		x.bindings = append(x.bindings, bound)
	}
	return ch.reply(bit(0), id(50, 21).with())
}

func count(n int) uint32 { return uint32(n) } // lengths of our own lists
