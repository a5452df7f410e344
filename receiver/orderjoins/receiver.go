package orderjoins

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/receiver/orderjoins/internal/metadata"
)

const (
	// every is how often records are sent; each waits at least as long, since the session is often learnt just after the order.
	every = time.Second
	// maxWaiting bounds what waits to be sent: some 2 MiB.
	maxWaiting = 10_000
	// lastWords bounds the sending at shutdown.
	lastWords = 2 * time.Second

	event = "order.join"
)

// indexer is what an order_index extension offers.
type indexer interface {
	Index() *binding.Index
}

// teller watches an index from Start to Shutdown. One goroutine sends: run, then Shutdown.
type teller struct {
	config    *Config
	set       receiver.Settings
	next      consumer.Logs
	telemetry *metadata.TelemetryBuilder
	index     *binding.Index
	with      []binding.Name

	mu      sync.Mutex
	waiting []join
	full    int // joins for which there was no room, not yet counted

	stop    chan struct{} // nil unless it runs
	stopped sync.WaitGroup
}

// join is a trace that waits to be told.
type join struct {
	binding.Joined
	at time.Time // when it was learnt
}

var _ receiver.Logs = (*teller)(nil)

// Start finds the index and begins to watch it.
func (t *teller) Start(_ context.Context, host component.Host) error {
	ext, ok := host.GetExtensions()[t.config.Index]
	if !ok {
		return fmt.Errorf("index: there is no extension %q; list it under extensions and service::extensions", t.config.Index)
	}
	shared, ok := ext.(indexer)
	if !ok {
		return fmt.Errorf("index: extension %q is not of type order_index", t.config.Index)
	}
	t.index = shared.Index()
	t.with = t.with[:0]
	for _, name := range t.config.With {
		n, err := t.index.Name(name, 0)
		if err != nil {
			return fmt.Errorf("with: %w", err)
		}
		t.with = append(t.with, n)
	}
	if err := t.index.Watch(t.config.Identifier, t.put); err != nil {
		return fmt.Errorf("index: watch %q: %w", t.config.Index, err)
	}
	t.stop = make(chan struct{})
	t.stopped.Go(t.run)
	return nil
}

// put is called in the middle of a payload.
func (t *teller) put(j binding.Joined) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) >= maxWaiting {
		t.full++
		return
	}
	t.waiting = append(t.waiting, join{j, time.Now()})
}

func (t *teller) run() {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-t.stop:
			return
		case now := <-tick.C:
			t.send(context.Background(), now.Add(-every))
		}
	}
}

// send tells what was learnt until a moment. What the next component refuses for now is told again with the next.
func (t *teller) send(ctx context.Context, until time.Time) {
	t.mu.Lock()
	n := 0
	for n < len(t.waiting) && !t.waiting[n].at.After(until) {
		n++
	}
	ready, full := t.waiting[:n:n], t.full
	t.full = 0
	t.mu.Unlock()
	t.lost(ctx, "queue_full", full)
	if n == 0 {
		return
	}
	err := t.next.ConsumeLogs(ctx, t.records(ready))
	if err != nil && !consumererror.IsPermanent(err) {
		return
	}
	if err != nil {
		t.lost(ctx, "refused", n)
	} else {
		t.telemetry.OrderJoinsSent.Add(ctx, int64(n))
	}
	t.mu.Lock()
	t.waiting = append([]join(nil), t.waiting[n:]...)
	t.mu.Unlock()
}

func (t *teller) lost(ctx context.Context, why string, n int) {
	if n > 0 {
		t.telemetry.OrderJoinsLost.Add(ctx, int64(n), metric.WithAttributes(attribute.String("reason", why)))
	}
}

func (t *teller) records(joins []join) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "ordertrace.order_joins")
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName(metadata.ScopeName)
	sl.LogRecords().EnsureCapacity(len(joins))
	for _, j := range joins {
		r := sl.LogRecords().AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(j.at))
		r.SetObservedTimestamp(pcommon.NewTimestampFromTime(j.at))
		r.SetEventName(event)
		r.SetSeverityNumber(plog.SeverityNumberInfo)
		r.SetTraceID(j.Trace)
		r.Attributes().PutStr(t.config.Identifier, j.Value)
		t.beside(r.Attributes(), j)
	}
	return ld
}

// beside adds the further identifiers: of the trace, else of the order.
func (t *teller) beside(attrs pcommon.Map, j join) {
	var buf [8]binding.Binding
	now := time.Now()
	known := t.index.Lookup(binding.Trace(j.Trace), now, buf[:0])
	known = t.index.Lookup(binding.ValueOf(t.config.Identifier, j.Value), now, known)
	for i, name := range t.with {
		for _, k := range known {
			if k.Name == name && !k.Several {
				attrs.PutStr(t.config.With[i], k.Value)
				break
			}
		}
	}
}

// Shutdown tells what waits.
func (t *teller) Shutdown(ctx context.Context) error {
	if t.stop == nil {
		t.telemetry.Shutdown()
		return nil
	}
	close(t.stop)
	t.stopped.Wait()
	t.stop = nil
	_ = t.index.Watch("", nil) // ending cannot fail
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	t.send(ctx, time.Now())
	t.mu.Lock()
	left := len(t.waiting)
	t.waiting = nil
	t.mu.Unlock()
	t.lost(context.Background(), "shutdown", left)
	t.telemetry.Shutdown()
	return nil
}
