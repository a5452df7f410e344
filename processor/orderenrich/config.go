package orderenrich

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/ordertrace/ordertrace/internal/bytesize"
	"github.com/ordertrace/ordertrace/internal/unit"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
)

// SourceMode says what happens to the attribute "<identifier>.source".
type SourceMode string

// The source modes.
const (
	// SourceWrite notes beside each stamp where it came from, so that the next tier can correct a guess.
	SourceWrite SourceMode = "write"
	// SourceStrip uses what earlier tiers noted, and removes it.
	SourceStrip SourceMode = "strip"
)

// Config of order_enrich.
type Config struct {
	// Index names the order_index extension that instances and signals share. Without it each instance remembers alone,
	// in at most 64 MiB: traces and logs then do not learn from each other.
	Index *component.ID `mapstructure:"index"`
	// Identifiers by the attribute name that is written. At most 16. Naming any replaces the default.
	Identifiers map[string]IdentifierConfig `mapstructure:"identifiers"`
	// Source says whether "<identifier>.source" is written beside each stamp or stripped. Agents write it: the next tier
	// may then correct a guess that it knows better. Default write.
	Source SourceMode `mapstructure:"source"`
	// Quarantine stops believing a field of a service when one value of it was met by three different better ones, each in
	// another trace: it then names something else, such as an account. Default true.
	Quarantine bool `mapstructure:"quarantine"`
	// Hold lets the spans of traces whose order is not known yet wait. Traces only; logs always pass at once.
	Hold HoldConfig `mapstructure:"hold"`
}

// HoldConfig says how long and in how much memory spans wait for their order. They are released, never dropped.
type HoldConfig struct {
	// MaxWait is how long a trace waits after its first span arrived. Services send every 5 s by default, so 3 s catch most.
	// Default 0: nothing waits (streaming).
	MaxWait time.Duration `mapstructure:"max_wait"`
	// MaxBytes bounds the memory of what waits. From 80 % on new traces pass without waiting, until it is below 60 %.
	// Default 256 MiB.
	MaxBytes bytesize.Size `mapstructure:"max_bytes"`
	// Identifier is what the spans wait for. Default order.id.
	Identifier string `mapstructure:"identifier"`
	// Eager releases a whole trace as soon as a span names its order, instead of only that span and those below it. Spans come
	// sooner; in a trace with several orders some may get the first one wrongly. Default false.
	Eager bool `mapstructure:"eager"`
	// Journal names a storage extension in which what waits is kept from before the sender is told that it arrived until the
	// next component has it, so that a crash loses nothing. The journal takes at most max_bytes. It holds spans as they
	// arrived, before pii_redact, and deleted ones until their space in the file is used again: mind who can read it. Not
	// used while max_wait is 0. Default none: what waits is in memory only.
	Journal *component.ID `mapstructure:"journal"`
}

// IdentifierConfig says where an identifier may come from and what a valid value looks like.
type IdentifierConfig struct {
	// Attributes are the other names under which services write it, best first: on spans, their events and links, log
	// records, log bodies that are structured or JSON in a text, and resources. Case and -/_ do not matter: orderId is also order_id and Order-ID.
	Attributes []string `mapstructure:"attributes"`
	// URLPath are templates of URL paths: literal segments, {identifier} once, * for one segment, a final ** for any number.
	URLPath []string `mapstructure:"url_path"`
	// Query are URL query parameters.
	Query []string `mapstructure:"query"`
	// Headers are captured request or message headers (http.request.header.*, messaging.header.*, rpc.*.metadata.*).
	Headers []string `mapstructure:"headers"`
	// Baggage are entries of W3C baggage, as attributes baggage.* or in a captured baggage header.
	Baggage []string `mapstructure:"baggage"`
	// MessageID joins traces that send and receive the same messaging.message.id.
	MessageID bool `mapstructure:"message_id"`
	// ConversationID joins traces with the same messaging.message.conversation_id.
	ConversationID bool `mapstructure:"conversation_id"`
	// SpanLinks joins traces whose spans link to each other, two links far. A span with more than 8 links joins nothing.
	SpanLinks bool `mapstructure:"span_links"`
	// SQL are regular expressions (RE2) that find it in db.query.text or db.statement: the only group, or the whole match.
	// Placeholders such as $1 are no values.
	SQL []string `mapstructure:"sql"`
	// SQLParameters are statement parameters, as attributes db.query.parameter.*.
	SQLParameters []string `mapstructure:"sql_parameters"`
	// LogBody are regular expressions (RE2) that find it in log bodies that are text, and in texts of structured ones: the only
	// group, or the whole match. So systems that only write logs show up in an order's life.
	LogBody []string `mapstructure:"log_body"`
	// Tables are CSV files that say which reference stands for it: a partner's number, a job of the MES.
	Tables []TableConfig `mapstructure:"tables"`
	// Follows are other identifiers by whose value it is known where a trace does not name it: with follows: [order.id] the
	// session in which an order was placed is on every span of that order. They must not follow others themselves.
	Follows []string `mapstructure:"follows"`
	// Pattern is a regular expression (RE2) that a whole value must match. Default: anything but zeros.
	Pattern string `mapstructure:"pattern"`
	// PseudonymKey makes raw values pseudonyms: HMAC-SHA256 under the primary key of this JSON file (mode 0600). Present but
	// empty: a random key of this start. Absent: values are written as they are.
	PseudonymKey *string `mapstructure:"pseudonym_key"`
}

