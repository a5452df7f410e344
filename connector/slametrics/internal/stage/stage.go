// Package stage tells which stages of a flow a span or log record shows its order to have reached.
//
// Rules are laid out for the hot path: most telemetry is told apart from all stages by its service and one attribute,
// read once for all stages that ask for it.
package stage

// Status says which status of a span fits.
type Status uint8

const (
	NotFailed Status = iota
	Failed
	Either
)

// Attribute is a value that must be there, as text.
type Attribute struct{ Key, Value string }

// Rule says what reaches a stage. All that is given must hold.
type Rule struct {
	Stage      int
	Service    string // any if empty
	Spans      bool
	Logs       bool
	Name       string // of the span; any if empty
	Kind       int32  // of the span, as the protocol numbers it; any if 0
	Status     Status
	Attributes []Attribute
}

// Item is what a span or log record says of itself, besides its attributes.
type Item struct {
	Log    bool
	Name   string
	Kind   int32
	Failed bool
}

// Subject reads an attribute of the span or log record, else of its resource, as text.
type Subject interface {
	Text(key string) (string, bool)
}

// Matcher finds the rules that telemetry of a service may meet.
type Matcher struct {
	byService map[string]*Candidates // those of any service among them
	anywhere  *Candidates
}

// Candidates are the rules that a service's telemetry may meet.
type Candidates struct {
	probes []probe
	plain  []*Rule // without attributes
}

// probe reads one attribute for all rules that ask for it first.
type probe struct {
	key     string
	byValue map[string][]*Rule
}

// New compiles rules.
func New(rules []Rule) *Matcher {
	m := &Matcher{byService: map[string]*Candidates{}}
	for i := range rules {
		if service := rules[i].Service; service != "" && m.byService[service] == nil {
			m.byService[service] = new(Candidates)
		}
	}
	for i := range rules {
		m.add(&rules[i])
	}
	return m
}

func (m *Matcher) add(r *Rule) {
	if r.Service != "" {
		m.byService[r.Service].add(r)
		return
	}
	for _, of := range m.byService {
		of.add(r)
	}
	if m.anywhere == nil {
		m.anywhere = new(Candidates)
	}
	m.anywhere.add(r)
}

func (c *Candidates) add(r *Rule) {
	if len(r.Attributes) == 0 {
		c.plain = append(c.plain, r)
		return
	}
	first := r.Attributes[0]
	for i := range c.probes {
		if c.probes[i].key == first.Key {
			c.probes[i].byValue[first.Value] = append(c.probes[i].byValue[first.Value], r)
			return
		}
	}
	c.probes = append(c.probes, probe{first.Key, map[string][]*Rule{first.Value: {r}}})
}

// Of is nil if nothing of the service can reach a stage.
func (m *Matcher) Of(service string) *Candidates {
	if found, ok := m.byService[service]; ok {
		return found
	}
	return m.anywhere
}

// Find appends the rules that the item meets. A nil receiver has none.
func (c *Candidates) Find(item *Item, s Subject, to []*Rule) []*Rule {
	if c == nil {
		return to
	}
	for i := range c.probes {
		value, ok := s.Text(c.probes[i].key)
		if !ok {
			continue
		}
		for _, r := range c.probes[i].byValue[value] {
			if r.fits(item) && r.holds(s, r.Attributes[1:]) {
				to = append(to, r)
			}
		}
	}
	for _, r := range c.plain {
		if r.fits(item) {
			to = append(to, r)
		}
	}
	return to
}

// fits checks all but the attributes.
func (r *Rule) fits(item *Item) bool {
	if item.Log {
		return r.Logs
	}
	return r.Spans && (r.Name == "" || r.Name == item.Name) && (r.Kind == 0 || r.Kind == item.Kind) &&
		(r.Status == Either || item.Failed == (r.Status == Failed))
}

func (r *Rule) holds(s Subject, attributes []Attribute) bool {
	for i := range attributes {
		if value, ok := s.Text(attributes[i].Key); !ok || value != attributes[i].Value {
			return false
		}
	}
	return true
}
