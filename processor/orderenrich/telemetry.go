package orderenrich

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/lineage"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/metadata"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/waiting"
)

// outcome is what became of a span or record, for one identifier.
type outcome uint8

const (
	present   outcome = iota // it was there already
	stamped                  // it was written
	corrected                // the stamp of another collector was replaced
	several                  // the span stands above several values
	nothing                  // nothing is known
	outcomes
)

var outcomeNames = [outcomes]string{"present", "stamped", "corrected", "several", "none"}

// counts is what became of a payload.
type counts struct {
	by     [extract.MaxRules][outcomes]int64
	silent int64 // nothing, for all identifiers
}

// meters turns facts into self-telemetry. The options are made once, so that recording does not allocate.
type meters struct {
	tb      *metadata.TelemetryBuilder
	signal  attribute.KeyValue
	only    []metric.AddOption // the signal alone
	perItem [][outcomes][]metric.AddOption
	sources [][]metric.AddOption
	reasons [reasons][]metric.AddOption
	entries [entries][]metric.AddOption
}

func newMeters(set component.TelemetrySettings, signal string, names []string) (*meters, error) {
	tb, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	m := &meters{tb: tb, signal: attribute.String("signal", signal)}
	m.only = m.options()
	for _, n := range names {
		var row [outcomes][]metric.AddOption
		for o := range row {
			row[o] = m.options(attribute.String("identifier", n), attribute.String("outcome", outcomeNames[o]))
		}
		m.perItem = append(m.perItem, row)
	}
	for r := range m.reasons {
		m.reasons[r] = m.options(attribute.String("reason", reasonNames[r]))
	}
	for e := range m.entries {
		m.entries[e] = m.options(attribute.String("event", entryNames[e]))
	}
	m.sources = make([][]metric.AddOption, len(binding.Sources())+1)
	for _, s := range binding.Sources() {
		m.sources[s] = m.options(attribute.String("source", s.String()))
	}
	return m, nil
}

func (m *meters) options(kv ...attribute.KeyValue) []metric.AddOption {
	return []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(append(kv, m.signal)...))}
}

func (m *meters) items(ctx context.Context, c *counts) {
	for r := range m.perItem {
		c.by[r][nothing] += c.silent
		for o, n := range c.by[r] {
			if n > 0 {
				m.tb.OrderEnrichItems.Add(ctx, n, m.perItem[r][o]...)
			}
		}
	}
	c.silent = 0
}

func (m *meters) learnt(ctx context.Context, l lineage.Learnt) {
	for s := range m.sources {
		if n := l.New[s]; n > 0 {
			m.tb.OrderEnrichLearnt.Add(ctx, int64(n), m.sources[s]...)
		}
	}
	if l.Several > 0 {
		m.tb.OrderEnrichSeveral.Add(ctx, int64(l.Several), m.only...)
	}
	if l.Ignored > 0 {
		m.tb.OrderEnrichIgnored.Add(ctx, int64(l.Ignored), m.only...)
	}
	if n := len(l.Quarantined); n > 0 {
		m.tb.OrderEnrichQuarantined.Add(ctx, int64(n), m.only...)
	}
	if l.Refused > 0 {
		m.tb.OrderEnrichRefused.Add(ctx, int64(l.Refused), m.only...)
	}
}

// observe reports on an index that belongs to this instance alone.
func (m *meters) observe(x *binding.Index) error {
	only := metric.WithAttributes(m.signal)
	err := m.tb.RegisterOrderEnrichIndexBytesCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(x.Stats(time.Now()).Bytes, only)
		return nil
	})
	if err != nil {
		return err
	}
	return m.tb.RegisterOrderEnrichIndexDroppedCallback(func(_ context.Context, o metric.Int64Observer) error {
		s := x.Stats(time.Now())
		o.Observe(s.Expired, only, metric.WithAttributes(attribute.String("reason", "expired")))
		o.Observe(s.Evicted, only, metric.WithAttributes(attribute.String("reason", "evicted")))
		return nil
	})
}

func (m *meters) tableRead(ctx context.Context, good bool) {
	result := "used"
	if !good {
		result = "refused"
	}
	m.tb.OrderEnrichTableReads.Add(ctx, 1, m.options(attribute.String("result", result))...)
}

// observeTables reports on tables of references.
func (m *meters) observeTables(rows func() int) error {
	only := metric.WithAttributes(m.signal)
	return m.tb.RegisterOrderEnrichTableRowsCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(int64(rows()), only)
		return nil
	})
}

func (m *meters) stop() { m.tb.Shutdown() }

func (m *meters) released(ctx context.Context, why reason, spans int) {
	if spans > 0 {
		m.tb.OrderEnrichReleased.Add(ctx, int64(spans), m.reasons[why]...)
	}
}

func (m *meters) retried(ctx context.Context) { m.tb.OrderEnrichRetries.Add(ctx, 1, m.only...) }

func (m *meters) lost(ctx context.Context, spans int) {
	if spans > 0 {
		m.tb.OrderEnrichLost.Add(ctx, int64(spans), m.only...)
	}
}

// observeHold reports on what waits.
func (m *meters) observeHold(h *holder) error {
	only := metric.WithAttributes(m.signal)
	gauge := func(f func(waiting.Stats) int64) metric.Int64Callback {
		return func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(f(h.room.Stats()), only)
			return nil
		}
	}
	errs := []error{
		m.tb.RegisterOrderEnrichHeldBytesCallback(gauge(func(s waiting.Stats) int64 { return s.Bytes })),
		m.tb.RegisterOrderEnrichHeldSpansCallback(gauge(func(s waiting.Stats) int64 { return s.Spans })),
		m.tb.RegisterOrderEnrichHeldTracesCallback(gauge(func(s waiting.Stats) int64 { return s.Traces })),
		m.tb.RegisterOrderEnrichDegradedCallback(gauge(func(s waiting.Stats) int64 { return s.Turns })),
	}
	if h.diary != nil {
		errs = append(errs, m.tb.RegisterOrderEnrichJournalBytesCallback(gauge(func(waiting.Stats) int64 { return h.diary.journal.Bytes() })))
	}
	return errors.Join(errs...)
}

// entry is what became of a payload in the journal.
type entry uint8

const (
	written  entry = iota
	replayed       // read again after the collector was killed
	failed         // could not be written
	full           // there was no room
	damaged        // is not what was written
	unread         // was not given by the storage: stays for the next start
	kept           // was taken apart and refused by the next component: stays for the next start
	entries
)

var entryNames = [entries]string{"written", "replayed", "failed", "full", "damaged", "unread", "kept"}

func (m *meters) journal(ctx context.Context, what entry) {
	m.tb.OrderEnrichJournalPayloads.Add(ctx, 1, m.entries[what]...)
}
