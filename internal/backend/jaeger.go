package backend

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// Jaeger is a Jaeger v2 server: OTLP in, query API out.
type Jaeger struct {
	*Process
	OTLP  string // host:port, OTLP over gRPC
	Query string // host:port, HTTP: /api/v3/traces, /api/v3/services, …
}

// TLS names a server's certificate and key, and, to demand certificates of clients, the CA that issues them.
type TLS struct{ Cert, Key, ClientCA string }

// JaegerOptions configure Jaeger; the zero value keeps traces in memory and picks any port.
type JaegerOptions struct {
	OTLPPort, QueryPort int
	Badger              bool   // keep traces on disk instead of in memory
	TLS                 *TLS   // for OTLP; plaintext when nil
	Assets              string // folder of a user interface; the module itself carries none
}

// Jaeger starts a server and waits until its query API answers.
func (s *Site) Jaeger(ctx context.Context, o JaegerOptions) (*Jaeger, error) {
	bin, err := Tool("jaeger", "JAEGER_BIN")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return onPorts([]int{o.OTLPPort, o.QueryPort, 0, 0}, func(ports []int) (*Jaeger, error) {
		conf, err := s.write(fmt.Sprintf("jaeger-%d.yaml", ports[0]), s.jaegerConfig(o, ports))
		if err != nil {
			return nil, err
		}
		p, err := s.Run(Command{
			Name: "jaeger", Path: bin, Args: []string{"--config", conf},
			Env: []string{"OTEL_TRACES_SAMPLER=always_off"}, // else it traces itself, and hangs when it ends
		})
		if err != nil {
			return nil, err
		}
		j := &Jaeger{Process: p, OTLP: loopback(ports[0]), Query: loopback(ports[1])}
		if err := p.WaitReady(ctx, Answers("http://"+j.Query+"/api/v3/services")); err != nil {
			return nil, errors.Join(err, p.Stop())
		}
		return j, nil
	})
}

func (s *Site) jaegerConfig(o JaegerOptions, ports []int) string {
	store := "memory: {max_traces: 200000}"
	if o.Badger {
		dir := filepath.Join(s.data, fmt.Sprintf("badger-%d", ports[0]))
		store = fmt.Sprintf("badger: {ephemeral: false, directories: {keys: %q, values: %q}, ttl: {spans: 336h}}",
			filepath.Join(dir, "keys"), filepath.Join(dir, "values"))
	}
	ui := ""
	if o.Assets != "" {
		ui = fmt.Sprintf("\n    ui: {assets_path: %q}", o.Assets)
	}
	tls := ""
	if o.TLS != nil {
		tls = fmt.Sprintf("\n        tls: {cert_file: %q, key_file: %q, client_ca_file: %q}", o.TLS.Cert, o.TLS.Key, o.TLS.ClientCA)
	}
	return strings.NewReplacer("$STORE", store, "$UI", ui, "$TLS", tls, "$OTLP", loopback(ports[0]),
		"$QUERY", loopback(ports[1]), "$GRPC", loopback(ports[2]), "$METRICS", fmt.Sprint(ports[3])).Replace(jaegerYAML)
}

const jaegerYAML = `service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}
  telemetry:
    logs: {level: info}
    metrics:
      level: basic
      readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: $METRICS}}}}]
extensions:
  jaeger_query:
    storage: {traces: traces}
    http: {endpoint: "$QUERY"}
    grpc: {endpoint: "$GRPC"}$UI
  jaeger_storage:
    backends: {traces: {$STORE}}
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: "$OTLP"$TLS
exporters:
  jaeger_storage_exporter: {trace_storage: traces}
`
