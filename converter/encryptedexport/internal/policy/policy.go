// Package policy reads the administrator's export policy: how strict the refusal of plaintext is on this host.
//
// The policy lies outside the configuration that it judges. Whoever may edit the collector's configuration must not
// be able to edit the policy, so a file that others can write is refused.
package policy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/finding"
)

const (
	// DefaultPath is where the policy lies unless the service unit says otherwise.
	DefaultPath = "/etc/ordertrace/export-policy.yaml"
	// PathVariable names the environment variable that moves the policy. It is read once, at start.
	PathVariable = "ORDERTRACE_EXPORT_POLICY"
	maxSize      = 1 << 20
)

// Answer is what happens on a finding.
type Answer string

// The answers.
const (
	Allow  Answer = "allow"
	Warn   Answer = "warn"
	Refuse Answer = "refuse"
)

// Policy is the content of the file. Its zero value is not a policy: use Strict.
type Policy struct {
	// Loopback: plaintext to a literal loopback address or a private unix socket (allow, refuse).
	Loopback Answer `yaml:"loopback"`
	// KafkaLoopback: plaintext to brokers on loopback (allow, refuse). A broker tells its clients where else to
	// go, so a loopback broker does not keep the data on this machine; refused unless the administrator knows better.
	KafkaLoopback Answer `yaml:"kafka_loopback"`
	// MinTLSVersion that an exporter may negotiate: "1.2" or "1.3".
	MinTLSVersion string `yaml:"min_tls_version"`
	// DebugDetailed: a debug exporter that prints whole records (allow, warn, refuse).
	DebugDetailed Answer `yaml:"debug_detailed"`
	// File: a file exporter, which writes in clear (allow, warn, refuse).
	File Answer `yaml:"file"`
	// UnsealedStorage: queues and state on disk in clear (allow, warn, refuse).
	UnsealedStorage Answer `yaml:"unsealed_storage"`
	// Exceptions turn a refusal into a warning for one exporter, one rule and a limited time.
	Exceptions []Exception `yaml:"exceptions"`
}

// Exception is one tolerated refusal.
type Exception struct {
	Exporter string       `yaml:"exporter"` // exact id, or "service::telemetry"
	Rule     finding.Rule `yaml:"rule"`
	Reason   string       `yaml:"reason"` // for the auditor
	Until    Date         `yaml:"until"`  // first day on which it no longer holds
}

// Date is a day in UTC, written 2006-01-02.
type Date struct{ time.Time }

// UnmarshalYAML accepts a quoted or a plain date.
func (d *Date) UnmarshalYAML(node *yaml.Node) error {
	t, err := time.Parse(time.DateOnly, node.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is not a date; write it as 2027-01-31", node.Line, node.Value)
	}
	d.Time = t
	return nil
}

// Strict is the policy of a host without a file.
func Strict() Policy {
	return Policy{
		Loopback: Allow, KafkaLoopback: Refuse, MinTLSVersion: "1.2",
		DebugDetailed: Refuse, File: Warn, UnsealedStorage: Warn,
	}
}

// Path is where the policy of this host lies, or would lie.
func Path(getenv func(string) string) string { return cmp.Or(getenv(PathVariable), DefaultPath) }

// Load reads the policy. Without the variable a missing file means Strict; a file that the variable names must exist.
func Load(getenv func(string) string) (Policy, error) {
	path, named := Path(getenv), getenv(PathVariable) != ""
	file, err := os.Open(path) // #nosec G304 -- the path comes from the service unit, not from the configuration
	if err != nil {
		if !named && errors.Is(err, fs.ErrNotExist) {
			return Strict(), nil
		}
		return Policy{}, fmt.Errorf("open export policy: %w; create it or unset %s", err, PathVariable)
	}
	defer func() { _ = file.Close() }()
	if err := checkMode(file); err != nil {
		return Policy{}, fmt.Errorf("export policy %q: %w", path, err)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return Policy{}, fmt.Errorf("read export policy %q: %w", path, err)
	}
	if len(data) > maxSize {
		return Policy{}, fmt.Errorf("export policy %q is larger than %d bytes", path, maxSize)
	}
	policy, err := Parse(data)
	if err != nil {
		return Policy{}, fmt.Errorf("export policy %q: %w", path, err)
	}
	return policy, nil
}

func checkMode(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("stat: %w", err)
	}
	if !info.Mode().IsRegular() {
		return errors.New("is not a regular file")
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("is writable by others (mode %04o); chmod go-w it", mode)
	}
	return nil
}

// Parse reads a policy; unknown keys and values are errors, all of them named at once.
func Parse(data []byte) (Policy, error) {
	policy := Strict()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&policy); err != nil && !errors.Is(err, io.EOF) {
		return Policy{}, fmt.Errorf("parse: %w", err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Policy{}, errors.New("parse: more than one YAML document")
	}
	return policy, policy.validate()
}

func (p Policy) validate() error {
	var errs []error
	oneOf := func(key string, value Answer, allowed ...Answer) {
		if !slices.Contains(allowed, value) {
			errs = append(errs, fmt.Errorf("%s: %q is not one of %q", key, value, allowed))
		}
	}
	oneOf("loopback", p.Loopback, Allow, Refuse)
	oneOf("kafka_loopback", p.KafkaLoopback, Allow, Refuse)
	oneOf("debug_detailed", p.DebugDetailed, Allow, Warn, Refuse)
	oneOf("file", p.File, Allow, Warn, Refuse)
	oneOf("unsealed_storage", p.UnsealedStorage, Allow, Warn, Refuse)
	if p.MinTLSVersion != "1.2" && p.MinTLSVersion != "1.3" {
		errs = append(errs, fmt.Errorf(`min_tls_version: %q is not "1.2" or "1.3" (with quotes)`, p.MinTLSVersion))
	}
	for i, e := range p.Exceptions {
		if e.Exporter == "" || e.Reason == "" || e.Until.IsZero() {
			errs = append(errs, fmt.Errorf("exceptions[%d]: exporter, rule, reason and until are all required", i))
		}
		if !slices.Contains(finding.Rules, e.Rule) {
			errs = append(errs, fmt.Errorf("exceptions[%d]: rule %q is not one of %q", i, e.Rule, finding.Rules))
		}
	}
	return errors.Join(errs...)
}

// Excused returns the reason of an exception that holds now for this exporter and rule.
func (p Policy) Excused(exporter string, rule finding.Rule, now time.Time) (string, bool) {
	for _, e := range p.Exceptions {
		if e.Exporter == exporter && e.Rule == rule && now.Before(e.Until.Time) {
			return e.Reason, true
		}
	}
	return "", false
}
