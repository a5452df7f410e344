package replay

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/extension/orderindex"
	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich"
)

type host struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h host) GetExtensions() map[component.ID]component.Component { return h.extensions }

// Result of one replay.
type Result struct {
	Spans, Covered int // that belong to one order; that carry it
	Sure, SureBad  int // spans of traces that arrived within the hold; of them with a wrong order or one too many
	Wrong          int // spans with a wrong order, anywhere
	// Poisoned are the spans and log records with the account for an order before its source was found out, PoisonedAfter those
	// after it.
	Poisoned, PoisonedAfter int
	Found                   bool
}

func (r Result) coverage() float64 { return 100 * float64(r.Covered) / float64(r.Spans) }

// watch counts the stamps of the account before and after the service that names it was found out.
type watch struct {
	*consumertest.TracesSink
	found         func() bool
	before, after int
}

func (w *watch) look(attributes pcommon.Map, found bool) {
	if v, ok := attributes.Get("order.id"); !ok || v.Str() != Account {
		return
	}
	if found {
		w.after++
	} else {
		w.before++
	}
}

func (w *watch) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	found := w.found()
	eachSpan(td, func(_ ptrace.ResourceSpans, s ptrace.Span) { w.look(s.Attributes(), found) })
	return w.TracesSink.ConsumeTraces(ctx, td)
}

// logs watches the log records as well. What the service itself wrote, it wrote under another name.
func (w *watch) logs(_ context.Context, ld plog.Logs) error {
	found := w.found()
	for i := range ld.ResourceLogs().Len() {
		records := ld.ResourceLogs().At(i).ScopeLogs().At(0).LogRecords()
		for k := range records.Len() {
			w.look(records.At(k).Attributes(), found)
		}
	}
	return nil
}

// replay runs the traffic through a collector's order_enrich pair in virtual time.
func replay(t *testing.T, tr *Traffic, hold time.Duration, guard bool) Result {
	t.Helper()
	ctx := context.Background()
	id := component.MustNewID("order_index")
	ext, err := orderindex.NewFactory().Create(ctx, extensiontest.NewNopSettings(id.Type()), orderindex.NewFactory().CreateDefaultConfig())
	require.NoError(t, err)
	h := host{componenttest.NewNopHost(), map[component.ID]component.Component{id: ext}}

	f := orderenrich.NewFactory()
	cfg := f.CreateDefaultConfig().(*orderenrich.Config)
	cfg.Index = &id
	cfg.Hold.MaxWait = hold
	cfg.Quarantine = guard
	require.NoError(t, cfg.Validate())
	index := ext.(interface{ Index() *binding.Index }).Index()
	sink := &watch{TracesSink: &consumertest.TracesSink{}, found: func() bool { return index.Stats(time.Now()).Quarantined > 0 }}
	set := processortest.NewNopSettings(f.Type())
	traces, err := f.CreateTraces(ctx, set, cfg, sink)
	require.NoError(t, err)
	beside, err := consumer.NewLogs(sink.logs)
	require.NoError(t, err)
	logs, err := f.CreateLogs(ctx, set, cfg, beside)
	require.NoError(t, err)
	for _, c := range []component.Component{traces, logs} {
		require.NoError(t, c.Start(ctx, h))
	}
	feed(t, tr, traces, logs)
	time.Sleep(hold + time.Second)
	for _, c := range []component.Component{traces, logs} {
		require.NoError(t, c.Shutdown(ctx))
	}
	r := judge(t, tr, sink.TracesSink, hold)
	r.Poisoned, r.PoisonedAfter, r.Found = sink.before, sink.after, sink.found()
	return r
}

func feed(t *testing.T, tr *Traffic, traces processor.Traces, logs processor.Logs) {
	t.Helper()
	begin := time.Now()
	for _, a := range tr.Arrivals {
		time.Sleep(a.At - time.Since(begin))
		if a.Traces != (Arrival{}).Traces {
			require.NoError(t, traces.ConsumeTraces(context.Background(), a.Traces))
		}
		if a.Logs != (Arrival{}).Logs {
			require.NoError(t, logs.ConsumeLogs(context.Background(), a.Logs))
		}
	}
}

