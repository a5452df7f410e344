package encryptedexport // import "github.com/ordertrace/ordertrace/converter/encryptedexport"

import (
	"fmt"
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/kafkaexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/loadbalancingexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusremotewriteexporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configtelemetry"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"

	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/finding"
	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/policy"
	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/wire"
)

func judgeOTLPGRPC(c *converter, key string, cfg component.Config, findings *finding.List) {
	client := cfg.(*otlpexporter.Config).ClientConfig
	c.judgeGRPC(key, key+"::endpoint", client.Endpoint, client, findings)
}

// judgeOTLPHTTP judges every URL that a signal may use: the common one only where some signal falls back to it.
func judgeOTLPHTTP(c *converter, key string, cfg component.Config, findings *finding.List) {
	config := cfg.(*otlphttpexporter.Config)
	client := config.ClientConfig
	urls := []struct{ key, url string }{
		{"endpoint", client.Endpoint}, {"traces_endpoint", config.TracesEndpoint}, {"metrics_endpoint", config.MetricsEndpoint},
		{"logs_endpoint", config.LogsEndpoint}, {"profiles_endpoint", config.ProfilesEndpoint},
	}
	for _, u := range urls {
		if u.url != "" {
			c.judgeHTTP(key, key+"::"+u.key, u.url, client, findings)
		}
	}
}

func judgeRemoteWrite(c *converter, key string, cfg component.Config, findings *finding.List) {
	config := cfg.(*prometheusremotewriteexporter.Config)
	c.judgeHTTP(key, key+"::endpoint", config.ClientConfig.Endpoint, config.ClientConfig, findings)
	if config.WAL.HasValue() {
		answer(findings, c.policy.UnsealedStorage, finding.UnsealedStorage, key+"::wal", "",
			"the write-ahead log lies on disk in clear", "use sending_queue or an encrypted volume")
	}
}

// judgeLoadBalancing judges each static host; what another resolver will answer is unknown, so it counts as remote.
func judgeLoadBalancing(c *converter, key string, cfg component.Config, findings *finding.List) {
	config := cfg.(*loadbalancingexporter.Config)
	client := config.Protocol.OTLP.ClientConfig
	otlpKey := key + "::protocol::otlp"
	resolver := config.Resolver
	if resolver.Static.HasValue() {
		for i, host := range resolver.Static.Get().Hostnames {
			if !strings.Contains(host, ":") {
				host += ":4317" // the exporter's own default port
			}
			c.judgeGRPC(otlpKey, fmt.Sprintf("%s::resolver::static::hostnames[%d]", key, i), host, client, findings)
		}
	}
	if resolver.DNS.HasValue() || resolver.K8sSvc.HasValue() || resolver.AWSCloudMap.HasValue() || !resolver.Static.HasValue() {
		c.judgeGRPC(otlpKey, key+"::resolver", "whatever the resolver answers", client, findings)
	}
}

// judgeKafka knows that the client speaks TLS only with a tls section, that `insecure` without a CA drops it again,
// and that brokers send their clients to other brokers.
func judgeKafka(c *converter, key string, cfg component.Config, findings *finding.List) {
	config := cfg.(*kafkaexporter.Config)
	tls, tlsKey := config.ClientConfig.TLS, key+"::tls"
	if tls == nil && config.ClientConfig.Authentication.TLS != nil {
		tls, tlsKey = config.ClientConfig.Authentication.TLS, key+"::auth::tls"
	}
	if tls != nil && !tls.Insecure {
		c.judgeClientTLS(tlsKey, *tls, findings)
		return
	}
	local := len(config.ClientConfig.Brokers) > 0
	for _, broker := range config.ClientConfig.Brokers {
		local = local && wire.HostPort(broker).Place == wire.Loopback
	}
	if local && c.policy.KafkaLoopback == policy.Allow {
		return
	}
	why := "the brokers get the telemetry in clear"
	if auth := config.ClientConfig.Authentication; auth.PlainText != nil || auth.SASL != nil {
		why += ", and the SASL exchange with it"
	}
	if local {
		why += "; a broker on loopback may still send its clients to other machines"
	}
	findings.Refuse(finding.Plaintext, tlsKey, wire.Safe(strings.Join(config.ClientConfig.Brokers, ",")), why,
		"add `tls: {ca_file: …}` without `insecure`")
}

// judgePrometheus judges a listener: whoever reaches it reads, so it needs TLS and a door.
func judgePrometheus(c *converter, key string, cfg component.Config, findings *finding.List) {
	server := cfg.(*prometheusexporter.Config).ServerConfig
	if c.listensInside(key+"::endpoint", server.NetAddr, findings) {
		return
	}
	if !server.TLS.HasValue() {
		findings.Refuse(finding.Plaintext, key+"::tls", wire.Safe(server.NetAddr.Endpoint), "the listener answers in clear",
			"add `tls: {cert_file: …, key_file: …, client_ca_file: …}` or listen on 127.0.0.1")
		return
	}
	tls := server.TLS.Get()
	c.judgeTLS(key+"::tls", tls.Config, findings)
	if tls.ClientCAFile == "" && !server.Auth.HasValue() {
		findings.Refuse(finding.OpenListener, key, wire.Safe(server.NetAddr.Endpoint), "the listener answers everybody",
			"add tls::client_ca_file or `auth:`")
	}
}

func judgeFile(c *converter, key string, cfg component.Config, findings *finding.List) {
	config := cfg.(*fileexporter.Config)
	answer(findings, c.policy.File, finding.FileInClear, key+"::path", config.Path, "the file is written in clear",
		"put it on an encrypted volume with a narrow mode")
}

func judgeDebug(c *converter, key string, cfg component.Config, findings *finding.List) {
	config := cfg.(*debugexporter.Config)
	switch config.Verbosity {
	case configtelemetry.LevelNone, configtelemetry.LevelBasic:
	case configtelemetry.LevelNormal:
		findings.Warn(finding.DebugDetailed, key+"::verbosity", "normal", "prints attributes of every record in clear",
			"use basic outside of an investigation")
	default:
		answer(findings, c.policy.DebugDetailed, finding.DebugDetailed, key+"::verbosity", strings.ToLower(config.Verbosity.String()),
			"prints every record in clear", "use basic, or set `debug_detailed: allow` in "+c.policyFile())
	}
}
