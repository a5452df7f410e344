package redact

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// fillers make a text long; there is nothing in them, but some of what finders begin at.
var fillers = []string{
	" the workshop accepted the order without any remark; ", " Заказ принят в работу мастером участка, модель проверена ", ` rt=0.123 uct="0.000" "GET /api/orders HTTP/1.1" 201 `,
	" [shop-api,4bf92f3577b34da6a3ce929d0e0e4736] c.s.o.OrderService : ", "\tat com.shop.mes.pricing.PriceCalculator.calculate(PriceCalculator.java:117)\n", "x",
}

// again redacts s by reading it as a whole until nothing more is found.
func again(se *Session, d *Decision, s string) string {
	was := s
	for range maxPasses {
		next, v := se.pass(d, s, 0)
		if v == Same || next == s {
			break
		}
		s = next
	}
	if s != was && !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

func longText(filler string, n int, parts ...string) string {
	fill := strings.Repeat(filler, n/len(filler)+1)
	return fill + strings.Join(parts, fill) + fill
}

// TestALongTextIsReadAsWellAsAShortOne: reading around its edits finds what reading all of it again would.
func TestALongTextIsReadAsWellAsAShortOne(t *testing.T) {
	quiet, all := 0, 0
	for _, profile := range []policy.Profile{policy.Balanced, policy.Strict} {
		e := testEngine(profile)
		se := e.Session()
		for _, d := range []*Decision{e.Plain(), se.Key("", "note"), se.Key("", "http.url"), se.Key("", "customer.phone")} {
			for i, filler := range fillers {
				for k := range found {
					for _, s := range []string{
						longText(filler, 100+k, found[k][1]), longText(filler, 10, found[k][1], found[(k*7+i)%len(found)][1], filler),
						longText(filler, 150, found[k][1]+" "+found[(k+i+1)%len(found)][1]), longText(filler, 300, ordinary[k%len(ordinary)][1], found[k][1]),
					} {
						all++
						got, v := se.Text(d, s, 0)
						if v == Changed && se.edits.n > 0 { // it was the last pass that edited
							quiet++
						}
						if want := again(se, d, s); got != want {
							t.Fatalf("%s: %q became %q, and reading all of it makes %q", profile, s, got, want)
						}
					}
				}
			}
		}
		se.Release()
	}
	if quiet < all/4 {
		t.Errorf("only %d of %d texts were read around their edits only", quiet, all)
	}
}

func FuzzALongTextIsReadAsWellAsAShortOne(f *testing.F) {
	for i, c := range found {
		f.Add(c[1], found[(i*5+1)%len(found)][1], uint8(i)) //nolint:gosec // which filler
		f.Add(c[1], ordinary[i%len(ordinary)][1], uint8(i)) //nolint:gosec // as above
	}
	e := testEngine(policy.Balanced)
	f.Fuzz(func(t *testing.T, a, b string, filler uint8) {
		if len(a)+len(b) > 4<<10 {
			return
		}
		se := e.Session()
		defer se.Release()
		s := longText(fillers[int(filler)%len(fillers)], 10+2*int(filler), a, b)
		got, _ := se.Text(e.Plain(), s, 0)
		if want := again(se, e.Plain(), s); got != want {
			t.Errorf("%q became %q, and reading all of it makes %q", s, got, want)
		}
	})
}

// TestALongNameAroundAnAddressIsGone: a value with an at sign is no name; without it, it is one, and begins far from the edit.
func TestALongNameAroundAnAddressIsGone(t *testing.T) {
	e := testEngine(policy.Balanced)
	fill := strings.Repeat("the workshop accepted the order ", 9)
	for _, around := range [][2]string{
		{`recipient="`, `"`}, {`recipient: "`, `"`}, {`"recipient":"`, `"`}, {`recipient='`, `'`}, {`<recipient>`, `</recipient>`}, {`recipient=%22`, `%22`},
		{`recipient=“`, `”`}, {`{\"recipient\":\"`, `\"}`},
	} {
		text := fill + around[0] + "Ivan Petrov " + fill + "ivan@mail.ru" + around[1] + " " + fill
		if out, v := through(t, e, "note", text); v != Changed || strings.Contains(out, "ivan@") {
			t.Errorf("%q became %q", text, out)
		}
	}
}
