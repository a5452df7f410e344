// Package orderamqp takes traces and the ids of orderctx through RabbitMQ with
// github.com/rabbitmq/amqp091-go.
//
// A Publisher makes a producer span per message, sends the W3C headers as AMQP
// strings (what the Java and .NET agents read and write), gives the message an
// id and fails the span when the broker refuses or returns the message. A
// Consumer makes a consumer span per delivery, which ends when the delivery is
// settled, by whatever code settles it.
//
//	publisher, err := orderamqp.NewPublisher(channel)
//	err = publisher.Publish(ctx, "orders", "order.submitted", amqp.Publishing{Body: body})
//
//	consumer := orderamqp.NewConsumer()
//	err = consumer.Serve(ctx, "mes.orders", deliveries, handle)
package orderamqp
