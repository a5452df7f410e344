package heartbeat

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"

	"github.com/ordertrace/ordertrace/receiver/heartbeat/internal/metadata"
)

// name is that of the span, and the service.name by which sla_metrics knows a beat.
const name = "ordertrace.heartbeat"

// heart beats from Start to Shutdown.
type heart struct {
	config    *Config
	version   string
	next      consumer.Traces
	telemetry *metadata.TelemetryBuilder

	mu   sync.Mutex
	stop context.CancelFunc // nil unless beating; owned by mu
	done chan struct{}      // closed by the beating goroutine; owned by mu
}

var _ receiver.Traces = (*heart)(nil)

// Start beats for the first time at once, in a goroutine: a pipeline that blocks must not hold up the collector.
func (h *heart) Start(context.Context, component.Host) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stop != nil {
		return nil
	}
	ctx, stop := context.WithCancel(context.Background())
	h.stop, h.done = stop, make(chan struct{})
	go h.run(ctx, h.done)
	return nil
}

// Shutdown stops, and waits for the beat under way, whose context it ends, as long as ctx allows.
func (h *heart) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	stop, done := h.stop, h.done
	h.mu.Unlock()
	defer h.telemetry.Shutdown()
	if stop == nil {
		return nil
	}
	stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *heart) run(ctx context.Context, done chan struct{}) {
	defer close(done)
	ticker := time.NewTicker(h.config.Interval)
	defer ticker.Stop()
	for {
		h.beat(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if ctx.Err() != nil { // both were ready
			return
		}
	}
}

func (h *heart) beat(ctx context.Context) {
	if err := h.next.ConsumeTraces(ctx, h.spans(time.Now())); err != nil {
		h.telemetry.HeartbeatRefused.Add(ctx, 1)
		return
	}
	h.telemetry.HeartbeatSent.Add(ctx, 1)
}

// spans are one beat, each in a trace of its own.
func (h *heart) spans(now time.Time) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", name)
	rs.Resource().Attributes().PutStr("ordertrace.agent.id", h.config.AgentID)
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName(metadata.ScopeName)
	ss.Scope().SetVersion(h.version)
	at := pcommon.NewTimestampFromTime(now)
	for range h.config.Traces {
		span := ss.Spans().AppendEmpty()
		var trace pcommon.TraceID
		var id pcommon.SpanID
		rand.Read(trace[:]) // never fails
		rand.Read(id[:])
		span.SetTraceID(trace)
		span.SetSpanID(id)
		span.SetName(name)
		span.SetKind(ptrace.SpanKindInternal)
		span.SetStartTimestamp(at)
		span.SetEndTimestamp(at)
	}
	return td
}
