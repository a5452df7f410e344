package report

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

func TestPlantedValuesAreFoundInEveryFormTheyMayTake(t *testing.T) {
	file := filepath.Join(t.TempDir(), "planted.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(
		`{"kind":"email","value":"Anna.Petrova+gold@example.com"}`+"\n"+
			`{"kind":"phone","value":"+7 (912) 345-67-89"}`+"\n"+
			`{"kind":"card","value":"4111 1111 1111 1111"}`+"\n"+
			`{"kind":"pin","value":"12345"}`+"\n"+
			`{"kind":"name","value":"Zoë \"Z\" O'Neil"}`+"\n"), 0o600))
	words, err := planted(file)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"email": 1, "phone": 1, "card": 1, "name": 1, "pin": 1}, counts(words.all))
	require.Equal(t, map[string]int{"pin": 1}, counts(words.short), "said, not dropped")
	for _, c := range []struct{ text, kind string }{
		{`{"value":"to anna.petrova+gold@EXAMPLE.com."}`, "email"},
		{`GET /x?email=Anna.Petrova%2Bgold%40example.com`, "email"},
		{`tel=79123456789`, "phone"},
		{`"+7 (912) 345-67-89"`, "phone"},
		{`'4111111111111111'`, "card"},
		{`{"v":"Zoë \"Z\" O'Neil"}`, "name"},
		{`anna.petrova@example.com`, ""},
		{`4111 1111 1111 1112`, ""},
		{``, ""},
	} {
		kinds := ""
		for _, kind := range words.in([]byte(c.text)) {
			kinds += kind
		}
		require.Equal(t, c.kind, kinds, c.text)
	}
}

func TestEachKindOfDataIsRecognised(t *testing.T) {
	const order = "ORD-10000001"
	id := pcommon.TraceID{1}.String()
	r := &Report{Kinds: make([]Kind, len(kinds))}
	orphan := span(order)
	orphan.SetParentSpanID(pcommon.SpanID{9})
	require.Zero(t, r.lookAt(newTrace(id, []ask.Span{orphan}), order), "its parent never arrived")
	require.Zero(t, r.lookAt(newTrace(id, []ask.Span{full("ORD-10000002")}), order), "another order's span shows nothing")
	root, child := span(order), full(order)
	child.SetSpanID(pcommon.SpanID{2})
	child.SetParentSpanID(root.SpanID())
	require.Equal(t, 6, r.lookAt(newTrace("another", []ask.Span{root, child}), order), "all but the trace id that the shop noted")
	require.Equal(t, 1, r.lookAt(newTrace(id, []ask.Span{root, child}), order))
	for _, k := range r.Kinds {
		require.True(t, k.Found, k.Name)
	}
}

func TestAStatusTakesASpanThatFailedAndOneThatDidNot(t *testing.T) {
	const order = "ORD-10000001"
	r := &Report{Kinds: make([]Kind, len(kinds))}
	r.lookAt(newTrace("", []ask.Span{full(order)}), order)
	require.False(t, r.Kinds[2].Found, "only an error")
	r.lookAt(newTrace("", []ask.Span{span(order)}), order)
	require.True(t, r.Kinds[2].Found)
	require.Equal(t, "Unset", r.Kinds[2].Seen)
	require.Equal(t, "Error: no gold; order.status=SUBMITTED", r.Kinds[2].Also.Seen)
}

func TestCoverageSeesWhatNeverArrived(t *testing.T) {
	const order = "ORD-10000001"
	orphan := span(order)
	orphan.SetParentSpanID(pcommon.SpanID{9})
	c := Coverage{Bare: map[string]int{}}
	c.look(order, []string{"here", "gone"}, map[string]trace{"here": newTrace("here", []ask.Span{orphan})})
	require.Equal(t, 1, c.Orphans)
	require.Equal(t, 1, c.Absent)
	require.Equal(t, []string{"gone"}, c.Samples[0].Absent)
	r := &Report{Coverage: c}
	r.judgeCoverage(0)
	require.Len(t, r.Complaints, 4, "%v", r.Complaints) // absent, orphan, and the shares of an empty total
}

func TestTheCollectorsOwnMetricsAreJudged(t *testing.T) {
	const text = `# HELP otelcol_receiver_accepted_spans Spans.
otelcol_receiver_accepted_spans{receiver="a"} 3
otelcol_receiver_accepted_spans{receiver="b"} 4
otelcol_receiver_accepted_log_records 1
otelcol_receiver_refused_spans 0
otelcol_receiver_refused_log_records 0
otelcol_receiver_refused_metric_points 0
otelcol_exporter_sent_spans{exporter="jaeger"} 7
otelcol_pii_redact_findings{detector="card"} 2
otelcol_process_memory_rss 1.048576e+06
otelcol_process_cpu_seconds 1.5
`
	for _, c := range []struct{ name, old, now, complaint string }{
		{name: "good"},
		{"renamed", "pii_redact_findings", "pii_redact_hits", "no metric otelcol_pii_redact_findings"},
		{"refused", "refused_spans 0", "refused_spans 5", "refused 5"},
		{"failed", "# HELP", "otelcol_exporter_send_failed_spans 6\n# HELP", "failed to send 6"},
		{"not sent", `"jaeger"} 7`, `"jaeger"} 6`, "took 7 spans and sent 6"},
		{"nothing redacted", `"card"} 2`, `"card"} 0`, "redacted nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(strings.Replace(text, c.old, c.now, 1)))
			}))
			defer server.Close()
			sums, err := scrape(t.Context(), server.URL)
			require.NoError(t, err)
			r := &Report{Collector: fromSums(sums)}
			r.Collector.Verdicts = 1
			r.judgeCollector()
			if c.complaint == "" {
				require.Empty(t, r.Complaints)
			} else {
				require.Contains(t, strings.Join(r.Complaints, "\n"), c.complaint)
			}
		})
	}
}

func TestExpressionsOfADashboardCanBeAskedAsTheyAre(t *testing.T) {
	exprs, err := Expressions([]byte(`{"panels":[{"targets":[{"expr":"rate(a{flow=~\"$flow\"}[$__rate_interval])"}]},
		{"panels":[{"targets":[{"expr":"b{flow=~\"${flow:regex}\"}"},{"expr":""}]}]}]}`))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{`rate(a{flow=~".*"}[1m])`, `b{flow=~".*"}`}, exprs)
	_, err = Expressions([]byte(`{`))
	require.Error(t, err)
}

func span(order string) ask.Span {
	s := ask.Span{Span: ptrace.NewSpan(), Resource: pcommon.NewMap()}
	s.SetTraceID(pcommon.TraceID{1})
	s.SetSpanID(pcommon.SpanID{1})
	s.Attributes().PutStr("order.id", order)
	return s
}

func full(order string) ask.Span {
	s := span(order)
	s.SetStartTimestamp(1)
	s.SetEndTimestamp(2)
	s.Status().SetCode(ptrace.StatusCodeError)
	s.Status().SetMessage("no gold")
	for k, v := range map[string]string{
		"order.status": "SUBMITTED", "error.type": "500", "session.id": "s", "db.query.text": "SELECT ?",
		"messaging.message.id": "m", "messaging.destination.name": "mes.submitted",
	} {
		s.Attributes().PutStr(k, v)
	}
	return s
}
