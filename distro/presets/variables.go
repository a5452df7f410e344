package presets

import "slices"

const hmacMeaning = "key file for pseudonyms, the same on all hosts; make one: ordertrace keys new --kind hmac"

// webhookVariables say where Alertmanager tells of alerts.
func webhookVariables() []Variable {
	return []Variable{
		{Name: "ORDERTRACE_ALERT_WEBHOOK", Default: "false", Meaning: "true: Alertmanager tells of alerts, so that the time to detect is known; false: every incident counts as undetected"},
		{Name: "ORDERTRACE_ALERT_ENDPOINT", Default: "127.0.0.1:9095", Meaning: "where Alertmanager's notifications are taken; beyond loopback only with webhook::tls"},
		{Name: "ORDERTRACE_ALERT_TOKEN", Meaning: "file with the bearer token that Alertmanager shows; required with ORDERTRACE_ALERT_WEBHOOK=true"},
	}
}

func listenVariables(host, dir string) []Variable {
	return []Variable{
		{Name: "ORDERTRACE_OTLP_GRPC_ENDPOINT", Default: host + ":4317", Meaning: "where OTLP over gRPC is taken"},
		{Name: "ORDERTRACE_OTLP_HTTP_ENDPOINT", Default: host + ":4318", Meaning: "where OTLP over HTTP is taken"},
		{Name: "ORDERTRACE_HEALTH_ENDPOINT", Default: "127.0.0.1:13133", Meaning: "where health is answered (GET /)"},
		{Name: "ORDERTRACE_METRICS_PORT", Default: "8888", Meaning: "loopback port of the collector's own metrics"},
		{Name: "ORDERTRACE_DATA_DIR", Default: dir, Meaning: "queues and log files; made when absent"},
	}
}

func standaloneVariables() []Variable {
	return slices.Concat(listenVariables("127.0.0.1", "./ordertrace-data"), webhookVariables(), []Variable{
		{Name: "ORDERTRACE_JAEGER_OTLP", Default: "127.0.0.1:14317", Meaning: "Jaeger's OTLP over gRPC, in clear on loopback"},
		{Name: "ORDERTRACE_PROMETHEUS_OTLP", Default: "http://127.0.0.1:9090/api/v1/otlp", Meaning: "Prometheus' OTLP receiver"},
		{Name: "ORDERTRACE_INSTANCE", Default: "standalone", Meaning: "name of this host in its metrics"},
		{Name: "ORDERTRACE_HMAC_KEY", Meaning: hmacMeaning + "; unset: a random key of this start"},
	})
}

func agentVariables() []Variable {
	return append([]Variable{
		{Name: "ORDERTRACE_INSTANCE", Required: true, Meaning: "name of this host, unique among the agents"},
		{Name: "ORDERTRACE_GATEWAYS", Required: true, Meaning: "the gateways' OTLP/gRPC addresses, as a YAML list: [gw1.example:4317, gw2.example:4317]; several only if they run preset:relay, since two that judge would each see half of an order"},
		{Name: "ORDERTRACE_GATEWAY_CA", Required: true, Meaning: "PEM file of the authority that signed the gateways' certificates"},
		{Name: "ORDERTRACE_TOKEN_FILE", Required: true, Meaning: "file with this agent's token; make one: ordertrace token new"},
		{Name: "ORDERTRACE_HMAC_KEY", Required: true, Meaning: hmacMeaning},
		{Name: "ORDERTRACE_LOG_FILES", Default: "[/var/log/ordertrace-shop/*.log]", Meaning: "log files to read, as a YAML list of globs"},
	}, listenVariables("127.0.0.1", "/var/lib/ordertrace")...)
}

