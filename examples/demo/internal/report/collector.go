package report

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// ReadCollector reads the collector's own metrics and, from Prometheus, the verdicts.
func ReadCollector(ctx context.Context, url string, p ask.Prometheus) (Collector, error) {
	sums, err := scrape(ctx, url)
	if err != nil {
		return Collector{}, fmt.Errorf("read the collector's own metrics: %w", err)
	}
	c := Collector{
		SpansIn: sums["otelcol_receiver_accepted_spans"], LogsIn: sums["otelcol_receiver_accepted_log_records"],
		Refused: sums["otelcol_receiver_refused_spans"] + sums["otelcol_receiver_refused_log_records"],
		FailedSend: sums["otelcol_exporter_send_failed_spans"] + sums["otelcol_exporter_send_failed_log_records"] +
			sums["otelcol_exporter_send_failed_metric_points"],
		Redactions: sums["otelcol_processor_pii_redact_findings"] + sums["otelcol_pii_redact_findings"],
		RSSMiB:     sums["otelcol_process_memory_rss"] / (1 << 20),
		CPUS:       sums["otelcol_process_cpu_seconds"],
	}
	c.Verdicts, err = p.Sum(ctx, `sum(order_transitions_total)`)
	return c, err
}

// scrape adds up all series of each metric, named without the suffixes that Prometheus' text format brings.
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
	sums := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		line := lines.Text()
		end := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || end < 0 {
			continue
		}
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			continue
		}
		name, _, _ := strings.Cut(line[:end], "{")
		for _, suffix := range []string{"_total", "__spans_", "__records_", "_bytes"} {
			name = strings.TrimSuffix(name, suffix)
		}
		sums[name] += value
	}
	return sums, nil
}
