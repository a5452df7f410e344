package piiredact

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// canary is one detector's plant: where a key gives it meaning, and as a text that says so itself.
type canary struct{ detector, key, value, text, secret string }

var canaries = []canary{
	{"email", "note", "ivan.petrov@example.com", "mail ivan.petrov@example.com now", "ivan.petrov"},
	{"phone", "note", "+7 (999) 123-45-67", "call +7 (999) 123-45-67 now", "123-45-67"},
	{"card", "note", "4111 1111 1111 1111", "paid with 4111 1111 1111 1111 today", "4111 1111"},
	{"iban", "note", "DE89370400440532013000", "to DE89370400440532013000.", "370400440532"},
	{"ip", "client.address", "203.0.113.77", "client 203.0.113.77 came", "203.0.113.77"},
	{"mac", "note", "3c:22:fb:aa:bb:cc", "device 3c:22:fb:aa:bb:cc", "fb:aa:bb"},
	{"gps", "geo.lat", "55.751244", "", "751244"},
	{"inn", "inn", "7707083893", "ИНН 7707083893", "7707083893"},
	{"snils", "note", "112-233-445 95", "СНИЛС 112-233-445 95", "112-233-445"},
	{"ogrn", "ogrn", "1027700132195", "ОГРН 1027700132195", "1027700132195"},
	{"ru_passport", "passport", "4510 123456", "паспорт 4510 123456", "123456"},
	{"bank_account", "note", "40817810099910004312", "р/с 40817810099910004312", "40817810099910"},
	{"birth_date", "birth_date", "1990-01-31", "birth_date=1990-01-31", "1990-01-31"},
	{"person", "customer.name", "Иван Петров", `customer.name="Иван Петров"`, "Петров"},
	{"address", "shipping.address", "Москва, Ленина 1", `shipping.address="Москва, Ленина 1"`, "Ленина"},
	{"jwt", "note", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.abcDEFghiJKL", "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.abcDEFghiJKL", "eyJzdWIi"},
	{"authorization", "authorization", "Bearer abc123def456", "Authorization: Bearer abc123def456", "abc123def456"},
	{"password", "note", "postgres://shop:s3cr3t@db/x", "at postgres://shop:s3cr3t@db/x", "s3cr3t"},
	{"url_secret", "note", "https://x.io/?sig=deadbeef12", "GET https://x.io/?sig=deadbeef12", "deadbeef12"},
	{"private_key", "note", "-----BEGIN PRIVATE KEY-----\nMIIEpAIB\n-----END PRIVATE KEY-----", "key -----BEGIN PRIVATE KEY-----\nMIIEpAIB\n", "MIIEpAIB"},
	{"api_key", "note", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "use ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42F"},
	{"cookie", "cookie", "sid=31d4d96e407aad42", "Cookie: sid=31d4d96e407aad42", "31d4d96e"},
	{"secret", "db.password", "hunter2hunter2", "password=hunter2hunter2", "hunter2"},
	{"statement", "db.query.text", "SELECT 1 FROM t WHERE a = 'geheim'", "query SELECT 1 FROM t WHERE a = 'geheim'", "geheim"},
}

func span(td ptrace.Traces) ptrace.Span {
	return td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
}

func record(ld plog.Logs) plog.LogRecord {
	return ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
}

func metr(md pmetric.Metrics) pmetric.Metric {
	return md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
}

// shapes are the ways a value can stand in a map.
var shapes = []struct {
	name string
	put  func(pcommon.Map, string, string)
}{
	{"string", func(m pcommon.Map, k, v string) { m.PutStr(k, v) }},
	{"map", func(m pcommon.Map, k, v string) { m.PutEmptyMap("outer").PutStr(k, v) }},
	{"array", func(m pcommon.Map, k, v string) { m.PutEmptySlice(k).AppendEmpty().SetStr(v) }},
	{"bytes", func(m pcommon.Map, k, v string) { m.PutEmptyBytes(k).FromRaw([]byte(v)) }},
	{"json", func(m pcommon.Map, k, v string) { m.PutStr("payload", fmt.Sprintf("{%q: [%q]}", k, v)) }},
	{"json in json", func(m pcommon.Map, k, v string) {
		m.PutStr("payload", fmt.Sprintf("{\"x\": %q}", fmt.Sprintf("{%q: %q}", k, v)))
	}},
	{"deep", func(m pcommon.Map, k, v string) {
		s := m.PutEmptySlice("outer")
		for range 5 {
			s = s.AppendEmpty().SetEmptySlice()
		}
		s.AppendEmpty().SetEmptyMap().PutStr(k, v)
	}},
}

// maps are where maps are.
var maps = []struct {
	name string
	of   func(signals) []pcommon.Map
}{
	{"resource", func(s signals) []pcommon.Map {
		return []pcommon.Map{s.td.ResourceSpans().At(0).Resource().Attributes(), s.ld.ResourceLogs().At(0).Resource().Attributes(), s.md.ResourceMetrics().At(0).Resource().Attributes()}
	}},
	{"scope", func(s signals) []pcommon.Map {
		return []pcommon.Map{s.td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().Attributes(), s.ld.ResourceLogs().At(0).ScopeLogs().At(0).Scope().Attributes(), s.md.ResourceMetrics().At(0).ScopeMetrics().At(0).Scope().Attributes()}
	}},
	{"item", func(s signals) []pcommon.Map {
		return []pcommon.Map{span(s.td).Attributes(), record(s.ld).Attributes(), metr(s.md).Metadata()}
	}},
	{"event, body, point", func(s signals) []pcommon.Map {
		return []pcommon.Map{span(s.td).Events().At(0).Attributes(), record(s.ld).Body().SetEmptyMap(), metr(s.md).Sum().DataPoints().At(0).Attributes()}
	}},
	{"link, exemplar", func(s signals) []pcommon.Map {
		return []pcommon.Map{span(s.td).Links().At(0).Attributes(), metr(s.md).Sum().DataPoints().At(0).Exemplars().At(0).FilteredAttributes()}
	}},
	{"histogram", func(s signals) []pcommon.Map {
		return []pcommon.Map{point(s, 1).Attributes(), point(s, 2).Attributes(), metr3(s, 3).Summary().DataPoints().At(0).Attributes(), metr3(s, 4).Gauge().DataPoints().At(0).Attributes()}
	}},
}

type pointAttrs interface{ Attributes() pcommon.Map }

func metr3(s signals, i int) pmetric.Metric {
	return s.md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(i)
}

func point(s signals, i int) pointAttrs {
	if i == 1 {
		return metr3(s, 1).Histogram().DataPoints().At(0)
	}
	return metr3(s, 2).ExponentialHistogram().DataPoints().At(0)
}

// texts are the fields that are plain strings.
var texts = []struct {
	name string
	put  func(signals, string)
}{
	{"name", func(s signals, v string) { span(s.td).SetName(v); record(s.ld).SetEventName(v); metr(s.md).SetName(v) }},
	{"message, body, description", func(s signals, v string) {
		span(s.td).Status().SetMessage(v)
		record(s.ld).Body().SetStr(v)
		metr(s.md).SetDescription(v)
	}},
	{"event name, severity, unit", func(s signals, v string) {
		span(s.td).Events().At(0).SetName(v)
		record(s.ld).SetSeverityText(v)
		metr(s.md).SetUnit(v)
	}},
	{"scope name", func(s signals, v string) {
		s.td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().SetName(v)
		s.ld.ResourceLogs().At(0).ScopeLogs().At(0).Scope().SetName(v)
		s.md.ResourceMetrics().At(0).ScopeMetrics().At(0).Scope().SetName(v)
	}},
	{"scope version", func(s signals, v string) { s.td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().SetVersion(v) }},
	{"trace state", func(s signals, v string) {
		span(s.td).TraceState().FromRaw(v)
		span(s.td).Links().At(0).TraceState().FromRaw(v)
	}},
	{"schema url", func(s signals, v string) {
		s.td.ResourceSpans().At(0).SetSchemaUrl(v)
		s.ld.ResourceLogs().At(0).ScopeLogs().At(0).SetSchemaUrl(v)
	}},
	{"attribute key", func(s signals, v string) {
		span(s.td).Attributes().PutStr(v, "x")
		record(s.ld).Attributes().PutEmptyMap("outer").PutStr(v, "x")
		metr(s.md).Sum().DataPoints().At(0).Attributes().PutStr(v, "x")
	}},
}

type signals struct {
	td ptrace.Traces
	ld plog.Logs
	md pmetric.Metrics
}

func blank() signals {
	s := signals{ptrace.NewTraces(), plog.NewLogs(), pmetric.NewMetrics()}
	sp := s.td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	sp.Events().AppendEmpty()
	sp.Links().AppendEmpty()
	s.ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	ms := s.md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	ms.AppendEmpty().SetEmptySum().DataPoints().AppendEmpty().Exemplars().AppendEmpty()
	ms.AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty()
	ms.AppendEmpty().SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
	ms.AppendEmpty().SetEmptySummary().DataPoints().AppendEmpty()
	ms.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty()
	return s
}
