package slametrics_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const conditions = `
flows:
  order:
    stages:
      submitted: {condition: 'attributes["order.status"] == "SUBMITTED" and resource.attributes["shop"] != nil'}
      priced: {service: mes, condition: 'Int(attributes["price"]) > 0'}
      rejected: {signal: log, condition: 'IsMatch(body, "^rejected")', end: bad}
      shipped: {attributes: {order.status: SHIPPED}, condition: 'kind == SPAN_KIND_SERVER and not IsRootSpan()', end: good}
    transitions:
      - {from: submitted, to: priced, deadline: 10s}
      - {from: priced, to: shipped, deadline: 20s}
metrics_flush_interval: 1s
`

func TestAStageCanAskAConditionOfSpansAndLogs(t *testing.T) {
	type what struct {
		service, shop, status, price, body string
		kind                               ptrace.SpanKind
		child, log                         bool
	}
	for name, c := range map[string]struct {
		what
		stage string // that the order is then in, or its end; empty: none
	}{
		"all of it holds":                    {what{shop: "riga", status: "SUBMITTED"}, "order.in_flight{stage=submitted}"},
		"a log record meets it too":          {what{shop: "riga", status: "SUBMITTED", log: true}, "order.in_flight{stage=submitted}"},
		"half of it holds":                   {what{status: "SUBMITTED"}, ""},
		"a function":                         {what{service: "mes", price: "12"}, "order.in_flight{stage=priced}"},
		"a function that does not hold":      {what{service: "mes", price: "-1"}, ""},
		"the service is asked first":         {what{service: "crm", price: "12"}, ""},
		"a body":                             {what{log: true, body: "rejected: too thin"}, "order.finished{end=bad}"},
		"another body":                       {what{log: true, body: "not rejected"}, ""},
		"an enum and a function without":     {what{status: "SHIPPED", kind: ptrace.SpanKindServer, child: true}, "order.finished{end=good}"},
		"a root span":                        {what{status: "SHIPPED", kind: ptrace.SpanKindServer}, ""},
		"a log cannot meet a span's":         {what{status: "SHIPPED", log: true}, ""},
		"what cannot be evaluated is not so": {what{service: "mes"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, conditions)
				fill := func(resource, own pcommon.Map) {
					for k, v := range map[string]string{"service.name": c.service, "shop": c.shop} {
						if v != "" {
							resource.PutStr(k, v)
						}
					}
					own.PutStr("order.id", "O-1")
					for k, v := range map[string]string{"order.status": c.status, "price": c.price} {
						if v != "" {
							own.PutStr(k, v)
						}
					}
				}
				if c.log {
					ld := plog.NewLogs()
					rl := ld.ResourceLogs().AppendEmpty()
					record := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
					record.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
					record.Body().SetStr(c.body)
					fill(rl.Resource().Attributes(), record.Attributes())
					r.sendLogs(ld)
				} else {
					td := ptrace.NewTraces()
					rs := td.ResourceSpans().AppendEmpty()
					span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
					span.SetKind(c.kind)
					span.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
					if c.child {
						span.SetParentSpanID([8]byte{1})
					}
					fill(rs.Resource().Attributes(), span.Attributes())
					r.sendTraces(td)
				}
				r.live(200 * time.Second)
				r.stop()
				reached := ""
				for name, n := range r.numbers() {
					if n == 1 && (len(name) > 14 && (name[:14] == "order.finished" || name[:15] == "order.in_flight")) {
						reached = name
					}
				}
				require.Equal(t, c.stage, reached)
			})
		})
	}
}
