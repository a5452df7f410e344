package redact

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/checksum"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// class is a kind of ordinary value.
type class struct {
	name string
	draw func() string
}

// ordinary are the kinds of values that look like somebody's data and are not.
func (m maker) ordinary() []class {
	d := m.digits
	return []class{
		{"uuid", func() string { return m.hex(8) + "-" + m.hex(4) + "-4" + m.hex(3) + "-a" + m.hex(3) + "-" + m.hex(12) }},
		{"uuid of digits", func() string { return d(8) + "-" + d(4) + "-" + d(4) + "-" + d(4) + "-" + d(12) }},
		{"trace id", func() string { return m.hex(32) }}, {"span id", func() string { return m.hex(16) }},
		{"traceparent", func() string { return "00-" + m.hex(32) + "-" + m.hex(16) + "-01" }},
		{"epoch s", func() string { return "17" + d(8) }}, {"epoch ms", func() string { return "17" + d(11) }},
		{"epoch us", func() string { return "17" + d(14) }}, {"epoch ns", func() string { return "17" + d(17) }},
		{"epoch s.frac", func() string { return "17" + d(8) + "." + d(6) }},
		{"time", func() string {
			return "2026-1" + m.pick("0", "1", "2") + "-" + m.pick("0", "1", "2") + m.pick("1", "5", "9") + m.pick("T", " ") + m.pick("04", "13", "23") + ":" + m.pick("18", "05") + ":" + m.pick("07", "53") + "." + d(m.IntN(9)+1) + m.pick("Z", "+03:00", "")
		}},
		{"version", func() string {
			return m.pick("v", "") + d(1) + "." + d(2) + "." + d(m.IntN(4)+1) + m.pick("", "-rc.1", "+build."+d(8), "."+d(4))
		}},
		{"price", func() string {
			return m.pick(d(5)+"."+d(2), "1"+d(2)+","+d(3)+"."+d(2), d(3)+" "+d(3)+",00 ₽", "$"+d(4)+".99", "1 "+d(3)+" "+d(3)+" руб.")
		}},
		{"EAN-13", func() string { return m.checked(13, m.pick("46", "40", "97", "50", "30"), checksum.GTIN) }},
		{"GTIN-14", func() string { return m.checked(14, m.pick("1", "0", "3", "5"), checksum.GTIN) }},
		{"UPC", func() string { return m.checked(12, "0", checksum.GTIN) }},
		{"ISBN", func() string { return "978-" + d(1) + "-" + d(3) + "-" + d(5) + "-" + d(1) }},
		{"IMEI", func() string { return m.checked(15, m.pick("35", "86", "01"), checksum.Luhn) }},
		{"order", func() string {
			return m.pick("ORD-"+d(8), "order ORD-"+d(8)+" shipped", "INV-2026-"+d(6), "#"+d(6), "SO"+d(10), "PO-"+d(10))
		}},
		{"part", func() string {
			return m.pick("PN-", "SKU ", "ART-", "RING-") + m.pick(d(4)+"-"+d(4), d(3)+"-"+d(5), d(6)+"/"+d(2))
		}},
		{"digits 16", func() string { return d(16) }}, {"digits 12", func() string { return d(12) }}, {"digits 10", func() string { return d(10) }}, {"digits 19", func() string { return "1" + d(18) }},
		{"git sha", func() string { return m.hex(40) }}, {"short sha", func() string { return m.hex(7) }}, {"ulid", func() string { return "01J" + strings.ToUpper(m.hex(10)) + "XY" + strings.ToUpper(m.hex(11)) }},
		{"pod", func() string { return "shop-api-" + m.hex(10) + "-x" + m.hex(4) }}, {"path", func() string { return "/var/log/app/" + d(8) + "/" + m.hex(8) + ".log:" + d(3) }},
		{"host:port", func() string { return "10." + d(1) + "." + d(2) + "." + d(1) + ":" + d(4) }}, {"float", func() string { return "0." + d(16) }}, {"float exp", func() string { return d(1) + "." + d(15) + "e-0" + d(1) }},
		{"log", func() string {
			return "processed " + d(3) + " of " + d(4) + " items in " + d(3) + "." + d(2) + " ms (attempt " + d(1) + "/5), offset=" + d(9) + " size=" + d(7)
		}},
		{"list", func() string { return "[" + d(3) + ", " + d(4) + ", " + d(5) + ", " + d(2) + "]" }}, {"grid", func() string { return d(3) + " " + d(4) + " " + d(2) + " " + d(4) + " " + d(3) }},
		{"range", func() string { return d(4) + "-" + d(4) }}, {"goroutine", func() string { return "goroutine " + d(3) + " [running]: main.go:" + d(3) + " +0x" + m.hex(3) }},
		{"java object", func() string { return "com.shop.Order@" + m.hex(8) }}, {"message id", func() string { return "ID:" + m.hex(8) + "-" + d(5) + "-17" + d(11) + "-" + d(1) + ":1" }},
		{"container", func() string { return m.hex(64) }}, {"mac-like", func() string { return m.hex(2) + ":" + m.hex(2) + ":" + m.hex(2) }}, {"dimension", func() string { return d(4) + "x" + d(4) + "@2x.png" }},
		{"snowflake", func() string { return m.pick("17", "18", "19") + d(17) }}, {"object id", func() string { return "6" + m.hex(23) }}, {"tracking", func() string {
			return m.pick("RR"+d(9)+"RU", "1Z"+strings.ToUpper(m.hex(6))+d(10), "9400 1"+d(3)+" "+d(4)+" "+d(4)+" "+d(4)+" "+d(2), "800"+d(11), "CDEK "+d(10))
		}},
		{"SSCC", func() string { return m.checked(18, "0", checksum.GTIN) }}, {"ICCID", func() string { return m.checked(19, "897019", checksum.Luhn) }}, {"IMSI", func() string { return "2500" + d(11) }},
		{"ISSN", func() string { return d(4) + "-" + d(3) + m.pick("X", "1", "5") }}, {"VIN", func() string { return "XTA" + m.from("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", 8) + d(6) }},
		{"account of a cloud", func() string { return "arn:aws:sqs:eu-west-1:" + d(12) + ":orders-" + m.hex(4) }}, {"image", func() string { return "cr.example/shop:" + d(1) + "." + d(2) + "." + d(1) + "@sha256:" + m.hex(64) }},
		{"fingerprint", func() string {
			return strings.Join([]string{m.hex(2), m.hex(2), m.hex(2), m.hex(2), m.hex(2), m.hex(2), m.hex(2), m.hex(2), m.hex(2), m.hex(2)}, ":")
		}},
		{"ssh key", func() string { return "SHA256:" + m.from(alnums+"+/", 43) }}, {"hex dump", func() string {
			return m.hex(2) + " " + m.hex(2) + " " + m.hex(2) + " " + m.hex(2) + " " + m.hex(2) + " " + m.hex(2) + " " + m.hex(2) + " " + m.hex(2)
		}},
		{"etag", func() string { return `W/"` + m.hex(8) + "-" + m.hex(11) + `"` }}, {"lsn", func() string { return m.hex(1) + "/" + strings.ToUpper(m.hex(8)) }}, {"gc", func() string {
			return "[" + d(3) + "." + d(3) + "s][info][gc] GC(" + d(3) + ") Pause Young " + d(3) + "M->" + d(2) + "M(" + d(4) + "M) " + d(1) + "." + d(3) + "ms"
		}},
		{"exposition", func() string { return `http_requests_total{code="200",method="post"} ` + d(6) + " 17" + d(11) }}, {"access log", func() string {
			return "10.0." + d(1) + "." + d(2) + " - - [27/Nov/2026:21:" + d(2) + ":07 +0300] \"GET /api/orders/" + d(8) + "?page=" + d(2) + " HTTP/1.1\" 200 " + d(5) + " " + d(1) + "." + d(3)
		}},
		{"csv", func() string {
			return d(4) + ";" + d(6) + ";" + d(3) + "," + d(2) + ";SHIPPED;2026-11-" + m.pick("01", "15", "27")
		}}, {"build", func() string { return "10.0." + d(5) + "." + d(4) }}, {"date and number", func() string { return "2026-11-" + m.pick("05", "27") + "-" + d(m.IntN(6)+2) }},
		{"batch", func() string { return "LOT" + d(10) + m.pick("", "-"+d(2)) }}, {"dims", func() string {
			return d(2) + "." + d(3) + " x " + d(2) + "." + d(3) + " x " + d(1) + "." + d(3) + " mm"
		}}, {"weights", func() string {
			return "gold585 " + d(1) + "." + d(3) + " g, stone " + d(1) + "." + d(2) + " ct, size " + d(2) + ".5"
		}},
		{"money", func() string {
			return m.pick("1 "+d(3)+" "+d(3)+" "+d(3)+",00 ₽", d(3)+","+d(3)+","+d(3)+".00", "USD "+d(6)+".50", "-"+d(3)+" "+d(3))
		}}, {"percent", func() string { return d(2) + "." + d(6) + "%" }},
		{"memory", func() string { return "0x" + m.hex(12) + "-0x" + m.hex(12) }}, {"thread", func() string { return "pool-" + d(1) + "-thread-" + d(3) + " tid=" + d(6) + " nid=0x" + m.hex(4) }}, {"base64", func() string { return m.from(alnums+"+/", 44) + "==" }}, {"base64 text", func() string {
			return base64.StdEncoding.EncodeToString([]byte("order ORD-" + d(8) + " is " + m.pick("new", "shipped", "packed")))
		}},
		{"seconds", func() string { return "took " + d(1) + "." + d(9) + "s, next at 17" + d(8) }}, {"ids in a path", func() string { return "/api/v" + d(1) + "/orders/" + d(10) + "/items/" + d(6) }}, {"model", func() string { return "ring-" + d(4) + "-v" + d(1) + ".stl (" + d(7) + " bytes)" }},
	}
}

