// Package backend starts and stops the real servers that telemetry and the demo shop need: RabbitMQ,
// PostgreSQL, Jaeger, Prometheus, Alertmanager, and a receiver for Alertmanager's webhooks.
//
// Everything listens on loopback only, on ports that were free a moment before, and keeps its data in a
// folder that is gone after Stop. A server that cannot be found is an error with the command that gets it.
// Nothing outlives us: a child is sent a signal by the kernel when we die, however we die.
//
//	site, err := backend.NewSite(logs)
//	defer site.Stop()
//	jaeger, err := site.Jaeger(ctx, backend.JaegerOptions{})
//	// send OTLP to jaeger.OTLP, ask http://<jaeger.Query>/api/v3/…
//
// It runs them for the demo and for tests. It does not configure a production deployment.
package backend
