package orderctx

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"
)

// Keys as they stand in baggage, on spans and in the collector's configuration.
const (
	OrderKey   = "order.id"
	SessionKey = "session.id"
)

// maxValueLen is longer than any id we have met (a UUID is 36, a JWT is not an
// id) and keeps two ids far below the 8 KiB that W3C grants all baggage.
const maxValueLen = 128

// ErrInvalidID says that a value cannot be an id: empty, longer than 128 bytes
// or with characters other than letters, digits and ._:/+=-.
var ErrInvalidID = errors.New("not an id: use 1 to 128 letters, digits or ._:/+=-")

// DefaultKeys is the allow-list used when none is given.
func DefaultKeys() []string { return []string{OrderKey, SessionKey} }

// WithOrder returns a context whose baggage names the order and marks the
// current span with it. With an invalid id the context comes back unchanged.
func WithOrder(ctx context.Context, id string) (context.Context, error) {
	return With(ctx, OrderKey, id)
}

// WithSession is WithOrder for the session.
func WithSession(ctx context.Context, id string) (context.Context, error) {
	return With(ctx, SessionKey, id)
}

// With puts one id into the baggage of ctx and on its current span. The value
// is not part of the error: it may be what should not be logged.
func With(ctx context.Context, key, value string) (context.Context, error) {
	if !validID(value) {
		return ctx, fmt.Errorf("set %s: %w", key, ErrInvalidID)
	}
	member, err := baggage.NewMemberRaw(key, value)
	if err != nil {
		return ctx, fmt.Errorf("set %s: %w", key, err)
	}
	bag, err := baggage.FromContext(ctx).SetMember(member)
	if err != nil {
		return ctx, fmt.Errorf("set %s: %w", key, err)
	}
	trace.SpanFromContext(ctx).SetAttributes(attribute.String(key, value))
	return baggage.ContextWithBaggage(ctx, bag), nil
}

// Order returns the order id that ctx carries, or "".
func Order(ctx context.Context) string { return get(ctx, OrderKey) }

// Session returns the session id that ctx carries, or "".
func Session(ctx context.Context) string { return get(ctx, SessionKey) }

// Without returns ctx with no order and no session, for work that outlives a
// request and belongs to no order, or to another one.
func Without(ctx context.Context) context.Context {
	bag := baggage.FromContext(ctx)
	for _, key := range DefaultKeys() {
		bag = bag.DeleteMember(key)
	}
	return baggage.ContextWithBaggage(ctx, bag)
}

func get(ctx context.Context, key string) string {
	if value := baggage.FromContext(ctx).Member(key).Value(); validID(value) {
		return value
	}
	return ""
}

// validID leaves out @, blanks and quotes on purpose: a mail address or a name
// that was put where an id belongs stays where it is.
func validID(value string) bool {
	if value == "" || len(value) > maxValueLen {
		return false
	}
	for i := range len(value) {
		if !idByte(value[i]) {
			return false
		}
	}
	return true
}

func idByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	case c == '.', c == '_', c == ':', c == '/', c == '+', c == '=', c == '-':
		return true
	}
	return false
}
