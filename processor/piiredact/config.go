package piiredact

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// Mode says whether findings are acted on.
type Mode string

// The modes.
const (
	Enforce Mode = "enforce"
	DryRun  Mode = "dry_run"
)

// Config of the processor. The defaults redact everything that the profile "balanced" names.
type Config struct {
	// Profile is the set of actions that everything below changes: strict, balanced, secrets_only or ru_152fz.
	Profile policy.Profile `mapstructure:"profile"`
	// Mode is enforce, or dry_run: count, change nothing.
	Mode Mode `mapstructure:"mode"`
	// Keys are files of keys. They are never in the configuration itself.
	Keys KeysConfig `mapstructure:"keys"`
	// Detectors change what is done about a kind of data, by its name.
	Detectors map[string]DetectorConfig `mapstructure:"detectors"`
	// Attributes change what keys mean.
	Attributes AttributesConfig `mapstructure:"attributes"`
	// Rules are patterns of your own.
	Rules []RuleConfig `mapstructure:"rules"`
	// Limits are the budgets of one value; what is over one is masked as a whole and counted.
	Limits LimitsConfig `mapstructure:"limits"`
}

// KeysConfig names key files.
type KeysConfig struct {
	// HMAC is the file of the keys of the action hash, mode 0600. Empty: a random key of this start, so that
	// pseudonyms change with every restart and differ between collectors.
	HMAC string `mapstructure:"hmac"`
	// AEAD is the file of the Tink keyset of the action encrypt, mode 0600.
	AEAD string `mapstructure:"aead"`
	// SIV is the file of the Tink keyset of the action token, mode 0600.
	SIV string `mapstructure:"siv"`
}

// DetectorConfig is what is done about one kind of data. Empty fields keep what the profile says.
type DetectorConfig struct {
	// Action is keep, truncate, hash, token, encrypt, mask or drop, for all signals that have none of their own.
	Action policy.Action `mapstructure:"action"`
	// Traces, Logs and Metrics are the action in that signal.
	Traces  policy.Action `mapstructure:"traces"`
	Logs    policy.Action `mapstructure:"logs"`
	Metrics policy.Action `mapstructure:"metrics"`
	// KeepLast is how many of the last characters of a masked value stay, 0 to 4.
	KeepLast *int `mapstructure:"keep_last"`
	// KeepDomain leaves the domain of a masked mail address.
	KeepDomain bool `mapstructure:"keep_domain"`
}

// AttributesConfig changes what keys mean.
type AttributesConfig struct {
	// Allow are exact keys of ids: number detectors skip their values, all others do not.
	Allow []string `mapstructure:"allow"`
	// Secret are keys whose whole value is a secret; '*' matches anything.
	Secret []string `mapstructure:"secret"`
}

// RuleConfig is a pattern of your own.
type RuleConfig struct {
	// Name is the rule's name in pseudonyms: a-z, 0-9 and '_'.
	Name string `mapstructure:"name"`
	// Pattern is an RE2 expression.
	Pattern string `mapstructure:"pattern"`
	// Keywords, when there are any: one of them must stand in the text.
	Keywords []string `mapstructure:"keywords"`
	// Checksum that the match's digits must have: luhn, inn, snils or ogrn.
	Checksum string `mapstructure:"checksum"`
	// Action is mask unless given.
	Action policy.Action `mapstructure:"action"`
}

// LimitsConfig are budgets.
type LimitsConfig struct {
	// MaxValueBytes is the longest string that is read.
	MaxValueBytes int `mapstructure:"max_value_bytes"`
	// MaxDepth is the deepest nesting of maps, arrays and JSON in strings.
	MaxDepth int `mapstructure:"max_depth"`
	// MaxKeys is how many attribute keys are remembered.
	MaxKeys int `mapstructure:"max_keys"`
}

func createDefaultConfig() component.Config {
	return &Config{
		Profile: policy.Balanced,
		Mode:    Enforce,
		Limits:  LimitsConfig{MaxValueBytes: 1 << 20, MaxDepth: 32, MaxKeys: 8192},
	}
}

