package slametrics_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Prometheus keeps a series alive for minutes unless it is told that it ended: an alert would go on naming an order that
// is found.
func TestTheEndOfAProblemIsToldUntilItIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		r.stage("A", "SUBMITTED")
		r.live(9 * time.Second)
		require.Contains(t, r.numbers(), "order.problem{transition=submitted->priced,outcome=stuck,order_id=A,trace_id=07010000000000000000000000000000}")
		r.moody.refuses.Store(true)
		r.stage("A", "PRICED")
		r.live(4 * time.Second)
		r.moody.refuses.Store(false)
		r.live(1500 * time.Millisecond)
		ended := 0
		for _, md := range r.metrics.AllMetrics() {
			eachPoint(md, func(name string, _ pcommon.Map, _ float64, gone bool) {
				if name == "order.problem" && gone {
					ended++
				}
			})
		}
		require.Equal(t, 1, ended, "once it was heard it is not told again")
		r.stop()
	})
}
