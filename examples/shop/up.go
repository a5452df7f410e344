package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/ordertrace/ordertrace/examples/shop/internal/customers"
	"github.com/ordertrace/ordertrace/examples/shop/internal/service"
	"github.com/ordertrace/ordertrace/examples/shop/internal/shopapi"
)

// patience is how long a child may take to end before it is killed: its own
// last flush of telemetry takes 5 s at most, its last work as long again.
const patience = 15 * time.Second

// plan is what up starts.
type plan struct {
	service     service.Config
	customers   customers.Config
	crowd       bool
	metricsPort int
}

// up starts the shop as processes of their own, and ends them in the opposite
// order.
func up(ctx context.Context, args []string) error {
	runtime.LockOSThread() // the kernel ends the children with the thread that made them
	var p plan
	f := newFlags("up")
	f.service(&p.service)
	f.customers(&p.customers)
	f.BoolVar(&p.crowd, "customers", true, "send customers too")
	f.count(&p.metricsPort, "metrics-port", "SHOP_METRICS_PORT", 0, "admin port of shop-api; crm-api gets the next, mes-api the one after; 0: any")
	err := f.parse(args, func() error { return p.service.Check() }, func() error {
		p.customers.Pace = p.service.Pace
		return p.customers.Check()
	})
	if err != nil {
		return err
	}
	return p.start(ctx)
}

func (p plan) start(ctx context.Context) (err error) {
	dir := p.service.Dir
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, name := range []string{"broker", "shop-api", "crm-api", "mes-api", "customers", "up"} {
		_ = os.Remove(filepath.Join(dir, name+".json")) // left by a run that was killed
	}
	var family family
	defer func() { err = errors.Join(err, family.end()) }()
	kind := "rabbitmq"
	if p.service.AMQP == "" {
		kind = "stand-in"
		if err := family.start("broker", "--dir", dir); err != nil {
			return err
		}
	}
	for i, name := range []string{"shop-api", "crm-api", "mes-api"} {
		if err := family.start(name, p.serviceArgs(i)...); err != nil {
			return err
		}
	}
	var shop service.Announcement
	for _, name := range []string{"mes-api", "crm-api", shopapi.Name} {
		if shop, err = family.ready(ctx, dir, name); err != nil {
			return err
		}
	}
	if p.crowd {
		if err := family.start("customers", p.crowdArgs()...); err != nil {
			return err
		}
	}
	retract, err := service.Announce(dir, service.Announcement{Name: "up", Broker: kind, Database: shop.Database})
	if err != nil {
		return err
	}
	defer retract()
	return family.wait(ctx)
}

// serviceArgs passes on what is not passed on by the environment. URLs stay
// out of the process list: they may hold passwords.
func (p plan) serviceArgs(i int) []string {
	admin := "127.0.0.1:0"
	if p.metricsPort > 0 {
		admin = fmt.Sprintf("127.0.0.1:%d", p.metricsPort+i)
	}
	_ = os.Setenv("AMQP_URL", p.service.AMQP) // cannot fail: the name is valid
	_ = os.Setenv("DATABASE_URL", p.service.Database)
	return []string{
		"--dir", p.service.Dir, "--pace", fmt.Sprint(p.service.Pace), "--stamp", p.service.Stamp,
		"--otel-delay", p.service.Delay.String(), "--http", "127.0.0.1:0", "--admin", admin,
	}
}

func (p plan) crowdArgs() []string {
	c := p.customers
	return []string{
		"--dir", p.service.Dir, "--pace", fmt.Sprint(c.Pace), "--seed", strconv.FormatUint(c.Seed, 10), "--rate", fmt.Sprint(c.Rate),
		"--orders", strconv.Itoa(c.Orders), "--duration", c.Duration.String(), "--patience", c.Patience.String(), "--cancel", fmt.Sprint(c.Cancel),
	}
}

// family is the processes that up has started, the eldest first.
type family struct{ members []*child }

type child struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // written before done is closed
}

func (f *family) start(name string, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := &child{name: name, cmd: exec.Command(self, append([]string{name}, args...)...), done: make(chan struct{})} // ourselves
	c.cmd.Stdout, c.cmd.Stderr = os.Stdout, os.Stderr
	c.cmd.SysProcAttr = childAttributes()
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	go func() { c.err = c.cmd.Wait(); close(c.done) }()
	f.members = append(f.members, c)
	return nil
}

func (f *family) ready(ctx context.Context, dir, name string) (service.Announcement, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, c := range f.members {
		go func() {
			select {
			case <-c.done: // a child that ends now will never announce itself
				cancel(fmt.Errorf("%s has ended while the shop was starting", c.name))
			case <-ctx.Done():
			}
		}()
	}
	a, err := waitFor(ctx, dir, name, 40*time.Second)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return a, cause
	}
	if err != nil {
		return a, fmt.Errorf("wait for %s: %w", name, err)
	}
	return a, nil
}

// wait returns when the customers are through, a service has died, or ctx is
// done.
func (f *family) wait(ctx context.Context) error {
	ended := make(chan *child, len(f.members))
	for _, c := range f.members {
		go func() { <-c.done; ended <- c }()
	}
	select {
	case <-ctx.Done():
		return nil
	case c := <-ended:
		var exit *exec.ExitError
		switch {
		case c.name == "customers" && errors.As(c.err, &exit) && exit.ExitCode() > 0:
			return exitCode(exit.ExitCode())
		case c.name == "customers" && c.err == nil:
			return nil
		}
		return fmt.Errorf("%s has ended: %w", c.name, errors.Join(c.err, errEndedEarly))
	}
}

var errEndedEarly = errors.New("it should have run until the end")

// end stops the youngest first: customers, services, broker.
func (f *family) end() error {
	var errs []error
	for i := len(f.members) - 1; i >= 0; i-- {
		c := f.members[i]
		_ = c.cmd.Process.Signal(syscall.SIGTERM) // gone already when this fails
		select {
		case <-c.done:
		case <-time.After(patience):
			_ = c.cmd.Process.Kill()
			<-c.done
			errs = append(errs, fmt.Errorf("%s had to be killed", c.name))
		}
	}
	return errors.Join(errs...)
}
