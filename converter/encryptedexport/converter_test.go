package encryptedexport

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/policy"
)

// fromYAML reads a configuration and puts the named exporters into a pipeline.
func fromYAML(t testing.TB, text string) *confmap.Conf {
	t.Helper()
	var raw map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &raw))
	conf := confmap.NewFromStringMap(raw)
	if _, ok := raw["service"]; ok {
		return conf
	}
	names := []any{}
	if exporters, ok := raw["exporters"].(map[string]any); ok {
		for name := range exporters {
			names = append(names, name)
		}
	}
	require.NoError(t, conf.Merge(confmap.NewFromStringMap(map[string]any{
		"service": map[string]any{"pipelines": map[string]any{"traces": map[string]any{"exporters": names}}},
	})))
	return conf
}

func strictConverter(env map[string]string) (*converter, *observer.ObservedLogs) {
	core, logs := observer.New(zap.DebugLevel)
	return &converter{
		logger: zap.New(core), policy: policy.Strict(), now: time.Now,
		getenv: func(key string) string { return env[key] },
	}, logs
}

func TestPlaintextIsRefusedForEveryExporter(t *testing.T) {
	for name, tc := range map[string]struct{ config, key, rule string }{
		"grpc insecure":               {`exporters: {otlp_grpc: {endpoint: "jaeger:4317", tls: {insecure: true}}}`, "exporters::otlp_grpc::tls::insecure", "plaintext"},
		"grpc by its old name":        {`exporters: {otlp: {endpoint: "jaeger:4317", tls: {insecure: true}}}`, "exporters::otlp::tls::insecure", "plaintext"},
		"grpc https and insecure":     {`exporters: {otlp_grpc: {endpoint: "https://jaeger:4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc ca and insecure":        {`exporters: {otlp_grpc: {endpoint: "jaeger:4317", tls: {insecure: true, ca_file: /ca}}}`, "tls::insecure", "plaintext"},
		"grpc named localhost":        {`exporters: {otlp_grpc: {endpoint: "localhost:4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc localhost look-alike":   {`exporters: {otlp_grpc: {endpoint: "localhost.evil:4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc loopback look-alike":    {`exporters: {otlp_grpc: {endpoint: "127.0.0.1.evil:4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc decimal loopback":       {`exporters: {otlp_grpc: {endpoint: "2130706433:4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc short loopback":         {`exporters: {otlp_grpc: {endpoint: "127.1:4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc octal loopback":         {`exporters: {otlp_grpc: {endpoint: "0177.0.0.1:4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc any address":            {`exporters: {otlp_grpc: {endpoint: "0.0.0.0:4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc unspecified v6":         {`exporters: {otlp_grpc: {endpoint: "[::]:4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc empty host":             {`exporters: {otlp_grpc: {endpoint: ":4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc two targets":            {`exporters: {otlp_grpc: {endpoint: "127.0.0.1:4317,evil:4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc foreign resolver":       {`exporters: {otlp_grpc: {endpoint: "dns://evil/127.0.0.1:4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc xds":                    {`exporters: {otlp_grpc: {endpoint: "xds:///127.0.0.1:4317", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc abstract socket":        {`exporters: {otlp_grpc: {endpoint: "unix-abstract:x", tls: {insecure: true}}}`, "tls::insecure", "plaintext"},
		"grpc socket in /tmp":         {`exporters: {otlp_grpc: {endpoint: "unix:///tmp/x.sock", tls: {insecure: true}}}`, "exporters::otlp_grpc::endpoint", "plaintext"},
		"grpc unverified":             {`exporters: {otlp_grpc: {endpoint: "jaeger:4317", tls: {insecure_skip_verify: true}}}`, "insecure_skip_verify", "unverified_tls"},
		"grpc old TLS":                {`exporters: {otlp_grpc: {endpoint: "jaeger:4317", tls: {min_version: "1.0"}}}`, "tls::min_version", "weak_tls"},
		"grpc capped TLS":             {`exporters: {otlp_grpc: {endpoint: "jaeger:4317", tls: {min_version: "1.0", max_version: "1.1"}}}`, "tls::max_version", "weak_tls"},
		"grpc broken suites":          {`exporters: {otlp_grpc: {endpoint: "jaeger:4317", tls: {include_insecure_cipher_suites: true, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}}}`, "tls::cipher_suites", "weak_tls"},
		"grpc password in endpoint":   {`exporters: {otlp_grpc: {endpoint: "https://u:hunter2@jaeger:4317"}}`, "endpoint", "url_credentials"},
		"http":                        {`exporters: {otlp_http: {endpoint: "http://prometheus:9090/api/v1/otlp"}}`, "exporters::otlp_http::endpoint", "plaintext"},
		"http by its old name":        {`exporters: {otlphttp/x: {endpoint: "http://prometheus:9090"}}`, "exporters::otlphttp/x::endpoint", "plaintext"},
		"http in capitals":            {`exporters: {otlp_http: {endpoint: "HTTP://prometheus:9090"}}`, "endpoint", "plaintext"},
		"http with a tls block":       {`exporters: {otlp_http: {endpoint: "http://prometheus:9090", tls: {insecure: false, ca_file: /ca}}}`, "endpoint", "plaintext"},
		"http for one signal":         {`exporters: {otlp_http: {endpoint: "https://a", traces_endpoint: "http://b/v1/traces"}}`, "traces_endpoint", "plaintext"},
		"http metrics":                {`exporters: {otlp_http: {metrics_endpoint: "http://b"}}`, "metrics_endpoint", "plaintext"},
		"http logs":                   {`exporters: {otlp_http: {logs_endpoint: "http://b"}}`, "logs_endpoint", "plaintext"},
		"http profiles":               {`exporters: {otlp_http: {profiles_endpoint: "http://b"}}`, "profiles_endpoint", "plaintext"},
		"http named localhost":        {`exporters: {otlp_http: {endpoint: "http://localhost:9090"}}`, "endpoint", "plaintext"},
		"http user info":              {`exporters: {otlp_http: {endpoint: "http://127.0.0.1@evil:9090"}}`, "endpoint", "plaintext"},
		"http without a scheme":       {`exporters: {otlp_http: {endpoint: "prometheus:9090"}}`, "endpoint", "plaintext"},
		"http leading space":          {`exporters: {otlp_http: {endpoint: " https://prometheus:9090"}}`, "endpoint", "plaintext"},
		"http through a proxy":        {`exporters: {otlp_http: {endpoint: "http://127.0.0.1:9090", proxy_url: "http://evil:3128"}}`, "proxy_url", "plaintext"},
		"https with a password":       {`exporters: {otlp_http: {endpoint: "https://u:hunter2@p"}}`, "endpoint", "url_credentials"},
		"https with a token":          {`exporters: {otlp_http: {endpoint: "https://p/x?access_token=hunter2"}}`, "endpoint", "url_credentials"},
		"https unverified":            {`exporters: {otlp_http: {endpoint: "https://p", tls: {insecure_skip_verify: true}}}`, "insecure_skip_verify", "unverified_tls"},
		"kafka without tls":           {`exporters: {kafka: {brokers: ["k:9092"]}}`, "exporters::kafka::tls", "plaintext"},
		"kafka default broker":        {`exporters: {kafka: {}}`, "exporters::kafka::tls", "plaintext"},
		"kafka nil section":           {`exporters: {kafka: }`, "exporters::kafka::tls", "plaintext"},
		"kafka loopback bootstrap":    {`exporters: {kafka: {brokers: ["127.0.0.1:9092"]}}`, "exporters::kafka::tls", "plaintext"},
		"kafka tls dropped":           {`exporters: {kafka: {brokers: ["k:9093"], tls: {insecure: true}}}`, "exporters::kafka::tls", "plaintext"},
		"kafka password":              {`exporters: {kafka: {brokers: ["k:9092"], auth: {sasl: {mechanism: PLAIN, username: u, password: hunter2}}}}`, "SASL", "plaintext"},
		"kafka unverified":            {`exporters: {kafka: {brokers: ["k:9093"], tls: {insecure_skip_verify: true}}}`, "insecure_skip_verify", "unverified_tls"},
		"load balancing":              {`exporters: {load_balancing: {protocol: {otlp: {tls: {insecure: true}}}, resolver: {static: {hostnames: ["127.0.0.1:4317", "gw2:4317"]}}}}`, "in clear to gw2:4317", "plaintext"},
		"load balancing, old name":    {`exporters: {loadbalancing: {protocol: {otlp: {tls: {insecure: true}}}, resolver: {dns: {hostname: gw}}}}`, "protocol::otlp::tls::insecure", "plaintext"},
		"load balancing endpoint":     {`exporters: {load_balancing: {protocol: {otlp: {endpoint: "127.0.0.1:1", tls: {insecure: true}}}, resolver: {dns: {hostname: gw}}}}`, "protocol::otlp::tls::insecure", "plaintext"},
		"remote write":                {`exporters: {prometheus_remote_write: {endpoint: "http://p/api/v1/write"}}`, "endpoint", "plaintext"},
		"remote write, old name":      {`exporters: {prometheusremotewrite: {endpoint: "http://p/api/v1/write"}}`, "endpoint", "plaintext"},
		"prometheus listener":         {`exporters: {prometheus: {endpoint: "0.0.0.0:8889"}}`, "exporters::prometheus::tls", "plaintext"},
		"prometheus without a door":   {`exporters: {prometheus: {endpoint: ":8889", tls: {cert_file: /c, key_file: /k}}}`, "exporters::prometheus", "open_listener"},
		"debug detailed":              {`exporters: {debug: {verbosity: detailed}}`, "exporters::debug::verbosity", "debug_detailed"},
		"unknown type":                {`exporters: {zipkin: {endpoint: "https://z"}}`, "exporters::zipkin", "unknown_type"},
		"id with spaces":              {`exporters: {"otlp_grpc / x": {endpoint: "127.0.0.1:1"}}`, "exporters::otlp_grpc / x", "undecodable"},
		"unknown key":                 {`exporters: {otlp_grpc: {endpoint: "127.0.0.1:1", endpiont: x}}`, "exporters::otlp_grpc", "undecodable"},
		"no map":                      {`exporters: {otlp_grpc: [x]}`, "exporters::otlp_grpc", "undecodable"},
		"exporters is a list":         {`exporters: [x]`, "exporters", "undecodable"},
		"own traces":                  {`service: {telemetry: {traces: {processors: [{batch: {exporter: {otlp: {protocol: grpc, endpoint: "http://j:4317"}}}}]}}}`, "service::telemetry::traces::processors[0]", "plaintext"},
		"own traces without a scheme": {`service: {telemetry: {traces: {processors: [{simple: {exporter: {otlp: {protocol: grpc, endpoint: "j:4317", insecure: true}}}}]}}}`, "service::telemetry::traces::processors[0]", "plaintext"},
		"own traces, no endpoint":     {`service: {telemetry: {traces: {processors: [{batch: {exporter: {otlp: {protocol: grpc}}}}]}}}`, "service::telemetry", "undecodable"},
		"own metrics":                 {`service: {telemetry: {metrics: {readers: [{periodic: {exporter: {otlp: {protocol: http/protobuf, endpoint: "http://p"}}}}]}}}`, "metrics::readers[0]", "plaintext"},
		"own metrics, no endpoint":    {`service: {telemetry: {metrics: {readers: [{periodic: {exporter: {otlp: {protocol: http/protobuf}}}}]}}}`, "metrics::readers[0]", "plaintext"},
		"own metrics listener":        {`service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 0.0.0.0, port: 8888}}}}]}}}`, "prometheus::host", "open_listener"},
		"own logs":                    {`service: {telemetry: {logs: {processors: [{batch: {exporter: {otlp: {protocol: http/protobuf, endpoint: "http://p"}}}}]}}}`, "logs::processors[0]", "plaintext"},
		"door without middleware":     {`receivers: {otlp: {protocols: {http: {auth: {authenticator: rbac_auth}}}}}`, "receivers::otlp::protocols::http::auth::authenticator", "open_door"},
		"door with another's":         {`receivers: {otlp: {protocols: {grpc: {auth: {authenticator: rbac_auth/a}, middlewares: [{id: rbac_auth/b}]}}}}`, "auth::authenticator", "open_door"},
		"door with query parameters":  {`receivers: {otlp: {protocols: {http: {middlewares: [{id: rbac_auth}], auth: {authenticator: basicauth, request_params: [Authorization]}}}}}`, "request_params", "open_door"},
		"two doors":                   {`receivers: {otlp: {protocols: {grpc: {middlewares: [{id: rbac_auth}, {id: rbac_auth/b}]}}}}`, "middlewares", "open_door"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := strictConverter(nil)
			err := c.Convert(context.Background(), fromYAML(t, tc.config))
			require.Error(t, err)
			assert.Contains(t, err.Error(), tc.key)
			assert.Contains(t, err.Error(), tc.rule)
			assert.NotContains(t, err.Error(), "hunter2", "an error never shows a credential")
		})
	}
}

func TestEncryptedAndLoopbackExportPasses(t *testing.T) {
	private := t.TempDir()
	require.NoError(t, os.Chmod(private, 0o700))
	for name, config := range map[string]string{
		"empty":                  `{}`,
		"grpc TLS":               `exporters: {otlp_grpc: {endpoint: "jaeger:4317", tls: {ca_file: /ca, cert_file: /c, key_file: /k}}}`,
		"grpc TLS by default":    `exporters: {otlp: {endpoint: "jaeger:4317"}}`,
		"grpc loopback":          `exporters: {otlp_grpc: {endpoint: "127.0.0.1:14317", tls: {insecure: true}}}`,
		"grpc all of 127/8":      `exporters: {otlp_grpc: {endpoint: "127.9.9.9:14317", tls: {insecure: true}}}`,
		"grpc loopback v6":       `exporters: {otlp_grpc: {endpoint: "[::1]:14317", tls: {insecure: true}}}`,
		"grpc mapped loopback":   `exporters: {otlp_grpc: {endpoint: "[::ffff:127.0.0.1]:14317", tls: {insecure: true}}}`,
		"grpc loopback, scheme":  `exporters: {otlp_grpc: {endpoint: "http://127.0.0.1:14317", tls: {insecure: true}}}`,
		"grpc loopback, dns":     `exporters: {otlp_grpc: {endpoint: "dns:///127.0.0.1:14317", tls: {insecure: true}}}`,
		"grpc private socket":    `exporters: {otlp_grpc: {endpoint: "unix://` + filepath.Join(private, "s") + `", tls: {insecure: true}}}`,
		"https":                  `exporters: {otlp_http: {endpoint: "https://p:9090/api/v1/otlp"}}`,
		"http loopback":          `exporters: {otlp_http: {endpoint: "http://127.0.0.1:9090/api/v1/otlp"}}`,
		"http loopback v6":       `exporters: {otlphttp: {endpoint: "http://[::1]:9090"}}`,
		"kafka TLS":              `exporters: {kafka: {brokers: ["k:9093"], tls: {ca_file: /ca}}}`,
		"kafka old TLS place":    `exporters: {kafka: {brokers: ["k:9093"], auth: {tls: {ca_file: /ca}}}}`,
		"load balancing TLS":     `exporters: {load_balancing: {resolver: {dns: {hostname: gw}}}}`,
		"load balancing local":   `exporters: {load_balancing: {protocol: {otlp: {tls: {insecure: true}}}, resolver: {static: {hostnames: ["127.0.0.1"]}}}}`,
		"remote write":           `exporters: {prometheus_remote_write: {endpoint: "https://p/api/v1/write"}}`,
		"prometheus loopback":    `exporters: {prometheus: {endpoint: "127.0.0.1:8889"}}`,
		"prometheus localhost":   `exporters: {prometheus: {endpoint: "localhost:8889"}}`,
		"prometheus mTLS":        `exporters: {prometheus: {endpoint: ":8889", tls: {cert_file: /c, key_file: /k, client_ca_file: /ca}}}`,
		"prometheus door":        `exporters: {prometheus: {endpoint: ":8889", tls: {cert_file: /c, key_file: /k}, auth: {authenticator: basicauth}}}`,
		"file":                   `exporters: {file: {path: /tmp/x}}`,
		"debug":                  `exporters: {debug: }`,
		"unused plaintext":       `{exporters: {otlp_grpc: {endpoint: "j:1", tls: {insecure: true}}, debug: }, service: {pipelines: {traces: {exporters: [debug]}}}}`,
		"own metrics on default": `service: {telemetry: {metrics: {level: detailed}}}`,
		"own metrics on loop":    `service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 8888}}}}]}}}`,
		"own traces over TLS":    `service: {telemetry: {traces: {processors: [{batch: {exporter: {otlp: {protocol: grpc, endpoint: "https://j:4317"}}}}]}}}`,
		"own traces, no scheme":  `service: {telemetry: {traces: {processors: [{batch: {exporter: {otlp: {protocol: grpc, endpoint: "j:4317"}}}}]}}}`,
		"door":                   `receivers: {otlp: {protocols: {http: {middlewares: [{id: rbac_auth}]}, grpc: {auth: {authenticator: rbac_auth}, middlewares: [{id: rbac_auth}]}}}}`,
		"another authenticator":  `receivers: {otlp: {protocols: {http: {auth: {authenticator: oidc}}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := strictConverter(nil)
			assert.NoError(t, c.Convert(context.Background(), fromYAML(t, config)))
		})
	}
}

func TestConvertNamesAllProblemsAndChangesNothing(t *testing.T) {
	c, _ := strictConverter(nil)
	conf := fromYAML(t, `
exporters:
  otlp_grpc: {endpoint: "j:4317", tls: {insecure: true}}
  otlp_http: {endpoint: "http://p"}
  kafka: {}
  nonsense: {}
`)
	before := conf.ToStringMap()
	err := c.Convert(context.Background(), conf)
	require.Error(t, err)
	for _, key := range []string{"exporters::otlp_grpc", "exporters::otlp_http", "exporters::kafka", "exporters::nonsense"} {
		assert.Contains(t, err.Error(), key)
	}
	assert.Equal(t, before, conf.ToStringMap())
}

func TestPipelineListsAreReadAsTheCollectorReadsThem(t *testing.T) {
	c, _ := strictConverter(nil)
	for _, list := range []string{`"debug,otlp_grpc"`, `[" otlp_grpc "]`, `{broken: 1}`} {
		conf := fromYAML(t, `{exporters: {debug: , otlp_grpc: {endpoint: "j:1", tls: {insecure: true}}}, service: {pipelines: {traces: {exporters: `+list+`}}}}`)
		assert.Error(t, c.Convert(context.Background(), conf), list)
	}
}

func TestEnvironmentThatTurnsTLSOffIsRefusedWhereSomethingReadsIt(t *testing.T) {
	sending := `service: {telemetry: {traces: {processors: [{batch: {exporter: {otlp: {protocol: grpc, endpoint: "https://j:4317"}}}}]}}}`
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_INSECURE":         "true",
		"OTEL_EXPORTER_OTLP_TRACES_INSECURE":  "1",
		"OTEL_EXPORTER_OTLP_ENDPOINT":         "http://127.0.0.1:4317",
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://h:4318",
		"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT":    "h:4318",
	} {
		c, _ := strictConverter(map[string]string{name: value})
		err := c.Convert(context.Background(), fromYAML(t, sending))
		require.ErrorContains(t, err, name)

		c, logs := strictConverter(map[string]string{name: value})
		require.NoError(t, c.Convert(context.Background(), fromYAML(t, `{}`)))
		assert.Equal(t, 1, logs.Len(), name)
	}
	c, _ := strictConverter(map[string]string{"OTEL_EXPORTER_OTLP_INSECURE": "false", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://h"})
	assert.NoError(t, c.Convert(context.Background(), fromYAML(t, sending)))
}

// What the policy may allow is refused with the way to the policy.
func TestARefusalThatThePolicyDecidesNamesItsFile(t *testing.T) {
	for config, want := range map[string]string{
		`exporters: {debug: {verbosity: detailed}}`: `exporters::debug::verbosity: "detailed": prints every record in clear (debug_detailed); ` +
			"use basic, or set `debug_detailed: allow` in the export policy, ",
		`exporters: {zipkin: {endpoint: "https://z"}}`: "or except it in the export policy, ",
	} {
		c, _ := strictConverter(nil)
		require.ErrorContains(t, c.Convert(context.Background(), fromYAML(t, config)), want+"/etc/ordertrace/export-policy.yaml (ORDERTRACE_EXPORT_POLICY names another file)")
		c, _ = strictConverter(map[string]string{"ORDERTRACE_EXPORT_POLICY": "/srv/policy.yaml"})
		require.ErrorContains(t, c.Convert(context.Background(), fromYAML(t, config)), want+"/srv/policy.yaml (")
	}
}

func TestWarningsAreLogged(t *testing.T) {
	for config, rule := range map[string]string{
		`exporters: {file: {path: /tmp/x}}`:                                                          "file_in_clear",
		`exporters: {debug: {verbosity: normal}}`:                                                    "debug_detailed",
		`exporters: {otlp_grpc: {endpoint: "http://j:4317"}}`:                                        "plaintext",
		`exporters: {otlp_grpc: {endpoint: "j:4317", sending_queue: {storage: file_storage/queue}}}`: "unsealed_storage",
		`exporters: {otlp_http: {endpoint: "https://j:4317", tls: {insecure: true}}}`:                "weak_tls",
		`processors: {order_enrich: {hold: {journal: file_storage/state}}}`:                          "unsealed_storage",
		`connectors: {sla_metrics: {storage: file_storage}}`:                                         "unsealed_storage",
		`extensions: {order_index: {storage: file_storage/state}}`:                                   "unsealed_storage",
		`extensions: {order_index: {broadcast: {redis: "redis://r:6379"}}}`:                          "plaintext",
		`extensions: {order_index/b: {broadcast: {redis: "REDIS://localhost"}}}`:                     "plaintext",
		`extensions: {order_index/b: {broadcast: {redis: "redis://127.0.0.1@r"}}}`:                   "plaintext",
	} {
		c, logs := strictConverter(nil)
		require.NoError(t, c.Convert(context.Background(), fromYAML(t, config)), config)
		require.Equal(t, 1, logs.Len(), config)
		assert.Equal(t, rule, logs.All()[0].ContextMap()["rule"], config)
	}
}

func TestABroadcastThatIsEncryptedOrStaysHereSaysNothing(t *testing.T) {
	for _, config := range []string{
		`extensions: {order_index: {broadcast: {redis: "rediss://r:6379"}}}`,
		`extensions: {order_index: {broadcast: {redis: "redis://127.0.0.1"}}}`,
		`extensions: {order_index: {broadcast: {redis: "redis://[::1]:7000/2"}}}`,
		`extensions: {order_index: , other: {broadcast: {redis: "redis://r"}}}`,
		`extensions: {order_index: {broadcast: [x]}}`,
	} {
		c, logs := strictConverter(nil)
		require.NoError(t, c.Convert(context.Background(), fromYAML(t, config)), config)
		require.Zero(t, logs.Len(), config)
	}
	c, logs := strictConverter(nil)
	require.NoError(t, c.Convert(context.Background(), fromYAML(t, `extensions: {order_index: {broadcast: {redis: "redis://u:hunter2@r"}}}`)))
	require.Equal(t, 1, logs.Len())
	require.NotContains(t, fmt.Sprint(logs.All()[0].ContextMap()), "hunter2")
}

func TestPolicyMakesStricterAndLooser(t *testing.T) {
	loopback := `exporters: {otlp_grpc: {endpoint: "127.0.0.1:1", tls: {insecure: true}}}`
	c, _ := strictConverter(nil)
	c.policy.Loopback = policy.Refuse
	assert.Error(t, c.Convert(context.Background(), fromYAML(t, loopback)))

	c, _ = strictConverter(nil)
	c.policy.MinTLSVersion = "1.3"
	assert.ErrorContains(t, c.Convert(context.Background(), fromYAML(t, `exporters: {otlp_grpc: {endpoint: "j:1"}}`)), "min_version")
	assert.NoError(t, c.Convert(context.Background(), fromYAML(t, `exporters: {otlp_grpc: {endpoint: "j:1", tls: {min_version: "1.3"}}}`)))
	assert.ErrorContains(t, c.Convert(context.Background(), fromYAML(t, `exporters: {otlp_http: {endpoint: "https://j", tls: {min_version: "1.3", insecure: true}}}`)),
		"min_version", "what `insecure` makes the client ignore does not count")

	c, _ = strictConverter(nil)
	c.policy.File, c.policy.UnsealedStorage, c.policy.DebugDetailed = policy.Refuse, policy.Refuse, policy.Allow
	assert.Error(t, c.Convert(context.Background(), fromYAML(t, `exporters: {file: {path: /x}}`)))
	assert.Error(t, c.Convert(context.Background(), fromYAML(t, `receivers: {file_log: {storage: file_storage}}`)))
	assert.NoError(t, c.Convert(context.Background(), fromYAML(t, `receivers: {file_log: {storage: sealed_storage}}`)))
	assert.NoError(t, c.Convert(context.Background(), fromYAML(t, `exporters: {debug: {verbosity: detailed}}`)))

	c.policy.KafkaLoopback = policy.Allow
	assert.NoError(t, c.Convert(context.Background(), fromYAML(t, `exporters: {kafka: {brokers: ["127.0.0.1:9092"]}}`)))
	assert.Error(t, c.Convert(context.Background(), fromYAML(t, `exporters: {kafka: {brokers: ["127.0.0.1:9092", "k:9092"]}}`)))
}

func TestExceptionEndsOnItsDay(t *testing.T) {
	p, err := policy.Parse([]byte(`exceptions: [{exporter: otlp_http/lab, rule: plaintext, reason: "IPsec below, ticket 7", until: 2030-01-31}]`))
	require.NoError(t, err)
	c, logs := strictConverter(nil)
	c.policy = p
	config := `exporters: {otlp_http/lab: {endpoint: "http://lab"}}`
	c.now = func() time.Time { return time.Date(2030, 1, 30, 23, 59, 0, 0, time.UTC) }
	require.NoError(t, c.Convert(context.Background(), fromYAML(t, config)))
	require.Equal(t, 1, logs.Len())
	assert.Contains(t, logs.All()[0].Message, "ticket 7")
	assert.Error(t, c.Convert(context.Background(), fromYAML(t, `exporters: {otlp_http: {endpoint: "http://lab"}}`)), "another exporter")
	c.now = func() time.Time { return time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC) }
	assert.Error(t, c.Convert(context.Background(), fromYAML(t, config)))
}

func TestBrokenPolicyRefusesEveryConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(path, []byte("loopbak: allow\n"), 0o600))
	t.Setenv(policy.PathVariable, path)
	c := NewFactory().Create(confmap.ConverterSettings{})
	assert.ErrorContains(t, c.Convert(context.Background(), confmap.New()), "loopbak")

	require.NoError(t, os.WriteFile(path, []byte("loopback: refuse\n"), 0o600))
	c = NewFactory().Create(confmap.ConverterSettings{})
	quiet := `service: {telemetry: {metrics: {level: none, readers: []}}}`
	assert.NoError(t, c.Convert(context.Background(), fromYAML(t, quiet)))
	assert.ErrorContains(t, c.Convert(context.Background(), confmap.New()), "open_listener", "the collector's own metrics listener answers in clear")
	assert.Error(t, c.Convert(context.Background(), fromYAML(t, `exporters: {otlp_http: {endpoint: "http://127.0.0.1"}}`)))
}

func TestEveryExporterOfTheManifestHasAnAdapter(t *testing.T) {
	text, err := os.ReadFile("../../builder-config.yaml")
	require.NoError(t, err)
	var manifest struct {
		Exporters []struct {
			GoMod  string `yaml:"gomod"`
			Import string `yaml:"import"`
		} `yaml:"exporters"`
	}
	require.NoError(t, yaml.Unmarshal(text, &manifest))
	require.NotEmpty(t, manifest.Exporters)
	known := map[string]bool{}
	for _, a := range adapters {
		known[reflect.TypeOf(a.factory.CreateDefaultConfig()).Elem().PkgPath()] = true
	}
	for _, e := range manifest.Exporters {
		path, _, _ := strings.Cut(e.GoMod, " ")
		if e.Import != "" {
			path = e.Import
		}
		assert.True(t, known[path], "%s: write an adapter, or it is refused", path)
	}
}