// score is one entity's line of the table.
type score struct {
	cases, found int
	wrong        int // ordinary values taken for it
	shown        int
}

// checked entities have a check digit, or a form as strict: no more than 2 % of a kind of ordinary value may pass for one.
var strict = finding.SetOf(finding.Card, finding.IBAN, finding.INN, finding.SNILS, finding.OGRN)

// TestAccuracyByEntity draws values with their labels, in the ways that people and programs write them, and ordinary
// values that look like them, and prints recall and false positives by entity.
func TestAccuracyByEntity(t *testing.T) {
	e := testEngine(policy.Balanced)
	scores := map[finding.Entity]*score{}
	for _, en := range finding.Builtins() {
		scores[en] = &score{}
	}
	recall(t, e, scores)
	ordinary, touched := falsePositives(t, e, scores)
	t.Logf("%-14s %6s %6s %7s   %8s %9s", "entity", "cases", "found", "recall", "mistaken", "of values")
	for _, en := range finding.Builtins() {
		s := scores[en]
		if en == finding.Statement {
			continue // TestAccuracyOfStatements
		}
		r, fp := float64(s.found)/float64(max(1, s.cases)), float64(s.wrong)/float64(ordinary)
		t.Logf("%-14s %6d %6d %7.4f   %8d %9.5f", en, s.cases, s.found, r, s.wrong, fp)
		if s.cases == 0 || r < 0.98 {
			t.Errorf("%s: recall %.4f of %d cases", en, r, s.cases)
		}
		if fp > 0.002 {
			t.Errorf("%s: %d ordinary values taken for it", en, s.wrong)
		}
	}
	t.Logf("%d of %d ordinary values touched: %.4f", touched, ordinary, float64(touched)/float64(ordinary))
	if float64(touched)/float64(ordinary) > 0.003 {
		t.Error("more than 0.3 % of ordinary values touched")
	}
}

