package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

const defaultEndpoint = "http://127.0.0.1:4317"

// telemetry is one service's SDK.
type telemetry struct {
	log      *slog.Logger
	shutdown func(context.Context) error
}

// startTelemetry sets the global tracer provider and propagator. Everything
// else (endpoint, headers, certificates) is read by the SDK from its own
// environment variables.
func startTelemetry(ctx context.Context, name string, cfg Config) (telemetry, error) {
	otel.SetTextMapPropagator(orderctx.Propagator())
	otel.SetErrorHandler(newQuietErrors())
	if os.Getenv("OTEL_SDK_DISABLED") == "true" {
		return telemetry{log: slog.New(slog.DiscardHandler), shutdown: func(context.Context) error { return nil }}, nil
	}
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" {
		if err := os.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", defaultEndpoint); err != nil {
			return telemetry{}, err
		}
	}
	res, err := resource.New(ctx, resource.WithHost(), resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", name),
		attribute.String("service.namespace", "shop"),
		attribute.String("service.version", "1.0.0"),
		attribute.String("service.instance.id", fmt.Sprintf("%s-%d", name, os.Getpid())),
		attribute.String("deployment.environment.name", "demo"),
	), resource.WithFromEnv())
	if err != nil {
		return telemetry{}, fmt.Errorf("describe the service: %w", err)
	}
	spans, err := otlptracegrpc.New(ctx)
	if err != nil {
		return telemetry{}, fmt.Errorf("set up the trace exporter: %w", err)
	}
	logs, err := otlploggrpc.New(ctx)
	if err != nil {
		return telemetry{}, fmt.Errorf("set up the log exporter: %w", err)
	}
	tracers := sdktrace.NewTracerProvider(append(stamping(name, cfg.Stamp),
		sdktrace.WithResource(res),
		sdktrace.WithBatcher(spans, sdktrace.WithBatchTimeout(cfg.Delay), sdktrace.WithMaxQueueSize(1<<15)),
	)...)
	loggers := sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(
		sdklog.NewBatchProcessor(logs, sdklog.WithExportInterval(cfg.Delay), sdklog.WithMaxQueueSize(1<<15))))
	otel.SetTracerProvider(tracers)
	return telemetry{
		log: otelslog.NewLogger("shop/"+name, otelslog.WithLoggerProvider(loggers)),
		shutdown: func(ctx context.Context) error {
			logsDone := make(chan error, 1)
			go func() { logsDone <- loggers.Shutdown(ctx) }()
			return errors.Join(tracers.Shutdown(ctx), <-logsDone)
		},
	}, nil
}

// flushTime is how long a service that ends waits for a collector that does
// not answer.
const flushTime = 4 * time.Second

// flush delivers the last telemetry. It does not wait for the exporters
// longer than flushTime, though they would: they hold locks while they try again.
func (t telemetry) flush(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- t.shutdown(ctx) }()
	select {
	case err := <-done:
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: the last telemetry was not delivered: %v\n", name, err)
		}
	case <-ctx.Done():
		fmt.Fprintf(os.Stderr, "%s: the last telemetry was not delivered: no answer within %v\n", name, flushTime)
	}
}

// stamping decides who names the order on every span. In most companies some
// services do and some do not.
func stamping(name, stamp string) []sdktrace.TracerProviderOption {
	if stamp == "all" || stamp == "some" && name == "crm-api" {
		return []sdktrace.TracerProviderOption{sdktrace.WithSpanProcessor(orderctx.SpanProcessor())}
	}
	if name == "shop-api" { // it knows its sessions
		return []sdktrace.TracerProviderOption{sdktrace.WithSpanProcessor(orderctx.SpanProcessor(orderctx.SessionKey))}
	}
	return nil
}

// quietErrors tells of the SDK's troubles at most once in ten seconds: a
// collector that is away would otherwise fill the console.
type quietErrors struct{ tokens chan struct{} }

func newQuietErrors() quietErrors {
	q := quietErrors{tokens: make(chan struct{}, 1)}
	q.tokens <- struct{}{}
	return q
}

func (q quietErrors) Handle(err error) {
	select {
	case <-q.tokens:
		fmt.Fprintln(os.Stderr, "telemetry:", err)
		time.AfterFunc(10*time.Second, func() { q.tokens <- struct{}{} })
	default:
	}
}
