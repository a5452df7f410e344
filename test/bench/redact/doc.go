// Package redact compares what pii_redact costs with contrib's redaction processor with twelve equivalent patterns, on
// the same batches of traces, logs and metrics, clean and with personal data in one of ten, in one run:
//
//	go test ./test/bench/redact -count=1 -run=CostTable -v
package redact
