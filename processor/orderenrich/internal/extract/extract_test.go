package extract

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/internal/binding"
)

func order() Rule {
	return Rule{
		Name: "order.id", Attributes: []string{"order.id", "orderId", "app.order.id"},
		URLPaths: []string{"/api/orders/{order.id}/**", "/api/*/orders/{order.id}", "/api/orders/search/{order.id}"},
		Query:    []string{"orderId"}, Headers: []string{"x-order-id"}, Baggage: []string{"order.id"},
		Pattern: "ORD-[0-9]{8}",
	}
}

func reader(t testing.TB, rules ...Rule) *Reader {
	t.Helper()
	m, err := Compile(rules, true, true)
	if err != nil {
		t.Fatal(err)
	}
	return NewReader(m)
}

func read(r *Reader, at Place, key, value string) { r.Read(r.Find(key), at, key, value) }

func TestOneAttribute(t *testing.T) {
	const id = "ORD-10000042"
	tests := []struct {
		at         Place
		key, value string
		want       binding.Source // NoSource: nothing is found
	}{
		{Own, "order.id", id, binding.Canonical},
		{Own, "Order.ID", id, binding.Attribute},
		{Own, "orderId", id, binding.Attribute},
		{Own, "orderid", id, binding.Attribute},
		{Own, "order_id", id, binding.Attribute},
		{Own, "order-id", id, binding.Attribute},
		{Own, "ORDER_ID", id, binding.Attribute},
		{Own, "OrderID", id, binding.Attribute},
		{Own, "app.order.id", id, binding.Attribute},
		{Own, "orderId", "  " + id + " ", binding.Attribute},
		{Own, "orders.id", id, binding.NoSource},
		{Own, "order", id, binding.NoSource},
		{Own, "", id, binding.NoSource},
		{Own, strings.Repeat("x", 10_000) + "orderId", id, binding.NoSource},
		{Own, "orderId", "ORD-1", binding.NoSource},
		{Own, "orderId", "x" + id, binding.NoSource},
		{Own, "orderId", id + "\n" + id, binding.NoSource},
		{Own, "orderId", strings.Repeat("9", 1<<20), binding.NoSource},
		{Own, "order.id", "bad", binding.NoSource},
		{Event, "order.id", id, binding.Event},
		{Event, "orderId", id, binding.Event},
		{Link, "orderId", id, binding.LinkAttribute},
		{Resource, "orderId", id, binding.Resource},
		{Body, "orderId", id, binding.Attribute},
		{Body, "order.id", id, binding.Attribute},
		{Own, "url.path", "/api/orders/" + id, binding.URL},
		{Own, "url.path", "/api/orders/" + id + "/", binding.URL},
		{Own, "url.path", "/api/orders/" + id + "/items/3/x", binding.URL},
		{Own, "url.path", "/api/v2/orders/" + id, binding.URL},
		{Own, "url.path", "/api/v2/orders/" + id + "/items", binding.NoSource},
		{Own, "url.path", "/api/orders/search/" + id, binding.URL},
		{Own, "url.path", "/api/orders/ORD%2D10000042", binding.URL},
		{Own, "url.path", "/api/orders/%zz", binding.NoSource},
		{Own, "url.path", "/a%70i/%6Frders/ORD%2D10000042/x%20y", binding.URL},
		{Own, "url.path", "/api%2Forders/" + id, binding.NoSource},
		{Own, "url.path", "/api/%6/%zz/" + id + "%", binding.NoSource},
		{Own, "http.target", "http://proxied.example/api/orders/" + id, binding.URL},
		{Own, "url.full", "/login?next=https://shop.example/api/orders/" + id, binding.NoSource},
		{Own, "url.full", "/api/orders/" + id + "?next=https://shop.example/x", binding.URL},
		{Own, "url.query", "order%49d=" + id, binding.Query},
		{Own, "baggage.order_id", id, binding.NoSource},
		{Own, "url.path", "/API/orders/" + id, binding.NoSource},
		{Own, "url.path", "//api/orders/" + id, binding.NoSource},
		{Own, "url.path", "/api/orders/", binding.NoSource},
		{Own, "url.path", "", binding.NoSource},
		{Own, "http.target", "/api/orders/" + id + "?a=b", binding.URL},
		{Own, "http.target", "/x?a=b&orderId=" + id + "#f", binding.Query},
		{Own, "url.full", "https://shop.example:8443/api/orders/" + id + "?x=1", binding.URL},
		{Own, "url.full", "https://user:pw@shop.example/api/orders/" + id, binding.URL},
		{Own, "url.full", "https://shop.example", binding.NoSource},
		{Own, "http.url", "http://[::1]/api/orders/" + id, binding.URL},
		{Own, "url.full", "https://shop.example/x?order_id=" + id, binding.Query},
		{Own, "url.query", "a&b=&orderId=ORD%2d10000042", binding.Query},
		{Own, "url.query", "?orderId=" + id, binding.Query},
		{Own, "url.query", "orderId=%zz", binding.NoSource},
		{Own, "url.full", "https://shop.example/api/orders/" + id + "?" + strings.Repeat("x", 1<<20), binding.NoSource},
		{Own, "http.route", "/api/orders/" + id, binding.NoSource},
		{Event, "url.path", "/api/orders/" + id, binding.NoSource},
		{Own, "http.request.header.x-order-id", id, binding.Header},
		{Own, "http.request.header.x_order_id", id, binding.Header},
		{Own, "messaging.header.X-Order-Id", id, binding.Header},
		{Own, "rpc.grpc.request.metadata.x-order-id", id, binding.Header},
		{Own, "http.response.header.x-order-id", id, binding.NoSource},
		{Own, "baggage.order.id", id, binding.Baggage},
		{Own, "http.request.header.baggage", "a=b, order.id=ORD%2D10000042;ttl=1 ,c=d", binding.Baggage},
		{Own, "http.request.header.baggage", ",,=;=,order.id", binding.NoSource},
	}
	r := reader(t, order())
	for _, tt := range tests {
		r.Reset()
		read(r, tt.at, tt.key, tt.value)
		switch {
		case tt.want == binding.NoSource && len(r.Facts) > 0:
			t.Errorf("%s=%.60s: found %v", tt.key, tt.value, r.Facts)
		case tt.want != binding.NoSource && (len(r.Facts) != 1 || r.Facts[0].Value != id || r.Facts[0].Source != tt.want):
			t.Errorf("%s=%.60s: found %v, want %s", tt.key, tt.value, r.Facts, tt.want)
		}
	}
}

