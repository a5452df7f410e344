// Package report checks what the demo promises against what the back ends hold: it asks Jaeger, Prometheus and the
// webhook receiver, and compares with the shop's own database. It believes neither the collector nor the demo.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// Report is what a run showed. Broken lists the promises that it did not keep.
type Report struct {
	Started    time.Time         `json:"started"`
	Seconds    float64           `json:"seconds"`
	Servers    map[string]string `json:"servers"` // what ran: the real thing or a stand-in
	Orders     Orders            `json:"orders"`
	Coverage   Coverage          `json:"coverage"`
	Personal   Personal          `json:"personal_values"`
	Kinds      []Kind            `json:"kinds_of_data"`
	Metrics    []Comparison      `json:"metrics"`
	LostOrder  LostOrder         `json:"lost_order"`
	Monitor    Monitor           `json:"dashboards_and_rules"`
	Collector  Collector         `json:"collector"`
	Complaints []string          `json:"broken_promises"`
}

// Orders counts the shop's orders, from its database.
type Orders struct {
	Created   int `json:"created"`
	Closed    int `json:"closed"`
	Cancelled int `json:"cancelled"`
	Open      int `json:"open"`
}

// LostOrder is the order that the demo lost on purpose, and what reached the webhook receiver about it.
type LostOrder struct {
	How       string            `json:"how"`
	OrderID   string            `json:"order_id"`
	Injected  time.Time         `json:"injected"`
	Alerted   time.Time         `json:"alerted"`
	AfterS    float64           `json:"after_s"`
	Labels    map[string]string `json:"alert_labels"`
	LastTrace int               `json:"spans_of_its_last_trace_in_jaeger"`
	// Exemplars are those of late and lost orders; each leads to a trace.
	Exemplars int `json:"exemplars_of_late_and_lost_orders"`
	// Others are the orders that other alerts named: late ones, and none that is said to be lost.
	Others map[string]string `json:"other_alerts,omitempty"`
}

// Collector is what the collector said of itself at the end.
type Collector struct {
	SpansIn    float64 `json:"spans_in"`
	SpansSent  float64 `json:"spans_sent"`
	LogsIn     float64 `json:"log_records_in"`
	Refused    float64 `json:"refused"`
	FailedSend float64 `json:"failed_to_send"`
	Redactions float64 `json:"redactions"`
	Verdicts   float64 `json:"verdicts"`
	RSSMiB     float64 `json:"rss_mib"`
	CPUS       float64 `json:"cpu_s"`
	// Absent are the metrics that should be there and are not.
	Absent []string `json:"absent_metrics,omitempty"`
}

// Sources are where a report takes its facts from.
type Sources struct {
	Jaeger     ask.Jaeger
	Prometheus ask.Prometheus
	Shop       Shop
	Since      time.Time
	Planted    string   // file of the load driver: one {"kind": …, "value": …} a line
	LogFiles   []string // globs of the files that the collector wrote
	Dashboards string   // glob of Grafana's files
}

// Complain notes a promise that was not kept.
func (r *Report) Complain(format string, args ...any) {
	r.Complaints = append(r.Complaints, fmt.Sprintf(format, args...))
}

// Summary is the report for a person.
func (r *Report) Summary() string {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "  %-22s %s\n", what, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "\nAfter %.0f s:\n", r.Seconds)
	line("orders", "%d created, %d closed, %d cancelled, %d open", r.Orders.Created, r.Orders.Closed, r.Orders.Cancelled, r.Orders.Open)
	c := r.Coverage
	line("order id on spans", "%.1f %% right, %d wrong (%d orders, %d traces, %d spans in Jaeger, by the shop's ground truth)",
		100*c.Share, c.Wrong, c.Orders, c.Traces, c.Spans)
	line("session id on spans", "%.1f %%", 100*c.Session)
	line("personal values", "%d planted, %d too short to search for, %d readable in Jaeger, Prometheus and the log files",
		total(r.Personal.Planted), total(r.Personal.NotSearched), r.Personal.Readable)
	for _, k := range r.Kinds {
		line("  "+k.Name, "%s %q %s", k.Service, k.Span, k.Seen)
		if k.Also != nil {
			line("", "%s %q %s", k.Also.Service, k.Also.Span, k.Also.Seen)
		}
	}
	for _, m := range r.Metrics {
		line("  "+m.What, "Prometheus %g, shop %g", m.Prometheus, m.Shop)
	}
	line("dashboards", "%d expressions, %d without data; %d rules, %d failing; %d of %d exemplars lead to a trace",
		r.Monitor.Panels, len(r.Monitor.Empty), r.Monitor.Rules, len(r.Monitor.Ill), r.Monitor.Resolved, r.Monitor.Exemplars)
	if r.LostOrder.Labels != nil {
		line("lost order", "%s named by the alert after %.0f s; %d exemplars of late and lost orders lead to their traces",
			r.LostOrder.OrderID, r.LostOrder.AfterS, r.LostOrder.Exemplars)
	}
	line("collector", "%.0f spans and %.0f log records in, %.0f spans out, %.0f refused, %.0f not sent; %.0f redactions, %.0f verdicts; %.0f MiB, %.1f s CPU",
		r.Collector.SpansIn, r.Collector.LogsIn, r.Collector.SpansSent, r.Collector.Refused, r.Collector.FailedSend, r.Collector.Redactions,
		r.Collector.Verdicts, r.Collector.RSSMiB, r.Collector.CPUS)
	for _, complaint := range r.Complaints {
		line("BROKEN", "%s", complaint)
	}
	return b.String()
}

func total(counts map[string]int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// Write stores the report as JSON.
func (r *Report) Write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