// TableConfig is a table of references. Its first line names the columns. The file is read at the start and whenever it has
// changed; one that is wrong is not started with, and later leaves the table as it was.
type TableConfig struct {
	// File is the CSV file, at most 64 MiB and 1,000,000 rows. Replace it by renaming a new one over it.
	File string `mapstructure:"file"`
	// Key is the name of the column with the reference.
	Key string `mapstructure:"key"`
	// Value is the name of the column with the identifier. Default: the identifier's name.
	Value string `mapstructure:"value"`
	// Attributes are the names under which services write the reference, as in attributes above. Default: the name of the key's
	// column.
	Attributes []string `mapstructure:"attributes"`
}

func createDefaultConfig() component.Config {
	return &Config{
		Identifiers: map[string]IdentifierConfig{
			"order.id":   {Attributes: []string{"order.id", "orderId"}, MessageID: true, SpanLinks: true},
			"session.id": {Attributes: []string{"session.id", "sessionId"}, Follows: []string{"order.id"}},
		},
		Source:     SourceWrite,
		Quarantine: true,
		Hold:       HoldConfig{MaxBytes: 256 * bytesize.MiB, Identifier: "order.id"},
	}
}

var _ confmap.Unmarshaler = (*Config)(nil)

// Unmarshal lets the user's identifiers replace the default ones instead of being added to them, and tells an empty
// pseudonym_key (an unset variable) from an absent one.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	raw := conf.ToStringMap()
	if err := unit.Missing(raw, c); err != nil {
		return err
	}
	given, ok := raw["identifiers"]
	if ok {
		c.Identifiers = nil
	}
	if err := conf.Unmarshal(c); err != nil {
		return err
	}
	sections, _ := given.(map[string]any)
	for name, section := range sections {
		fields, _ := section.(map[string]any)
		if v, ok := fields["pseudonym_key"]; ok && v == nil {
			id := c.Identifiers[name]
			id.PseudonymKey = new(string)
			c.Identifiers[name] = id
		}
	}
	return nil
}

