package piiredact

import (
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestExplanationsNameDetectorActionAndReason(t *testing.T) {
	x, err := NewExplainer(createDefaultConfig(), true)
	must(t, err)
	clean, why := x.Text("", "mail ivan@example.com, card 4111 1111 1111 1111, took 12 ms")
	if len(why) != 2 || why[0].Detector != "email" || why[0].Action != "hash" || why[1].Detector != "card" || why[1].With != "****1111" || why[1].Why == "" {
		t.Errorf("%+v", why)
	}
	if strings.Contains(clean, "ivan") || !strings.Contains(clean, "took 12 ms") {
		t.Error(clean)
	}
	if _, why = x.Text("customer.name", "Ivan"); len(why) != 1 || why[0].Detector != "person" || !strings.Contains(why[0].Why, "key") {
		t.Errorf("%+v", why)
	}
	s := blank()
	span(s.td).Attributes().PutStr("note", "ivan@example.com")
	line, err := (&ptrace.JSONMarshaler{}).MarshalTraces(s.td)
	must(t, err)
	out, why, ok := x.OTLP(line)
	if !ok || len(why) != 1 || why[0].At != "note" || strings.Contains(string(out), "ivan") {
		t.Errorf("%v %+v %s", ok, why, out)
	}
	if _, _, ok := x.OTLP([]byte(`{"a": 1}`)); ok {
		t.Error("any JSON passes for OTLP")
	}
}
