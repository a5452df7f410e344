package encryptedexport // import "github.com/ordertrace/ordertrace/converter/encryptedexport"

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/config/confignet"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
	otelconf "go.opentelemetry.io/contrib/otelconf/v0.3.0"

	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/finding"
	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/wire"
)

const telemetryKey = "service::telemetry"

// judgeTelemetry judges what the collector says about itself. Its exporters are those of the OpenTelemetry SDK,
// which also read the environment.
func (c *converter) judgeTelemetry(conf *confmap.Conf, findings *finding.List) {
	section, err := conf.Sub(telemetryKey)
	if err != nil {
		findings.Refuse(finding.Undecodable, telemetryKey, "", "is not a map of settings", "correct this section")
		return
	}
	cfg := otelconftelemetry.NewFactory().CreateDefaultConfig()
	if err := section.Unmarshal(&cfg); err != nil {
		findings.Refuse(finding.Undecodable, telemetryKey, "", fmt.Sprintf("cannot be read: %v", err), "correct this section")
		return
	}
	config := cfg.(*otelconftelemetry.Config)
	sends := false
	for i, p := range config.Traces.Processors {
		sends = c.judgeSpanProcessor(fmt.Sprintf("%s::traces::processors[%d]", telemetryKey, i), p, findings) || sends
	}
	for i, p := range config.Logs.Processors {
		sends = c.judgeLogProcessor(fmt.Sprintf("%s::logs::processors[%d]", telemetryKey, i), p, findings) || sends
	}
	for i, r := range config.Metrics.Readers {
		sends = c.judgeReader(fmt.Sprintf("%s::metrics::readers[%d]", telemetryKey, i), r, findings) || sends
	}
	c.judgeEnvironment(sends, findings)
}

func (c *converter) judgeSpanProcessor(key string, p otelconf.SpanProcessor, findings *finding.List) (sends bool) {
	var exporters []otelconf.SpanExporter
	if p.Batch != nil {
		exporters = append(exporters, p.Batch.Exporter)
	}
	if p.Simple != nil {
		exporters = append(exporters, p.Simple.Exporter)
	}
	for _, e := range exporters {
		c.judgeExtras(key, e.AdditionalProperties, findings)
		if e.OTLP != nil {
			sends = true
			c.judgeSDK(key, e.OTLP.Endpoint, e.OTLP.Insecure, findings)
		}
		if e.Zipkin != nil {
			c.judgeSDK(key, e.Zipkin.Endpoint, nil, findings)
		}
	}
	return sends
}

func (c *converter) judgeLogProcessor(key string, p otelconf.LogRecordProcessor, findings *finding.List) (sends bool) {
	var exporters []otelconf.LogRecordExporter
	if p.Batch != nil {
		exporters = append(exporters, p.Batch.Exporter)
	}
	if p.Simple != nil {
		exporters = append(exporters, p.Simple.Exporter)
	}
	for _, e := range exporters {
		c.judgeExtras(key, e.AdditionalProperties, findings)
		if e.OTLP != nil {
			sends = true
			c.judgeSDK(key, e.OTLP.Endpoint, e.OTLP.Insecure, findings)
		}
	}
	return sends
}

func (c *converter) judgeReader(key string, r otelconf.MetricReader, findings *finding.List) (sends bool) {
	if r.Periodic != nil {
		c.judgeExtras(key, r.Periodic.Exporter.AdditionalProperties, findings)
		if otlp := r.Periodic.Exporter.OTLP; otlp != nil {
			sends = true
			c.judgeSDK(key, otlp.Endpoint, otlp.Insecure, findings)
		}
	}
	if r.Pull != nil {
		c.judgeExtras(key, r.Pull.Exporter.AdditionalProperties, findings)
	}
	if r.Pull != nil && r.Pull.Exporter.Prometheus != nil {
		c.judgePull(key+"::pull::exporter::prometheus::host", *r.Pull.Exporter.Prometheus, findings)
	}
	return sends
}

// judgePull judges the reader that listens: it knows neither TLS nor authentication, so only loopback will do.
func (c *converter) judgePull(key string, p otelconf.Prometheus, findings *finding.List) {
	host, port := "localhost", 9464 // the SDK's defaults
	if p.Host != nil {
		host = *p.Host
	}
	if p.Port != nil {
		port = *p.Port
	}
	addr := confignet.AddrConfig{Endpoint: net.JoinHostPort(host, strconv.Itoa(port))}
	if !c.listensInside(key, addr, findings) {
		findings.Refuse(finding.OpenListener, key, host, "answers everybody in clear",
			"listen on 127.0.0.1; where the policy refuses loopback too, push over https instead")
	}
}

// judgeSDK judges an endpoint of the SDK's exporters. The scheme decides; without an endpoint the SDK's default is
// plaintext to the name localhost.
func (c *converter) judgeSDK(key string, endpoint *string, insecure *bool, findings *finding.List) {
	if endpoint == nil || *endpoint == "" {
		findings.Refuse(finding.Plaintext, key, "", "an exporter without an endpoint sends to whatever the environment says, in clear",
			"write endpoint: https://…")
		return
	}
	text := *endpoint
	if !strings.Contains(text, "://") {
		text = "https://" + text
		if insecure != nil && *insecure {
			text = "http://" + *endpoint
		}
	}
	u := wire.HTTP(text)
	if u.Credentials {
		findings.Refuse(finding.URLCredentials, key, wire.Safe(text), "credentials in a URL end up in logs", "use headers")
	}
	if u.Scheme == "https" || u.Scheme == "http" && c.exempt(key, u.Peer, findings) {
		return
	}
	findings.Refuse(finding.Plaintext, key, wire.Safe(text), "sends the collector's own telemetry in clear",
		"write endpoint: https://…, or send to 127.0.0.1; `localhost` is a name, not an address")
}

// judgeExtras refuses exporters that the SDK takes in without a schema.
func (c *converter) judgeExtras(key string, extras any, findings *finding.List) {
	m, isMap := extras.(map[string]any)
	if extras == nil || isMap && len(m) == 0 {
		return
	}
	findings.Refuse(finding.UnknownType, key, strings.Join(sortedKeys(m), ","), "nobody has judged how this exporter sends", "use otlp")
}

// judgeEnvironment knows that the SDK applies the environment first and the configuration on top, so that a
// plaintext endpoint or OTEL_EXPORTER_OTLP_INSECURE silently turns an explicit https endpoint into plaintext.
// Without an SDK exporter nothing reads these variables: then they are only worth a warning.
func (c *converter) judgeEnvironment(sends bool, findings *finding.List) {
	file := findings.Warn
	if sends {
		file = findings.Refuse
	}
	for _, signal := range []string{"", "TRACES_", "METRICS_", "LOGS_"} {
		name := "OTEL_EXPORTER_OTLP_" + signal + "INSECURE"
		if value := strings.TrimSpace(c.getenv(name)); value != "" && !strings.EqualFold(value, "false") {
			file(finding.Environment, name, value, "turns TLS off under the configuration", "unset it for the collector")
		}
		name = "OTEL_EXPORTER_OTLP_" + signal + "ENDPOINT"
		if value := strings.TrimSpace(c.getenv(name)); value != "" && wire.HTTP(value).Scheme != "https" {
			file(finding.Environment, name, wire.Safe(value), "turns TLS off under the configuration", "unset it for the collector")
		}
	}
}
