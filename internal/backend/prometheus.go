package backend

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// Prometheus takes metrics by OTLP push and evaluates alert rules.
type Prometheus struct {
	*Process
	Addr string // host:port
	OTLP string // the URL that an otlp_http exporter takes
}

// PrometheusOptions configure Prometheus; the zero value has no rules and picks any port.
type PrometheusOptions struct {
	Port         int
	Rules        []string // rule files, absolute paths
	Alertmanager string   // host:port to send alerts to
	TLS          *TLS     // HTTPS when set
}

// Prometheus starts a server and waits until it is ready.
func (s *Site) Prometheus(ctx context.Context, o PrometheusOptions) (*Prometheus, error) {
	bin, err := Tool("prometheus", "PROMETHEUS_BIN")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return onPorts([]int{o.Port}, func(ports []int) (*Prometheus, error) {
		conf, err := s.write(fmt.Sprintf("prometheus-%d.yaml", ports[0]), prometheusConfig(o))
		if err != nil {
			return nil, err
		}
		args := []string{
			"--config.file=" + conf, "--web.listen-address=" + loopback(ports[0]), "--web.enable-otlp-receiver",
			"--enable-feature=exemplar-storage", "--storage.tsdb.retention.time=1d",
			// An alert that fires before the first Alertmanager is discovered is told again after this, and not after a minute.
			"--rules.alert.resend-delay=10s",
			"--storage.tsdb.path=" + filepath.Join(s.data, fmt.Sprintf("prometheus-%d", ports[0])),
		}
		scheme := "http"
		if o.TLS != nil {
			scheme = "https"
			web, err := s.write(fmt.Sprintf("prometheus-%d-web.yaml", ports[0]), prometheusTLS(*o.TLS))
			if err != nil {
				return nil, err
			}
			args = append(args, "--web.config.file="+web)
		}
		p, err := s.Run(Command{Name: "prometheus", Path: bin, Args: args})
		if err != nil {
			return nil, err
		}
		pr := &Prometheus{Process: p, Addr: loopback(ports[0])}
		pr.OTLP = scheme + "://" + pr.Addr + "/api/v1/otlp"
		probe := Answers("http://" + pr.Addr + "/-/ready")
		if o.TLS != nil {
			probe = listens(pr.Addr) // asking over TLS is the caller's: we hold no client certificate
		}
		if err := p.WaitReady(ctx, probe); err != nil {
			return nil, errors.Join(err, p.Stop())
		}
		return pr, nil
	})
}

func prometheusConfig(o PrometheusOptions) string {
	var b strings.Builder
	b.WriteString("global: {scrape_interval: 1s, evaluation_interval: 1s}\n")
	b.WriteString("otlp: {translation_strategy: UnderscoreEscapingWithSuffixes}\n")
	b.WriteString("storage: {tsdb: {out_of_order_time_window: 1h}, exemplars: {max_exemplars: 100000}}\n")
	if len(o.Rules) > 0 {
		b.WriteString("rule_files:\n")
		for _, r := range o.Rules {
			fmt.Fprintf(&b, "  - %q\n", r)
		}
	}
	if o.Alertmanager != "" {
		fmt.Fprintf(&b, "alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}\n", o.Alertmanager)
	}
	return b.String()
}

func prometheusTLS(t TLS) string {
	text := fmt.Sprintf("tls_server_config:\n  cert_file: %q\n  key_file: %q\n", t.Cert, t.Key)
	if t.ClientCA != "" {
		text += fmt.Sprintf("  client_ca_file: %q\n  client_auth_type: RequireAndVerifyClientCert\n", t.ClientCA)
	}
	return text
}
