package policy

// Methods maps the exact gRPC methods of senders to what they need. Everything else is denied.
var Methods = map[string]Permission{
	"/opentelemetry.proto.collector.trace.v1.TraceService/Export":     TracesWrite,
	"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": MetricsWrite,
	"/opentelemetry.proto.collector.logs.v1.LogsService/Export":       LogsWrite,
}

// Paths maps the exact default HTTP paths of senders to what they need. Everything else is denied.
var Paths = map[string]Permission{
	"/v1/traces":  TracesWrite,
	"/v1/metrics": MetricsWrite,
	"/v1/logs":    LogsWrite,
}
