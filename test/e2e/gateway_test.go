//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/ordertrace/ordertrace/internal/backend"
	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// ordertrace runs the operator's tool and returns what it prints on stdout.
func ordertrace(t *testing.T, args ...string) string {
	t.Helper()
	bin, err := backend.Built("ordertrace")
	require.NoError(t, err)
	cmd := exec.Command(bin, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	require.NoError(t, err, "ordertrace %s: %s", strings.Join(args, " "), complaint.String())
	return strings.TrimSpace(string(out))
}

// gateway is the gateway preset in front of a Jaeger that demands TLS with client certificates.
type gateway struct {
	*collector
	site   *backend.Site
	dir    string // certificates, policy, tokens, keys
	jaeger ask.Jaeger
	token  string // of a sender
	metric string // token of a sender that may only send metrics
	pool   *x509.CertPool
	agent  tls.Certificate
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	site := newSite(t)
	root, err := backend.Root()
	require.NoError(t, err)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	variables := strings.Fields(ordertrace(t, "certs", "dev", "--dir", dir))
	policy, err := os.ReadFile(filepath.Join(root, "extension/rbacauth/policy.example.yaml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(at("policy.yaml"), policy, 0o600))
	g := &gateway{
		token:  ordertrace(t, "token", "new", "--id", "shop-api", "--file", at("tokens.yaml")),
		metric: ordertrace(t, "token", "new", "--id", "meter", "--role", "metrics_sender", "--file", at("tokens.yaml")),
		pool:   x509.NewCertPool(),
		site:   site, dir: dir,
	}
	ordertrace(t, "keys", "new", "--kind", "hmac", "--out", at("hmac.json"))
	jaeger, err := site.Jaeger(t.Context(), backend.JaegerOptions{TLS: &backend.TLS{Cert: at("jaeger.pem"), Key: at("jaeger.key"), ClientCA: at("ca.pem")}})
	require.NoError(t, err)
	prom, err := site.Prometheus(t.Context(), backend.PrometheusOptions{TLS: &backend.TLS{Cert: at("prometheus.pem"), Key: at("prometheus.key"), ClientCA: at("ca.pem")}})
	require.NoError(t, err)
	g.jaeger = ask.Jaeger{Addr: jaeger.Query}

	ca, err := os.ReadFile(at("ca.pem"))
	require.NoError(t, err)
	require.True(t, g.pool.AppendCertsFromPEM(ca))
	g.agent, err = tls.LoadX509KeyPair(at("agent.pem"), at("agent.key"))
	require.NoError(t, err)
	g.collector = prepare(t, []string{"preset:gateway"}, append(variables,
		"ORDERTRACE_POLICY="+at("policy.yaml"), "ORDERTRACE_TOKENS="+at("tokens.yaml"), "ORDERTRACE_HMAC_KEY="+at("hmac.json"),
		"ORDERTRACE_JAEGER_OTLP="+jaeger.OTLP, "ORDERTRACE_PROMETHEUS_OTLP="+prom.OTLP)...)
	g.start(t, site, "gateway")
	t.Cleanup(func() { requirePrometheusHasSpans(t, prom.Addr, at) })
	return g
}

// requirePrometheusHasSpans asks, over TLS with a client certificate, whether the gateway's metrics arrived.
func requirePrometheusHasSpans(t *testing.T, addr string, at func(string) string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(at("gateway.pem"), at("gateway.key"))
	require.NoError(t, err)
	ca, err := os.ReadFile(at("ca.pem"))
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}}}
	eventually(t, 45*time.Second, func() error {
		resp, err := client.Get("https://" + addr + "/api/v1/query?query=sum(service_requests_total)%3E0")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		return firstError(err, want(true, strings.Contains(body.String(), `"value"`), "service_requests_total in Prometheus"))
	})
}

func (g *gateway) over(config *tls.Config) credentials.TransportCredentials {
	config.RootCAs = g.pool
	return credentials.NewTLS(config)
}

func (g *gateway) requireArrives(t *testing.T, id string) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
		traces, err := g.jaeger.Trace(t.Context(), id)
		return firstError(err, want(2, traces.SpanCount(), "spans in Jaeger"))
	})
}

func (g *gateway) post(t *testing.T, traces ptrace.Traces, authorization string) (int, error) {
	t.Helper()
	body, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+g.http+"/v1/traces", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: g.pool}}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

