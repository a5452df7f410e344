// Command collector measures what the standalone preset costs beside a bare otlp → otlp_grpc pipeline of the same
// binary: start time, memory, and CPU per span, both in one run on the same spans.
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
	bare := filepath.Join(os.TempDir(), fmt.Sprintf("ordertrace-bench-%d.yaml", os.Getpid()))
	if err := os.WriteFile(bare, []byte(bareYAML), 0o600); err != nil {
		return err
	}
	defer os.Remove(bare)
	var all []figures
	for _, p := range []struct{ name, config string }{{"bare otlp → otlp_grpc", bare}, {"preset:standalone", "preset:standalone"}} {
		fmt.Fprintf(os.Stderr, "measuring %s: %d spans at %d/s …\n", p.name, spans, rate)
		f, err := measure(ctx, subject{name: p.name, config: p.config, binary: binary}, sink, spans, rate, idle)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
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
	fmt.Printf("the preset costs %.2f µs a span more\n", float64((all[1].CPUSpan-all[0].CPUSpan).Nanoseconds())/1e3)
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
