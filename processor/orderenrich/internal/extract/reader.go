package extract

import (
	"strings"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/internal/binding"
)

// Place says where an attribute stands.
type Place uint8

// The places that are read.
const (
	Own      Place = iota // on the span or log record itself
	Event                 // on a span event
	Link                  // on a span link
	Resource              // on the resource
	Body                  // in a structured log body
)

// Fact is one value of one identifier.
type Fact struct {
	Rule   uint8
	Source binding.Source
	Order  uint8 // place of the alias in its list: the first one wins on one span
	// Guess says that another collector stamped it for want of better: over a message, a conversation or a link.
	Guess bool
	// Tag stands for the service and the field that says it; the caller sets it. 0: unknown.
	Tag   uint16
	Value string
}

// ID is a message or conversation id.
type ID struct {
	Via   binding.Source
	Value string
}

// Found is what the attributes of one span or record say.
type Found struct {
	Facts []Fact
	IDs   []ID
	// Written has a bit for each rule whose own attribute is there already.
	Written uint32
	// Plural has a bit for each rule whose "<name>s" is there already; its values are in Facts.
	Plural uint32
	// Stamped is what "<name>.source" says: the value was written by another collector, not by the service.
	Stamped [MaxRules]binding.Source
	noted   bool // Stamped was written to
}

// Empty says that nothing was found.
func (f *Found) Empty() bool {
	return len(f.Facts)+len(f.IDs) == 0 && f.Written|f.Plural == 0 && !f.noted
}

// Reader collects what attributes say. Reset begins a new span.
type Reader struct {
	m *Matcher
	Found
	last [MaxRules]struct{ raw, value string } // the latest valid value of each rule
}

// NewReader makes a Reader.
func NewReader(m *Matcher) *Reader { return &Reader{m: m} }

// Reset forgets what was found.
func (r *Reader) Reset() {
	r.Facts, r.IDs = r.Facts[:0], r.IDs[:0]
	r.Written, r.Plural, r.noted = 0, 0, false
	r.Stamped = [MaxRules]binding.Source{}
}

// Release also forgets the values that were read, so that nothing of a payload is kept alive.
func (r *Reader) Release() {
	clear(r.Facts[:cap(r.Facts)])
	clear(r.IDs[:cap(r.IDs)])
	r.Reset()
	r.last = [MaxRules]struct{ raw, value string }{}
}

// Actions is what a key can hold.
type Actions []action

// Maybe is false for almost all keys of which Find says nothing. It is small enough to be inlined where keys are many.
func (r *Reader) Maybe(key string) bool { return r.m.keys.maybe(key) }

// Find says what an attribute can hold; nothing for almost all of them.
func (r *Reader) Find(key string) Actions {
	if !r.m.keys.maybe(key) {
		return nil
	}
	return r.m.keys.find(key)
}

// Read takes one attribute of which Find said something; several values of a list are read one by one.
func (r *Reader) Read(acts Actions, at Place, key, value string) {
	for _, a := range acts {
		r.act(a, at, key, value)
	}
}

// Mark notes an attribute whose value is no text: it is there, and will not be overwritten.
func (r *Reader) Mark(acts Actions, at Place, key string) {
	if at != Own {
		return
	}
	for _, a := range acts {
		if a.kind == kindAlias && key == r.m.rules[a.rule].name {
			r.Written |= 1 << a.rule
		}
	}
}

func (r *Reader) act(a action, at Place, key, value string) {
	switch a.kind {
	case kindAlias:
		r.alias(a, at, key, value)
	case kindTable:
		if v, ok := r.m.rules[a.rule].tables[a.order].Find(value); ok {
			r.fact(a, binding.Table, v, true)
		}
	case kindMessage, kindConversation:
		if (at == Own || at == Link) && len(value) <= binding.MaxValue && !void(value) {
			via := binding.Message
			if a.kind == kindConversation {
				via = binding.Conversation
			}
			r.IDs = append(r.IDs, ID{via, value})
		}
	}
	if at != Own {
		return
	}
	rule := &r.m.rules[a.rule]
	switch a.kind {
	case kindSource:
		if key == rule.name+".source" {
			r.Stamped[a.rule] = binding.ParseSource(value)
			r.noted = true
		}
	case kindPlural:
		if key == rule.name+"s" {
			r.Plural |= 1 << a.rule
			a.order = 1 // what "<name>" itself says comes first
			r.fact(a, binding.Canonical, value, false)
		}
	case kindHeader:
		r.fact(a, binding.Header, value, true)
	case kindBaggage:
		r.fact(a, binding.Baggage, value, true)
	case kindBaggageHeader:
		r.baggage(a, rule, value)
	case kindParameter:
		r.fact(a, binding.Parameter, value, true)
	case kindStatement:
		r.text(a, binding.Statement, rule.statement, value)
	case kindPath, kindQuery:
		r.url(a, rule, value)
	}
}

func (r *Reader) alias(a action, at Place, key, value string) {
	if key != r.m.rules[a.rule].name {
		r.fact(a, sourceOf[at], value, true)
		return
	}
	if at == Own {
		r.Written |= 1 << a.rule
		r.fact(a, binding.Canonical, value, false)
		return
	}
	r.fact(a, sourceOf[at], value, false)
}

// fact adds a value if it is valid; raw values are replaced by what they derive.
func (r *Reader) fact(a action, s binding.Source, value string, raw bool) {
	rule := &r.m.rules[a.rule]
	raw = raw && rule.derive != nil
	value = strings.TrimSpace(value)
	if value == "" || len(value) > binding.MaxValue {
		return
	}
	if rule.derive != nil && !raw {
		if !void(value) && utf8.ValidString(value) {
			r.Facts = append(r.Facts, Fact{Rule: a.rule, Source: s, Order: a.order, Value: value})
		}
		return
	}
	last := &r.last[a.rule]
	if last.raw != value {
		if void(value) || raw && replaced(value) || !utf8.ValidString(value) || rule.pattern != nil && !rule.pattern.MatchString(value) {
			return
		}
		last.raw, last.value = value, value
		if raw {
			last.value = rule.derive(value)
		}
	}
	if last.value != "" {
		r.Facts = append(r.Facts, Fact{Rule: a.rule, Source: s, Order: a.order, Value: last.value})
	}
}

// Settle gives values that another collector stamped the rank that it noted beside them.
func (r *Reader) Settle() {
	for i := range r.Facts {
		f := &r.Facts[i]
		if s := r.Stamped[f.Rule]; s != binding.NoSource && f.Source == binding.Canonical {
			f.Source, f.Guess = s, s == binding.Order || s >= binding.Link && s <= binding.Message
		}
	}
}
