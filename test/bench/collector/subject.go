package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/ordertrace/ordertrace/internal/backend"
)

// subject is one way to run the collector.
type subject struct {
	name    string
	configs []string
	binary  string
}

func measure(ctx context.Context, s subject, sink *sink, spans, rate int, idle time.Duration) (f figures, err error) {
	f.Name = s.name
	logs, err := os.MkdirTemp("", "ordertrace-bench-logs-")
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(logs)
	site, err := backend.NewSite(logs)
	if err != nil {
		return f, err
	}
	defer site.Stop() //nolint:errcheck // a process that had to be killed is no figure
	ports, err := backend.FreePorts(0, 0, 0, 0)
	if err != nil {
		return f, err
	}
	var args []string
	for _, c := range s.configs {
		args = append(args, "--config", c)
	}
	started := time.Now()
	p, err := site.Run(backend.Command{Name: "collector", Path: s.binary, Args: args, Env: []string{
		fmt.Sprintf("ORDERTRACE_OTLP_GRPC_ENDPOINT=127.0.0.1:%d", ports[0]), fmt.Sprintf("ORDERTRACE_OTLP_HTTP_ENDPOINT=127.0.0.1:%d", ports[1]),
		fmt.Sprintf("ORDERTRACE_HEALTH_ENDPOINT=127.0.0.1:%d", ports[2]), fmt.Sprintf("ORDERTRACE_METRICS_PORT=%d", ports[3]),
		"ORDERTRACE_JAEGER_OTLP=" + sink.traces, "ORDERTRACE_PROMETHEUS_OTLP=" + sink.metrics,
		"ORDERTRACE_DATA_DIR=" + filepath.Join(site.Dir(), "data"),
	}})
	if err != nil {
		return f, err
	}
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := p.WaitReady(waiting, backend.Answers(fmt.Sprintf("http://127.0.0.1:%d/", ports[2]))); err != nil {
		return f, err
	}
	f.Start = time.Since(started)
	if err := f.watchIdle(ctx, p.Pid(), idle); err != nil {
		return f, err
	}
	return f, f.watchLoad(ctx, p.Pid(), sink, fmt.Sprintf("127.0.0.1:%d", ports[0]), spans, rate)
}

func (f *figures) watchIdle(ctx context.Context, pid int, idle time.Duration) error {
	before, err := usage(pid)
	if err != nil {
		return err
	}
	select {
	case <-time.After(idle):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := usage(pid)
	f.IdleRSS, f.IdleCPU = after.rss, (after.cpu-before.cpu).Seconds()/idle.Seconds()
	return err
}

// watchLoad sends spans at a fixed rate and waits until the sink has them.
func (f *figures) watchLoad(ctx context.Context, pid int, sink *sink, addr string, spans, rate int) error {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	client := ptraceotlp.NewGRPCClient(conn)
	had := sink.spans.Load()
	before, err := usage(pid)
	if err != nil {
		return err
	}
	pause := time.Duration(float64(time.Second) * batchSize / float64(rate))
	start := time.Now()
	for i := range spans / batchSize {
		if _, err := client.Export(ctx, ptraceotlp.NewExportRequestFromTraces(batch(i))); err != nil {
			return fmt.Errorf("send: %w", err)
		}
		if i%50 == 0 {
			now, err := usage(pid)
			if err != nil {
				return err
			}
			f.LoadRSS = max(f.LoadRSS, now.rss)
		}
		time.Sleep(time.Until(start.Add(time.Duration(i+1) * pause)))
	}
	for end := time.Now().Add(20 * time.Second); int(sink.spans.Load()-had) < spans && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	after, err := usage(pid)
	f.LoadRSS = max(f.LoadRSS, after.rss)
	f.Delivered = int(sink.spans.Load() - had)
	f.CPUSpan = (after.cpu - before.cpu) / time.Duration(spans)
	return err
}

type used struct {
	cpu time.Duration
	rss float64 // MiB
}

// tick is the unit of /proc/PID/stat: 1/100 s on every Linux that Go runs on.
const tick = 10 * time.Millisecond

func usage(pid int) (used, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return used{}, fmt.Errorf("read the usage: %w", err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:])) // from field 3, the state, on
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	pages, err3 := strconv.ParseInt(fields[21], 10, 64)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return used{}, fmt.Errorf("read the usage: %w", err)
		}
	}
	return used{time.Duration(user+system) * tick, float64(pages) * float64(os.Getpagesize()) / (1 << 20)}, nil
}
