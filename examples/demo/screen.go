package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ordertrace/ordertrace/examples/demo/internal/report"
	"github.com/ordertrace/ordertrace/internal/backend"
)

// lookHere prints what somebody can ask while the demo runs.
func (s *stage) lookHere() {
	fmt.Printf(`
Look around while it runs (everything is on this machine only):
  one order in Jaeger     %[1]s
  one trace               %[2]s
  services                curl 'http://%[3]s/api/v3/services'
  PromQL                  curl -G 'http://%[4]s/api/v1/query' --data-urlencode 'query=…' with
    orders by stage         sum by (stage) (order_in_flight)
    orders in trouble       order_problem_seconds
    verdicts                sum by (transition, outcome) (order_transitions_total)
    slowest stage, p95      histogram_quantile(0.95, sum by (transition) (rate(order_transition_duration_seconds[1m])))
    errors by service       sum by (service) (rate(service_requests_total{outcome="error"}[1m]))
  alerts                  http://%[5]s  (API: /api/v2/alerts)
  verdicts as logs        tail -f %[6]s
  logs, redacted          tail -f %[7]s
  output of each process  %[8]s
  links in alerts         %[9]s
`, s.findOrder("ORDER_ID"), s.readTrace("TRACE_ID"), s.jaeger.Query, s.prom.Addr, s.alerts.Addr, filepath.Join(s.out, "data/logs/verdicts.jsonl"),
		filepath.Join(s.out, "data/logs/telemetry.jsonl"), filepath.Join(s.out, "logs"), s.whereLinksLead())
	if s.servers["broker"] != "RabbitMQ" || s.servers["database"] != "PostgreSQL" {
		fmt.Printf("  broker: %s, database: %s (tools/backends.sh debian, as root, installs the real ones)\n", s.servers["broker"], s.servers["database"])
	}
	fmt.Println()
}

// frontDoor places every order, so it has a span even of one that no other service saw: a search in Jaeger must name a service.
const frontDoor = "shop-api"

// findOrder is the command that shows all traces of an order.
func (s *stage) findOrder(id string) string {
	return fmt.Sprintf("curl 'http://%s/api/traces?service=%s&limit=20&tags=%s'", s.jaeger.Query, frontDoor, url.QueryEscape(`{"order.id":"`+id+`"}`))
}

func (s *stage) readTrace(id string) string {
	return fmt.Sprintf("curl 'http://%s/api/v3/traces/%s'", s.jaeger.Query, id)
}

// whereLinksLead says which of the links in alerts open a page here.
func (s *stage) whereLinksLead() string {
	grafana := "dashboard_url leads to a Grafana, which the demo does not run: import " + filepath.Join(s.monitor(), "grafana")
	if s.hasPages() {
		return "trace_url opens Jaeger; " + grafana
	}
	return "trace_url opens no page: Jaeger's module carries none (JAEGER_ASSETS=folder brings them), ask by curl;\n" +
		strings.Repeat(" ", 26) + grafana
}

// hasPages: was Jaeger given its user interface?
func (s *stage) hasPages() bool { return os.Getenv("JAEGER_ASSETS") != "" }

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
