package extract

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/ordertrace/ordertrace/internal/binding"
)

// MaxRules is how many identifiers one Matcher can hold.
const MaxRules = 16

const (
	maxKey = 96   // longest attribute key that is looked at, in bytes
	maxURL = 8192 // longest URL, query or baggage header that is read, in bytes; a longer one is ignored as a whole
)

// Rule says where one identifier may come from and what a valid value looks like.
type Rule struct {
	Name       string
	Attributes []string // other names, best first; case and -/_ do not matter, orderId is also order_id
	URLPaths   []string // templates such as /api/orders/{order.id}/**
	Query      []string // query parameters
	Headers    []string // captured HTTP, RPC and message headers
	Baggage    []string // baggage entries
	Statement  []string // expressions that find it in a database statement
	Parameters []string // parameters of a database statement
	LogBody    []string // expressions that find it in a log body that is text
	Tables     []Table  // references that stand for it
	Pattern    string   // regular expression that a whole value must match; empty: anything
	// Derive replaces a raw value, for example by a pseudonym. Values under the identifier's own name are not raw.
	Derive func(raw string) string
}

// Table is where references stand, and what each stands for.
type Table struct {
	Attributes []string // names as of Rule.Attributes
	Find       func(reference string) (value string, ok bool)
}

type rule struct {
	name    string
	paths   *trie
	query   map[string]bool
	baggage map[string]bool
	pattern *regexp.Regexp
	// statement and body find values in texts.
	statement, body []*regexp.Regexp

	tables []Table
	derive func(string) string
}

// Kinds of what a key can hold.
type kind uint8

const (
	kindAlias   kind = iota // a value of rule; order is its place in the list
	kindSource              // "<name>.source"
	kindPlural              // "<name>s"
	kindPath                // a path or a whole URL
	kindQuery               // a query string
	kindHeader              // a captured header of rule
	kindBaggage             // a baggage entry of rule
	kindBaggageHeader
	kindParameter // a parameter of a database statement
	kindStatement // a database statement
	kindTable     // a reference of rule; order is the table
	kindMessage
	kindConversation
)

type action struct {
	kind  kind
	rule  uint8
	order uint8
}

// Matcher knows which attribute keys matter.
type Matcher struct {
	rules  []rule
	keys   keys
	bodies bool // there are expressions for log bodies
}

// headerPrefixes are those of the semantic conventions, old and new.
var headerPrefixes = []string{"http.request.header.", "messaging.header.", "rpc.grpc.request.metadata.", "rpc.request.metadata."}

// Compile checks the rules and builds a Matcher. messages and conversations say whether their ids are wanted.
func Compile(rules []Rule, messages, conversations bool) (*Matcher, error) {
	if len(rules) > MaxRules {
		return nil, fmt.Errorf("%d identifiers: at most %d", len(rules), MaxRules)
	}
	m, errs := compileAll(rules)
	if messages {
		m.add(action{kind: kindMessage}, "messaging.message.id", "messaging.message_id")
	}
	if conversations {
		m.add(action{kind: kindConversation}, "messaging.message.conversation_id", "messaging.conversation_id")
	}
	return m, errors.Join(errs...)
}

func compileAll(rules []Rule) (m *Matcher, errs []error) {
	m = &Matcher{}
	for i, r := range rules {
		c, wrong := m.compile(uint8(i), r)
		for _, err := range wrong {
			errs = append(errs, fmt.Errorf("%s::%w", r.Name, err))
		}
		m.rules = append(m.rules, c)
		m.bodies = m.bodies || len(c.body) > 0
	}
	return m, errs
}

// Check names all that is wrong with a rule.
func Check(r Rule) []error {
	_, errs := compileAll([]Rule{r})
	return errs
}

func (m *Matcher) compile(i uint8, r Rule) (rule, []error) {
	c := rule{name: r.Name, derive: r.Derive, tables: r.Tables, query: folded(r.Query), baggage: folded(r.Baggage)}
	var errs []error
	for _, list := range r.lists() {
		for _, s := range list.names {
			if s == "" || len(s) > maxKey-32 {
				errs = append(errs, fmt.Errorf("%s: %q; a name has between 1 and %d bytes", list.field, s, maxKey-32))
			}
		}
	}
	m.add(action{kindAlias, i, 0}, r.Name)
	for k, a := range r.Attributes {
		m.add(action{kindAlias, i, uint8(min(k, 255))}, spellings(a)...)
	}
	for k, t := range r.Tables {
		for _, a := range t.Attributes {
			m.add(action{kindTable, i, uint8(k)}, spellings(a)...)
		}
	}
	m.add(action{kindSource, i, 0}, r.Name+".source")
	m.add(action{kindPlural, i, 0}, r.Name+"s")
	for _, p := range headerPrefixes {
		for _, h := range r.Headers {
			m.add(action{kindHeader, i, 0}, p+h)
		}
		if len(r.Baggage) > 0 {
			m.add(action{kind: kindBaggageHeader, rule: i}, p+"baggage")
		}
	}
	for _, b := range r.Baggage {
		for _, s := range spellings(b) {
			m.add(action{kindBaggage, i, 0}, "baggage."+s)
		}
	}
	for _, p := range r.Parameters {
		for _, s := range spellings(p) {
			m.add(action{kindParameter, i, 0}, "db.query.parameter."+s)
		}
	}
	var wrong []error
	c.statement, wrong = compileTexts("sql", r.Statement)
	errs = append(errs, wrong...)
	c.body, wrong = compileTexts("log_body", r.LogBody)
	errs = append(errs, wrong...)
	if len(c.statement) > 0 {
		m.add(action{kindStatement, i, 0}, "db.query.text", "db.statement")
	}
	c.paths, wrong = newTrie(r.Name, r.URLPaths)
	errs = append(errs, wrong...)
	if len(r.URLPaths) > 0 || len(r.Query) > 0 {
		m.add(action{kindPath, i, 0}, "url.path", "http.target", "url.full", "http.url")
		m.add(action{kindQuery, i, 0}, "url.query")
	}
	if r.Pattern != "" {
		if _, err := regexp.Compile(r.Pattern); err != nil {
			errs = append(errs, fmt.Errorf("pattern: %q: %w; %s", r.Pattern, err, writeRE2))
		} else {
			c.pattern = regexp.MustCompile("^(?:" + r.Pattern + ")$")
		}
	}
	return c, errs
}

func (m *Matcher) add(a action, names ...string) {
	for _, n := range names {
		if n = fold(n); n != "" && len(n) <= maxKey {
			m.keys.add(n, a)
		}
	}
}

// spellings lists the forms in which a name is written: orderId, order_id, order-id and OrderID are one name.
func spellings(name string) []string {
	var b strings.Builder
	for i, r := range name {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 {
			if p := name[i-1]; p >= 'a' && p <= 'z' || p >= '0' && p <= '9' {
				b.WriteByte('_')
			}
		}
		b.WriteRune(r)
	}
	split := fold(b.String())
	return []string{split, strings.ReplaceAll(split, "_", "")}
}

func fold(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = foldByte(b[i])
	}
	return string(b)
}

func foldByte(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c + 'a' - 'A'
	case c == '-':
		return '_'
	}
	return c
}

func folded(names []string) map[string]bool {
	set := map[string]bool{}
	for _, n := range names {
		for _, s := range spellings(n) {
			set[s] = true
		}
	}
	return set
}

// sourceOf is the rank of a plain value by where its attribute stands.
var sourceOf = [...]binding.Source{
	Own: binding.Attribute, Event: binding.Event, Link: binding.LinkAttribute, Resource: binding.Resource, Body: binding.Attribute,
}
