//go:build !race

// Under the race detector pools drop what they hold at random, so allocations say nothing there.

package piiredact

import (
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

func TestCleanBatchesCostNoAllocation(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Attributes.Allow = []string{"order.id", "session.id"}
	r := newTestRedactor(t, cfg)
	s := cleanBatch(20)
	before := marshal(t, s)
	for name, walkOnce := range map[string]func(*redactor, signals){"traces": walkTraces, "logs": walkLogs, "metrics": walkMetrics} {
		for range 3 {
			walkOnce(r, s)
		}
		if n := testing.AllocsPerRun(20, func() { walkOnce(r, s) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if string(before) != string(marshal(t, s)) {
		t.Error("a clean batch was changed")
	}
}

// TestFreshCleanBatchesCostNoAllocation: nor do batches whose ids were never seen, which no memory helps with.
func TestFreshCleanBatchesCostNoAllocation(t *testing.T) {
	const batches = 40
	r := newTestRedactor(t, createDefaultConfig().(*Config))
	fresh := make([]signals, 2*batches+2)
	for n := range fresh {
		s := blank()
		for i := range 20 {
			id := fmt.Sprintf("%08d", n*20+i)
			for _, m := range []pcommon.Map{
				s.td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().AppendEmpty().Attributes(), metr(s.md).Sum().DataPoints().AppendEmpty().Attributes(),
			} {
				m.PutStr("order.id", "ORD-"+id)
				m.PutStr("url.path", "/api/orders/ORD-"+id+"/price")
				m.PutStr("messaging.message.id", "452a7c7c7c7048c2f887f615"+id)
				m.PutStr("app.price", id[2:]+".50 RUB")
			}
			s.ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().AppendEmpty().Body().SetStr("order ORD-" + id + " " + cleanLog)
		}
		fresh[n] = s
	}
	for name, walkOnce := range map[string]func(*redactor, signals){"traces": walkTraces, "logs": walkLogs, "metrics": walkMetrics} {
		for _, s := range fresh[:batches+1] {
			walkOnce(r, s)
		}
		next := batches
		if n := testing.AllocsPerRun(batches, func() { next++; walkOnce(r, fresh[next]) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
