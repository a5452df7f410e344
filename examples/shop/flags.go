package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/ordertrace/ordertrace/examples/shop/internal/customers"
	"github.com/ordertrace/ordertrace/examples/shop/internal/service"
)

// flags reads flags whose defaults come from the environment.
type flags struct {
	*flag.FlagSet
	errs []error
}

func newFlags(name string) *flags {
	return &flags{FlagSet: flag.NewFlagSet("shop "+name, flag.ContinueOnError)}
}

func (f *flags) text(to *string, name, env, value, usage string) {
	if v := os.Getenv(env); env != "" && v != "" {
		value = v
	}
	f.StringVar(to, name, value, describe(usage, env))
}

func (f *flags) number(to *float64, name, env string, value float64, usage string) {
	if v := os.Getenv(env); v != "" {
		parsed, err := strconv.ParseFloat(v, 64)
		if err != nil {
			f.errs = append(f.errs, fmt.Errorf("%s=%q is no number", env, v))
		}
		value = parsed
	}
	f.Float64Var(to, name, value, describe(usage, env))
}

func (f *flags) count(to *int, name, env string, value int, usage string) {
	if v := os.Getenv(env); v != "" {
		parsed, err := strconv.Atoi(v)
		if err != nil {
			f.errs = append(f.errs, fmt.Errorf("%s=%q is no whole number", env, v))
		}
		value = parsed
	}
	f.IntVar(to, name, value, describe(usage, env))
}

func (f *flags) duration(to *time.Duration, name, env string, value time.Duration, usage string) {
	if v := os.Getenv(env); v != "" {
		parsed, err := time.ParseDuration(v)
		if err != nil {
			f.errs = append(f.errs, fmt.Errorf("%s=%q is no duration", env, v))
		}
		value = parsed
	}
	f.DurationVar(to, name, value, describe(usage, env))
}

// parse reads args, checks them, and says what is wrong.
func (f *flags) parse(args []string, checks ...func() error) error {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageWrong // the flag package has said why
	}
	errs := f.errs
	if f.NArg() > 0 {
		errs = append(errs, fmt.Errorf("what is %q? flags start with --", f.Arg(0)))
	}
	for _, check := range checks {
		errs = append(errs, check())
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", f.Name(), err)
		return usageWrong
	}
	return nil
}

func describe(usage, env string) string {
	if env == "" {
		return usage
	}
	return usage + " (" + env + ")"
}

func (f *flags) dir(to *string) {
	f.text(to, "dir", "SHOP_DIR", "out/shop", "the run's folder")
}

func (f *flags) service(c *service.Config) {
	f.dir(&c.Dir)
	f.text(&c.AMQP, "amqp", "AMQP_URL", "", "RabbitMQ; empty: the stand-in broker of the run")
	f.text(&c.Database, "database", "DATABASE_URL", "", "PostgreSQL; empty: an SQLite file in the run's folder")
	f.number(&c.Pace, "pace", "SHOP_PACE", 1, "factor on all times of work")
	f.text(&c.Stamp, "stamp", "SHOP_STAMP", "some", "which services write order.id on all their spans: none, some, all")
	c.Delay = batchDelay()
	f.DurationVar(&c.Delay, "otel-delay", c.Delay, "how long spans and logs wait for a batch (OTEL_BSP_SCHEDULE_DELAY, in ms)")
}

func (f *flags) addresses(c *service.Config, internal bool) {
	f.text(&c.HTTP, "http", "SHOP_HTTP", "127.0.0.1:0", "address of the API")
	f.text(&c.Admin, "admin", "SHOP_ADMIN", "127.0.0.1:0", "loopback address of /metrics and /admin")
	if internal {
		f.text(&c.Internal, "internal", "SHOP_INTERNAL", "127.0.0.1:0", "address of the API for the other services")
	}
}

func (f *flags) customers(c *customers.Config) {
	f.Uint64Var(&c.Seed, "seed", envSeed(f), "the same seed, the same customers (SHOP_SEED)")
	f.number(&c.Rate, "rate", "SHOP_RATE", 2, "new orders a second")
	f.count(&c.Orders, "orders", "SHOP_ORDERS", 0, "how many orders; 0: no end")
	f.duration(&c.Duration, "duration", "SHOP_DURATION", 0, "how long new orders come; 0: no end")
	f.duration(&c.Patience, "patience", "SHOP_PATIENCE", time.Minute, "how long a customer waits for an order")
	f.number(&c.Cancel, "cancel", "SHOP_CANCEL", 0.04, "share of customers who cancel after the price")
}

func envSeed(f *flags) uint64 {
	v := os.Getenv("SHOP_SEED")
	if v == "" {
		return 1
	}
	seed, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		f.errs = append(f.errs, fmt.Errorf("SHOP_SEED=%q is no whole number", v))
	}
	return seed
}

// batchDelay honours the SDK's own variable, which counts milliseconds.
func batchDelay() time.Duration {
	if ms, err := strconv.Atoi(os.Getenv("OTEL_BSP_SCHEDULE_DELAY")); err == nil && ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return 500 * time.Millisecond
}
