package orderctx

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
)

const (
	baggageHeader = "baggage"
	// maxHeaderBytes is the W3C limit for all baggage of one message.
	maxHeaderBytes = 8192
)

// Propagator carries the W3C trace context and, of the baggage, the given keys
// (DefaultKeys when there are none). What else is in the baggage of a context
// is kept inside the process and not sent; what else arrives is ignored.
func Propagator(keys ...string) propagation.TextMapPropagator {
	if len(keys) == 0 {
		keys = DefaultKeys()
	}
	return propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, idBaggage{keys: keys})
}

// idBaggage is propagation.Baggage with an allow-list.
type idBaggage struct{ keys []string }

var _ propagation.TextMapPropagator = idBaggage{}

func (idBaggage) Fields() []string { return []string{baggageHeader} }

func (p idBaggage) Inject(ctx context.Context, carrier propagation.TextMapCarrier) {
	from := baggage.FromContext(ctx)
	var out baggage.Baggage
	for _, key := range p.keys {
		out = setID(out, key, from.Member(key).Value())
	}
	if out.Len() > 0 {
		carrier.Set(baggageHeader, out.String())
	}
}

// Extract adds the allowed ids to what ctx already carries; an id that came
// with the message wins over one of the same name in ctx.
func (p idBaggage) Extract(ctx context.Context, carrier propagation.TextMapCarrier) context.Context {
	header := headerValue(carrier)
	if header == "" || len(header) > maxHeaderBytes {
		return ctx
	}
	// Parse returns what it understood beside its error; a broken member of
	// somebody else must not cost us our own.
	arrived, _ := baggage.Parse(header)
	bag := baggage.FromContext(ctx)
	before := bag.Len()
	changed := false
	for _, key := range p.keys {
		if value := arrived.Member(key).Value(); validID(value) {
			bag = setID(bag, key, value)
			changed = true
		}
	}
	if !changed && bag.Len() == before {
		return ctx
	}
	return baggage.ContextWithBaggage(ctx, bag)
}

// headerValue joins repeated headers, which W3C allows for baggage.
func headerValue(carrier propagation.TextMapCarrier) string {
	if multi, ok := carrier.(propagation.ValuesGetter); ok {
		return strings.Join(multi.Values(baggageHeader), ",")
	}
	return carrier.Get(baggageHeader)
}

func setID(bag baggage.Baggage, key, value string) baggage.Baggage {
	if !validID(value) {
		return bag
	}
	member, err := baggage.NewMemberRaw(key, value)
	if err != nil {
		return bag
	}
	out, err := bag.SetMember(member)
	if err != nil {
		return bag
	}
	return out
}
