package report

import (
	"os"
	"path/filepath"
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
			`{"kind":"name","value":"Zoë \"Z\" O'Neil"}`+"\n"), 0o600))
	words, err := planted(file)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"email": 1, "phone": 1, "card": 1, "name": 1}, words.kinds())
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
	r := &Report{Kinds: make([]Kind, len(kinds))}
	bare := span("ORD-10000001")
	require.Equal(t, 1, r.lookAt([]ask.Span{bare}, "ORD-10000001"), "a bare span has its trace id alone")
	require.Zero(t, r.lookAt([]ask.Span{full("ORD-10000002")}, "ORD-10000001"), "another order's span shows nothing")
	require.Equal(t, 6, r.lookAt([]ask.Span{full("ORD-10000001")}, "ORD-10000001"))
	for _, k := range r.Kinds {
		require.True(t, k.Found, k.Name)
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
