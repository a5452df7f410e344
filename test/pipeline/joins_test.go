package pipeline

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich"
	"github.com/ordertrace/ordertrace/receiver/orderjoins"
)

// The consumer's spans pass before anybody knows the order; the producer's come half an hour later, because its host was cut off.
func TestASpanThatPassedWithoutItsOrderYieldsAJoinRecord(t *testing.T) {
	for _, hold := range []string{"0s", "1s"} {
		synctest.Test(t, func(t *testing.T) {
			h := withIndex(t)
			out, joins := &consumertest.TracesSink{}, &consumertest.LogsSink{}
			f := orderjoins.NewFactory()
			r, err := f.CreateLogs(context.Background(), receivertest.NewNopSettings(f.Type()), configured(t, f, "{}"), joins)
			running(t, h, r, err)
			p := tracesProcessor(t, h, orderenrich.NewFactory(), `
index: order_index
hold: {max_wait: `+hold+`}
identifiers:
  order.id: {attributes: [orderId], message_id: true}
  session.id: {attributes: [sessionId], follows: [order.id]}
`, out)
			require.NoError(t, p.ConsumeTraces(context.Background(), oneSpan(1, 1, 0, "messaging.message.id", "m-1")))
			require.NoError(t, p.ConsumeTraces(context.Background(), oneSpan(7, 1, 0))) // of no order, ever
			for range 60 {
				time.Sleep(30 * time.Second)
				h.extensions[component.MustNewID("order_index")].(interface{ Index() *binding.Index }).Index().Stats(time.Now()) // as its metrics do
			}
			require.Zero(t, joins.LogRecordCount())
			require.NoError(t, p.ConsumeTraces(context.Background(), oneSpan(2, 1, 0, "messaging.message.id", "m-1", "orderId", "ORD-1", "sessionId", "s-1")))
			time.Sleep(3 * time.Second)
			stop(t, p, r)
			require.Equal(t, 1, joins.LogRecordCount(), "hold %s", hold)
			rec := joins.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
			require.Equal(t, oneSpan(1, 1, 0).ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).TraceID(), rec.TraceID())
			require.Equal(t, map[string]any{"order.id": "ORD-1", "session.id": "s-1"}, rec.Attributes().AsRaw())
		})
	}
}
