package orderamqp

import (
	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// settler stands between a delivery and its channel: whoever calls Ack, Nack
// or Reject on the delivery ends its span, without knowing about spans.
type settler struct {
	next     amqp.Acknowledger
	consumer *Consumer
}

var _ amqp.Acknowledger = (*settler)(nil)

func (s *settler) Ack(tag uint64, multiple bool) error {
	err := s.next.Ack(tag, multiple)
	s.end(tag, multiple, "ack", "", err)
	return err
}

func (s *settler) Nack(tag uint64, multiple, requeue bool) error {
	err := s.next.Nack(tag, multiple, requeue)
	s.end(tag, multiple, "nack", refusal(requeue), err)
	return err
}

func (s *settler) Reject(tag uint64, requeue bool) error {
	err := s.next.Reject(tag, requeue)
	s.end(tag, false, "reject", refusal(requeue), err)
	return err
}

func refusal(requeue bool) string {
	if requeue {
		return "message refused and put back"
	}
	return "message refused, dropped or dead-lettered"
}

func (s *settler) end(tag uint64, multiple bool, how, refused string, err error) {
	for _, span := range s.consumer.take(tag, multiple) {
		span.SetAttributes(settlementKey.String(how))
		switch {
		case err != nil:
			fail(span, errorType(err), "settle message: "+text(err.Error()))
		case refused != "":
			fail(span, how, refused)
		}
		span.End()
	}
}

// fail keeps the status that the handler gave: its reason says more than that
// the message was refused because of it.
func fail(span trace.Span, kind, reason string) {
	if failed(span) {
		return
	}
	span.SetAttributes(semconv.ErrorTypeKey.String(kind))
	span.SetStatus(codes.Error, reason)
}

// failed can only ask spans of an SDK that lets them be read.
func failed(span trace.Span) bool {
	readable, ok := span.(interface{ Status() sdktrace.Status })
	return ok && readable.Status().Code == codes.Error
}
