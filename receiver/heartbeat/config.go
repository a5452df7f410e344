package heartbeat

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/ordertrace/ordertrace/internal/unit"
)

const (
	maxAgentID  = 128 // characters
	minInterval = time.Second
	maxInterval = 10 * time.Minute
	maxTraces   = 1024
)

// Config of a heartbeat.
type Config struct {
	// AgentID names the agent among all agents that reach the same judge. It has no default: two agents of one name
	// would vouch for each other.
	AgentID string `mapstructure:"agent_id"`
	// Interval between two beats. The default is a sixth of sla_metrics' path_silence, so that some may be lost.
	Interval time.Duration `mapstructure:"interval"`
	// Traces that a beat consists of, each of one span. Where the agent spreads traces over several gateways by their ids,
	// each gateway must hear it: 16 reach all of three, all but certainly, in any minute. The default is for one gateway.
	Traces int `mapstructure:"traces"`
}

func createDefaultConfig() component.Config {
	return &Config{Interval: 10 * time.Second, Traces: 1}
}

// Unmarshal refuses durations without a unit.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if err := unit.Missing(conf.ToStringMap(), c); err != nil {
		return err
	}
	return conf.Unmarshal(c)
}

// Validate reports all mistakes at once.
func (c *Config) Validate() error {
	var errs []error
	if err := checkAgentID(c.AgentID); err != nil {
		errs = append(errs, err)
	}
	if c.Interval < minInterval || c.Interval > maxInterval {
		errs = append(errs, fmt.Errorf("interval: %s: use %s to %s", c.Interval, minInterval, maxInterval))
	}
	if c.Traces < 1 || c.Traces > maxTraces {
		errs = append(errs, fmt.Errorf("traces: %d: use 1 to %d", c.Traces, maxTraces))
	}
	return errors.Join(errs...)
}

func checkAgentID(id string) error {
	n := utf8.RuneCountInString(id)
	switch {
	case id == "":
		return errors.New("agent_id: missing: give a name that no other agent has, such as the host's")
	case n > maxAgentID:
		return fmt.Errorf("agent_id: %d characters: use at most %d", n, maxAgentID)
	case !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("agent_id: %q: use printable characters", id)
	case strings.TrimSpace(id) != id:
		return fmt.Errorf("agent_id: %q: drop the space around it", id)
	}
	return nil
}