// Validate reports every problem at once.
func (c *Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf(key+": "+format, args...))
	}
	if !slices.Contains(policy.Profiles, c.Profile) {
		bad("profile", "%q is none of %v", c.Profile, policy.Profiles)
	}
	if c.Mode != Enforce && c.Mode != DryRun {
		bad("mode", "%q is neither enforce nor dry_run", c.Mode)
	}
	for name, d := range c.Detectors {
		errs = append(errs, d.validate(name)...)
	}
	for _, p := range c.Attributes.Secret {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			bad("attributes::secret", "%q is no pattern: '*' matches anything, '[' needs its ']'", p)
		}
	}
	if c.Limits.MaxValueBytes < 64 || c.Limits.MaxValueBytes > 64<<20 {
		bad("limits::max_value_bytes", "%d is not between 64 and %d", c.Limits.MaxValueBytes, 64<<20)
	}
	if c.Limits.MaxDepth < 1 || c.Limits.MaxDepth > 128 {
		bad("limits::max_depth", "%d is not between 1 and 128", c.Limits.MaxDepth)
	}
	if c.Limits.MaxKeys < 0 || c.Limits.MaxKeys > 1<<20 {
		bad("limits::max_keys", "%d is not between 0 and %d", c.Limits.MaxKeys, 1<<20)
	}
	errs = append(errs, c.validateKeys()...)
	return errors.Join(append(errs, c.validateRules()...)...)
}

// validateKeys wants a key file for every action that needs one, and no ciphertext on metrics.
func (c *Config) validateKeys() (errs []error) {
	for name, d := range c.Detectors {
		for _, a := range []policy.Action{d.Action, d.Traces, d.Logs, d.Metrics} {
			if a == policy.Encrypt && c.Keys.AEAD == "" {
				errs = append(errs, fmt.Errorf("detectors::%s: encrypt needs keys::aead", name))
			}
			if a == policy.Token && c.Keys.SIV == "" {
				errs = append(errs, fmt.Errorf("detectors::%s: token needs keys::siv", name))
			}
		}
		if d.Metrics == policy.Encrypt || d.Action == policy.Encrypt && d.Metrics == "" {
			errs = append(errs, fmt.Errorf("detectors::%s: encrypt makes a new series of every metric point: set metrics to hash, token, mask or drop", name))
		}
	}
	for i, r := range c.Rules {
		if r.Action == policy.Token && c.Keys.SIV == "" {
			errs = append(errs, fmt.Errorf("rules[%d]: token needs keys::siv", i))
		}
	}
	return errs
}

func (d *DetectorConfig) validate(name string) (errs []error) {
	e, ok := finding.Named(name)
	if !ok {
		return []error{fmt.Errorf("detectors: there is no detector %q: there are %v", name, finding.Builtins())}
	}
	for _, a := range []policy.Action{d.Action, d.Traces, d.Logs, d.Metrics} {
		switch {
		case a == "":
		case !a.Known():
			errs = append(errs, fmt.Errorf("detectors::%s: %q is none of the actions %v", name, a, policy.Actions))
		case a == policy.Truncate && e != finding.IP && e != finding.GPS:
			errs = append(errs, fmt.Errorf("detectors::%s: only ip and gps can be truncated", name))
		case e == finding.Statement && a != policy.Mask && a != policy.Keep:
			errs = append(errs, fmt.Errorf("detectors::%s: literals of statements can be masked or kept", name))
		}
	}
	if d.KeepLast != nil && (*d.KeepLast < 0 || *d.KeepLast > 4) {
		errs = append(errs, fmt.Errorf("detectors::%s::keep_last: %d is not between 0 and 4", name, *d.KeepLast))
	}
	if d.KeepDomain && e != finding.Email {
		errs = append(errs, fmt.Errorf("detectors::%s::keep_domain: only email has a domain", name))
	}
	return errs
}

var ruleName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

func (c *Config) validateRules() (errs []error) {
	if len(c.Rules) > finding.MaxRules {
		errs = append(errs, fmt.Errorf("rules: %d rules: at most %d", len(c.Rules), finding.MaxRules))
	}
	for i, r := range c.Rules {
		at := fmt.Sprintf("rules[%d]", i)
		if !ruleName.MatchString(r.Name) {
			errs = append(errs, fmt.Errorf("%s::name: %q: begin with a-z, go on with a-z, 0-9 and '_', 32 at most", at, r.Name))
		}
		re, err := regexp.Compile(r.Pattern)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s::pattern: %w", at, err))
		case r.Pattern == "" || re.MatchString(""):
			errs = append(errs, fmt.Errorf("%s::pattern: matches the empty text: everything would be a finding", at))
		}
		if r.Action != "" && (!r.Action.Known() || r.Action == policy.Truncate || r.Action == policy.Encrypt) {
			errs = append(errs, fmt.Errorf("%s::action: %q is none of keep, hash, token, mask, drop", at, r.Action))
		}
		if _, ok := checks[r.Checksum]; !ok {
			errs = append(errs, fmt.Errorf("%s::checksum: %q is none of luhn, inn, snils, ogrn", at, strings.TrimSpace(r.Checksum)))
		}
	}
	return errs
}