func gatewayVariables() []Variable {
	return slices.Concat([]Variable{
		{Name: "ORDERTRACE_TLS_CERT", Required: true, Meaning: "PEM certificate of this gateway; for a trial: ordertrace certs dev"},
		{Name: "ORDERTRACE_TLS_KEY", Required: true, Meaning: "PEM key of that certificate"},
		{Name: "ORDERTRACE_CLIENT_CA", Required: true, Meaning: "PEM file of the authority whose client certificates are accepted on the mTLS listener"},
		{Name: "ORDERTRACE_POLICY", Required: true, Meaning: "policy file: roles and what they may do"},
		{Name: "ORDERTRACE_TOKENS", Required: true, Meaning: "file with the hashes of the senders' tokens; add one: ordertrace token new"},
		{Name: "ORDERTRACE_HMAC_KEY", Required: true, Meaning: hmacMeaning},
		{Name: "ORDERTRACE_JAEGER_OTLP", Required: true, Meaning: "Jaeger's OTLP over gRPC with TLS: host:port"},
		{Name: "ORDERTRACE_PROMETHEUS_OTLP", Required: true, Meaning: "Prometheus' OTLP receiver: https://host:port/api/v1/otlp"},
		{Name: "ORDERTRACE_BACKEND_CA", Required: true, Meaning: "PEM file of the authority that signed the back ends' certificates"},
		{Name: "ORDERTRACE_BACKEND_CERT", Required: true, Meaning: "PEM client certificate shown to the back ends"},
		{Name: "ORDERTRACE_BACKEND_KEY", Required: true, Meaning: "PEM key of that certificate"},
		{Name: "ORDERTRACE_INSTANCE", Default: "gateway", Meaning: "name of this host in its metrics"},
		{Name: "ORDERTRACE_OTLP_MTLS_ENDPOINT", Default: "0.0.0.0:4319", Meaning: "where OTLP over gRPC is taken from senders with a client certificate"},
	}, webhookVariables(), listenVariables("0.0.0.0", "/var/lib/ordertrace"))
}

func judgeVariables() []Variable {
	return append([]Variable{
		{Name: "ORDERTRACE_TLS_CERT", Required: true, Meaning: "PEM certificate of this judge; for a trial: ordertrace certs dev"},
		{Name: "ORDERTRACE_TLS_KEY", Required: true, Meaning: "PEM key of that certificate"},
		{Name: "ORDERTRACE_CLIENT_CA", Required: true, Meaning: "PEM file of the authority that signed the gateways' client certificates"},
		{Name: "ORDERTRACE_POLICY", Required: true, Meaning: "policy file: roles, and the gateways' certificates, whose role may write logs"},
		{Name: "ORDERTRACE_RELAYS", Default: `["*"]`, Meaning: "the gateways that are believed, as a YAML list of their ORDERTRACE_INSTANCE; *: whoever the policy admits"},
		{Name: "ORDERTRACE_PROMETHEUS_OTLP", Required: true, Meaning: "Prometheus' OTLP receiver: https://host:port/api/v1/otlp"},
		{Name: "ORDERTRACE_BACKEND_CA", Required: true, Meaning: "PEM file of the authority that signed Prometheus' certificate"},
		{Name: "ORDERTRACE_BACKEND_CERT", Required: true, Meaning: "PEM client certificate shown to Prometheus"},
		{Name: "ORDERTRACE_BACKEND_KEY", Required: true, Meaning: "PEM key of that certificate"},
		{Name: "ORDERTRACE_OTLP_MTLS_ENDPOINT", Default: "0.0.0.0:4319", Meaning: "where the gateways' order events are taken"},
		{Name: "ORDERTRACE_HEALTH_ENDPOINT", Default: "127.0.0.1:13133", Meaning: "where health is answered (GET /)"},
		{Name: "ORDERTRACE_METRICS_PORT", Default: "8888", Meaning: "loopback port of the collector's own metrics"},
		{Name: "ORDERTRACE_DATA_DIR", Default: "/var/lib/ordertrace", Meaning: "orders, queues and log files; made when absent; a standby takes it over"},
	}, webhookVariables()...)
}

func relayVariables() []Variable {
	return []Variable{
		{Name: "ORDERTRACE_INSTANCE", Required: true, Meaning: "name of this gateway, unique among the gateways: by it the judge knows whether it lives"},
		{Name: "ORDERTRACE_BROADCAST", Default: "null", Meaning: "the Redis or Valkey over which gateways tell each other what traces meet at, as YAML: {redis: \"rediss://host:6379\", password: …, tls: {ca_file: …}}; unset: they do not"},
		{Name: "ORDERTRACE_JUDGE_OTLP", Required: true, Meaning: "the judge's OTLP over gRPC with TLS: host:port"},
		{Name: "ORDERTRACE_BACKEND_CA", Required: true, Meaning: "PEM file of the authority that signed the judge's certificate"},
		{Name: "ORDERTRACE_BACKEND_CERT", Required: true, Meaning: "PEM client certificate shown to the judge"},
		{Name: "ORDERTRACE_BACKEND_KEY", Required: true, Meaning: "PEM key of that certificate"},
	}
}
