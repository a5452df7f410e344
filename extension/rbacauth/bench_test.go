package rbacauth

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"

	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/door"
	"github.com/ordertrace/ordertrace/internal/access/policy"
	"github.com/ordertrace/ordertrace/internal/access/token"
)

const benchPolicy = `
roles: {sender: {allow: [traces.write, metrics.write, logs.write]}, other: {deny: [pii.read]}}
certificates: [{uri: "spiffe://ordertrace/agent", roles: [sender]}]
`

func benchExtension(b *testing.B) (*rbacAuth, string) {
	b.Helper()
	p, err := policy.Parse([]byte(benchPolicy))
	require.NoError(b, err)
	text, entry, err := token.New("shop-api", []string{"other", "sender"}, time.Now().Add(time.Hour))
	require.NoError(b, err)
	tokens, err := token.Parse([]byte("tokens: [{id: shop-api, sha256: "+entry.SHA256+", roles: [other, sender], expires: 2999-01-01T00:00:00Z}]"), p.HasRole)
	require.NoError(b, err)
	ext, err := newExtension(createDefaultConfig().(*Config), nopSettings())
	require.NoError(b, err)
	ext.door.Use(door.Keys{Policy: p, Tokens: tokens})
	return ext, text
}

// BenchmarkTap is what one gRPC call costs before its message is read: the aim is 2 µs.
func BenchmarkTap(b *testing.B) {
	ext, text := benchExtension(b)
	ctx := peer.NewContext(context.Background(), &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}})
	info := &tap.Info{
		FullMethodName: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		Header:         metadata.Pairs("authorization", "Bearer "+text, "user-agent", "x", "content-type", "application/grpc"),
	}
	b.ReportAllocs()
	authorization := info.Header["authorization"]
	for b.Loop() {
		info.Header["authorization"] = authorization // the tap takes it out
		if _, err := ext.tap(ctx, info); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHTTP is the middleware around an empty handler.
func BenchmarkHTTP(b *testing.B) {
	ext, text := benchExtension(b)
	wrap, err := ext.GetHTTPHandler(context.Background())
	require.NoError(b, err)
	handler, err := wrap(context.Background(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	require.NoError(b, err)
	req := httptest.NewRequest(http.MethodPost, "/v1/traces", nil)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		req.Header["Authorization"] = []string{"Bearer " + text}
		handler.ServeHTTP(w, req)
	}
	require.Equal(b, http.StatusOK, w.Code)
}

// BenchmarkCertificate is the decision about a client certificate.
func BenchmarkCertificate(b *testing.B) {
	ext, _ := benchExtension(b)
	uri, _ := url.Parse("spiffe://ordertrace/agent")
	leaf := &x509.Certificate{URIs: []*url.URL{uri}, NotAfter: time.Now().Add(time.Hour)}
	request := door.Request{Certificate: leaf, Permission: policy.TracesWrite, Remote: "10.0.0.1:1"}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if ext.door.Decide(request, now).Outcome != door.Allowed {
			b.Fatal("denied")
		}
	}
}

// BenchmarkFlood is a bad token that is already limited: what an attacker makes us spend.
func BenchmarkFlood(b *testing.B) {
	ext, _ := benchExtension(b)
	request := door.Request{Authorization: []string{"Bearer nobody.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, Permission: policy.TracesWrite, Remote: "10.0.0.1:1"}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if ext.door.Decide(request, now).Outcome == door.Allowed {
			b.Fatal("allowed")
		}
	}
}

// BenchmarkToken is the decision about a token alone.
func BenchmarkToken(b *testing.B) {
	ext, text := benchExtension(b)
	request := door.Request{Authorization: []string{"Bearer " + text}, Permission: policy.TracesWrite, Remote: "10.0.0.1:1"}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if ext.door.Decide(request, now).Outcome != door.Allowed {
			b.Fatal("denied")
		}
	}
}
