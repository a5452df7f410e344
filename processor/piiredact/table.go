package piiredact

import (
	"regexp"
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/checksum"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/redact"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/scan"
)

// checks are the checksums that a rule can ask for.
var checks = map[string]func([]byte) bool{
	"": nil, "luhn": checksum.Luhn, "inn": checksum.INN, "snils": checksum.SNILS, "ogrn": checksum.OGRN,
}

// table is the profile with the configuration's changes, for one signal.
func (c *Config) table(signal string) *policy.Table {
	t := c.Profile.Table()
	change(t, c.Detectors, signal)
	for i, r := range c.Rules {
		action := r.Action
		if action == "" {
			action = policy.Mask
		}
		t.Set(finding.FirstRule+finding.Entity(i), policy.Rule{Action: action}) //nolint:gosec // at most 128
	}
	return t
}

func change(t *policy.Table, ds map[string]DetectorConfig, signal string) {
	for name, d := range ds {
		e, _ := finding.Named(name)
		rule := t[e]
		own := map[string]policy.Action{"traces": d.Traces, "logs": d.Logs, "metrics": d.Metrics}[signal]
		if d.Action != "" {
			rule.Action = d.Action
		}
		if own != "" {
			rule.Action = own
		}
		if d.KeepLast != nil {
			rule.KeepLast = *d.KeepLast
		}
		rule.Domain, rule.Blind = d.KeepDomain, d.BlindIndex
		if d.Enabled != nil && !*d.Enabled {
			rule.Action = policy.Keep
		}
		t.Set(e, rule)
	}
}

// overrides are tables of their own for the values of some keys.
func (c *Config) overrides(signal string) (all []redact.Override) {
	for _, o := range c.Attributes.Overrides {
		t := c.table(signal)
		change(t, o.Detectors, signal)
		all = append(all, redact.Override{Keys: o.Keys, Table: t})
	}
	return all
}

// needs are the numbers whose context is demanded.
func (c *Config) needs() (s finding.Set) {
	for name, d := range c.Detectors {
		if e, _ := finding.Named(name); d.Context == Required {
			s |= finding.SetOf(e)
		}
	}
	return s
}

// loose: addresses of machines count without context.
func (c *Config) loose() bool {
	if ip := c.Detectors[finding.IP.String()]; ip.Context != "" {
		return ip.Context == Optional
	}
	return c.Profile.Loose()
}

func (c *Config) rules() (rules []scan.Rule, names []string) {
	for i, r := range c.Rules {
		keywords := make([]string, len(r.Keywords))
		for k, w := range r.Keywords {
			keywords[k] = strings.ToLower(w)
		}
		rules = append(rules, scan.Rule{
			Entity:  finding.FirstRule + finding.Entity(i), //nolint:gosec // at most 128
			Pattern: regexp.MustCompile(r.Pattern), Keywords: keywords, Check: checks[r.Checksum],
			Exempt: r.Action == policy.Keep,
		})
		names = append(names, strings.ReplaceAll(r.Name, "_", ""))
	}
	return rules, names
}
