// Package piiredact is the processor pii_redact: personal and secret data leave the collector neither in a
// value nor in a key, in no field of traces, logs and metrics.
//
// This package walks pdata and writes telemetry. What a text holds is found by internal/scan (a gate over
// eight bytes a step, then finders anchored at '@', digits, separators and prefixes, then validators and
// context), what a key means by internal/meaning, what is done by internal/policy, and internal/redact puts
// these together over plain strings.
//
// It does not decide who may read what is left, and it does not look into compressed or encrypted bytes.
package piiredact

//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml
