package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const o1, o2, o3, o4 = "ORD-10000001", "ORD-10000002", "ORD-10000003", "ORD-10000004"

// of is an identifier order.id with these sources, and the pattern of orders.
func of(sources string) string {
	return "  order.id: {" + sources + ", pattern: \"ORD-[0-9]{8}\"}\n"
}

// loose takes every value.
func loose(sources string) string { return "  order.id: {" + sources + "}\n" }

// TestEverySourceTeachesSpansAndLogsAlike lets one span, or one record, say something, and asks it and another of its trace.
func TestEverySourceTeachesSpansAndLogsAlike(t *testing.T) {
	aliases, paths, query := of("attributes: [order.id, orderId, app.order.id]"), of(`url_path: ["/api/orders/{order.id}/**"]`), of("query: [orderId]")
	headers := "  order.id: {}\n  session.id: {headers: [X-Session-Id]}\n"
	baggage, sql := of("baggage: [order.id, orderId]"), of(`sql: ["order_id = '(ORD-[0-9]{8})'"]`)
	loosely := loose(`sql: ["(?i)order_id\\s*=\\s*'?([^'\\s]+)"], sql_parameters: [order_id, "1"]`)
	file := filepath.Join(t.TempDir(), "partner.csv")
	table := of("tables: [{file: " + file + ", key: ref, value: order, attributes: [partner.reference]}]")
	if err := os.WriteFile(file, []byte("\ufeffref, order\r\n\"P,1\","+o1+"\r\n17,"+o1+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const none = ""
	for _, c := range []struct {
		name, identifiers, key string
		value                  any
		want                   string
	}{
		{"canonical", aliases, "order.id", o1, o1},
		{"variants", aliases, "ORDER_ID", o1, o1},
		{"variants", aliases, "order-id", o1, o1},
		{"variants", aliases, "orderid", o1, o1},
		{"variants", aliases, "App.Order.Id", o1, o1},
		{"number", loose("attributes: [orderId]"), "orderId", 10000042, "10000042"},
		{"zero", loose("attributes: [orderId]"), "orderId", 0, none},
		{"nil UUID", loose("attributes: [orderId]"), "orderId", "00000000-0000-0000-0000-000000000000", none},
		{"bool", loose("attributes: [orderId]"), "orderId", true, none},
		{"map", loose("attributes: [orderId]"), "orderId", map[string]any{"a": "b"}, none},
		{"bytes", loose("attributes: [orderId]"), "orderId", []byte("abc"), none},
		{"long", loose("attributes: [orderId]"), "orderId", strings.Repeat("x", 256), none},
		{"longest", loose("attributes: [orderId]"), "orderId", strings.Repeat("x", 255), strings.Repeat("x", 255)},
		{"no UTF-8", loose("attributes: [orderId]"), "orderId", "a\xffb", none},
		{"list of one", aliases, "orderId", []any{o1, o1, "rubbish", true}, o1},
		{"list of numbers", loose("attributes: [orderId]"), "orderId", []any{7, 7}, "7"},
		{"empty list", aliases, "orderId", []any{}, none},
		{"white space", aliases, "orderId", " " + o1 + "\n", o1},
		{"prefix", aliases, "orderId", "x" + o1, none},
		{"suffix", aliases, "orderId", o1 + "1", none},
		{"alternatives", loose(`attributes: [orderId], pattern: "A[0-9]+|B[0-9]+"`), "orderId", "A1x", none},
		{"alternatives", loose(`attributes: [orderId], pattern: "A[0-9]+|B[0-9]+"`), "orderId", "xB1", none},
		{"path", paths, "url.path", "/api/orders/" + o1, o1},
		{"deep path", paths, "url.path", "/api/orders/" + o1 + "/items/5/", o1},
		{"target", paths, "http.target", "/api/orders/" + o1 + "?x=1#f", o1},
		{"target at a proxy", paths, "http.target", "http://shop/api/orders/" + o1, o1},
		{"whole URL", paths, "url.full", "https://u:p@shop:8443/api/orders/" + o1 + "/x?y=z", o1},
		{"old whole URL", paths, "http.url", "http://[::1]/api/orders/" + o1 + "#f", o1},
		{"encoded path", paths, "url.path", "/api/%6frders/%4FRD%2d10000001", o1},
		{"encoded slash", paths, "url.path", "/api/orders%2F" + o1, none},
		{"bad escape", paths, "url.path", "/api/orders/ORD-1000000%zz", none},
		{"another path", paths, "url.path", "/v2/api/orders/" + o1, none},
		{"collection", paths, "url.path", "/api/orders/", none},
		{"route", paths, "http.route", "/api/orders/" + o1, none},
		{"URL within a URL", paths, "url.full", "/login?next=https://shop/api/orders/" + o1, none},
		{"huge URL", paths, "url.full", "https://shop/api/orders/" + o1 + "?" + strings.Repeat("x", 1<<20), none},
		{"exact template", of(`url_path: ["/o/{order.id}"]`), "url.path", "/o/" + o1 + "/", o1},
		{"exact template", of(`url_path: ["/o/{order.id}"]`), "url.path", "/o/" + o1 + "/x", none},
		{"one segment", of(`url_path: ["/*/o/{order.id}"]`), "url.path", "/a/o/" + o1, o1},
		{"one segment", of(`url_path: ["/*/o/{order.id}"]`), "url.path", "/a/b/o/" + o1, none},
		{"overlap", of(`url_path: ["/o/{order.id}/**", "/o/last/{order.id}"]`), "url.path", "/o/last/" + o1, o1},
		{"overlap", of(`url_path: ["/o/new/{order.id}/done", "/o/*/{order.id}/**"]`), "url.path", "/o/new/" + o1 + "/open", o1},
		{"query", query, "url.query", "?a=b&orderId=ORD%2D10000001&c", o1},
		{"query of a target", query, "http.target", "/x?order%49d=" + o1, o1},
		{"query of a URL", query, "http.url", "http://shop?orderId=" + o1 + "#f", o1},
		{"another parameter", query, "url.query", "xorderId=" + o1 + "&orderId=", none},
		{"header", headers, "http.request.header.x-session-id", []any{"s1"}, "session s1"},
		{"header as written", headers, "http.request.header.X-Session-Id", []any{"s1"}, "session s1"},
		{"header of old", headers, "http.request.header.x_session_id", "s1", "session s1"},
		{"header of a message", headers, "messaging.header.x-session-id", "s1", "session s1"},
		{"metadata", headers, "rpc.request.metadata.x-session-id", []any{"s1"}, "session s1"},
		{"response", headers, "http.response.header.x-session-id", []any{"s1"}, none},
		{"baggage", baggage, "baggage.orderId", o1, o1},
		{"baggage header", baggage, "http.request.header.baggage", []any{"a=b", "c=d, order.id = ORD%2D10000001 ;ttl=1"}, o1},
		{"parameter", loosely, "db.query.parameter.orderId", o1, o1},
		{"parameter by number", loosely, "db.query.parameter.1", 55, "55"},
		{"another number", loosely, "db.query.parameter.2", o1, none},
		{"statement", sql, "db.query.text", "UPDATE o SET x=1 WHERE order_id = '" + o1 + "'", o1},
		{"old statement", sql, "db.statement", "SELECT 1 FROM o WHERE order_id = '" + o1 + "' FOR UPDATE", o1},
		{"placeholder", loosely, "db.query.text", "SELECT 1 FROM o WHERE order_id = $1", none},
		{"placeholder", loosely, "db.query.text", "SELECT 1 FROM o WHERE order_id = ?", none},
		{"nothing", loosely, "db.query.text", "SELECT 1 FROM o WHERE order_id = NULL", none},
		{"long statement", sql, "db.query.text", strings.Repeat("x", 1<<20) + "order_id = '" + o1 + "'", none},
		{"reference", table, "partner.reference", "P,1", o1},
		{"reference", table, "Partner_Reference", 17, none}, // a dot is no underscore
		{"reference", table, "Partner.Reference", 17, o1},
		{"unknown reference", table, "partner.reference", "P-3", none},
	} {
		name := c.name + " " + c.key
		story{"", c.identifiers, []any{
			[]told{{trace: 1, id: 1, own: attrs{c.key: c.value}}, {trace: 1, id: 2, parent: 1}}, []told{{trace: 1, id: 3, parent: 2}},
		}, map[string]string{"1.1": c.want, "1.2": c.want, "1.3": c.want}}.named(name + " on a span").test(t)
		story{"", c.identifiers, []any{
			[]line{{name: "a", trace: 1, span: 1, own: attrs{c.key: c.value}}, {name: "b", trace: 1, span: 2}, {name: "c", own: attrs{c.key: c.value}}},
		}, map[string]string{"a": c.want, "b": c.want, "c": c.want}}.named(name + " on a record").test(t)
	}
}

func (s story) named(name string) story { s.name = name; return s }

func (s story) test(t *testing.T) { t.Run(s.name, s.run) }

func TestBodiesEventsLinksAndResourcesTeach(t *testing.T) {
	all := of(`attributes: [orderId], span_links: true, log_body: ["(?i)order[ =:#]+(ORD-[0-9]{8})"]`)
	body := func(name string, body any, want string) story {
		return story{name, all, []any{
			[]line{{name: "a", trace: 1, span: 1, body: body}, {name: "b", trace: 1}, {name: "c", body: body}}, []told{{trace: 1, id: 7}},
		}, map[string]string{"a": want, "b": want, "c": want, "1.7": want}}
	}
	for _, s := range []story{
		body("text", "Order: "+o1+" packed", o1),
		body("text that is no UTF-8", "\xff order "+o1, o1),
		body("structured", map[string]any{"order_id": o1}, o1),
		body("structured, in its text", map[string]any{"level": "info", "message": "order " + o1 + " packed"}, o1),
		body("JSON", `{"level":"info","orderId":"`+o1+`"}`, o1),
		body("JSON, in its text", `{"message":"order `+o1+` packed"}`, o1),
		body("huge", strings.Repeat("y", 1<<20)+" order "+o1, ""),
		{"two orders in a line", all, []any{[]line{{name: "a", body: "order " + o2 + ", order " + o1}}}, map[string]string{"a": o1 + "|" + o2}},
		{"event", all, []any{[]told{{trace: 1, id: 1, events: []attrs{{"orderId": o1}}}, {trace: 1, id: 2}}}, map[string]string{"1.1": o1, "1.2": o1}},
		{"link", all, []any{[]told{{trace: 1, id: 1, links: []link{{9, attrs{"orderId": o1}}}}, {trace: 1, id: 2}}}, map[string]string{"1.1": o1, "1.2": o1}},
		{"two links", all, []any{[]told{{trace: 1, id: 1, links: []link{{8, attrs{"orderId": o2}}, {9, attrs{"orderId": o1}}}}}}, map[string]string{"1.1": o1 + "|" + o2}},
		{"resource of a span", all, []any{[]told{{trace: 1, id: 1, resource: attrs{"order.id": o1}}, {trace: 1, id: 2}}}, map[string]string{"1.1": o1, "1.2": o1}},
		{"resource of records", all, []any{[]line{{name: "a", trace: 1, resource: attrs{"orderId": o1}}, {name: "b", trace: 1}, {name: "c", resource: attrs{"orderId": o2}}}}, map[string]string{"a": o1, "b": o1, "c": o2}},
	} {
		s.test(t)
	}
}
