package orderenrich

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/metadata"
)

const tablesText = `
identifiers:
  order.id:
    attributes: [orderId]
    pattern: "ORD-[0-9]{8}"
    tables:
      - {file: DIR/partner.csv, key: ref, value: order, attributes: [partner.reference]}
      - {file: DIR/jobs.csv, key: mes.job.id}
`

func tablesConfig(t *testing.T, dir string) *Config {
	t.Helper()
	cfg := loadConfig(t, tablesText)
	id := cfg.Identifiers["order.id"]
	for i, name := range []string{"partner.csv", "jobs.csv"} {
		id.Tables[i].File = filepath.Join(dir, name)
	}
	require.NoError(t, cfg.Validate())
	return cfg
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

func TestReferencesStandForOrdersAndFollowTheFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "partner.csv"), "ref,order\nP-1,ORD-00000001\n7,ORD-00000007\n")
	write(t, filepath.Join(dir, "jobs.csv"), "order.id,mes.job.id\nORD-00000002,J-1\n")
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		tel := componenttest.NewTelemetry()
		set := processortest.NewNopSettings(metadata.Type)
		set.TelemetrySettings = tel.NewTelemetrySettings()
		set.Logger = zap.New(core)
		p, err := NewFactory().CreateTraces(context.Background(), set, tablesConfig(t, dir), consumertest.NewNop())
		require.NoError(t, err)
		require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
		defer func() {
			require.NoError(t, p.Shutdown(context.Background()))
			require.NoError(t, tel.Shutdown(context.Background()))
		}()
		trace := byte(0)
		ask := func(put func(ptrace.Span)) (order, source string) {
			trace++
			td := ptrace.NewTraces()
			s := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
			s.SetTraceID([16]byte{1, trace})
			put(s)
			require.NoError(t, p.ConsumeTraces(context.Background(), td))
			return text(s, "order.id"), text(s, "order.id.source")
		}
		order, source := ask(func(s ptrace.Span) { s.Attributes().PutStr("partner.reference", "P-1") })
		require.Equal(t, [2]string{"ORD-00000001", "table"}, [2]string{order, source})
		order, _ = ask(func(s ptrace.Span) { s.Attributes().PutInt("partner.reference", 7) })
		require.Equal(t, "ORD-00000007", order)
		order, _ = ask(func(s ptrace.Span) { s.Attributes().PutStr("MES.Job.ID", "J-1") })
		require.Equal(t, "ORD-00000002", order)
		order, source = ask(func(s ptrace.Span) {
			s.Attributes().PutStr("orderId", "ORD-00000009")
			s.Attributes().PutStr("partner.reference", "P-1")
		})
		require.Equal(t, [2]string{"ORD-00000009", "attribute"}, [2]string{order, source}, "what the service names itself is better")

		write(t, filepath.Join(dir, "partner.csv"), "ref,order\nP-1,ORD-00000003\nP-2,ORD-00000004\n")
		time.Sleep(tablesEvery + time.Second)
		order, _ = ask(func(s ptrace.Span) { s.Attributes().PutStr("partner.reference", "P-1") })
		require.Equal(t, "ORD-00000003", order, "the file changed")

		write(t, filepath.Join(dir, "partner.csv"), "ref,order\nP-1\n")
		time.Sleep(3 * tablesEvery)
		order, _ = ask(func(s ptrace.Span) { s.Attributes().PutStr("partner.reference", "P-1") })
		require.Equal(t, "ORD-00000003", order, "a file that is wrong leaves the table")
		warned := logs.FilterLevelExact(zap.WarnLevel).All()
		require.Len(t, warned, 1)
		require.Contains(t, warned[0].ContextMap()["error"], "partner.csv:2: not as many fields")

		m, err := tel.GetMetric("otelcol_order_enrich_table_reads")
		require.NoError(t, err)
		reads := map[string]int64{}
		for _, dp := range m.Data.(metricdata.Sum[int64]).DataPoints {
			r, _ := dp.Attributes.Value("result")
			reads[r.AsString()] = dp.Value
		}
		require.Equal(t, map[string]int64{"used": 3, "refused": 1}, reads)
		m, err = tel.GetMetric("otelcol_order_enrich_table_rows")
		require.NoError(t, err)
		require.Equal(t, int64(3), m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value)
	})
}

func TestATableThatIsWrongEndsTheStart(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "jobs.csv"), "order.id,mes.job.id\nORD-00000002,J-1\n")
	err := start(t, tablesConfig(t, dir), componenttest.NewNopHost())
	require.ErrorContains(t, err, "identifiers::order.id::tables::0: stat")
	require.ErrorContains(t, err, "create it, or remove the table")
	write(t, filepath.Join(dir, "partner.csv"), "ref,order\nP-1,ORD-00000001\nP-2,4711\n")
	err = start(t, tablesConfig(t, dir), componenttest.NewNopHost())
	require.ErrorContains(t, err, "partner.csv:3: what column \"order\" says does not match")

	err = loadConfig(t, `identifiers: {order.id: {tables: [{key: a, attributes: [""]}, {file: f, key: order.id}]}}`).Validate()
	for _, want := range []string{"tables::0::file: name the CSV file", `tables::1::key: "order.id"; name the column with the reference`, `tables::0::attributes: ""`} {
		require.ErrorContains(t, err, want)
	}
}
