package encryptedexport

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/confmap"
	"gopkg.in/yaml.v3"
)

// FuzzConvert: no map makes the converter panic, and what it refuses once it refuses again.
func FuzzConvert(f *testing.F) {
	for _, seed := range []string{
		`exporters: {otlp_grpc: {endpoint: "j:1", tls: {insecure: true}}}`,
		`exporters: {kafka: [], load_balancing: {resolver: }, file: {path: 1}}`,
		`{exporters: {otlp_http: {endpoint: 7}}, service: {pipelines: [1], telemetry: {traces: {processors: [{batch: {exporter: {otlp: {}}}}]}}}}`,
		`service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: }}}]}}}`,
		`receivers: {otlp: {auth: {authenticator: rbac_auth, request_params: 1}, middlewares: {id: 2}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var raw map[string]any
		if yaml.Unmarshal([]byte(text), &raw) != nil {
			return
		}
		c, _ := strictConverter(nil)
		first := c.Convert(context.Background(), confmap.NewFromStringMap(raw))
		second := c.Convert(context.Background(), confmap.NewFromStringMap(raw))
		if (first == nil) != (second == nil) {
			t.Fatalf("two verdicts on one configuration: %v, %v", first, second)
		}
	})
}

// FuzzPlaintextEndpoint: whatever plaintext endpoint is let through, the standard library agrees that it is a
// loopback address or a socket.
func FuzzPlaintextEndpoint(f *testing.F) {
	for _, seed := range []string{"127.0.0.1:4317", "localhost:4317", "[::1]:1", "http://127.0.0.1:4318", "http://127.0.0.1@evil",
		"dns:///127.0.0.1:1", "unix:///x", "http://[::ffff:127.0.0.1]:1", "127.1:1", "http://127.0.0.1.:80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, endpoint string) {
		for _, name := range []string{"otlp_grpc", "otlp_http"} {
			if name == "otlp_http" && !strings.HasPrefix(endpoint, "http:") {
				continue
			}
			c, _ := strictConverter(nil)
			conf := confmap.NewFromStringMap(map[string]any{
				"exporters": map[string]any{name: map[string]any{"endpoint": endpoint, "tls": map[string]any{"insecure": true}}},
				"service":   map[string]any{"pipelines": map[string]any{"traces": map[string]any{"exporters": []any{name}}}},
			})
			if c.Convert(context.Background(), conf) == nil && !local(endpoint) {
				t.Fatalf("%s: plaintext to %q was let through", name, endpoint)
			}
		}
	})
}

func local(endpoint string) bool {
	if strings.HasPrefix(endpoint, "unix:") {
		return true
	}
	rest := endpoint
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		rest = u.Host
	}
	for _, prefix := range []string{"http://", "https://", "dns:///", "passthrough:///"} {
		rest = strings.TrimPrefix(rest, prefix)
	}
	host, _, err := net.SplitHostPort(rest)
	if err != nil {
		host = strings.Trim(rest, "[]")
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
