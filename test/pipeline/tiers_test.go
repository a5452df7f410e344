package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/extension/orderindex"
	"github.com/ordertrace/ordertrace/processor/orderenrich"
	"github.com/ordertrace/ordertrace/processor/piiredact"
)

// enrichOf is the order_enrich section of a preset, with a key of this test and without a journal.
func enrichOf(t *testing.T, name string) string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "hmac.json")
	require.NoError(t, os.WriteFile(key, []byte(`{"keys":[{"id":"k1","key":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=","status":"primary"}]}`), 0o600))
	section := at(preset(t, name), "processors", "order_enrich")
	at(section, "identifiers", "enduser.pseudo.id")["pseudonym_key"] = key
	if hold, ok := section["hold"].(map[string]any); ok {
		delete(hold, "journal")
	}
	return asYAML(t, section)
}

// Every preset writes the session of an order on all that belongs to it; an agent explains each stamp to the next tier, which
// uses that and takes it away.
func TestAgentsExplainTheirStampsAndGatewaysStripThat(t *testing.T) {
	for _, name := range []string{"agent", "gateway", "standalone"} {
		synctest.Test(t, func(t *testing.T) {
			h := withIndex(t)
			spans, lines := &consumertest.TracesSink{}, &consumertest.LogsSink{}
			traces := tracesProcessor(t, h, orderenrich.NewFactory(), enrichOf(t, name), spans)
			logs := logsProcessor(t, h, orderenrich.NewFactory(), enrichOf(t, name), lines)
			ctx := context.Background()
			require.NoError(t, traces.ConsumeTraces(ctx, oneSpan(1, 1, 0, "orderId", "ORD-00000001", "sessionId", "s-1", "user.id", "anna")))
			// What an earlier tier stamped, and explained.
			require.NoError(t, traces.ConsumeTraces(ctx, oneSpan(2, 1, 0, "order.id", "ORD-00000001", "order.id.source", "message")))
			ld := plog.NewLogs()
			rec := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			rec.Body().SetStr("order ORD-00000001 packed")
			require.NoError(t, logs.ConsumeLogs(ctx, ld))
			time.Sleep(5 * time.Second)
			stop(t, traces, logs)
			var got []map[string]any
			for _, td := range spans.AllTraces() {
				for i := range td.ResourceSpans().Len() {
					got = append(got, td.ResourceSpans().At(i).ScopeSpans().At(0).Spans().At(0).Attributes().AsRaw())
				}
			}
			got = append(got, lines.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().AsRaw())
			require.Len(t, got, 3)
			for i, attrs := range got {
				require.Equal(t, "ORD-00000001", attrs["order.id"], "%s: %d", name, i)
				require.Equal(t, "s-1", attrs["session.id"], "%s: %d", name, i)
				_, explained := attrs["order.id.source"]
				_, session := attrs["session.id.source"]
				require.Equal(t, name != "gateway", explained, "%s: %d", name, i)
				require.Equal(t, name != "gateway", session, "%s: %d", name, i)
			}
		})
	}
}

