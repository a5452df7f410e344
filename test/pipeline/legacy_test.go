package pipeline

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/ordertrace/ordertrace/connector/slametrics"
	"github.com/ordertrace/ordertrace/processor/orderenrich"
)

// A system that only writes lines, without a trace id, becomes a part of the order's life: its lines carry the order, and
// the judge sees the stage that they stand for (R15).
func TestLinesOfALegacySystemMoveTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := withIndex(t)
		judged := &consumertest.MetricsSink{}
		f := slametrics.NewFactory()
		judge, err := f.CreateLogsToMetrics(context.Background(), connectortest.NewNopSettings(f.Type()), configured(t, f, `
flows:
  order:
    stages:
      priced: {service: shop, attributes: {order.status: PRICED}}
      packed: {service: mes-legacy, signal: log}
    transitions: [{from: priced, to: packed, deadline: 1h}]
time: {allowed_lateness: 1s, path_silence: 10s, direct_silence: advance}
metrics_flush_interval: 1s
`), judged)
		running(t, h, judge, err)
		enrich := logsProcessor(t, h, orderenrich.NewFactory(), `
index: order_index
identifiers:
  order.id: {attributes: [orderId], log_body: ["order (ORD-[0-9]{8})"], pattern: "ORD-[0-9]{8}"}
  session.id: {attributes: [sessionId], follows: [order.id]}
`, judge)
		write := func(service, body string, attributes ...string) plog.LogRecord {
			ld := plog.NewLogs()
			rl := ld.ResourceLogs().AppendEmpty()
			rl.Resource().Attributes().PutStr("service.name", service)
			rec := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			rec.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
			rec.Body().SetStr(body)
			for i := 0; i < len(attributes); i += 2 {
				rec.Attributes().PutStr(attributes[i], attributes[i+1])
			}
			require.NoError(t, enrich.ConsumeLogs(context.Background(), ld))
			return rec
		}
		write("shop", "priced", "orderId", "ORD-00000001", "sessionId", "s-1", "order.status", "PRICED")
		time.Sleep(2 * time.Second)
		line := write("mes-legacy", "2026-01-02 order ORD-00000001 packed in box 7")
		got, _ := line.Attributes().Get("order.id")
		require.Equal(t, "ORD-00000001", got.Str())
		got, _ = line.Attributes().Get("session.id")
		require.Equal(t, "s-1", got.Str())
		nobody := write("mes-legacy", "temperature 21 degrees")
		require.Zero(t, nobody.Attributes().Len(), "a line of no order stays as it is")
		for range 5 {
			time.Sleep(time.Second)
			write("shop", "tick")
		}
		stop(t, enrich, judge)
		inFlight := map[string]float64{}
		for _, md := range judged.AllMetrics() {
			for i := range md.ResourceMetrics().Len() {
				for j := range md.ResourceMetrics().At(i).ScopeMetrics().Len() {
					list := md.ResourceMetrics().At(i).ScopeMetrics().At(j).Metrics()
					for k := range list.Len() {
						if list.At(k).Name() != "order.in_flight" {
							continue
						}
						for n := range list.At(k).Gauge().DataPoints().Len() {
							p := list.At(k).Gauge().DataPoints().At(n)
							stage, _ := p.Attributes().Get("stage")
							inFlight[stage.Str()] = p.DoubleValue() + float64(p.IntValue())
						}
					}
				}
			}
		}
		require.Equal(t, map[string]float64{"priced": 0, "packed": 1}, inFlight)
	})
}