func recall(t *testing.T, e *Engine, scores map[finding.Entity]*score) {
	m := maker{rand.New(rand.NewPCG(2026, 11))}
	se := e.Session()
	defer se.Release()
	try := func(en finding.Entity, key, text string, gone func(out string) bool) {
		s := scores[en]
		s.cases++
		out, v := se.Text(se.Key("", key), text, 0)
		if v == Dropped || gone(out) {
			s.found++
		} else if s.shown++; s.shown < 8 {
			t.Logf("   missed: %s %s=%q: %q", en, key, text, out)
		}
	}
	for range 1500 {
		for en, draw := range map[finding.Entity]func() string{
			finding.Card: m.card, finding.Phone: m.phone, finding.Email: m.email, finding.IBAN: m.iban, finding.INN: m.inn,
			finding.SNILS: m.snils, finding.OGRN: m.ogrn, finding.Passport: m.passport, finding.Account: m.account,
		} {
			text, core := m.around(draw())
			try(en, "note", text, func(out string) bool { return !survives(core, out) })
		}
		for en, draw := range m.others() {
			key, text, secret := draw()
			try(en, key, text, func(out string) bool { return !strings.Contains(out, secret) })
		}
	}
}

func falsePositives(t *testing.T, e *Engine, scores map[finding.Entity]*score) (all, touched int) {
	m := maker{rand.New(rand.NewPCG(2026, 12))}
	se := e.Session()
	defer se.Release()
	const n = 1000
	se.Seen = func(s Seen) { scores[s.Entity].wrong++ }
	for _, c := range m.ordinary() {
		bad, before := 0, map[finding.Entity]int{}
		for en, s := range scores {
			before[en] = s.wrong
		}
		for range n {
			text, _ := m.around(c.draw())
			if out, v := se.Text(se.Key("", "note"), text, 0); v != Same {
				if bad++; bad <= 2 {
					t.Logf("   touched: %s %q became %q", c.name, text, out)
				}
			}
		}
		all, touched = all+n, touched+bad
		most := n / 50
		if c.name == "digits 16" { // a random number with an issuer's prefix and the right check digit is a card by every public rule
			most = n / 20
		}
		for en, s := range scores {
			if s.wrong-before[en] > most && strict.Has(en) {
				t.Errorf("%s: %d of %d taken for %s", c.name, s.wrong-before[en], n, en)
			}
		}
	}
	return all, touched
}