var validName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,59}$`)

var _ confmap.Validator = (*Config)(nil)

// Validate reports every problem at once.
func (c *Config) Validate() error {
	var errs []error
	if len(c.Identifiers) == 0 {
		errs = append(errs, errors.New("identifiers: name at least one, such as order.id"))
	}
	if len(c.Identifiers) > extract.MaxRules {
		errs = append(errs, fmt.Errorf("identifiers: %d of them; at most %d", len(c.Identifiers), extract.MaxRules))
	}
	if c.Source != SourceWrite && c.Source != SourceStrip {
		errs = append(errs, fmt.Errorf("source: %q is neither %q nor %q", c.Source, SourceWrite, SourceStrip))
	}
	errs = append(errs, c.validateHold())
	for _, name := range slices.Sorted(maps.Keys(c.Identifiers)) {
		if !validName.MatchString(name) {
			errs = append(errs, fmt.Errorf("identifiers::%s: not a name; letters, digits, dots, - and _, at most 60", name))
			continue
		}
		for _, suffix := range []string{"s", ".source"} {
			if _, taken := c.Identifiers[name+suffix]; taken {
				errs = append(errs, fmt.Errorf("identifiers::%s: is written by %s itself; rename one", name+suffix, name))
			}
		}
		errs = append(errs, c.validateFollows(name), c.validateTables(name))
		for _, err := range extract.Check(c.rule(name)) {
			errs = append(errs, fmt.Errorf("identifiers::%w", err))
		}
	}
	return errors.Join(append(errs, c.validateClaims())...)
}

// validateClaims refuses what two identifiers would both take for their value.
func (c *Config) validateClaims() error {
	var rules []extract.Rule
	for _, name := range slices.Sorted(maps.Keys(c.Identifiers)) {
		rules = append(rules, c.rule(name))
	}
	var errs []error
	for _, err := range extract.Contested(rules) {
		errs = append(errs, fmt.Errorf("identifiers::%w", err))
	}
	return errors.Join(errs...)
}

func (c *Config) validateFollows(name string) error {
	var errs []error
	for _, leader := range c.Identifiers[name].Follows {
		id, ok := c.Identifiers[leader]
		switch {
		case leader == name:
			errs = append(errs, fmt.Errorf("identifiers::%s::follows: it cannot follow itself", name))
		case !ok:
			errs = append(errs, fmt.Errorf("identifiers::%s::follows: %q is not among identifiers", name, leader))
		case len(id.Follows) > 0:
			errs = append(errs, fmt.Errorf("identifiers::%s::follows: %s follows others itself; follow those", name, leader))
		}
	}
	return errors.Join(errs...)
}

// maxTables is how many tables one identifier can have.
const maxTables = 16

func (c *Config) validateTables(name string) error {
	var errs []error
	tables := c.Identifiers[name].Tables
	if len(tables) > maxTables {
		errs = append(errs, fmt.Errorf("identifiers::%s::tables: %d of them; at most %d, join some", name, len(tables), maxTables))
	}
	for i, t := range tables {
		if t.File == "" {
			errs = append(errs, fmt.Errorf("identifiers::%s::tables::%d::file: name the CSV file", name, i))
		}
		if t.Key == "" || t.Key == t.column(name) {
			errs = append(errs, fmt.Errorf("identifiers::%s::tables::%d::key: %q; name the column with the reference", name, i, t.Key))
		}
	}
	return errors.Join(errs...)
}

const (
	minWait, maxWait = 10 * time.Millisecond, 10 * time.Minute
	minHold          = bytesize.MiB
)

func (c *Config) validateHold() error {
	if c.Hold.MaxWait == 0 {
		return nil
	}
	var errs []error
	if c.Hold.MaxWait < minWait || c.Hold.MaxWait > maxWait {
		errs = append(errs, fmt.Errorf("hold::max_wait: %s; between %s and %s, with its unit, or 0 for streaming", c.Hold.MaxWait, minWait, maxWait))
	}
	if c.Hold.MaxBytes < minHold {
		errs = append(errs, fmt.Errorf("hold::max_bytes: %s is too small; at least %s", c.Hold.MaxBytes, minHold))
	}
	if _, ok := c.Identifiers[c.Hold.Identifier]; !ok {
		errs = append(errs, fmt.Errorf("hold::identifier: %q is not among identifiers", c.Hold.Identifier))
	}
	return errors.Join(errs...)
}

// rule is the extraction rule of one identifier, without what needs a file.
func (c *Config) rule(name string) extract.Rule {
	id := c.Identifiers[name]
	var tables []extract.Table
	for _, t := range id.Tables {
		tables = append(tables, extract.Table{Attributes: t.names()})
	}
	return extract.Rule{
		Name: name, Tables: tables, Attributes: id.Attributes, URLPaths: id.URLPath, Query: id.Query, Headers: id.Headers,
		Baggage: id.Baggage, Statement: id.SQL, Parameters: id.SQLParameters, LogBody: id.LogBody, Pattern: id.Pattern,
	}
}
