package encryptedexport

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusremotewriteexporter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/policy"
	"github.com/ordertrace/ordertrace/internal/devca"
)

// canary is what must never be seen on the wire.
const canary = "canary-7f3a9c51"

// sniffer is a back end that keeps every byte as it came over the wire, before TLS.
type sniffer struct {
	net.Listener
	cert tls.Certificate

	mu    sync.Mutex
	bytes bytes.Buffer // guarded by mu
	conns []net.Conn   // guarded by mu
}

func newSniffer(t *testing.T, dir string) *sniffer {
	t.Helper()
	ca, err := devca.New("sniffer", time.Now(), time.Hour)
	require.NoError(t, err)
	pair, err := ca.Issue(devca.Leaf{Hosts: []string{"127.0.0.1"}, Server: true}, time.Now(), time.Hour)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ca.pem"), ca.PEM, 0o600))
	cert, err := tls.X509KeyPair(pair.Cert, pair.Key)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &sniffer{Listener: listener, cert: cert}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			served.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		s.mu.Lock()
		for _, conn := range s.conns { // clients keep theirs open
			_ = conn.Close()
		}
		s.mu.Unlock()
		served.Wait()
	})
	return s
}

// serve answers one HTTP/1 request, over TLS when the client speaks it, and drinks everything else.
func (s *sniffer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	heard := &heardConn{Conn: conn, s: s}
	first := make([]byte, 1)
	if _, err := io.ReadFull(heard, first); err != nil {
		return
	}
	var stream net.Conn = &rewound{Conn: heard, first: first}
	if first[0] == 0x16 { // a TLS handshake record
		stream = tls.Server(stream, &tls.Config{Certificates: []tls.Certificate{s.cert}, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12})
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	one := &oneListener{conn: stream, done: make(chan struct{})}
	_ = server.Serve(one)
	<-one.done
}

type heardConn struct {
	net.Conn
	s *sniffer
}

func (c *heardConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.bytes.Write(p[:n])
	return n, err
}

type rewound struct {
	net.Conn
	first []byte
}

func (c *rewound) Read(p []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// oneListener hands out one connection and ends when that is closed.
type oneListener struct {
	conn net.Conn
	done chan struct{}
	once sync.Once
}

func (l *oneListener) Accept() (net.Conn, error) {
	if l.conn == nil {
		<-l.done
		return nil, net.ErrClosed
	}
	conn := l.conn
	l.conn = nil
	return &closing{conn, l}, nil
}
func (l *oneListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *oneListener) Addr() net.Addr { return &net.TCPAddr{} }

type closing struct {
	net.Conn
	l *oneListener
}

func (c *closing) Close() error { _ = c.l.Close(); return c.Conn.Close() }

func (s *sniffer) heard() (all string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes.String()
}

// TestNoConfigurationThatPassesShowsTheCanaryOnTheWire sends with real exporters through every combination of what
// decides about encryption. The sniffer sits on loopback, so loopback is not exempt here.
func TestNoConfigurationThatPassesShowsTheCanaryOnTheWire(t *testing.T) {
	var cases []*wireCase
	for _, typ := range []string{"otlp_grpc", "otlp", "otlp_http", "otlphttp", "prometheus_remote_write"} {
		for _, scheme := range []string{"", "http://", "https://", "HTTP://", "dns:///", "passthrough:///"} {
			for _, settings := range []string{`{}`, `{insecure: true}`, `{ca_file: CA}`, `{ca_file: CA, insecure: true}`,
				`{ca_file: CA, min_version: "1.3"}`, `{insecure_skip_verify: true}`, `{insecure: true, insecure_skip_verify: true}`} {
				cases = append(cases, newWireCase(t, typ, scheme, settings))
			}
		}
	}
	var wait sync.WaitGroup
	slots := make(chan struct{}, 24) // most of the time is spent on waiting for time limits
	for _, c := range cases {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			c.sent = send(t, c.typ, c.section)
		})
	}
	wait.Wait()
	passed, leaks := 0, 0
	for _, c := range cases {
		leaked := strings.Contains(c.sniffer.heard(), canary)
		if leaked {
			leaks++
		}
		if c.verdict == nil {
			passed++
			assert.False(t, leaked, "%s was let through and shows the canary", c.config)
			assert.True(t, !c.sent || c.sniffer.heard() != "", "%s went somewhere else", c.config)
		}
	}
	assert.Greater(t, passed, 20)
	assert.Greater(t, leaks, 20, "the sniffer must be able to see a canary")
	t.Logf("%d let through, none shows the canary; %d refused, %d of which show it", passed, len(cases)-passed, leaks)
}

type wireCase struct {
	typ, config string
	section     *confmap.Conf
	sniffer     *sniffer
	verdict     error
	sent        bool
}

func newWireCase(t *testing.T, typ, scheme, settings string) *wireCase {
	t.Helper()
	dir := t.TempDir()
	c := &wireCase{typ: typ, sniffer: newSniffer(t, dir)}
	settings = strings.ReplaceAll(settings, "CA", filepath.Join(dir, "ca.pem"))
	c.config = fmt.Sprintf(`exporters: {%s: {endpoint: "%s%s", tls: %s, compression: none, headers: {x-canary: %s}, retry_on_failure: {enabled: false}, timeout: 2s}}`,
		typ, scheme, c.sniffer.Addr(), settings, canary)
	judge, _ := strictConverter(nil)
	judge.policy.Loopback = policy.Refuse
	conf := fromYAML(t, c.config+"\nservice: {telemetry: {metrics: {level: none, readers: []}}, pipelines: {traces: {exporters: ["+typ+"]}}}")
	c.verdict = judge.Convert(context.Background(), conf)
	section, err := conf.Sub("exporters::" + typ)
	require.NoError(t, err)
	c.section = section
	return c
}

// send pushes the canary through a real exporter and reports whether the back end took it.
func send(t *testing.T, typ string, section *confmap.Conf) bool {
	t.Helper()
	id := component.MustNewID(typ)
	factory := adapters[id.Type()].factory
	cfg := factory.CreateDefaultConfig()
	if err := section.Unmarshal(&cfg); err != nil {
		return false
	}
	disableQueue(cfg)
	set := exportertest.NewNopSettings(factory.Type())
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var sink component.Component
	var push func() error
	if strings.HasPrefix(typ, "prometheus") {
		e, err := factory.CreateMetrics(ctx, set, cfg)
		if err != nil {
			return false
		}
		sink, push = e, func() error { return pushMetrics(ctx, e) }
	} else {
		e, err := factory.CreateTraces(ctx, set, cfg)
		if err != nil {
			return false
		}
		sink, push = e, func() error { return pushTraces(ctx, e) }
	}
	if err := sink.Start(ctx, componenttest.NewNopHost()); err != nil {
		return false
	}
	err := push()
	assert.NoError(t, sink.Shutdown(context.Background()))
	return err == nil
}

func pushTraces(ctx context.Context, e consumer.Traces) error {
	traces := ptrace.NewTraces()
	traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName(canary)
	return e.ConsumeTraces(ctx, traces)
}

func pushMetrics(ctx context.Context, e exporter.Metrics) error {
	metrics := pmetric.NewMetrics()
	m := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(canary)
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	return e.ConsumeMetrics(ctx, metrics)
}

// disableQueue makes a push wait for the back end.
func disableQueue(cfg component.Config) {
	switch c := cfg.(type) {
	case *otlpexporter.Config:
		c.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]()
	case *otlphttpexporter.Config:
		c.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]()
	case *prometheusremotewriteexporter.Config:
		c.RemoteWriteQueue.Enabled = false
	}
}