func TestTheGatewayTakesTelemetryFromKnownSendersOnly(t *testing.T) {
	g := newGateway(t)
	var refused []string
	some := func() (ptrace.Traces, string) {
		return oneTrace("smith", 2, map[string]string{"order.id": "ORD-10000001"})
	}
	refuse := func(s *sender) codes.Code {
		traces, id := some()
		refused = append(refused, id)
		return status.Code(s.send(t.Context(), traces))
	}
	with := func(addr, token string, creds credentials.TransportCredentials) *sender {
		s := newSender(t, addr, creds)
		s.token = token
		return s
	}

	t.Run("over gRPC", func(t *testing.T) {
		require.Equal(t, codes.Unauthenticated, refuse(with(g.grpc, "", g.over(&tls.Config{}))), "no token")
		require.Equal(t, codes.Unauthenticated, refuse(with(g.grpc, "shop-api.wrong", g.over(&tls.Config{}))), "wrong token")
		require.Equal(t, codes.PermissionDenied, refuse(with(g.grpc, g.metric, g.over(&tls.Config{}))), "may only send metrics")
		require.Equal(t, codes.Unavailable, refuse(with(g.grpc, g.token, insecure.NewCredentials())), "in clear")
		traces, id := some()
		require.NoError(t, with(g.grpc, g.token, g.over(&tls.Config{})).send(t.Context(), traces))
		g.requireArrives(t, id)
	})
	t.Run("over HTTP", func(t *testing.T) {
		for name, c := range map[string]struct {
			authorization string
			want          int
		}{
			"no token": {"", http.StatusUnauthorized}, "wrong token": {"Bearer shop-api.wrong", http.StatusUnauthorized},
			"may only send metrics": {"Bearer " + g.metric, http.StatusForbidden},
		} {
			traces, id := some()
			refused = append(refused, id)
			code, err := g.post(t, traces, c.authorization)
			require.NoError(t, err)
			require.Equal(t, c.want, code, name)
		}
		traces, id := some()
		code, err := g.post(t, traces, "Bearer "+g.token)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, code)
		g.requireArrives(t, id)
	})
	t.Run("by client certificate", func(t *testing.T) {
		require.Equal(t, codes.Unavailable, refuse(with(g.mtls, g.token, g.over(&tls.Config{}))), "no certificate")
		traces, id := some()
		require.NoError(t, with(g.mtls, "", g.over(&tls.Config{Certificates: []tls.Certificate{g.agent}})).send(t.Context(), traces))
		g.requireArrives(t, id)
	})

	audit, err := os.ReadFile(filepath.Join(g.data, "audit/senders.jsonl"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, bytes.Count(audit, []byte("\n")), 5, "a line per denial")
	for _, secret := range []string{g.token, g.metric, "shop-api.wrong"} {
		require.NotContains(t, string(audit), secret)
	}
	for _, id := range refused {
		traces, err := g.jaeger.Trace(t.Context(), id)
		require.NoError(t, err)
		require.Zero(t, traces.SpanCount(), "a refused trace is in Jaeger")
	}
}

// A gateway whose Jaeger shows a certificate of somebody else sends it nothing.
func TestTheGatewaySendsNothingToAStranger(t *testing.T) {
	site := newSite(t)
	mine, theirs := t.TempDir(), t.TempDir()
	variables := strings.Fields(ordertrace(t, "certs", "dev", "--dir", mine))
	ordertrace(t, "certs", "dev", "--dir", theirs)
	stranger, err := site.Jaeger(t.Context(), backend.JaegerOptions{TLS: &backend.TLS{Cert: filepath.Join(theirs, "jaeger.pem"), Key: filepath.Join(theirs, "jaeger.key")}})
	require.NoError(t, err)
	root, err := backend.Root()
	require.NoError(t, err)
	policy, err := os.ReadFile(filepath.Join(root, "extension/rbacauth/policy.example.yaml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(mine, "policy.yaml"), policy, 0o600))
	token := ordertrace(t, "token", "new", "--id", "shop-api", "--file", filepath.Join(mine, "tokens.yaml"))
	ordertrace(t, "keys", "new", "--kind", "hmac", "--out", filepath.Join(mine, "hmac.json"))
	prom, _ := reserve(t)
	c := prepare(t, []string{"preset:gateway"}, append(variables, "ORDERTRACE_POLICY="+filepath.Join(mine, "policy.yaml"),
		"ORDERTRACE_TOKENS="+filepath.Join(mine, "tokens.yaml"), "ORDERTRACE_HMAC_KEY="+filepath.Join(mine, "hmac.json"),
		"ORDERTRACE_JAEGER_OTLP="+stranger.OTLP, "ORDERTRACE_PROMETHEUS_OTLP=https://"+prom+"/api/v1/otlp")...)
	c.start(t, site, "gateway")
	pool := x509.NewCertPool()
	ca, err := os.ReadFile(filepath.Join(mine, "ca.pem"))
	require.NoError(t, err)
	pool.AppendCertsFromPEM(ca)
	s := newSender(t, c.grpc, credentials.NewTLS(&tls.Config{RootCAs: pool}))
	s.token = token
	traces, _ := oneTrace("smith", 2, map[string]string{"order.id": "ORD-10000001"})
	require.NoError(t, s.send(t.Context(), traces), "accepted: the queue keeps it")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, c.WaitReady(ctx, func(context.Context) error {
		return want(true, strings.Contains(c.Tail(50), "certificate signed by unknown authority"), "the collector's complaint")
	}))
	require.Equal(t, `{}`, strings.TrimSpace(get(t, "http://"+stranger.Query+"/api/v3/services")), "services known to the stranger")
}
