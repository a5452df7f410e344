package broker

import (
	"container/list"
	"slices"
)

type queue struct {
	name       string
	broker     *Broker
	ready      *list.List // of *message, by sequence
	consumers  []*consumer
	owner      *conn // of an exclusive queue
	autoDelete bool
	deleted    bool
}

type consumer struct {
	tag     string
	channel *channel
	queue   *queue
	noAck   bool
	limit   int // prefetch; 0 is none
	unacked int
}

// unacked is a delivery that waits for its settlement.
type unacked struct {
	message  *message
	queue    *queue
	consumer *consumer // nil for basic.get
}

// pumpLocked hands ready messages to consumers with room, round robin.
func (q *queue) pumpLocked() {
	for q.ready.Len() > 0 {
		i := slices.IndexFunc(q.consumers, func(c *consumer) bool { return c.limit == 0 || c.unacked < c.limit })
		if i < 0 {
			return
		}
		c := q.consumers[i]
		q.consumers = append(slices.Delete(q.consumers, i, i+1), c)
		m := q.popLocked()
		c.channel.deliverLocked(c, m)
	}
}

func (q *queue) popLocked() *message {
	m := q.ready.Remove(q.ready.Front()).(*message) // only messages are in it
	q.broker.stored -= m.size()
	return m
}

// putBackLocked keeps the order of arrival.
func (q *queue) putBackLocked(m *message) {
	if q.deleted {
		return
	}
	m.redelivered = true
	q.broker.stored += m.size()
	for e := q.ready.Front(); e != nil; e = e.Next() {
		if e.Value.(*message).sequence > m.sequence { // only messages are in it
			q.ready.InsertBefore(m, e)
			return
		}
	}
	q.ready.PushBack(m)
}

func (q *queue) purgeLocked() int {
	n := q.ready.Len()
	for q.ready.Len() > 0 {
		q.popLocked()
	}
	return n
}

// removeLocked takes a consumer off; the last one ends an auto-delete queue.
func (q *queue) removeLocked(c *consumer) {
	q.consumers = slices.DeleteFunc(q.consumers, func(other *consumer) bool { return other == c })
	if q.autoDelete && len(q.consumers) == 0 && !q.deleted {
		q.broker.deleteQueueLocked(q.name, q)
	}
}
