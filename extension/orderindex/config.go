package orderindex

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/confmap"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/internal/bytesize"
	"github.com/ordertrace/ordertrace/internal/unit"
)

// Config of order_index.
type Config struct {
	// MaxBytes bounds the memory of the index: five eighths hold traces, two messages, one orders and what else is followed.
	// A trace with one order takes about 50 bytes. When it is full, the longest unused go first. Default 256 MiB: some three
	// million traces.
	MaxBytes bytesize.Size `mapstructure:"max_bytes"`
	// TraceTTL is how long a trace is remembered after it was last seen. Default 45 minutes.
	TraceTTL time.Duration `mapstructure:"trace_ttl"`
	// MessageTTL is how long a message or conversation is remembered: as long as it may lie in a queue. Default 7 days.
	MessageTTL time.Duration `mapstructure:"message_ttl"`
	// OrderTTL is how long an order is remembered together with its session, and likewise every value that an identifier
	// follows, after it was last seen: longer than an order may lie still. Default 30 days.
	OrderTTL time.Duration `mapstructure:"order_ttl"`
	// Storage names a storage extension that keeps snapshots over restarts. Default none: the index is in memory only.
	Storage *component.ID `mapstructure:"storage"`
	// SnapshotInterval is how often the index is stored; what was learnt after the last snapshot is lost if the process is
	// killed. Default 1 minute.
	SnapshotInterval time.Duration `mapstructure:"snapshot_interval"`
	// Broadcast tells the indexes of other gateways what this one learnt, where traces of one order pass through several of
	// them. Default none.
	Broadcast BroadcastConfig `mapstructure:"broadcast"`
}

// BroadcastConfig says over which Redis or Valkey stream gateways tell each other what belongs together.
type BroadcastConfig struct {
	// Redis is the server: rediss://host:port/db, encrypted; redis:// for one on this machine only. Port 6379 and database 0 by
	// default. No user and no password here: see below. Without it there is no broadcast.
	Redis string `mapstructure:"redis"`
	// Stream is the key of the stream; gateways that use the same tell each other. Default ordertrace:bindings.
	Stream string `mapstructure:"stream"`
	// MaxEntries bounds the stream: entries of at most some 4 KiB, one every 20 ms and gateway at most unless very busy. What is
	// older is gone, also for a gateway that did not read it yet. Default 20000: at most 80 MiB, mostly far less.
	MaxEntries int64 `mapstructure:"max_entries"`
	// Username for the server, if it wants one.
	Username string `mapstructure:"username"`
	// Password for the server, if it wants one.
	Password configopaque.String `mapstructure:"password"`
	// TLS for rediss://: ca_file and what else a client can set. Default: the system's authorities.
	TLS configtls.ClientConfig `mapstructure:"tls"`
}

const (
	defaultStream  = "ordertrace:bindings"
	defaultEntries = 20_000
)

func createDefaultConfig() component.Config {
	return &Config{
		MaxBytes: 256 * bytesize.MiB, TraceTTL: 45 * time.Minute, MessageTTL: 7 * 24 * time.Hour, OrderTTL: 30 * 24 * time.Hour,
		SnapshotInterval: time.Minute,
		Broadcast:        BroadcastConfig{Stream: defaultStream, MaxEntries: defaultEntries, TLS: configtls.NewDefaultClientConfig()},
	}
}

var _ confmap.Validator = (*Config)(nil)

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
	if c.MaxBytes < binding.MinBytes {
		errs = append(errs, fmt.Errorf("max_bytes: %s is too small; at least 1MiB", c.MaxBytes))
	}
	if c.TraceTTL < time.Second {
		errs = append(errs, fmt.Errorf("trace_ttl: %s is too short; at least 1s", c.TraceTTL))
	}
	if c.MessageTTL < time.Second {
		errs = append(errs, fmt.Errorf("message_ttl: %s is too short; at least 1s", c.MessageTTL))
	}
	if c.OrderTTL < time.Second {
		errs = append(errs, fmt.Errorf("order_ttl: %s is too short; at least 1s", c.OrderTTL))
	}
	if c.SnapshotInterval < time.Second {
		errs = append(errs, fmt.Errorf("snapshot_interval: %s is too short; at least 1s", c.SnapshotInterval))
	}
	return errors.Join(errs...)
}

var _ confmap.Validator = (*BroadcastConfig)(nil)

// Validate reports every problem at once.
func (c *BroadcastConfig) Validate() error {
	var errs []error
	if c.Redis == "" {
		if c.Username != "" || c.Password != "" || c.TLS.CAFile != "" || c.Stream != "" && c.Stream != defaultStream || c.MaxEntries != 0 && c.MaxEntries != defaultEntries {
			return errors.New("redis: missing; write rediss://host:6379")
		}
		return nil
	}
	server, err := parseRedis(c.Redis)
	if err != nil {
		errs = append(errs, fmt.Errorf("redis: %w", err))
	}
	if c.Stream == "" {
		errs = append(errs, errors.New("stream: name a key, such as ordertrace:bindings"))
	}
	if c.MaxEntries < 100 || c.MaxEntries > 10_000_000 {
		errs = append(errs, fmt.Errorf("max_entries: %d; between 100 and 10,000,000", c.MaxEntries))
	}
	if c.Username != "" && c.Password == "" {
		errs = append(errs, errors.New("password: missing, though there is a username"))
	}
	if err == nil && !server.encrypted && (c.TLS.CAFile != "" || c.TLS.CertFile != "" || c.TLS.ServerName != "") {
		errs = append(errs, errors.New("tls: has no effect with redis://; write rediss://"))
	}
	if c.TLS.Insecure || c.TLS.InsecureSkipVerify {
		errs = append(errs, errors.New("tls: insecure and insecure_skip_verify let anyone read along and name orders; give the server's ca_file"))
	}
	return errors.Join(errs...)
}
