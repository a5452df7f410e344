package orderjoins

import (
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/ordertrace/ordertrace/internal/binding"
)

// Config of order_joins.
type Config struct {
	// Index names the order_index extension to watch; each can be watched by one receiver.
	Index component.ID `mapstructure:"index"`
	// Identifier is what is missed and learnt. Default order.id.
	Identifier string `mapstructure:"identifier"`
	// With are further identifiers that go into the record if they are known by then. Default session.id.
	With []string `mapstructure:"with"`
}

func createDefaultConfig() component.Config {
	return &Config{Index: component.MustNewID("order_index"), Identifier: "order.id", With: []string{"session.id"}}
}

var _ confmap.Validator = (*Config)(nil)

// Validate reports every problem at once.
func (c *Config) Validate() error {
	var errs []error
	if c.Identifier == "" {
		errs = append(errs, errors.New("identifier: name one, such as order.id"))
	}
	if len(c.With) >= binding.MaxNames {
		errs = append(errs, fmt.Errorf("with: %d identifiers; an index holds at most %d", len(c.With), binding.MaxNames))
	}
	if slices.Contains(c.With, "") || slices.Contains(c.With, c.Identifier) {
		errs = append(errs, errors.New("with: name other identifiers, or leave it empty"))
	}
	return errors.Join(errs...)
}
