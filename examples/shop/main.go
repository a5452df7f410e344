// Command shop is the demo shop: its services, its customers, the switches that
// break it, and the stand-in broker. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

type command struct {
	name, what string
	run        func(ctx context.Context, args []string) error
}

func commands() []command {
	return []command{
		{"up", "start everything", up},
		{"shop-api", "run the shop API", shopAPI},
		{"crm-api", "run the CRM API", crmAPI},
		{"mes-api", "run the MES API", mesAPI},
		{"customers", "send customers", sendCustomers},
		{"broker", "run the stand-in broker", runBroker},
		{"fault", "break something: f1 to f5, list, clear", breakSomething},
		{"lose", "lose exactly one order", lose},
		{"summary", "count orders by status", summary},
	}
}

// exitCode is an error that says with which code to end.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

const (
	usageWrong exitCode = 2
	notAllEnd  exitCode = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	var code exitCode
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
	case errors.As(err, &code):
		os.Exit(int(code))
	default:
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		for _, c := range commands() {
			if c.name == args[0] {
				return c.run(ctx, args[1:])
			}
		}
	}
	fmt.Fprintln(os.Stderr, "usage: shop <command> [flags]; shop <command> -h lists them")
	for _, c := range commands() {
		fmt.Fprintf(os.Stderr, "  %-10s %s\n", c.name, c.what)
	}
	return usageWrong
}
