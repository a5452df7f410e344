package rbacauth // import "github.com/ordertrace/ordertrace/extension/rbacauth"

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/ordertrace/ordertrace/internal/access/policy"
	"github.com/ordertrace/ordertrace/internal/unit"
)

// Config of the extension.
type Config struct {
	// Policy is the file with roles, their permissions, and the certificates that have them. Required.
	Policy string `mapstructure:"policy"`
	// Tokens is the file with the hashes of static tokens, made by `ordertrace token new`. Empty: client
	// certificates only.
	Tokens string `mapstructure:"tokens"`
	// Audit is where denials are written.
	Audit AuditConfig `mapstructure:"audit"`
	// Issuers are the OpenID providers whose access tokens (JWT) are believed.
	Issuers []IssuerConfig `mapstructure:"issuers"`
	// HTTPPaths are the receiver's paths, in case they were changed there.
	HTTPPaths HTTPPaths `mapstructure:"http_paths"`
	// Failures bounds how fast somebody may fail to authenticate.
	Failures FailuresConfig `mapstructure:"failures"`
}

// AuditConfig names the audit file.
type AuditConfig struct {
	// Path of the file; it is created with mode 0600, its directory with 0700. Name one on a volume that is kept: the
	// default is relative to where the collector was started.
	Path string `mapstructure:"path"`
	// MaxBytes at which the file is moved aside under its last sequence number. Nothing is ever deleted. 64 MiB
	// are about 150,000 denials.
	MaxBytes int64 `mapstructure:"max_bytes"`
}

// HTTPPaths are exact; every other path is denied.
type HTTPPaths struct {
	// Traces is the receiver's traces_url_path.
	Traces string `mapstructure:"traces"`
	// Metrics is the receiver's metrics_url_path.
	Metrics string `mapstructure:"metrics"`
	// Logs is the receiver's logs_url_path.
	Logs string `mapstructure:"logs"`
}

// FailuresConfig is a token bucket per source address (IPv6: per /64) and per claimed id. Successes cost nothing.
type FailuresConfig struct {
	// Burst is how many failures pass at once as 401 with a line in the audit; what is beyond gets 429 and is
	// counted. 20 leaves room for a fleet that starts with an old token.
	Burst int `mapstructure:"burst"`
	// Every is the time after which one more failure passes.
	Every time.Duration `mapstructure:"every"`
	// Sources is how many addresses and ids are remembered; about 200 bytes each.
	Sources int `mapstructure:"sources"`
}

func createDefaultConfig() component.Config {
	return &Config{
		Audit:     AuditConfig{Path: "ordertrace-data/audit/senders.jsonl", MaxBytes: 64 << 20},
		HTTPPaths: HTTPPaths{Traces: "/v1/traces", Metrics: "/v1/metrics", Logs: "/v1/logs"},
		Failures:  FailuresConfig{Burst: 20, Every: 3 * time.Second, Sources: 10000},
	}
}

// Unmarshal refuses durations without a unit.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if err := unit.Missing(conf.ToStringMap(), c); err != nil {
		return err
	}
	return conf.Unmarshal(c)
}

// Validate also reads the policy and the tokens: `validate` builds no extensions, so this is the only place where
// a wrong file shows before the collector starts.
func (c *Config) Validate() error {
	var errs []error
	if c.Policy == "" {
		errs = append(errs, errors.New("policy: is empty; name a policy file, for example a copy of the shipped policy.example.yaml"))
	} else if _, _, err := policy.Load(c.Policy, c.Tokens, len(c.Issuers) > 0); err != nil {
		errs = append(errs, err)
	}
	if c.Audit.Path == "" {
		errs = append(errs, errors.New("audit::path: is empty; name a file for the denials, on a volume that is kept"))
	}
	if c.Audit.MaxBytes < 4096 {
		errs = append(errs, fmt.Errorf("audit::max_bytes: %d is less than 4096", c.Audit.MaxBytes))
	}
	if c.Failures.Burst < 1 || c.Failures.Every <= 0 || c.Failures.Sources < 1 {
		errs = append(errs, errors.New("failures: burst, every and sources must all be above zero"))
	}
	errs = append(errs, validateIssuers(c.Issuers))
	return errors.Join(append(errs, c.HTTPPaths.validate())...)
}

func (p HTTPPaths) validate() error {
	var errs []error
	seen := map[string]string{}
	for _, e := range []struct{ key, path string }{{"traces", p.Traces}, {"metrics", p.Metrics}, {"logs", p.Logs}} {
		if !strings.HasPrefix(e.path, "/") || path.Clean(e.path) != e.path || strings.ContainsAny(e.path, "%?#{} ") {
			errs = append(errs, fmt.Errorf("http_paths::%s: %q is not a clean absolute path such as /v1/%s", e.key, e.path, e.key))
		}
		if other, twice := seen[e.path]; twice {
			errs = append(errs, fmt.Errorf("http_paths::%s: %q is also the path of %s", e.key, e.path, other))
		}
		seen[e.path] = e.key
	}
	return errors.Join(errs...)
}

// permissions maps the configured paths to what they need.
func (p HTTPPaths) permissions() map[string]policy.Permission {
	return map[string]policy.Permission{p.Traces: policy.TracesWrite, p.Metrics: policy.MetricsWrite, p.Logs: policy.LogsWrite}
}
