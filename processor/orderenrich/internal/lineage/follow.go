package lineage

import (
	"time"

	"github.com/ordertrace/ordertrace/internal/binding"
)

// maxLed bounds what is kept of the map of asked values between payloads.
const maxLed = 4096

// led is a value of a leading identifier, such as an order, of which a following one, such as the session, is asked.
type led struct {
	rule, leader uint8
	value        string
}

// tellValues binds the values of leading identifiers to what their followers are in the same trace: an order to the
// session in which it was placed. What a trace only has by following teaches nothing.
func (b *Batch) tellValues(now time.Time) {
	for gi := range b.groups {
		g := &b.groups[gi]
		for r := range b.rules {
			for _, leader := range b.rules[r].Follows {
				b.tellValuesOf(int32(gi), g, uint8(r), leader, now)
			}
		}
	}
}

func (b *Batch) tellValuesOf(gi int32, g *group, rule, leader uint8, now time.Time) {
	k, l := b.knownOf(g, rule), b.knownOf(g, leader)
	if b.sole(g, rule, k) && b.sole(g, leader, l) && k.Source > binding.Order {
		b.tellValue(rule, leader, l.Value, k.Value, k.Tag, now)
		return
	}
	if g.values == none {
		return
	}
	// Several orders or sessions: only a span that names one of each says which belong together.
	for _, s := range b.membersOf(gi) {
		if b.spans[s].facts == none {
			continue
		}
		d, _, tag := b.own(s, rule)
		l, _, _ := b.own(s, leader)
		if d.Source > binding.Order && d.Value != "" && l.Value != "" {
			b.tellValue(rule, leader, l.Value, d.Value, tag, now)
		}
	}
}

// sole says that a trace is known by one value, and names no second one.
func (b *Batch) sole(g *group, rule uint8, k *binding.Binding) bool {
	n, _ := b.different(g, rule)
	return k != nil && !k.Several && n <= 1
}

func (b *Batch) tellValue(rule, leader uint8, of, value string, tag uint16, now time.Time) {
	node := binding.ValueOf(b.rules[leader].Text, of)
	b.count(b.index.Tell(node, binding.Binding{Name: b.rules[rule].Name, Source: binding.Order, Tag: tag, Value: value}, now), binding.Order)
}

// follow says what a span belongs to because of the values that its leading identifiers have.
func (b *Batch) follow(s, rule int) Decision {
	var d Decision
	for _, leader := range b.rules[rule].Follows {
		of := b.Decide(s, int(leader))
		if of.Value != "" {
			if v := b.ledTo(uint8(rule), leader, of.Value); v != "" {
				return Decision{Value: v, Source: binding.Order}
			}
		}
		for _, o := range of.Set {
			if v := b.ledTo(uint8(rule), leader, o); v != "" {
				d.Set = insert(d.Set, v)
			}
		}
		switch {
		case len(d.Set) == 1:
			return Decision{Value: d.Set[0], Source: binding.Order}
		case d.Set != nil:
			d.Source = binding.Order
			return d
		}
	}
	return d
}

// ledTo asks the index once for each value of a payload.
func (b *Batch) ledTo(rule, leader uint8, value string) string {
	key := led{rule, leader, value}
	if key == b.lastLed {
		return b.lastFound
	}
	found, ok := b.led[key]
	if !ok {
		var buf [4]binding.Binding
		if k := find(b.index.Lookup(binding.ValueOf(b.rules[leader].Text, value), b.now, buf[:0]), b.rules[rule].Name); k != nil {
			found = k.Value
		}
		if b.led == nil {
			b.led = map[led]string{}
		}
		b.led[key] = found
	}
	b.lastLed, b.lastFound = key, found
	return found
}

func (b *Batch) resetLed() {
	if len(b.led) > maxLed {
		b.led = nil
	}
	clear(b.led)
	b.lastLed, b.lastFound = led{}, ""
}