func judge(t *testing.T, tr *Traffic, sink *consumertest.TracesSink, hold time.Duration) (r Result) {
	t.Helper()
	seen := map[[2]int]bool{}
	for _, td := range sink.AllTraces() {
		for i := range td.ResourceSpans().Len() {
			spans := td.ResourceSpans().At(i).ScopeSpans().At(0).Spans()
			for k := range spans.Len() {
				s := spans.At(k)
				tid, sid := s.TraceID(), s.SpanID()
				key := [2]int{int(tid[13])<<16 | int(tid[14])<<8 | int(tid[15]), int(sid[6])<<8 | int(sid[7])}
				require.False(t, seen[key], "span %v came out twice", key)
				seen[key] = true
				truth := tr.spans[key].truth
				got := ""
				if v, ok := s.Attributes().Get("order.id"); ok {
					got = v.Str()
				}
				w := tr.window[key[0]]
				whole := hold > 0 && w[1]-w[0] < hold
				if truth != "" {
					r.Spans++
					if got == truth {
						r.Covered++
					}
				}
				wrong := got != "" && got != truth
				if wrong {
					r.Wrong++
				}
				if whole {
					r.Sure++
					if wrong {
						r.SureBad++
					}
				}
			}
		}
	}
	require.Len(t, seen, len(tr.spans), "every span that went in comes out")
	return r
}

func TestCoverage(t *testing.T) {
	holds := []time.Duration{0, time.Second, 3 * time.Second, 5 * time.Second}
	every := []time.Duration{5 * time.Second, time.Second, 200 * time.Millisecond}
	var table strings.Builder
	fmt.Fprintf(&table, "\nspans that carry their order, in %% (wrong / of the spans whose whole trace arrived within the hold: wrong of all)\n%-32s", "services send")
	for _, h := range holds {
		fmt.Fprintf(&table, "%-28s", fmt.Sprint("hold ", h))
	}
	defer func() { t.Log(table.String()) }()
	for _, logs := range []bool{false, true} {
		for _, e := range every {
			what := fmt.Sprintf("spans every %v", e)
			if logs {
				what += ", logs every 1s"
			}
			fmt.Fprintf(&table, "\n%-32s", what)
			for _, h := range holds {
				synctest.Test(t, func(t *testing.T) {
					// Made anew each time: the processor owns what it is given.
					tr := Make(Shape{Seed: 7, Traces: 400, Services: 12, SpansEvery: e, Batches: 0.05, Logs: logs})
					r := replay(t, tr, h, true)
					fmt.Fprintf(&table, "%-28s", fmt.Sprintf("%5.1f (%d / %d of %d)", r.coverage(), r.Wrong, r.SureBad, r.Sure))
					if h > e && r.Sure == 0 {
						t.Errorf("%s, hold %v: no trace arrived within the hold: the test shows nothing", what, h)
					}
					if r.SureBad > 0 {
						t.Errorf("%s, hold %v: %d of %d spans with a wrong order though their trace arrived within the hold", what, h, r.SureBad, r.Sure)
					}
					if h == 5*time.Second && r.coverage() < 99.5 {
						t.Errorf("%s, hold %v: coverage %.2f %%, want 99.5", what, h, r.coverage())
					}
				})
			}
		}
	}
}

func TestPoisonedSource(t *testing.T) {
	for _, hold := range []time.Duration{0, 3 * time.Second} {
		for _, guard := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				tr := Make(Shape{Seed: 7, Traces: 400, Services: 12, SpansEvery: time.Second, Batches: 0.05, Logs: true, Poison: true})
				r := replay(t, tr, hold, guard)
				t.Logf("one of 12 services logs an account as the order, hold %v, quarantine %v: %d spans and log records stamped with it before it was found out, %d after; coverage %.1f %%",
					hold, guard, r.Poisoned, r.PoisonedAfter, r.coverage())
				if r.Found != guard || r.PoisonedAfter > 0 {
					t.Errorf("found out: %v; stamped after it: %d", r.Found, r.PoisonedAfter)
				}
				if !guard && hold == 0 && r.Poisoned == 0 {
					t.Error("the traffic poisons nothing: the test shows nothing")
				}
			})
		}
	}
}
