//go:build !race

// Under the race detector pools drop what they hold at random, so allocations say nothing there.

package piiredact

import "testing"

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
