// Command collector measures what the standalone preset costs beside a bare otlp → otlp_grpc pipeline of the same
// binary, without and with the presets' queue on disk, and the preset without the journal of what waits: start time, memory, and CPU per span, in one run on the same
// spans. Measure on a quiet machine: neighbours make every span dearer.
//
//	go run ./test/bench/collector                 # bin/otelcol-ordertrace must be built
//	go run ./test/bench/collector -spans 500000 -rate 20000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/ordertrace/ordertrace/internal/backend"
)

func main() {
	spans := flag.Int("spans", 400_000, "spans to send to each pipeline")
	rate := flag.Int("rate", 20_000, "spans a second")
	idle := flag.Duration("idle", 10*time.Second, "how long to watch the idle process")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *spans, *rate, *idle); err != nil {
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

func run(ctx context.Context, spans, rate int, idle time.Duration) error {
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
	bare, durable, forgetful := filepath.Join(dir, "bare.yaml"), filepath.Join(dir, "durable.yaml"), filepath.Join(dir, "forgetful.yaml")
	err = errors.Join(os.WriteFile(bare, []byte(bareYAML), 0o600), os.WriteFile(durable, []byte(durableYAML), 0o600),
		os.WriteFile(forgetful, []byte(forgetfulYAML), 0o600))
	if err != nil {
		return err
	}
	var all []figures
	for _, s := range []subject{
		{"bare", []string{bare}, binary},
		{"bare, queue on disk", []string{bare, durable}, binary},
		{"preset:standalone, no hold.journal", []string{"preset:standalone", forgetful}, binary},
		{"preset:standalone", []string{"preset:standalone"}, binary},
	} {
		fmt.Fprintf(os.Stderr, "measuring %s: %d spans at %d/s …\n", s.name, spans, rate)
		f, err := measure(ctx, s, sink, spans, rate, idle)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		all = append(all, f)
	}
	return print(all, spans, rate)
}

func print(all []figures, spans, rate int) error {
	fmt.Printf("%d spans each at %d/s, 100 a request, 12 attributes a span; one run, one after the other\n", spans, rate)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "pipeline\tstart\tidle RSS\tidle CPU\tload RSS\tCPU/span\tdelivered\t")
	for _, f := range all {
		fmt.Fprintf(w, "%s\t%s\t%.0f MiB\t%.1f %%\t%.0f MiB\t%.2f µs\t%d\t\n", f.Name, f.Start.Round(time.Millisecond), f.IdleRSS,
			100*f.IdleCPU, f.LoadRSS, float64(f.CPUSpan.Nanoseconds())/1e3, f.Delivered)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	micro := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	fmt.Printf("a span costs the preset %.2f µs more than bare: %.2f for the queue on disk, %.2f for the rest\n",
		micro(all[2].CPUSpan-all[0].CPUSpan), micro(all[1].CPUSpan-all[0].CPUSpan), micro(all[2].CPUSpan-all[1].CPUSpan))
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
