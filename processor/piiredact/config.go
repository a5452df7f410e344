package piiredact

import (
	"time"

	"go.opentelemetry.io/collector/component"

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
	// Enabled is true unless given; a detector that is not leaves what it would find to the others.
	Enabled *bool `mapstructure:"enabled"`
	// Context is required (a number counts only where its key or a word near it says so) or optional; empty: as the
	// reference says. For card, phone, inn, snils, bank_account and ip.
	Context Context `mapstructure:"context"`
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
	// BlindIndex adds <key>.idx beside an attribute whose whole value was encrypted: a keyed hash of its canonical form,
	// of 80 bits, so that equal values can be searched for. False: who must not search must not be able to compare.
	BlindIndex bool `mapstructure:"blind_index"`
}

// Context says whether a number needs a word that says what it is.
type Context string

// The contexts.
const (
	Required Context = "required"
	Optional Context = "optional"
)

// OverrideConfig changes what is done about findings in the values of some keys.
type OverrideConfig struct {
	// Keys of attributes (the outermost ones); '*' matches anything. The first override that names a key counts.
	Keys []string `mapstructure:"keys"`
	// Detectors are what changes under them.
	Detectors map[string]DetectorConfig `mapstructure:"detectors"`
}

// AttributesConfig changes what keys mean.
type AttributesConfig struct {
	// Allow are exact keys of ids: number detectors skip their values, all others do not.
	Allow []string `mapstructure:"allow"`
	// Secret are keys whose whole value is a secret; '*' matches anything, and user.id is also userId and user_id.
	Secret []string `mapstructure:"secret"`
	// Overrides change what is done under some keys.
	Overrides []OverrideConfig `mapstructure:"overrides"`
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
	// Action is mask unless given. keep exempts what the pattern matches from all detectors.
	Action policy.Action `mapstructure:"action"`
}

// LimitsConfig are budgets.
type LimitsConfig struct {
	// MaxValueBytes is the longest string that is read.
	MaxValueBytes int `mapstructure:"max_value_bytes"`
	// MaxDepth is the deepest nesting of maps, arrays and JSON in strings.
	MaxDepth int `mapstructure:"max_depth"`
	// MaxFindings is how many findings one text may hold. A text with more is a list of people: it is masked as a whole,
	// for less than editing it would cost.
	MaxFindings int `mapstructure:"max_findings"`
	// MaxValueTime is how long one value, with all that is nested in it, is looked at. The detectors need a hundredth of
	// the default for the longest value; slow patterns of your own and a starved machine may need more.
	MaxValueTime time.Duration `mapstructure:"max_value_time"`
	// MaxKeys is how many attribute keys are remembered.
	MaxKeys int `mapstructure:"max_keys"`
}

func createDefaultConfig() component.Config {
	return &Config{
		Profile: policy.Balanced,
		Mode:    Enforce,
		Limits:  LimitsConfig{MaxValueBytes: 1 << 20, MaxDepth: 32, MaxFindings: 1000, MaxValueTime: time.Second, MaxKeys: 8192},
	}
}