func TestALogBodyThatIsJSONIsReadLikeAStructuredOne(t *testing.T) {
	r := reader(t, order())
	for body, want := range map[string]string{
		`{"orderId":"ORD-10000042"}`:                                                                 "[ORD-10000042]",
		"\n { \"level\" : \"info\" , \"order_id\" : \"ORD-10000042\" } ":                             "[ORD-10000042]",
		`{"a":{"orderId":"ORD-10000001"},"order.id":"ORD-10000042"}`:                                 "[ORD-10000042]",
		`{"a":[{"x":"]}"},"\"}",1],"b":null,"c":-1.5e3,"orderId":["ORD-10000042" , "ORD-10000043"]}`: "[ORD-10000042 ORD-10000043]",
		`{"orderId":"\u004fRD-10000042"}`:                                                            "[ORD-10000042]",
		`{"orderId":"ORD-10000042","m":"` + strings.Repeat("x", MaxText):                             "[ORD-10000042]",
		`{"m":"` + strings.Repeat("x", MaxText) + `","orderId":"ORD-10000042"}`:                      "[]",
		`{"orderId":[]}`: "[]", `{"orderId":[[["ORD-10000042"]]]}`: "[]", `{"orderId":{"x":"ORD-10000042"}}`: "[]",
		`{"orderId":"ORD-10000042`: "[]", `{"orderId"`: "[]", `{`: "[]", `{"`: "[]", `{"orderId":[`: "[]", `{"orderId":["ORD-10000042"`: "[ORD-10000042]",
		`["orderId","ORD-10000042"]`: "[]", `orderId: "ORD-10000042"`: "[]", `{"a":}{"orderId":"ORD-10000042"}`: "[]", "": "[]",
		`{"m":"\\","orderId":"ORD-10000042"}`: "[ORD-10000042]", `{"orderId":"\`: "[]",
	} {
		r.Reset()
		r.Body(body)
		got := []string{}
		for _, f := range r.Facts {
			got = append(got, f.Value)
			if f.Source != binding.Attribute {
				t.Errorf("%.60s: source %v", body, f.Source)
			}
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%.80s: %v, want %s", body, got, want)
		}
	}
	numbers := reader(t, Rule{Name: "order.id", Attributes: []string{"orderId"}})
	numbers.Body(`{"orderId":10000042,"order_id":4.2,"orderid":true}`)
	if len(numbers.Facts) != 1 || numbers.Facts[0].Value != "10000042" {
		t.Errorf("%+v", numbers.Facts)
	}
}

// FuzzMembers compares with a real parser: of JSON that is whole, the same is read.
func FuzzMembers(f *testing.F) {
	f.Add(`{"orderId":"a","x":[1,{"y":"}"}],"order_id":[1,"b",{"orderId":"c"}]}`)
	f.Add(`{"orderId": -5 ,"z":null,"order-id":4.5} x`)
	f.Add(`{"orderId":"\"\\"}`)
	rule := Rule{Name: "order.id", Attributes: []string{"orderId"}}
	got, want := reader(f, rule), reader(f, rule)
	f.Fuzz(func(t *testing.T, text string) {
		got.Reset()
		want.Reset()
		got.Body(text)
		if len(text) > MaxText || strings.Contains(text, `\`) || !json.Valid([]byte(text)) || !utf8.ValidString(text) {
			return
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if begin, _ := d.Token(); begin == json.Delim('{') {
			for d.More() {
				key, _ := d.Token()
				var value any
				if err := d.Decode(&value); err != nil {
					t.Fatal(err)
				}
				list, ok := value.([]any)
				if !ok {
					list = []any{value}
				}
				for _, v := range list {
					if n, ok := v.(json.Number); ok && strings.Trim(n.String(), "-0123456789") == "" {
						v = n.String()
					}
					if s, ok := v.(string); ok {
						read(want, Body, key.(string), s)
					}
				}
			}
		}
		if !slices.Equal(got.Facts, want.Facts) {
			t.Errorf("%q: %+v, want %+v", text, got.Facts, want.Facts)
		}
	})
}

func TestAPlaceholderInAStatementIsNoValue(t *testing.T) {
	r := reader(t, Rule{Name: "order.id", Statement: []string{`order_id\s*=\s*'?([^'\s]*)`}, Parameters: []string{"orderId"}})
	for _, v := range []string{"$1", "?", "?1", ":id", "@p1", "%s", "%(id)s", "NULL", "null", ""} {
		r.Reset()
		read(r, Own, "db.query.text", "SELECT * FROM o WHERE order_id = "+v)
		if len(r.Facts) > 0 {
			t.Errorf("%s: %+v", v, r.Facts)
		}
	}
	read(r, Own, "db.query.text", "SELECT * FROM o WHERE order_id = '42'")
	read(r, Own, "db.query.parameter.order_id", "43")
	read(r, Own, "db.query.parameter.OrderId", "44")
	if len(r.Facts) != 3 {
		t.Errorf("%+v", r.Facts)
	}
}

func TestZerosAreNoValue(t *testing.T) {
	r := reader(t, Rule{Name: "order.id", Attributes: []string{"orderId"}})
	for _, v := range []string{"0", "0000", "00000000-0000-0000-0000-000000000000", "", "   ", "\xff\xfe"} {
		r.Reset()
		read(r, Own, "orderId", v)
		read(r, Own, "messaging.message.id", strings.ToValidUTF8(v, ""))
		if len(r.Facts)+len(r.IDs) > 0 {
			t.Errorf("%q: %v %v", v, r.Facts, r.IDs)
		}
	}
}

func TestWrittenIsNotedEvenIfTheValueIsInvalid(t *testing.T) {
	r := reader(t, order())
	read(r, Own, "order.id", "nonsense")
	if r.Written != 1 || len(r.Facts) != 0 {
		t.Errorf("written %b, facts %v", r.Written, r.Facts)
	}
	r.Reset()
	r.Mark(r.Find("order.id"), Own, "order.id")
	if r.Written != 1 {
		t.Error("an attribute that is no text was not noted")
	}
	r.Reset()
	read(r, Event, "order.id", "ORD-10000042")
	r.Mark(r.Find("order.id"), Body, "order.id")
	read(r, Own, "orderId", "ORD-10000042")
	if r.Written != 0 {
		t.Error("an alias, an event or a body counts as written")
	}
}

func TestStampsOfOtherCollectorsKeepTheirRank(t *testing.T) {
	for _, first := range []bool{true, false} {
		r := reader(t, order())
		if first {
			read(r, Own, "order.id.source", "link")
		}
		read(r, Own, "order.id", "ORD-10000042")
		if !first {
			read(r, Own, "order.id.source", "link")
		}
		r.Settle()
		if f := r.Facts[0]; f.Source != binding.Link || !f.Guess {
			t.Errorf("%+v", f)
		}
	}
}

func TestRawValuesAreDerivedAndOwnOnesKept(t *testing.T) {
	r := reader(t, Rule{Name: "enduser.pseudo.id", Attributes: []string{"user.id"}, Pattern: "[a-z]+", Derive: func(s string) string { return "P(" + s + ")" }})
	read(r, Own, "user.id", "alice")
	read(r, Own, "user.id", "alice")
	read(r, Own, "enduser.pseudo.id", "17")
	read(r, Own, "user.id", "BOB")
	var got []string
	for _, f := range r.Facts {
		got = append(got, f.Value)
	}
	if want := []string{"P(alice)", "P(alice)", "17"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTextsAreSearched(t *testing.T) {
	rule := Rule{
		Name: "order.id", Statement: []string{`order_id = '([^']*)'`}, Parameters: []string{"order_id"},
		LogBody: []string{`(?i)order[ =:#]+([A-Z]+-[0-9]+)`, `#[0-9]{4}`},
	}
	for text, want := range map[string]string{
		"order ORD-1 packed":                           "ORD-1",
		"Order=ORD-1, order: ORD-2":                    "ORD-1 ORD-2",
		"nothing to see":                               "",
		"see #1234":                                    "#1234",
		strings.Repeat("x", MaxText) + "order A-1":     "",
		strings.Repeat("x", MaxText-9) + "order A-123": "", // cut within the value
	} {
		r := reader(t, rule)
		r.Body(text)
		var got []string
		for _, f := range r.Facts {
			got = append(got, f.Value)
			if f.Source != binding.LogBody {
				t.Errorf("source %s", f.Source)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%.30s: %q, want %q", text, got, want)
		}
	}
	r := reader(t, rule)
	read(r, Own, "db.query.text", "SELECT * FROM o WHERE order_id = 'ORD-1'")
	read(r, Own, "db.statement", "UPDATE o SET x = 1 WHERE order_id = 'ORD-2'")
	read(r, Own, "db.query.parameter.order_id", "ORD-3")
	if len(r.Facts) != 3 || r.Facts[0].Source != binding.Statement || r.Facts[1].Value != "ORD-2" || r.Facts[2].Source != binding.Parameter {
		t.Errorf("%+v", r.Facts)
	}
	for _, bad := range []string{"(", "(a)(b)", "a*"} {
		if _, err := Compile([]Rule{{Name: "a", LogBody: []string{bad}}}, false, false); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestTemplatesThatCannotWorkAreRefused(t *testing.T) {
	for _, template := range []string{
		"", "api", "/api/orders", "/{order.id}/{order.id}", "/**/{order.id}", "/{x}/{order.id}", "/a//{order.id}", "/a/pre{order.id}",
		"/a?{order.id}", "/" + strings.Repeat("a/", 40) + "{order.id}",
	} {
		if _, err := newTrie("order.id", []string{template}); err == nil {
			t.Errorf("%q was accepted", template)
		}
	}
	if _, err := newTrie("order.id", []string{"/a/{order.id}", "/a/{order.id}/"}); err == nil {
		t.Error("the same template twice was accepted")
	}
}

func TestTheMostSpecificTemplateWins(t *testing.T) {
	tr, err := newTrie("id", []string{"/a/{id}/**", "/a/*/{id}", "/a/b/c/{id}", "/{id}/**"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/a/x":       "x",
		"/a/x/y":     "x", // {id} is preferred to *
		"/a/b/c/d":   "d",
		"/a/b/c":     "b",
		"/a/b/c/d/e": "b", // back to the template that matches
		"/z/x/y":     "z",
		"/a":         "a",
	} {
		if got, ok := tr.match(path); !ok || got != want {
			t.Errorf("%s: %q %v, want %q", path, got, ok, want)
		}
	}
}

// TestAQueryAndAFragmentEndThePath compares with first cutting both off.
func TestAQueryAndAFragmentEndThePath(t *testing.T) {
	tr, err := newTrie("id", []string{"/a/{id}/**", "/a/*/{id}", "/a/b/c/{id}", "/{id}/b", "/a/{id}/b/*"})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		var b strings.Builder
		for range r.IntN(12) {
			b.WriteString([]string{"/", "/a", "/b", "/c", "x", "?", "#", "a"}[r.IntN(8)])
		}
		u := b.String()
		path, _, _ := strings.Cut(u, "#")
		path, query, _ := strings.Cut(path, "?")
		wantID, want := tr.match(path)
		if got, ok := tr.match(u); ok != want || got != wantID {
			t.Fatalf("%q: %q %v, want %q %v", u, got, ok, wantID, want)
		}
		if got := queryOf(u); got != query {
			t.Fatalf("%q: query %q, want %q", u, got, query)
		}
	}
}

func TestRulesAreChecked(t *testing.T) {
	for name, r := range map[string]Rule{
		"pattern": {Name: "a", Pattern: "("}, "empty alias": {Name: "a", Attributes: []string{""}},
		"long alias": {Name: "a", Attributes: []string{strings.Repeat("x", 100)}}, "template": {Name: "a", URLPaths: []string{"x"}},
	} {
		if _, err := Compile([]Rule{r}, false, false); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := Compile(make([]Rule, MaxRules+1), false, false); err == nil {
		t.Error("too many rules were accepted")
	}
}

func FuzzReader(f *testing.F) {
	for _, k := range []string{"url.path", "url.full", "http.request.header.baggage", "orderId", "order.id.source", "order.ids", "url.query"} {
		f.Add(k, "/api/orders/ORD-10000042?orderId=ORD-10000042;x,order.id=%4fRD-10000042")
	}
	r := reader(f, order(), Rule{Name: "session.id", Attributes: []string{"sessionId"}, Headers: []string{"x-session-id"}})
	f.Fuzz(func(t *testing.T, key, value string) {
		r.Reset()
		for _, at := range []Place{Own, Event, Link, Resource, Body} {
			r.Mark(r.Find(key), at, key)
			read(r, at, key, value)
		}
		r.Settle()
		for _, fact := range r.Facts {
			if fact.Value == "" || len(fact.Value) > binding.MaxValue || fact.Source == binding.NoSource {
				t.Errorf("%+v", fact)
			}
			if fact.Rule == 0 && !strings.HasPrefix(fact.Value, "ORD-") {
				t.Errorf("a value without the pattern: %+v", fact)
			}
		}
	})
}

func BenchmarkMatchAttributesOfASpan(b *testing.B) {
	m, _ := Compile([]Rule{order(), {Name: "session.id", Attributes: []string{"sessionId"}, Headers: []string{"x-session-id"}}}, true, false)
	keys := []string{
		"http.request.method", "http.response.status_code", "server.address", "server.port", "network.protocol.version", "url.scheme",
		"user_agent.original", "thread.id", "thread.name", "db.system.name", "db.namespace", "code.function.name",
	}
	r := NewReader(m)
	b.ReportAllocs()
	for b.Loop() {
		for _, k := range keys {
			if r.Find(k) != nil {
				b.Fatal(k)
			}
		}
	}
}

func BenchmarkMatchPath(b *testing.B) {
	templates := []string{}
	for i := range 20 {
		templates = append(templates, fmt.Sprintf("/api/v%d/orders/{order.id}/**", i))
	}
	tr, _ := newTrie("order.id", templates)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := tr.match("/api/v7/orders/ORD-10000042/items/3"); !ok {
			b.Fatal()
		}
	}
}

func TestWhatRedactionLeavesNamesNobody(t *testing.T) {
	const pseudonym = "anonemail_k1_bcdfghjklmnpqrstbcdfghjklmnpqrst"
	user := Rule{Name: "enduser.pseudo.id", Attributes: []string{"user.id"}, Derive: func(raw string) string { return "P" + raw }}
	session := Rule{Name: "session.id", Attributes: []string{"sessionId"}}
	tests := []struct {
		value         string
		user, session bool // whether it names one
	}{
		{"anna", true, true}, {"anonymous_user_12345678901234567890123456789012345", true, true}, {"anon_1", true, true},
		{"nullable", true, true}, {"e", true, true}, {"enclave", true, true}, {"tok", true, true},
		{pseudonym, false, true}, {"anonru_passport_k1_bcdfghjklmnpqrstbcdfghjklmnpqrst", false, true}, {"tok:v1:AbCd", false, true},
		{"REDACTED", false, false}, {"<redacted>", false, false}, {"****1111", false, false}, {"enc:v1:k1:AbCd", false, false},
		{"null", false, false}, {"NULL", false, false}, {"undefined", false, false}, {"(null)", false, false}, {"[]", false, false}, {"0", false, false},
	}
	for _, tt := range tests {
		r := reader(t, user, session)
		read(r, Own, "user.id", tt.value)
		if got := len(r.Facts) == 1; got != tt.user {
			t.Errorf("user.id=%q: %v", tt.value, r.Facts)
		}
		n := len(r.Facts)
		read(r, Own, "sessionId", tt.value)
		if got := len(r.Facts) > n; got != tt.session {
			t.Errorf("sessionId=%q: %v", tt.value, r.Facts)
		}
	}
}
