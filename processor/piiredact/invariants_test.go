package piiredact

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/metadata"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// TestNoCounterHoldsAValueOrAKeyThatCameWithTheData: attributes of our metrics are words of ours.
func TestNoCounterHoldsAValueOrAKeyThatCameWithTheData(t *testing.T) {
	tel := componenttest.NewTelemetry()
	t.Cleanup(func() { must(t, tel.Shutdown(context.Background())) })
	set := processortest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = tel.NewTelemetrySettings()
	cfg := createDefaultConfig().(*Config)
	cfg.Rules = []RuleConfig{{Name: "code", Pattern: "PRT-[0-9]+"}}
	r, err := newRedactor(set, cfg, "traces")
	must(t, err)
	must(t, r.start(context.Background(), componenttest.NewNopHost()))
	defer func() { must(t, r.shutdown(context.Background())) }()
	s := blank()
	for _, c := range canaries {
		span(s.td).Attributes().PutStr(c.key+"."+c.secret, c.text)
		span(s.td).Events().AppendEmpty().SetName(c.text + " PRT-5")
	}
	span(s.td).Attributes().PutStr("long", strings.Repeat("ivan@example.com ", 1<<17))
	_, err = r.traces(context.Background(), s.td)
	must(t, err)
	words := []string{"traces", "rule", "bytes", "depth", "ok", "failed"}
	for _, e := range finding.Builtins() {
		words = append(words, e.String())
	}
	for _, a := range policy.Actions {
		words = append(words, string(a))
	}
	var all metricdata.ResourceMetrics
	must(t, tel.Reader.Collect(context.Background(), &all))
	points := 0
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			sum, ok := m.Data.(metricdata.Sum[int64])
			if !ok {
				continue
			}
			for _, p := range sum.DataPoints {
				points++
				for _, kv := range p.Attributes.ToSlice() {
					if !slices.Contains(words, kv.Value.AsString()) {
						t.Errorf("%s: %s=%s", m.Name, kv.Key, kv.Value.AsString())
					}
				}
			}
		}
	}
	if points < len(canaries) {
		t.Errorf("only %d points", points)
	}
}

func TestWhatLooksSealedIsNotTrusted(t *testing.T) {
	cfg := keyed(t)
	cfg.Detectors = map[string]DetectorConfig{"person": {Action: "encrypt", Metrics: "hash"}, "phone": {Action: "token"}}
	for _, fake := range []string{"enc:v1:SXZhbiBQZXRyb3Y", "tok:v1:SXZhbiBQZXRyb3Y", "enc:v1:", "anonperson_k1_bcdfghjklmnpqrstbcdfghjklmnpqrst"} {
		got := fmt.Sprint(attributesAfter(t, cfg, "customer.name", fake)["customer.name"])
		if got == fake || !strings.HasPrefix(got, "enc:v1:") {
			t.Errorf("%s was trusted: %s", fake, got)
		}
	}
	if got := fmt.Sprint(attributesAfter(t, cfg, "note", "enc:v1:abc+79991234567")["note"]); strings.Contains(got, "9991234567") {
		t.Errorf("a phone hid behind a prefix: %s", got)
	}
}

func TestIdsTimesAndNumbersPassUntouched(t *testing.T) {
	run := newPipeline(t, createDefaultConfig())
	s := blank()
	sp := span(s.td)
	sp.SetTraceID(pcommon.TraceID{0x41, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 1, 2, 3, 4, 5, 6, 7, 8})
	sp.SetSpanID(pcommon.SpanID{0x79, 0x16, 0x12, 0x34, 0x56, 0x7, 8, 9})
	sp.SetStartTimestamp(1763871533123456789)
	sp.Links().At(0).SetTraceID(sp.TraceID())
	m := sp.Attributes()
	m.PutStr("order.id", "ORD-10000042")
	m.PutStr("session.id", "00112233-4455-6677-8899-aabbccddeeff")
	m.PutStr("partner.order", "PARTNER-2026-000123")
	m.PutInt("order.created_ms", 1763871533123)
	m.PutInt("event.time_ns", 1763871533123456789)
	m.PutDouble("order.price", 129999.99)
	m.PutStr("product.ean", "4006381333931")
	m.PutStr("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	p := metr(s.md).Sum().DataPoints().At(0)
	p.SetIntValue(4111111111111111)
	p.SetTimestamp(1763871533123456789)
	before := marshal(t, s)
	run(s)
	if string(before) != string(marshal(t, s)) {
		t.Errorf("changed: %v", m.AsRaw())
	}
}
