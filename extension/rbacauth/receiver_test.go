package rbacauth

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/audit"
	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/metadata"
	"github.com/ordertrace/ordertrace/internal/access/token"
	"github.com/ordertrace/ordertrace/internal/devca"
)

// fixture is an extension behind a real OTLP receiver.
type fixture struct {
	t         *testing.T
	dir       string
	ext       *rbacAuth
	config    *Config
	telemetry *componenttest.Telemetry
	logs      *observer.ObservedLogs
	tokens    map[string]string
	infos     chan client.Info // what the pipeline saw
	reasons   []string         // that the audit must hold, in any order
}

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// newFixture writes the files: tokens sender, expired, revoked, metrics and reader.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir(), tokens: map[string]string{}, infos: make(chan client.Info, 1000)}
	example, err := os.ReadFile("policy.example.yaml")
	require.NoError(t, err)
	policyFile := filepath.Join(f.dir, "policy.yaml")
	require.NoError(t, os.WriteFile(policyFile, example, 0o600))
	f.writeTokens(map[string]string{"sender": "sender", "expired": "sender", "revoked": "sender", "metrics": "metrics_sender", "reader": "support"})
	f.config = createDefaultConfig().(*Config)
	f.config.Policy, f.config.Tokens = policyFile, filepath.Join(f.dir, "tokens.yaml")
	f.config.Audit.Path = filepath.Join(f.dir, "audit", "senders.jsonl")
	require.NoError(t, f.config.Validate())
	return f
}

func (f *fixture) writeTokens(roles map[string]string) {
	f.t.Helper()
	var entries []token.Entry
	for id, role := range roles {
		expires := time.Now().Add(time.Hour)
		if id == "expired" {
			expires = time.Now().Add(-time.Second)
		}
		text, entry, err := token.New(id, []string{role}, expires)
		require.NoError(f.t, err)
		entry.Revoked = id == "revoked"
		f.tokens[id] = text
		entries = append(entries, entry)
	}
	data, err := yaml.Marshal(map[string]any{"tokens": entries})
	require.NoError(f.t, err)
	require.NoError(f.t, os.WriteFile(filepath.Join(f.dir, "tokens.yaml.new"), data, 0o600))
	require.NoError(f.t, os.Rename(filepath.Join(f.dir, "tokens.yaml.new"), filepath.Join(f.dir, "tokens.yaml")))
}

func (f *fixture) startExtension() {
	f.t.Helper()
	f.telemetry = componenttest.NewTelemetry()
	core, logs := observer.New(zap.DebugLevel)
	f.logs = logs
	set := extensiontest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = f.telemetry.NewTelemetrySettings()
	set.Logger = zap.New(core)
	ext, err := newExtension(f.config, set)
	require.NoError(f.t, err)
	f.ext = ext
	require.NoError(f.t, ext.Start(f.t.Context(), componenttest.NewNopHost()))
	f.t.Cleanup(func() {
		assert.NoError(f.t, ext.Shutdown(context.Background()))
		assert.NoError(f.t, ext.Shutdown(context.Background()), "twice")
		assert.NoError(f.t, f.telemetry.Shutdown(context.Background()))
	})
}

// startReceiver starts an OTLP receiver with the given protocols section and returns the addresses it listens on.
func (f *fixture) startReceiver(protocols string) (grpcAddr, httpAddr string) {
	f.t.Helper()
	var raw map[string]any
	require.NoError(f.t, yaml.Unmarshal([]byte("protocols: "+protocols), &raw))
	factory := otlpreceiver.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(f.t, confmap.NewFromStringMap(raw).Unmarshal(&cfg))
	core, logs := observer.New(zap.InfoLevel)
	set := receivertest.NewNopSettings(factory.Type())
	set.Logger = zap.New(core)
	seen := func(ctx context.Context) error {
		f.infos <- client.FromContext(ctx)
		return nil
	}
	traces, err := consumer.NewTraces(func(ctx context.Context, _ ptrace.Traces) error { return seen(ctx) })
	require.NoError(f.t, err)
	metrics, err := consumer.NewMetrics(func(ctx context.Context, _ pmetric.Metrics) error { return seen(ctx) })
	require.NoError(f.t, err)
	records, err := consumer.NewLogs(func(ctx context.Context, _ plog.Logs) error { return seen(ctx) })
	require.NoError(f.t, err)
	receiver, err := factory.CreateTraces(f.t.Context(), set, cfg, traces)
	require.NoError(f.t, err)
	_, err = factory.CreateMetrics(f.t.Context(), set, cfg, metrics)
	require.NoError(f.t, err)
	_, err = factory.CreateLogs(f.t.Context(), set, cfg, records)
	require.NoError(f.t, err)
	require.NoError(f.t, receiver.Start(f.t.Context(), host{component.NewID(metadata.Type): f.ext}))
	f.t.Cleanup(func() { assert.NoError(f.t, receiver.Shutdown(context.Background())) })
	for _, entry := range logs.All() {
		address, _ := entry.ContextMap()["endpoint"].(string)
		switch {
		case strings.Contains(entry.Message, "GRPC"):
			grpcAddr = address
		case strings.Contains(entry.Message, "HTTP"):
			httpAddr = address
		}
	}
	return grpcAddr, httpAddr
}

