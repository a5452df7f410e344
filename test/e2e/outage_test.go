//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/internal/backend"
	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// Jaeger is down when the collector starts, and comes up after the collector itself was restarted: everything that
// was accepted meanwhile arrives.
func TestNothingIsLostWhileJaegerIsDown(t *testing.T) {
	site := newSite(t)
	otlp, port := reserve(t)
	prom, _ := reserve(t) // down for good
	c := prepare(t, []string{"preset:standalone"}, "ORDERTRACE_JAEGER_OTLP="+otlp, "ORDERTRACE_PROMETHEUS_OTLP=http://"+prom+"/api/v1/otlp")
	c.start(t, site, "collector")
	sender := newSender(t, c.grpc, nil)
	const each = 50
	var ids []string
	sendSome := func() {
		for range each {
			traces, id := oneTrace("smith", 3, map[string]string{"order.id": "ORD-10000001"})
			require.NoError(t, sender.send(t.Context(), traces))
			ids = append(ids, id)
		}
	}
	sendSome()
	require.NoError(t, c.Stop(), "ends within its time although Jaeger is down")
	c.start(t, site, "collector-again")
	sendSome()

	jaeger, err := site.Jaeger(t.Context(), backend.JaegerOptions{OTLPPort: port})
	require.NoError(t, err)
	require.Equal(t, otlp, jaeger.OTLP, "the port was taken meanwhile")
	arrived := map[string]bool{}
	eventually(t, 90*time.Second, func() error {
		for _, id := range ids {
			if arrived[id] {
				continue
			}
			traces, err := (ask.Jaeger{Addr: jaeger.Query}).Trace(t.Context(), id)
			if err != nil {
				return err
			}
			arrived[id] = traces.SpanCount() == 3
			if !arrived[id] {
				delete(arrived, id)
			}
		}
		return want(2*each, len(arrived), "traces in Jaeger")
	})
}
