// Command demo runs a jeweller's shop through the collector into Jaeger, Prometheus and Alertmanager, all on
// loopback, loses one order on purpose, shows the alert that names it, and checks every promise that it makes.
//
// It runs until Ctrl-C, or for DEMO_SECONDS; then it writes out/demo/report.json and fails when a promise was broken.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

// leastSeconds is how long it takes to gather a crowd, lose an order, and hear of it; more than settleTime.
const leastSeconds = 75

func run(ctx context.Context) error {
	total, err := duration()
	if err != nil {
		return err
	}
	out := os.Getenv("DEMO_OUT")
	if out == "" {
		out = "out/demo"
	}
	started := time.Now()
	stage, err := raise(ctx, out)
	if err == nil {
		err = play(ctx, stage, started, total)
	}
	fmt.Println("\nstopping everything …")
	return errors.Join(err, stage.strike())
}

// play lets the shop work, until Ctrl-C or for the given time from its opening, and then checks the promises.
func play(ctx context.Context, s *stage, started time.Time, total time.Duration) error {
	var business time.Duration // 0: customers come until Ctrl-C
	if total > 0 {
		business = total - settleTime
	}
	if err := s.letCustomersIn(business); err != nil {
		return err
	}
	s.lookHere()
	lost := make(chan lostOrder, 1)
	go s.breakThings(ctx, lost)
	if err := s.watch(ctx, started); err != nil || ctx.Err() != nil {
		return err
	}
	return s.check(ctx, started, lost)
}

func duration() (time.Duration, error) {
	text := os.Getenv("DEMO_SECONDS")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < leastSeconds {
		return 0, fmt.Errorf("DEMO_SECONDS=%q: give a number of seconds, %d or more, or leave it out", text, leastSeconds)
	}
	return time.Duration(n) * time.Second, nil
}
