package broker

import (
	"slices"
	"strings"
)

type exchange struct {
	kind     string
	bindings []binding
}

type binding struct{ queue, key string }

// message is what was published. Its header holds the content header frame as
// it came: class, weight, body size, properties.
type message struct {
	exchange, key string
	header, body  []byte
	sequence      uint64 // order of arrival, kept when it is put back
	redelivered   bool
}

func (m *message) size() int { return len(m.header) + len(m.body) }

// routeLocked returns the queues that a message goes to, each once.
func (b *Broker) routeLocked(name, key string) (queues []*queue, found bool) {
	if name == "" {
		if q, ok := b.queues[key]; ok {
			queues = append(queues, q)
		}
		return queues, true
	}
	x, ok := b.exchanges[name]
	if !ok {
		return nil, false
	}
	for _, bound := range x.bindings {
		q := b.queues[bound.queue]
		if q != nil && x.matches(bound.key, key) && !slices.Contains(queues, q) {
			queues = append(queues, q)
		}
	}
	return queues, true
}

func (x *exchange) matches(pattern, key string) bool {
	switch x.kind {
	case "fanout":
		return true
	case "topic":
		return topic(strings.Split(pattern, "."), strings.Split(key, "."))
	}
	return pattern == key
}

// topic matches words: * is one, # is any number.
func topic(pattern, key []string) bool {
	if len(pattern) == 0 {
		return len(key) == 0
	}
	if pattern[0] == "#" {
		for i := range len(key) + 1 {
			if topic(pattern[1:], key[i:]) {
				return true
			}
		}
		return false
	}
	return len(key) > 0 && (pattern[0] == "*" || pattern[0] == key[0]) && topic(pattern[1:], key[1:])
}

// enqueueLocked stores the message in all queues, or says that there is no room.
func (b *Broker) enqueueLocked(queues []*queue, m *message) bool {
	if b.stored+m.size()*len(queues) > maxStored {
		return false
	}
	b.sequence++
	m.sequence = b.sequence
	for _, q := range queues {
		b.stored += m.size()
		copied := *m // each queue keeps its own redelivered mark
		q.ready.PushBack(&copied)
		q.pumpLocked()
	}
	return true
}

func (b *Broker) deleteQueueLocked(name string, q *queue) int {
	delete(b.queues, name)
	for _, x := range b.exchanges {
		x.bindings = slices.DeleteFunc(x.bindings, func(bound binding) bool { return bound.queue == name })
	}
	for _, c := range slices.Clone(q.consumers) {
		c.channel.send(id(60, 30).with().short(c.tag).bit(true)) // basic.cancel: tell the consumer
		delete(c.channel.consumers, c.tag)
	}
	q.consumers = nil
	q.deleted = true
	return q.purgeLocked()
}
