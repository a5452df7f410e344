package slametrics_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAnOutageOfHalfAnHourLosesNoneOfTenThousandOrders: all telemetry is queued for half an hour; when the path is
// back it comes in any order, the newest first. None of the orders is late or lost but those that truly are.
func TestAnOutageOfHalfAnHourLosesNoneOfTenThousandOrders(t *testing.T) {
	const orders = 10_000
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		priced := make([]point, 0, orders)
		for i := range orders {
			id := fmt.Sprintf("ORD-%08d", i)
			now := time.Now()
			r.send(point{service: "shop", name: "x", end: now, attributes: map[string]string{"order.id": id, "order.status": "SUBMITTED"}})
			if i%1000 != 0 { // one in a thousand is truly lost
				priced = append(priced,
					point{service: "shop", name: "x", end: now.Add(3 * time.Second), attributes: map[string]string{"order.id": id, "order.status": "CLOSED"}},
					point{service: "shop", name: "x", end: now.Add(2 * time.Second), attributes: map[string]string{"order.id": id, "order.status": "PRICED"}})
			}
		}
		time.Sleep(30 * time.Minute)
		require.Empty(t, r.told())
		require.Equal(t, 1.0, r.numbers()["sla.watermark.stalled{path=direct}"])
		r.beat()
		r.live(2 * time.Second)
		for len(priced) > 0 {
			n := min(2000, len(priced)) // ten seconds in all: less than restore_grace
			r.send(priced[len(priced)-n:]...)
			priced = priced[:len(priced)-n]
			r.live(time.Second)
		}
		require.Zero(t, len(r.told()), "the path is held while its queue drains")
		r.live(time.Minute)
		r.stop()
		lost := 0
		for _, line := range r.told() {
			if strings.HasSuffix(line, "submitted->priced lost") {
				lost++
			}
		}
		require.Equal(t, orders/1000, lost)
		t.Logf("outage: 30 minutes, %d orders in flight: stall alert raised, %d lost after it, %d of them falsely", orders, lost, lost-orders/1000)
		require.Len(t, r.told(), 3*orders/1000, "each of them: breached, lost, and breached end to end")
		require.Equal(t, float64(orders-orders/1000), r.numbers()["order.transitions{transition=submitted->priced,outcome=on_time}"])
	})
}