const doors = `{grpc: {endpoint: "127.0.0.1:0", include_metadata: true, middlewares: [{id: rbac_auth}]},
  http: {endpoint: "127.0.0.1:0", include_metadata: true, middlewares: [{id: rbac_auth}]}}`

// auditLines closes the extension's audit and returns its denials.
func (f *fixture) auditLines() []audit.Record {
	f.t.Helper()
	require.NoError(f.t, f.ext.audit.Close())
	data, err := os.ReadFile(f.config.Audit.Path)
	require.NoError(f.t, err)
	_, err = audit.Verify(bytes.NewReader(data))
	require.NoError(f.t, err)
	for id, text := range f.tokens {
		_, secret, _ := strings.Cut(text, ".")
		assert.NotContains(f.t, string(data), secret, "the audit shows the token of %s", id)
	}
	var records []audit.Record
	for line := range bytes.Lines(data) {
		var r audit.Record
		require.NoError(f.t, json.Unmarshal(line, &r))
		if r.Category == "send" {
			records = append(records, r)
		}
	}
	return records
}

func oneSpan() []byte {
	data, _ := ptraceotlp.NewExportRequestFromTraces(spans()).MarshalProto()
	return data
}

func spans() ptrace.Traces {
	traces := ptrace.NewTraces()
	traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("s")
	return traces
}

// raw sends a request as it stands, because net/http repairs what an attacker would send.
func raw(t *testing.T, addr, text string) int {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
	_, err = conn.Write([]byte(text))
	require.NoError(t, err)
	answer := make([]byte, 64)
	n, _ := conn.Read(answer)
	var status int
	_, _ = fmt.Sscanf(string(answer[:n]), "HTTP/1.1 %d", &status)
	return status
}

func dial(t *testing.T, addr string, creds credentials.TransportCredentials) ptraceotlp.GRPCClient {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return ptraceotlp.NewGRPCClient(conn)
}

func plain() credentials.TransportCredentials { return insecure.NewCredentials() }

// tlsFiles writes a server's certificate and returns the CA.
func (f *fixture) tlsFiles() *devca.CA {
	f.t.Helper()
	ca, err := devca.New("test", time.Now(), time.Hour)
	require.NoError(f.t, err)
	pair, err := ca.Issue(devca.Leaf{Name: "gateway", Hosts: []string{"127.0.0.1"}, Server: true}, time.Now(), time.Hour)
	require.NoError(f.t, err)
	for name, data := range map[string][]byte{"ca.pem": ca.PEM, "tls.pem": pair.Cert, "tls.key": pair.Key} {
		require.NoError(f.t, os.WriteFile(filepath.Join(f.dir, name), data, 0o600))
	}
	return ca
}

func (f *fixture) clientTLS(ca *devca.CA, leaf *devca.Leaf) *tls.Config {
	f.t.Helper()
	roots := x509.NewCertPool()
	require.True(f.t, roots.AppendCertsFromPEM(ca.PEM))
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if leaf != nil {
		pair, err := ca.Issue(*leaf, time.Now(), time.Hour)
		require.NoError(f.t, err)
		cert, err := tls.X509KeyPair(pair.Cert, pair.Key)
		require.NoError(f.t, err)
		config.Certificates = []tls.Certificate{cert}
	}
	return config
}

func post(t *testing.T, httpClient *http.Client, url string, header http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(oneSpan()))
	require.NoError(t, err)
	req.Header = header
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := httpClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp
}

func nopSettings() extension.Settings { return extensiontest.NewNopSettings(metadata.Type) }
