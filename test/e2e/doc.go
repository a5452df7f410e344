// Package e2e proves the promises of the README with real servers: RabbitMQ, PostgreSQL, Jaeger, Prometheus
// and Alertmanager, and the built collector. Its tests carry the build tag e2e and run in `make test`; a server
// that is missing is a failure, never a skip.
package e2e
