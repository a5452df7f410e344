package report

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// ReadCollector reads the collector's own metrics and, from Prometheus, the verdicts.
func ReadCollector(ctx context.Context, url string, p ask.Prometheus) (Collector, error) {
	sums, err := scrape(ctx, url)
	if err != nil {
		return Collector{}, fmt.Errorf("read the collector's own metrics: %w", err)
	}
	c := fromSums(sums)
	c.Verdicts, err = p.Sum(ctx, `sum(order_transitions_total)`)
	return c, err
}

// fromSums picks what the report tells. A metric that is not there is noted, so that a renamed one never passes for 0.
func fromSums(sums map[string]float64) Collector {
	var c Collector
	sum := func(names ...string) (total float64) {
		for _, name := range names {
			value, ok := sums[name]
			if !ok {
				c.Absent = append(c.Absent, name)
			}
			total += value
		}
		return total
	}
	c.SpansIn, c.LogsIn = sum("otelcol_receiver_accepted_spans"), sum("otelcol_receiver_accepted_log_records")
	c.Refused = sum("otelcol_receiver_refused_spans", "otelcol_receiver_refused_log_records", "otelcol_receiver_refused_metric_points")
	c.SpansSent = sum("otelcol_exporter_sent_spans")
	c.Redactions = sum("otelcol_pii_redact_findings")
	c.RSSMiB, c.CPUS = sum("otelcol_process_memory_rss")/(1<<20), sum("otelcol_process_cpu_seconds")
	for name, value := range sums { // these appear with the first failure; SpansSent tells of one under any name
		if strings.HasPrefix(name, "otelcol_exporter_send_failed_") || strings.HasPrefix(name, "otelcol_exporter_enqueue_failed_") {
			c.FailedSend += value
		}
	}
	return c
}

// CheckCollector reads the collector's own metrics once all that it took in has left it, or at the limit.
func (r *Report) CheckCollector(ctx context.Context, url string, p ask.Prometheus, limit time.Duration) (err error) {
	for end := time.Now().Add(limit); ; {
		if r.Collector, err = ReadCollector(ctx, url, p); err != nil {
			return err
		}
		if r.Collector.SpansSent == r.Collector.SpansIn || time.Now().After(end) {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	r.judgeCollector()
	return nil
}

func (r *Report) judgeCollector() {
	c := r.Collector
	for _, name := range c.Absent {
		r.Complain("the collector has no metric %s", name)
	}
	if c.Refused > 0 {
		r.Complain("the collector refused %.0f spans, log records or metric points", c.Refused)
	}
	if c.FailedSend > 0 {
		r.Complain("the collector failed to send %.0f spans, log records or metric points", c.FailedSend)
	}
	if c.SpansSent != c.SpansIn {
		r.Complain("the collector took %.0f spans and sent %.0f", c.SpansIn, c.SpansSent)
	}
	if c.Redactions == 0 {
		r.Complain("the collector redacted nothing")
	}
	if c.Verdicts == 0 {
		r.Complain("the collector judged no order")
	}
}

// scrape adds up all series of each metric.
func scrape(ctx context.Context, url string) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	sums := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		line := lines.Text()
		end := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || end < 0 {
			continue
		}
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("%s: read %q: %w", url, line, err)
		}
		name, _, _ := strings.Cut(line[:end], "{")
		sums[name] += value
	}
	return sums, lines.Err()
}
