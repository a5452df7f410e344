package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ordertrace/ordertrace/examples/demo/internal/report"
	"github.com/ordertrace/ordertrace/internal/backend"
)

// lookHere prints what somebody can ask while the demo runs.
func (s *stage) lookHere() {
	tags := url.QueryEscape(`{"order.id":"ORD-…"}`)
	fmt.Printf(`
Look around while it runs (everything is on this machine only):
  one order in Jaeger     curl 'http://%[1]s/api/traces?service=mes-api&limit=20&tags=%[2]s'
  one trace               curl 'http://%[1]s/api/v3/traces/TRACE_ID'
  services                curl 'http://%[1]s/api/v3/services'
  PromQL                  curl -G 'http://%[3]s/api/v1/query' --data-urlencode 'query=…' with
    orders by stage         sum by (stage) (order_in_flight)
    orders in trouble       order_problem_seconds
    verdicts                sum by (transition, outcome) (order_transitions_total)
    slowest stage, p95      histogram_quantile(0.95, sum by (transition) (rate(order_transition_duration_seconds[1m])))
    errors by service       sum by (service) (rate(service_requests_total{outcome="error"}[1m]))
  alerts                  http://%[4]s  (API: /api/v2/alerts)
  verdicts as logs        tail -f %[5]s
  logs, redacted          tail -f %[6]s
  output of each process  %[7]s
`, s.jaeger.Query, tags, s.prom.Addr, s.alerts.Addr, filepath.Join(s.out, "data/logs/verdicts.jsonl"),
		filepath.Join(s.out, "data/logs/telemetry.jsonl"), filepath.Join(s.out, "logs"))
	if s.servers["broker"] != "RabbitMQ" || s.servers["database"] != "PostgreSQL" {
		fmt.Printf("  broker: %s, database: %s (tools/backends.sh debian, as root, installs the real ones)\n", s.servers["broker"], s.servers["database"])
	}
	fmt.Println()
}

// stages are the statuses in the order of an order's life, as the screen names them.
var stages = []struct{ status, short string }{
	{"SUBMITTED", "submitted"}, {"PRICE_CALCULATED", "priced"}, {"MANUFACTURING_APPROVED", "approved"},
	{"MANUFACTURING_STARTED", "started"}, {"MANUFACTURING_COMPLETED", "completed"}, {"PACKAGING", "packaging"},
	{"SHIPPED", "shipped"}, {"CLOSED", "closed"}, {"CANCELLED", "cancelled"},
}

const lineEvery = 5 * time.Second

// watch prints a line of progress every few seconds until ctx is done or the customers have gone. It is an error
// when they crash, or anything else ends meanwhile.
func (s *stage) watch(ctx context.Context, started time.Time) error {
	tick := time.NewTicker(lineEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.customers.Done():
			return s.customersGone()
		case <-tick.C:
		}
		for _, p := range append([]*backend.Process{s.collector, s.jaeger.Process, s.prom.Process, s.alerts.Process}, s.services...) {
			if !p.Running() {
				return fmt.Errorf("%s has ended; the end of %s:\n%s", p.Name, p.Log, p.Tail(15))
			}
		}
		say("%s", s.progress(ctx, started))
	}
}

// orderLeftOpen is the exit code of customers of whom some lost patience, as with the order that is lost on purpose.
const orderLeftOpen = 3

// customersGone is an error unless the customers left by the door.
func (s *stage) customersGone() error {
	err := s.customers.Err()
	if exit := new(exec.ExitError); err == nil || errors.As(err, &exit) && exit.ExitCode() == orderLeftOpen {
		return nil
	}
	return fmt.Errorf("the customers failed: %w; the end of %s:\n%s", err, s.customers.Log, s.customers.Tail(15))
}

// progress says where the orders are and what the collector has done so far.
func (s *stage) progress(ctx context.Context, started time.Time) string {
	src := s.sources(started)
	counts, err := src.Shop.Stages(ctx)
	if err != nil {
		return err.Error()
	}
	var parts []string
	for _, stage := range stages {
		if n := counts[stage.status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", stage.short, n))
		}
	}
	c, err := report.ReadCollector(ctx, s.metrics, src.Prometheus)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("orders: %s | spans in %.0f, logs in %.0f, redacted %.0f, verdicts %.0f",
		strings.Join(parts, ", "), c.SpansIn, c.LogsIn, c.Redactions, c.Verdicts)
}
