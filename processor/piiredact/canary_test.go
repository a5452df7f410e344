package piiredact

import (
	"fmt"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// canary is one detector's plant: where a key gives it meaning, and as a text that says so itself.
type canary struct {
	detector, key, value, text, secret string
	number                             bool // its digits alone, as an int under the key, are one too
}

var canaries = []canary{
	{"email", "note", "ivan.petrov@example.com", "mail ivan.petrov@example.com now", "ivan.petrov", false},
	{"phone", "phone", "+7 (999) 123-45-67", "call +7 (999) 123-45-67 now", "123-45-67", true},
	{"card", "note", "4111 1111 1111 1111", "paid with 4111 1111 1111 1111 today", "4111 1111", true},
	{"iban", "note", "DE89370400440532013000", "to DE89370400440532013000.", "370400440532", false},
	{"ip", "client.address", "203.0.113.77", "client 203.0.113.77 came", "203.0.113.77", false},
	{"mac", "note", "3c:22:fb:aa:bb:cc", "device 3c:22:fb:aa:bb:cc", "fb:aa:bb", false},
	{"gps", "geo.lat", "55.751244", "moved to lat=55.751244 lon=37.618423", "751244", false},
	{"inn", "inn", "7707083893", "ИНН 7707083893", "7707083893", true},
	{"snils", "snils", "112-233-445 95", "СНИЛС 112-233-445 95", "112-233-445", true},
	{"ogrn", "ogrn", "1027700132195", "ОГРН 1027700132195", "1027700132195", true},
	{"ru_passport", "passport", "4510 123456", "паспорт 4510 123456", "123456", true},
	{"bank_account", "note", "40817810099910004312", "р/с 40817810099910004312", "40817810099910", false},
	{"birth_date", "birth_date", "1990-01-31", "birth_date=1990-01-31", "1990-01-31", false},
	{"person", "customer.name", "Иван Петров", `customer.name="Иван Петров"`, "Петров", false},
	{"address", "shipping.address", "Москва, Ленина 1", `shipping.address="Москва, Ленина 1"`, "Ленина", false},
	{"jwt", "note", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.abcDEFghiJKL", "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.abcDEFghiJKL", "eyJzdWIi", false},
	{"authorization", "authorization", "Bearer abc123def456", "Authorization: Bearer abc123def456", "abc123def456", false},
	{"password", "note", "postgres://shop:s3cr3t@db/x", "at postgres://shop:s3cr3t@db/x", "s3cr3t", false},
	{"url_secret", "note", "https://x.io/?sig=deadbeef12", "GET https://x.io/?sig=deadbeef12", "deadbeef12", false},
	{"private_key", "note", "-----BEGIN PRIVATE KEY-----\nMIIEpAIB\n-----END PRIVATE KEY-----", "key -----BEGIN PRIVATE KEY-----\nMIIEpAIB\n", "MIIEpAIB", false},
	{"api_key", "note", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "use ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42F", false},
	{"cookie", "cookie", "sid=31d4d96e407aad42", "Cookie: sid=31d4d96e407aad42", "31d4d96e", false},
	{"secret", "db.password", "hunter2hunter2", "password=hunter2hunter2", "hunter2", false},
	{"statement", "db.query.text", "SELECT 1 FROM t WHERE a = 'geheim'", "query SELECT 1 FROM t WHERE a = 'geheim'", "geheim", false},
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

// form is a way in which a canary stands in a map. put reports false where the canary cannot: not all are numbers.
type form struct {
	name string
	put  func(m pcommon.Map, c canary) bool
}

// forms are all of them: the key with the value, or (percent, key, text) the text that says itself what it is.
var forms = []form{
	{"string", stands(func(m pcommon.Map, k, v string) { m.PutStr(k, v) })},
	{"text", func(m pcommon.Map, c canary) bool { m.PutStr("note", c.text); return true }},
	{"map", stands(func(m pcommon.Map, k, v string) { m.PutEmptyMap("outer").PutStr(k, v) })},
	{"array", stands(func(m pcommon.Map, k, v string) { m.PutEmptySlice(k).AppendEmpty().SetStr(v) })},
	{"bytes", stands(func(m pcommon.Map, k, v string) { m.PutEmptyBytes(k).FromRaw([]byte(v)) })},
	{"json", stands(func(m pcommon.Map, k, v string) { m.PutStr("payload", fmt.Sprintf("{%q: [%q]}", k, v)) })},
	{"json in json", stands(func(m pcommon.Map, k, v string) {
		m.PutStr("payload", fmt.Sprintf("{\"x\": %q}", fmt.Sprintf("{%q: %q}", k, v)))
	})},
	{"json in bytes", stands(func(m pcommon.Map, k, v string) {
		m.PutEmptyBytes("payload").FromRaw([]byte(fmt.Sprintf("{%q: %q}", k, v)))
	})},
	{"deep", stands(func(m pcommon.Map, k, v string) {
		s := m.PutEmptySlice("outer")
		for range 5 {
			s = s.AppendEmpty().SetEmptySlice()
		}
		s.AppendEmpty().SetEmptyMap().PutStr(k, v)
	})},
	{"key", func(m pcommon.Map, c canary) bool { m.PutStr(c.text, "x"); return true }},
	{"key in a map", func(m pcommon.Map, c canary) bool { m.PutEmptyMap("outer").PutStr(c.text, "x"); return true }},
	{"twice", func(m pcommon.Map, c canary) bool {
		m.PutStr("note", c.text)
		m.PutEmptySlice(c.key).AppendEmpty().SetStr(c.value)
		return true
	}},
	{"percent", func(m pcommon.Map, c canary) bool {
		m.PutStr("note", percent(c.text))
		return c.detector != "statement" // SQL is read as it is written
	}},
	{"digits of another script", func(m pcommon.Map, c canary) bool {
		m.PutStr(c.key, wide(c.value))
		return wide(c.value) != c.value && wide(c.secret) != c.secret && c.detector != "gps" && c.detector != "api_key" && c.detector != "jwt"
	}},
	{"int", func(m pcommon.Map, c canary) bool {
		n, err := strconv.ParseInt(digitsOf(c.value), 10, 64)
		m.PutInt(c.key, n)
		return err == nil && c.number
	}},
	{"double", func(m pcommon.Map, c canary) bool {
		n, err := strconv.ParseFloat(digitsOf(c.value), 64)
		m.PutDouble(c.key, n)
		return err == nil && c.number && n < 1<<53
	}},
}

func stands(put func(m pcommon.Map, k, v string)) func(pcommon.Map, canary) bool {
	return func(m pcommon.Map, c canary) bool { put(m, c.key, c.value); return true }
}

// percent encodes every byte that is no letter: digits too.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c|0x20 >= 'a' && c|0x20 <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// wide writes digits as full-width ones.
func wide(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '０'
		}
		return r
	}, s)
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// texts are the ways in which a canary stands in a field that is a text.
var texts = []struct {
	name string
	of   func(canary) string
}{
	{"text", func(c canary) string { return c.text }},
	{"alone", func(c canary) string { return c.text + "." }},
	{"json", func(c canary) string { return fmt.Sprintf("{%q: %q, \"n\": 1}", c.key, c.value) }},
	{"percent", func(c canary) string {
		if c.detector == "statement" {
			return ""
		}
		return percent(c.text)
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
	ms.AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty().Exemplars().AppendEmpty()
	ms.AppendEmpty().SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Exemplars().AppendEmpty()
	ms.AppendEmpty().SetEmptySummary().DataPoints().AppendEmpty()
	ms.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().Exemplars().AppendEmpty()
	return s
}
