// Package finding holds what the judges of a configuration found, and words it for a person.
package finding

import (
	"errors"
	"fmt"
	"strings"
)

// Rule names a kind of problem. An administrator's exception names one exporter and one rule.
type Rule string

// The rules. They are part of the policy file's language: never rename one.
const (
	UnknownType     Rule = "unknown_type"
	Undecodable     Rule = "undecodable"
	Plaintext       Rule = "plaintext"
	Unverified      Rule = "unverified_tls"
	WeakTLS         Rule = "weak_tls"
	URLCredentials  Rule = "url_credentials"
	OpenListener    Rule = "open_listener"
	DebugDetailed   Rule = "debug_detailed"
	FileInClear     Rule = "file_in_clear"
	UnsealedStorage Rule = "unsealed_storage"
	Environment     Rule = "environment"
	OpenDoor        Rule = "open_door"
)

// Rules lists every rule, so that a policy can be checked for typing errors.
var Rules = []Rule{
	UnknownType, Undecodable, Plaintext, Unverified, WeakTLS, URLCredentials, OpenListener, DebugDetailed,
	FileInClear, UnsealedStorage, Environment, OpenDoor,
}

// Finding is one problem: where, what is written there, why it matters and what to do.
type Finding struct {
	Rule    Rule
	Key     string // configuration key, with "::" between its parts
	Value   string // what stands there, without credentials
	Why     string
	Remedy  string
	Warning bool // true: said, not refused
}

// Error words the finding in one line.
func (f Finding) Error() string {
	var b strings.Builder
	b.WriteString(f.Key)
	if f.Value != "" {
		fmt.Fprintf(&b, ": %q", f.Value)
	}
	fmt.Fprintf(&b, ": %s (%s); %s", f.Why, f.Rule, f.Remedy)
	return b.String()
}

// List collects findings in the order in which they were found.
type List []Finding

// Refuse adds a finding that refuses the configuration.
func (l *List) Refuse(rule Rule, key, value, why, remedy string) {
	*l = append(*l, Finding{Rule: rule, Key: key, Value: value, Why: why, Remedy: remedy})
}

// Warn adds a finding that is only said.
func (l *List) Warn(rule Rule, key, value, why, remedy string) {
	*l = append(*l, Finding{Rule: rule, Key: key, Value: value, Why: why, Remedy: remedy, Warning: true})
}

// Err joins all refusals, or returns nil when there are only warnings.
func (l List) Err() error {
	var errs []error
	for _, f := range l {
		if !f.Warning {
			errs = append(errs, f)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errors.Join(errs...)
}