// The pseudonym of a user is the same in both tiers, and what it stands for leaves none of them.
func TestRawUserIDsStayBehindTheirPseudonym(t *testing.T) {
	key := filepath.Join(t.TempDir(), "hmac.json")
	require.NoError(t, os.WriteFile(key, []byte(`{"keys":[{"id":"k1","key":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=","status":"primary"}]}`), 0o600))
	redacted := func(name string, next consumer.Traces) processor.Traces {
		section := at(preset(t, name), "processors", "pii_redact")
		section["keys"] = map[string]any{"hmac": key}
		return tracesProcessor(t, withIndex(t), piiredact.NewFactory(), asYAML(t, section), next)
	}
	for _, first := range []string{"agent", "standalone"} {
		synctest.Test(t, func(t *testing.T) {
			out := &consumertest.TracesSink{}
			gatewayRedact := redacted("gateway", out)
			gateway := tracesProcessor(t, withIndex(t), orderenrich.NewFactory(), enrichOf(t, "gateway"), gatewayRedact)
			agentRedact := redacted(first, gateway)
			agent := tracesProcessor(t, withIndex(t), orderenrich.NewFactory(), enrichOf(t, first), agentRedact)
			for i, attrs := range [][]string{{"user.id", "anna-4711"}, {"userId", "anna-4711"}, {"user_id", "anna-4711"}, {"enduser.id", " anna-4711"}, {}} {
				require.NoError(t, agent.ConsumeTraces(context.Background(), oneSpan(i+1, 1, 0, append(attrs, "order.id", "ORD-00000001")...)))
			}
			// A span that the agent never saw, in the trace of one that it has.
			time.Sleep(4 * time.Second)
			require.NoError(t, gateway.ConsumeTraces(context.Background(), oneSpan(1, 2, 1)))
			time.Sleep(4 * time.Second)
			stop(t, agent, agentRedact, gateway, gatewayRedact)
			users := map[any]int{}
			for _, td := range out.AllTraces() {
				raw, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
				require.NoError(t, err)
				require.NotContains(t, string(raw), "4711")
				for i := range td.ResourceSpans().Len() {
					attrs := td.ResourceSpans().At(i).ScopeSpans().At(0).Spans().At(0).Attributes().AsRaw()
					users[attrs["enduser.pseudo.id"]]++
				}
			}
			delete(users, nil) // the trace that names no user
			require.Len(t, users, 1, first)
			for user, spans := range users {
				require.Len(t, user, 32, first)
				require.Equal(t, 5, spans, first)
			}
		})
	}
}

// What one must see of the two components, by name: what was stamped, learnt, held, released, quarantined, and what the index
// and the broadcast do.
func TestSelfTelemetryIsComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tel := componenttest.NewTelemetry()
		id := component.MustNewID("order_index")
		f, e := orderindex.NewFactory(), orderenrich.NewFactory()
		set := extensiontest.NewNopSettings(f.Type())
		set.TelemetrySettings = tel.NewTelemetrySettings()
		ext, err := f.Create(context.Background(), set, configured(t, f, `{broadcast: {redis: "redis://127.0.0.1:1"}}`))
		h := host{componenttest.NewNopHost(), map[component.ID]component.Component{id: ext}}
		running(t, h, ext, err)
		pset := processortest.NewNopSettings(e.Type())
		pset.TelemetrySettings = tel.NewTelemetrySettings()
		p, err := e.CreateTraces(context.Background(), pset, configured(t, e, "{index: order_index, hold: {max_wait: 1s}}"), consumertest.NewNop())
		running(t, h, p, err)
		teach := func(trace int, attributes ...string) {
			td := oneSpan(trace, 1, 0, attributes...)
			td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.name", "legacy")
			require.NoError(t, p.ConsumeTraces(context.Background(), td))
		}
		for i := range 3 { // one account in three traces of different orders
			teach(i, "orderId", "ACCOUNT")
			teach(i, "order.id", string(rune('A'+i)))
		}
		teach(9, "orderId", "ACCOUNT")
		teach(10)
		require.NoError(t, p.ConsumeTraces(context.Background(), ptrace.NewTraces()))
		for _, name := range []string{
			"enrich_items", "enrich_learnt", "enrich_held_bytes", "enrich_held_spans", "enrich_held_traces", "enrich_released", "enrich_quarantined",
			"enrich_ignored", "enrich_degraded", "index_bytes", "index_limit", "index_generations", "index_entries", "index_dropped", "index_quarantined",
			"index_broadcast_lag", "index_broadcast_sent", "index_broadcast_lost", "index_broadcast_applied", "index_broadcast_rejected", "index_broadcast_waiting",
		} {
			_, err := tel.GetMetric("otelcol_order_" + name)
			require.NoError(t, err, name)
		}
		stop(t, p, ext)
		require.NoError(t, tel.Shutdown(context.Background()))
	})
}
