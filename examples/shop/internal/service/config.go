// Package service is what the shop's three services have in common: telemetry,
// listeners, database and broker, jobs, faults, and a graceful end.
package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Config is what the flags of a service say; see examples/shop/README.md.
type Config struct {
	Dir      string
	AMQP     string
	Database string
	HTTP     string
	Internal string
	Admin    string
	Pace     float64
	Stamp    string // none, some or all
	Delay    time.Duration
}

// Check says what is wrong with the flags.
func (c Config) Check() error {
	var errs []error
	if c.Pace <= 0 {
		errs = append(errs, errors.New("--pace must be positive"))
	}
	if c.Stamp != "none" && c.Stamp != "some" && c.Stamp != "all" {
		errs = append(errs, fmt.Errorf("--stamp %q: use none, some or all", c.Stamp))
	}
	if host, _, err := net.SplitHostPort(c.Admin); c.Admin != "" && (err != nil || !loopback(host)) {
		errs = append(errs, fmt.Errorf("--admin %q: whoever reaches it can break the shop: give it a loopback address", c.Admin))
	}
	if c.Delay <= 0 {
		errs = append(errs, errors.New("--otel-delay must be positive"))
	}
	return errors.Join(errs...)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Announcement says where a process that is ready can be reached.
type Announcement struct {
	Name     string `json:"name"`
	PID      int    `json:"pid"`
	HTTP     string `json:"http,omitempty"`
	Internal string `json:"internal,omitempty"`
	Admin    string `json:"admin,omitempty"`
	AMQP     string `json:"amqp,omitempty"`
	Broker   string `json:"broker,omitempty"`   // rabbitmq or stand-in
	Database string `json:"database,omitempty"` // postgresql or sqlite
}

// Announce prints a on stdout and writes it into dir; retract removes it.
func Announce(dir string, a Announcement) (retract func(), err error) {
	a.PID = os.Getpid()
	line, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	line = append(line, '\n')
	path := filepath.Join(dir, a.Name+".json")
	temporary := fmt.Sprintf("%s.%d", path, a.PID)
	if err := os.WriteFile(temporary, line, 0o600); err != nil {
		return nil, fmt.Errorf("announce: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return nil, fmt.Errorf("announce: %w", err)
	}
	if _, err := os.Stdout.Write(line); err != nil {
		return nil, fmt.Errorf("announce: %w", err)
	}
	return func() { _ = os.Remove(path) }, nil
}

// Find reads where another process of the same run is.
func Find(dir, name string) (a Announcement, err error) {
	b, err := os.ReadFile(filepath.Join(dir, name+".json")) // the run's own folder
	if err != nil {
		return a, fmt.Errorf("%s is not running in %s: %w", name, dir, err)
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("read where %s is: %w", name, err)
	}
	return a, nil
}
