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

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/metadata"
)

// NewFactory makes the factory of order_enrich.
func NewFactory() processor.Factory {
	return processor.NewFactory(
		metadata.Type,
		createDefaultConfig,
		processor.WithTraces(createTraces, metadata.TracesStability),
		processor.WithLogs(createLogs, metadata.LogsStability),
	)
}

func createTraces(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
	e, err := newEnricher(set, cfg.(*Config), "traces")
	if err != nil {
		return nil, err
	}
	return &tracesProcessor{enricher: e, next: next}, nil
}

func createLogs(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	e, err := newEnricher(set, cfg.(*Config), "logs")
	if err != nil {
		return nil, err
	}
	return &logsProcessor{enricher: e, next: next}, nil
}
