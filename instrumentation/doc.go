// Package instrumentation is what a service imports so that its orders can be
// followed: orderctx carries order and session ids, orderhttp and orderamqp
// take them and the trace context across HTTP and RabbitMQ.
//
// The packages need the OpenTelemetry API and SDK and nothing of the
// collector; a test holds this. They create no exporter and set no global:
// where telemetry goes stays the service's own decision.
//
// See docs/guide/instrumentation-go.md.
package instrumentation
