// Command collector measures what the standalone preset costs beside a bare otlp → otlp_grpc pipeline of the same
// binary, without and with the presets' queue on disk, and the preset without the journal of what waits: start time, memory, and CPU per span, in one run on the same
// spans. Measure on a quiet machine: neighbours make every span dearer.
//
//	go run ./test/bench/collector                 # bin/otelcol-ordertrace must be built
//	go run ./test/bench/collector -spans 500000 -rate 20000 -rounds 3
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/ordertrace/ordertrace/internal/backend"
)

func main() {
	spans := flag.Int("spans", 400_000, "spans to send to each pipeline")
	rate := flag.Int("rate", 20_000, "spans a second")
	rounds := flag.Int("rounds", 1, "how often to measure every pipeline, in turns")
	idle := flag.Duration("idle", 10*time.Second, "how long to watch the idle process")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *spans, *rate, max(1, *rounds), *idle); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// figures are what one pipeline cost.
type figures struct {
	Name      string
	Start     time.Duration // from exec to a healthy answer, the binary in the page cache
	IdleRSS   float64       // MiB
	IdleCPU   float64       // share of a core
	LoadRSS   float64       // MiB, highest
	CPUSpan   time.Duration // CPU time of the process per span
	Delivered int
}

func run(ctx context.Context, spans, rate, rounds int, idle time.Duration) error {
	binary, err := backend.Built("otelcol-ordertrace")
	if err != nil {
		return err
	}
	sink, err := newSink()
	if err != nil {
		return err
	}
	defer sink.close()
	dir, err := os.MkdirTemp("", "ordertrace-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	subjects, err := subjects(dir, binary)
	if err != nil {
		return err
	}
	turns := make([][]figures, len(subjects))
	for round := range rounds {
		for i, s := range subjects {
			fmt.Fprintf(os.Stderr, "measuring %s: %d spans at %d/s, round %d of %d …\n", s.name, spans, rate, round+1, rounds)
			f, err := measure(ctx, s, sink, spans, rate, idle)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			turns[i] = append(turns[i], f)
		}
	}
	return print(medians(turns), spans, rate)
}

// The pipelines whose costs are compared.
const (
	bare         = "bare"
	bareRedacted = "bare and pii_redact"
	durable      = "bare, queue on disk"
	preset       = "preset:standalone"
)

// subjects writes the pipelines' configurations to dir.
func subjects(dir, binary string) (all []subject, err error) {
	file := func(name, text string) string {
		path := filepath.Join(dir, name+".yaml")
		err = errors.Join(err, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	base := file("bare", bareYAML)
	return []subject{
		{bare, []string{base}, binary},
		{bareRedacted, []string{base, file("redacted", redactedYAML)}, binary},
		{durable, []string{base, file("durable", durableYAML)}, binary},
		{preset + ", no hold.journal", []string{preset, file("forgetful", forgetfulYAML)}, binary},
		{preset + ", no pii_redact", []string{preset, file("unredacted", unredactedYAML)}, binary},
		{preset, []string{preset}, binary},
	}, err
}

// medians by CPU per span.
func medians(turns [][]figures) (all []figures) {
	for _, fs := range turns {
		slices.SortFunc(fs, func(a, b figures) int { return cmp.Compare(a.CPUSpan, b.CPUSpan) })
		all = append(all, fs[len(fs)/2])
	}
	return all
}

func print(all []figures, spans, rate int) error {
	fmt.Printf("%d spans each at %d/s, 100 a request, 12 attributes a span; one run, one after the other, medians\n", spans, rate)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "pipeline\tstart\tidle RSS\tidle CPU\tload RSS\tCPU/span\tdelivered\t")
	for _, f := range all {
		fmt.Fprintf(w, "%s\t%s\t%.0f MiB\t%.1f %%\t%.0f MiB\t%.2f µs\t%d\t\n", f.Name, f.Start.Round(time.Millisecond), f.IdleRSS,
			100*f.IdleCPU, f.LoadRSS, float64(f.CPUSpan.Nanoseconds())/1e3, f.Delivered)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	micro := map[string]float64{}
	for _, f := range all {
		micro[f.Name] = float64(f.CPUSpan.Nanoseconds()) / 1e3
	}
	fmt.Printf("a span costs the preset %.2f µs more than bare: %.2f for the queue on disk, %.2f for the rest\n",
		micro[preset]-micro[bare], micro[durable]-micro[bare], micro[preset]-micro[durable])
	fmt.Printf("pii_redact costs a span %.2f µs in the bare pipeline and %.2f in the preset\n",
		micro[bareRedacted]-micro[bare], micro[preset]-micro[preset+", no pii_redact"])
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Printf("load average at the end: %s", text)
	}
	var lost error
	for _, f := range all {
		if f.Delivered != spans {
			lost = errors.Join(lost, fmt.Errorf("%s delivered %d of %d spans", f.Name, f.Delivered, spans))
		}
	}
	return lost
}

// bareYAML is the least that a collector can do with traces.
const bareYAML = `extensions:
  healthcheckv2: {use_v2: true, http: {endpoint: "${env:ORDERTRACE_HEALTH_ENDPOINT}", status: {enabled: true, path: /}}}
receivers:
  otlp: {protocols: {grpc: {endpoint: "${env:ORDERTRACE_OTLP_GRPC_ENDPOINT}"}}}
exporters:
  otlp_grpc:
    endpoint: ${env:ORDERTRACE_JAEGER_OTLP}
    tls: {insecure: true}
    sending_queue: {batch: {flush_timeout: 200ms, sizer: bytes, min_size: 262144, max_size: 3145728}}
service:
  extensions: [healthcheckv2]
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}
  telemetry: {metrics: {level: none}}
`

// durableYAML gives the bare pipeline the queue that the presets have: it survives a restart and a power cut.
const durableYAML = `extensions:
  file_storage/queue: {directory: "${env:ORDERTRACE_DATA_DIR}/queue", create_directory: true, fsync: true}
exporters:
  otlp_grpc: {sending_queue: {storage: file_storage/queue, sizer: bytes, queue_size: 268435456}}
service:
  extensions: [healthcheckv2, file_storage/queue]
`

// forgetfulYAML takes the journal of waiting spans out of a preset.
const forgetfulYAML = `processors:
  order_enrich: {hold: {journal: null}}
`

// redactedYAML puts pii_redact into the bare pipeline.
const redactedYAML = `processors:
  pii_redact: {attributes: {allow: [order.id, session.id]}}
service:
  pipelines: {traces: {processors: [pii_redact]}}
`

// unredactedYAML takes it out of the preset's traces.
const unredactedYAML = `service:
  pipelines: {traces: {processors: [memory_limiter, order_enrich]}}
`
