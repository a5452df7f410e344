package orderamqp

import (
	"strings"
	"unicode/utf8"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

// Attributes that no semantic convention has a name for.
const (
	settlementKey  = attribute.Key("rabbitmq.settlement")  // ack, nack, reject or none
	redeliveredKey = attribute.Key("rabbitmq.redelivered") // only when true
)

const anonymous = "(anonymous)"

func publishAttributes(exchange, key string, msg amqp.Publishing) []attribute.KeyValue {
	attrs := append(messageAttributes(msg.MessageId, msg.CorrelationId, key, len(msg.Body)),
		semconv.MessagingOperationName("publish"),
		semconv.MessagingOperationTypeSend,
		semconv.MessagingDestinationName(destination(exchange, key, "")),
	)
	return attrs
}

func processAttributes(queue string, d amqp.Delivery) []attribute.KeyValue {
	attrs := append(messageAttributes(d.MessageId, d.CorrelationId, d.RoutingKey, len(d.Body)),
		semconv.MessagingOperationName("process"),
		semconv.MessagingOperationTypeProcess,
		semconv.MessagingDestinationName(destination(d.Exchange, d.RoutingKey, queue)),
		semconv.MessagingRabbitMQMessageDeliveryTag(int(d.DeliveryTag)), // a counter per channel
	)
	if d.Redelivered {
		attrs = append(attrs, redeliveredKey.Bool(true))
	}
	return attrs
}

func messageAttributes(id, conversation, key string, size int) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, 12)
	attrs = append(attrs, semconv.MessagingSystemRabbitMQ, semconv.MessagingMessageBodySize(size))
	if id != "" {
		attrs = append(attrs, semconv.MessagingMessageID(text(id)))
	}
	if conversation != "" {
		attrs = append(attrs, semconv.MessagingMessageConversationID(text(conversation)))
	}
	if key != "" {
		attrs = append(attrs, semconv.MessagingRabbitMQDestinationRoutingKey(text(key)))
	}
	return attrs
}

// destination follows the semantic conventions for RabbitMQ:
// exchange:key for producers, exchange:key:queue for consumers, what is empty
// or said twice left out.
func destination(exchange, key, queue string) string {
	parts := make([]string, 0, 3)
	for _, part := range [...]string{exchange, key, queue} {
		if part != "" && (len(parts) == 0 || parts[len(parts)-1] != part) {
			parts = append(parts, text(part))
		}
	}
	if len(parts) == 0 {
		return "amq.default"
	}
	return strings.Join(parts, ":")
}

// spanName keeps to names that somebody configured: queues named by the broker
// and routing keys of a named exchange may be without number.
func spanName(operation, exchange, key string) string {
	name := exchange
	if name == "" {
		name = key
	}
	switch {
	case name == "":
		name = "amq.default"
	case strings.HasPrefix(name, "amq.gen-"), strings.HasPrefix(name, "amq.rabbitmq.reply-to."):
		name = anonymous
	}
	return operation + " " + text(name)
}

// text makes what a stranger sent fit for export: one attribute that is not
// UTF-8 fails the whole batch it travels in.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
