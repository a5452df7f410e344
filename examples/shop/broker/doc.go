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
