// Package orderenrich is the processor order_enrich: it finds out to which order, session and user the spans and log
// records of a trace belong, and writes that on each of them.
//
// Every payload is walked twice: first all that it says is learnt (by the index, which remembers it for later payloads
// and other signals), then every span and record is stamped. What a service wrote itself is never overwritten.
//
// It does not redact, sample or judge.
//
//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml
package orderenrich
