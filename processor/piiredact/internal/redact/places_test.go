package redact

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// place is where programs write a value that says itself what it is.
type place struct {
	name, key string
	put       func(v string) string
}

// at is a place by its template.
func at(name, key, template string) place {
	return place{name, key, func(v string) string { return strings.ReplaceAll(template, "%", v) }}
}

func inJSON(v string) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func quoted(v string) string { return strings.ReplaceAll(v, "'", "''") }

// places of logs, traces and statements, in the words of several languages' libraries.
var places = []place{
	at("alone", "value", "%"), at("prose", "", "Could not process %, please retry"), at("quotes", "exception.message", "Invalid value: “%”"),
	at("dash", "", "принято – % – и отклонено"), at("colon", "", "введено:%"), at("logfmt", "", `ts=2026-11-28T10:00:00.123Z level=info msg="rejected %" code=17`),
	at("spring", "", "2026-11-28 10:00:00.123  INFO 1 --- [nio-8080-exec-1] c.e.s.OrderController : got % from client"),
	at("java", "", "Order{id=17, input='%', total=12.50}"), at("record", "", "Order[id=17, input=%, total=12.50]"),
	at("stack", "exception.stacktrace", "java.lang.IllegalStateException: bad value %\n\tat com.example.Shop.check(Shop.java:42)\n"),
	at("go struct", "", "{Name:x Input:% Total:12}"), at("go map", "", "map[input:% total:12]"), at("python", "", "{'input': '%', 'total': 12}"),
	at("xml", "", `<order><input kind="x">%</input></order>`), at("csv", "", `17,"%",12.50`), at("tabs", "", "17\t%\t12.50"), at("yaml", "", "order:\n  input: %\n"),
	at("lines", "", "a: 1\r\ninput: %\r\nb: 2"), at("bars", "", "|%|"), at("backticks", "", "`%`"),
	{"json", "http.request.body", func(v string) string { return `{"order":{"lines":[{"input":` + inJSON(v) + `}]}}` }},
	{"json in json", "", func(v string) string {
		return `{"log":` + inJSON(`{"payload":`+inJSON(`{"input":`+inJSON(v)+`}`)+`}`) + `,"stream":"stdout"}`
	}},
	{"json in text", "", func(v string) string { return `request {"input":` + inJSON(v) + `,"total":12} took 5 ms` }},
	{"json cut off", "", func(v string) string { return `{"input":` + inJSON(v) + `,"tot` }},
	{"query", "url.full", func(v string) string { return "https://shop.example/x?input=" + url.QueryEscape(v) + "&n=1" }},
	{"form", "http.request.body", func(v string) string { return "a=1&input=" + url.QueryEscape(v) + "&b=2" }},
	{"path", "url.path", func(v string) string { return "/api/users/" + url.PathEscape(v) + "/orders" }},
	{"access log", "", func(v string) string {
		return `10.0.0.5 - - [28/Nov/2026:10:00:00 +0000] "GET /search?q=` + url.QueryEscape(v) + ` HTTP/1.1" 200 1234 "-" "curl/8.5.0"`
	}},
	{"sql", "db.statement", func(v string) string { return "SELECT * FROM users WHERE x LIKE '%" + quoted(v) + "%'" }},
	{"sql server", "db.query.text", func(v string) string { return "UPDATE [dbo].[t] SET [x] = N'" + quoted(v) + "' WHERE [id] = 7" }},
	{"postgres", "db.query.text", func(v string) string { return "UPDATE t SET x = $t$" + v + "$t$ WHERE id = 7" }},
	{"comment", "db.statement", func(v string) string { return "SELECT x FROM t /* for " + v + " */ WHERE y = ?" }},
	{"sql in a log", "", func(v string) string {
		return "duration: 1.2 ms  statement: SELECT x FROM t WHERE y = '" + quoted(v) + "'"
	}},
	{"duplicate", "exception.message", func(v string) string { return "Detail: Key (x)=(" + v + ") already exists." }},
	{"redis", "db.statement", func(v string) string { return `HSET user:1 x "` + strings.ReplaceAll(v, `"`, `\"`) + `"` }},
	{"mongo", "db.statement", func(v string) string { return `{"find":"users","filter":{"x":` + inJSON(v) + `}}` }},
}

// TestValuesAreFoundWhereverProgramsWriteThem crosses every kind of value that says itself what it is with every place.
func TestValuesAreFoundWhereverProgramsWriteThem(t *testing.T) {
	e := testEngine(policy.Balanced)
	se := e.Session()
	defer se.Release()
	for en, draw := range map[finding.Entity]func(maker) string{
		finding.Card: maker.card, finding.Email: maker.email, finding.IBAN: maker.iban, finding.Phone: maker.phone,
		finding.MAC: func(m maker) string { _, _, v := m.mac(); return v },
	} {
		m := maker{rand.New(rand.NewPCG(2026, uint64(en)))}
		cases, missed := 0, 0
		for _, p := range places {
			for range 60 {
				v := draw(m)
				text := p.put(v)
				out, _ := se.Text(se.Key("", p.key), text, 0)
				cases++
				if en == finding.MAC && strings.Contains(out, v) || en != finding.MAC && survives(v, out) {
					if missed++; missed < 8 {
						t.Logf("   missed: %s, %s: %q", en, p.name, text)
					}
				}
				if again, verdict := se.Text(se.Key("", p.key), out, 0); verdict != Same {
					t.Errorf("%s: a second pass made %q of %q", p.name, again, out)
				}
				if json.Valid([]byte(text)) && (text[0] == '{' || text[0] == '[') && !json.Valid([]byte(out)) {
					t.Errorf("%s: %q is no JSON any more: %q", p.name, text, out)
				}
			}
		}
		t.Logf("%-6s %5d cases in %d places, %d missed", en, cases, len(places), missed)
		if float64(missed) > 0.02*float64(cases) {
			t.Errorf("%s: %d of %d missed", en, missed, cases)
		}
	}
}

// TestJSONStaysJSONUnderEveryKey: also where the key says that the whole is somebody's.
func TestJSONStaysJSONUnderEveryKey(t *testing.T) {
	e := testEngine(policy.Balanced)
	for _, key := range []string{"password", "authorization", "cookie", "customer.name", "shipping.address", "address", "birth_date", "phone", "note", "db.statement", "db.query.parameter.0"} {
		for _, value := range []string{
			`["geheim7 17, street 5"]`, `{"first":"geheim7","street":"geheim7 17, x 5","n":[77777,{"z":"geheim7"}]}`, `"geheim7 17, street 5"`, `[["geheim7","x"],null,true]`,
		} {
			out, _ := through(t, e, key, value)
			if !json.Valid([]byte(out)) {
				t.Errorf("%s=%s became %s", key, value, out)
			}
			if whole := e.keys.Get(key).Whole; whole != finding.None && !e.keys.Get(key).Place && strings.Contains(out, "geheim7") {
				t.Errorf("%s=%s is still in %s", key, value, out)
			}
		}
	}
}
