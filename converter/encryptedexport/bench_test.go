package encryptedexport

import (
	"context"
	"testing"
)

// BenchmarkConvert judges a configuration of a gateway's size; it runs once per start or reload.
func BenchmarkConvert(b *testing.B) {
	conf := fromYAML(b, `
exporters:
  otlp_grpc/jaeger: {endpoint: "jaeger:4317", tls: {ca_file: /ca}, sending_queue: {storage: file_storage}}
  otlp_http/prometheus: {endpoint: "https://prometheus:9090/api/v1/otlp"}
  load_balancing: {resolver: {dns: {hostname: gw}}}
  file/logs: {path: /var/log/x}
receivers: {otlp: {protocols: {grpc: {middlewares: [{id: rbac_auth}]}, http: {middlewares: [{id: rbac_auth}]}}}}
`)
	c, _ := strictConverter(nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Convert(context.Background(), conf); err != nil {
			b.Fatal(err)
		}
	}
}
