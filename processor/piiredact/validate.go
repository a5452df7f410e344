package piiredact

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/confmap"

	"github.com/ordertrace/ordertrace/internal/unit"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/number"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// Unmarshal refuses durations without a unit.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if err := unit.Missing(conf.ToStringMap(), c); err != nil {
		return err
	}
	return conf.Unmarshal(c)
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
	errs = append(errs, c.validateDetectors("detectors", c.Detectors, false)...)
	patterns := func(at string, ps []string) {
		for _, p := range ps {
			if _, err := path.Match(p, ""); err != nil || p == "" {
				bad(at, "%q is no pattern: '*' matches anything, '[' needs its ']'", p)
			}
		}
	}
	patterns("attributes::secret", c.Attributes.Secret)
	for i, o := range c.Attributes.Overrides {
		at := fmt.Sprintf("attributes::overrides[%d]", i)
		if len(o.Keys) == 0 || len(o.Detectors) == 0 {
			bad(at, "name keys and detectors")
		}
		patterns(at+"::keys", o.Keys)
		errs = append(errs, c.validateDetectors(at+"::detectors", o.Detectors, true)...)
	}
	if c.Limits.MaxValueBytes < 64 || c.Limits.MaxValueBytes > 64<<20 {
		bad("limits::max_value_bytes", "%d is not between 64 and %d", c.Limits.MaxValueBytes, 64<<20)
	}
	if c.Limits.MaxDepth < 1 || c.Limits.MaxDepth > 128 {
		bad("limits::max_depth", "%d is not between 1 and 128", c.Limits.MaxDepth)
	}
	if c.Limits.MaxFindings < 1 || c.Limits.MaxFindings > 1<<20 {
		bad("limits::max_findings", "%d is not between 1 and %d", c.Limits.MaxFindings, 1<<20)
	}
	if c.Limits.MaxValueTime < time.Millisecond || c.Limits.MaxValueTime > time.Minute {
		bad("limits::max_value_time", "%v is not between 1ms and 1m", c.Limits.MaxValueTime)
	}
	if c.Limits.MaxKeys < 0 || c.Limits.MaxKeys > 1<<20 {
		bad("limits::max_keys", "%d is not between 0 and %d", c.Limits.MaxKeys, 1<<20)
	}
	errs = append(errs, c.validateKeys()...)
	return errors.Join(append(errs, c.validateRules()...)...)
}

// validateKeys wants a key file for every action that needs one.
func (c *Config) validateKeys() (errs []error) {
	for i, r := range c.Rules {
		if r.Action == policy.Token && c.Keys.SIV == "" {
			errs = append(errs, fmt.Errorf("rules[%d]: token needs keys::siv", i))
		}
	}
	return errs
}

// validateDetectors looks at what is done, and whether there are keys for it. On metrics there is no ciphertext.
func (c *Config) validateDetectors(at string, ds map[string]DetectorConfig, override bool) (errs []error) {
	for name, d := range ds {
		at := at + "::" + name
		bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(at+format, args...)) }
		e, ok := finding.Named(name)
		if !ok {
			bad(": there is no such detector: there are %v", finding.Builtins())
			continue
		}
		for _, a := range []policy.Action{d.Action, d.Traces, d.Logs, d.Metrics} {
			c.validateAction(a, e, bad)
		}
		if d.Metrics == policy.Encrypt || d.Action == policy.Encrypt && d.Metrics == "" {
			bad(": encrypt makes a new series of every metric point: set metrics to hash, token, mask or drop")
		}
		if d.KeepLast != nil && (*d.KeepLast < 0 || *d.KeepLast > 4) {
			bad("::keep_last: %d is not between 0 and 4", *d.KeepLast)
		}
		if d.KeepDomain && e != finding.Email {
			bad("::keep_domain: only email has a domain")
		}
		if d.BlindIndex && (c.Keys.HMAC == "" || !slices.Contains([]policy.Action{d.Action, d.Traces, d.Logs}, policy.Encrypt)) {
			bad("::blind_index: needs keys::hmac, and encrypt as an action")
		}
		if d.Context != "" && (override || d.Context != Required && d.Context != Optional || e != finding.IP && !number.Demandable(e)) {
			bad("::context: %q: required or optional, for card, phone, inn, snils, bank_account and ip, and not in overrides", d.Context)
		}
	}
	return errs
}

func (c *Config) validateAction(a policy.Action, e finding.Entity, bad func(string, ...any)) {
	switch {
	case a == "":
	case !a.Known():
		bad(": %q is none of the actions %v", a, policy.Actions)
	case a == policy.Encrypt && c.Keys.AEAD == "":
		bad(": encrypt needs keys::aead")
	case a == policy.Token && c.Keys.SIV == "":
		bad(": token needs keys::siv")
	case a == policy.Truncate && e != finding.IP && e != finding.GPS:
		bad(": only ip and gps can be truncated")
	case e == finding.Statement && a != policy.Mask && a != policy.Keep:
		bad(": literals of statements can be masked or kept")
	}
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
		case steps(r.Pattern) > maxSteps:
			errs = append(errs, fmt.Errorf("%s::pattern: compiles to %d steps, at most %d: every byte can cost as many; repeat less", at, steps(r.Pattern), maxSteps))
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

// maxSteps bounds a pattern's program, and so what a byte of text can cost.
const maxSteps = 2000

func steps(pattern string) int {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return 0
	}
	return len(prog.Inst)
}
