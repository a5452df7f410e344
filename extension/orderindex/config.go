package orderindex

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/internal/bytesize"
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
}

func createDefaultConfig() component.Config {
	return &Config{MaxBytes: 256 * bytesize.MiB, TraceTTL: 45 * time.Minute, MessageTTL: 7 * 24 * time.Hour, OrderTTL: 30 * 24 * time.Hour, SnapshotInterval: time.Minute}
}

var _ confmap.Validator = (*Config)(nil)

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
	if c.Storage != nil && c.SnapshotInterval < time.Second {
		errs = append(errs, fmt.Errorf("snapshot_interval: %s is too short; at least 1s", c.SnapshotInterval))
	}
	return errors.Join(errs...)
}
