package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"

	"github.com/ordertrace/ordertrace/processor/orderenrich"
)

const everything = `
  order.id:
    attributes: [orderId, app.order.id]
    url_path: ["/api/orders/{order.id}/**"]
    query: [orderId]
    headers: [x-order-id]
    baggage: [order.id]
    sql: ["order_id = '([^']*)'"]
    log_body: ["order (ORD-[0-9]{8})"]
    message_id: true
    conversation_id: true
    span_links: true
    pattern: "ORD-[0-9]{8}"
  session.id: {attributes: [sessionId], follows: [order.id]}
`

func tell(payloads ...any) []any { return payloads }

func links(n int) (out []link) {
	for i := range n {
		out = append(out, link{trace: 100 + i})
	}
	return out
}

func TestTheBestEvidenceWins(t *testing.T) {
	order := func(v string) attrs { return attrs{"orderId": v} }
	for _, s := range []story{
		{"attribute", everything, tell([]told{{trace: 1, id: 1, own: attrs{"orderId": o1, "http.request.header.x-order-id": o2, "url.path": "/api/orders/" + o3, "db.query.text": "order_id = '" + o4 + "'"}}}), map[string]string{"1.1": o1}},
		{"header", everything, tell([]told{{trace: 1, id: 1, own: attrs{"http.request.header.x-order-id": o2, "baggage.order.id": o4, "url.path": "/api/orders/" + o3}}}), map[string]string{"1.1": o2}},
		{"URL", everything, tell([]told{{trace: 1, id: 1, own: attrs{"url.full": "http://x/api/orders/" + o3 + "?orderId=" + o4, "db.query.text": "order_id = '" + o2 + "'"}}}), map[string]string{"1.1": o3}},
		{"first name", everything, tell([]told{{trace: 1, id: 1, own: attrs{"app.order.id": o2, "orderId": o1}}}), map[string]string{"1.1": o1}},
		{"a valid value", everything, tell([]told{{trace: 1, id: 1, own: attrs{"orderId": "nonsense", "url.path": "/api/orders/" + o3}}}), map[string]string{"1.1": o3}},
		{"what the service wrote", everything, tell([]told{{trace: 1, id: 1, own: order(o1)}, {trace: 1, id: 2, parent: 1, own: attrs{"order.id": o2}}}), map[string]string{"1.2": o2}},
		{"what the service wrote, though it is nonsense", everything, tell([]told{{trace: 1, id: 1, own: attrs{"order.id": "junk"}}, {trace: 1, id: 2, parent: 1}}), map[string]string{"1.1": "junk", "1.2": ""}},
		{"what the service wrote, though it is a number", loose("attributes: [orderId]"), tell([]told{{trace: 1, id: 1, own: attrs{"order.id": 42}}, {trace: 1, id: 2}}), map[string]string{"1.1": "42", "1.2": "42"}},
		{"what this collector knows better than another's guess", everything, tell([]told{{trace: 1, id: 1, own: order(o2)}, {trace: 1, id: 2, parent: 1, own: attrs{"order.id": o1, "order.id.source": "message"}}}), map[string]string{"1.2": o2}},
		{"another collector's attribute", everything, tell([]told{{trace: 1, id: 1, own: attrs{"order.id": o1, "order.id.source": "attribute"}}, {trace: 1, id: 2}}), map[string]string{"1.1": o1, "1.2": o1}},
	} {
		s.test(t)
	}
}

func TestASpanBelongsToTheOrderAboveIt(t *testing.T) {
	order := func(v any) attrs { return attrs{"orderId": v} }
	for _, s := range []story{
		{"nearest ancestor", everything, tell([]told{{trace: 1, id: 1}, {trace: 1, id: 2, parent: 1, own: order(o1)}, {trace: 1, id: 3, parent: 2}, {trace: 1, id: 4, parent: 3}, {trace: 1, id: 5, parent: 1, own: order(o2)}, {trace: 1, id: 6, parent: 5}, {trace: 1, id: 7, parent: 1}}),
			map[string]string{"1.1": o1 + "|" + o2, "1.3": o1, "1.4": o1, "1.6": o2, "1.7": ""}},
		{"an order within an order", everything, tell([]told{{trace: 1, id: 4, parent: 3}, {trace: 1, id: 3, parent: 2, own: order(o2)}, {trace: 1, id: 2, parent: 1}, {trace: 1, id: 1, own: order(o1)}}),
			map[string]string{"1.1": o1, "1.2": o1, "1.3": o2, "1.4": o2}},
		{"all below name one", everything, tell([]told{{trace: 1, id: 1}, {trace: 1, id: 2, parent: 1}, {trace: 1, id: 3, parent: 2, own: order(o1)}, {trace: 1, id: 4, parent: 2, own: order(o1)}, {trace: 1, id: 5, parent: 1, own: order(o2)}}),
			map[string]string{"1.1": o1 + "|" + o2, "1.2": o1}},
		{"a batch consumer's list", everything, tell([]told{{trace: 1, id: 1, own: order([]any{o2, o1})}, {trace: 1, id: 2, parent: 1, own: order(o1)}, {trace: 1, id: 3, parent: 2}, {trace: 1, id: 4, parent: 1}}),
			map[string]string{"1.1": o1 + "|" + o2, "1.2": o1, "1.3": o1, "1.4": ""}},
		{"parents that never came", everything, tell([]told{{trace: 1, id: 2, parent: 91, own: order(o1)}, {trace: 1, id: 3, parent: 92, own: order(o2)}, {trace: 1, id: 4, parent: 2}, {trace: 1, id: 5, parent: 93}}),
			map[string]string{"1.4": o1, "1.5": ""}},
		{"parents in a circle", everything, tell([]told{{trace: 1, id: 1, parent: 2, own: order(o2)}, {trace: 1, id: 2, parent: 1, own: order(o1)}, {trace: 1, id: 3, parent: 3}}), map[string]string{"1.1": o2, "1.2": o1, "1.3": ""}},
		{"children before parents, in payloads of their own", everything, tell([]told{{trace: 1, id: 3, parent: 2, own: order(o1)}}, []told{{trace: 1, id: 2, parent: 1}}, []told{{trace: 1, id: 1}}), map[string]string{"1.2": o1, "1.1": o1}},
		{"traces of one payload", everything, tell([]told{{trace: 1, id: 1, own: order(o1)}, {trace: 2, id: 1, own: order(o2)}, {trace: 1, id: 2, parent: 1}, {trace: 2, id: 2, parent: 1}, {trace: 3, id: 1}}), map[string]string{"1.2": o1, "2.2": o2, "3.1": ""}},
		{"no trace id", everything, tell([]told{{id: 1, own: order(o1)}, {id: 2, parent: 1}, {id: 3, own: order(o2)}}), map[string]string{"0.1": o1, "0.2": "", "0.3": o2}},
		{"records of a trace with two orders", everything, tell([]told{{trace: 1, id: 1, own: order(o1)}, {trace: 1, id: 2, own: order(o2)}}, []line{{name: "a", trace: 1, span: 2, own: order(o2)}, {name: "b", trace: 1}}), map[string]string{"a": o2, "b": ""}},
		{"records before their spans", everything, tell([]line{{name: "a", trace: 1}, {name: "b", trace: 1, own: order(o1)}}, []told{{trace: 1, id: 1}}), map[string]string{"a": o1, "1.1": o1}},
		{"spans before their records", everything, tell([]told{{trace: 1, id: 1, own: order(o1)}}, []line{{name: "a", trace: 1, span: 7}}), map[string]string{"a": o1}},
	} {
		s.test(t)
	}
}

func TestMessagesAndLinksJoinTraces(t *testing.T) {
	named := func(order, message string) attrs { return attrs{"orderId": order, "messaging.message.id": message} }
	message := func(m any) attrs { return attrs{"messaging.message.id": m} }
	for _, s := range []story{
		{"producer first", everything, tell([]told{{trace: 1, id: 1, own: named(o1, "m")}}, []told{{trace: 2, id: 1, own: message("m")}, {trace: 2, id: 2}}), map[string]string{"2.1": o1, "2.2": o1}},
		{"consumer first", everything, tell([]told{{trace: 2, id: 1, own: message("m")}}, []told{{trace: 1, id: 1, own: named(o1, "m")}}, []told{{trace: 2, id: 2}}), map[string]string{"2.2": o1}},
		{"the consumer names it", everything, tell([]told{{trace: 1, id: 1, own: message("m")}}, []told{{trace: 2, id: 1, own: named(o1, "m")}}, []told{{trace: 1, id: 2}}), map[string]string{"1.2": o1}},
		{"the producer's trace names it", everything, tell([]told{{trace: 1, id: 1, own: attrs{"orderId": o1, "sessionId": "s"}}}, []told{{trace: 1, id: 2, own: message("m")}}, []told{{trace: 2, id: 1, own: message("m")}}), map[string]string{"2.1": o1 + ", session s"}},
		{"old name", everything, tell([]told{{trace: 1, id: 1, own: attrs{"orderId": o1, "messaging.message_id": "m"}}}, []told{{trace: 2, id: 1, own: message("m")}}), map[string]string{"2.1": o1}},
		{"records", everything, tell([]line{{name: "a", trace: 1, own: named(o1, "m")}}, []told{{trace: 2, id: 1, own: message("m")}}, []line{{name: "b", own: message("m")}}), map[string]string{"2.1": o1, "b": o1}},
		{"no id", everything, tell([]told{{trace: 1, id: 1, own: named(o1, "")}, {trace: 3, id: 1, own: named(o2, "0")}}, []told{{trace: 2, id: 1, own: message("")}, {trace: 4, id: 1, own: message("0")}}), map[string]string{"2.1": "", "4.1": ""}},
		{"one id, two orders", everything, tell([]told{{trace: 1, id: 1, own: named(o1, "m")}, {trace: 3, id: 1, own: named(o2, "m")}}, []told{{trace: 2, id: 1, own: message("m")}}), map[string]string{"1.1": o1, "2.1": "", "3.1": o2}},
		{"batch consumer", everything, tell([]told{{trace: 1, id: 1, own: named(o1, "m1")}, {trace: 2, id: 1, own: named(o2, "m2")}}, []told{{trace: 3, id: 1}, {trace: 3, id: 2, parent: 1, own: message("m1")}, {trace: 3, id: 3, parent: 1, own: message("m2")}, {trace: 3, id: 4, parent: 3}}),
			map[string]string{"3.1": o1 + "|" + o2, "3.2": o1, "3.3": o2, "3.4": o2}},
		{"conversation", everything, tell([]told{{trace: 1, id: 1, own: attrs{"orderId": o1, "messaging.message.conversation_id": "c"}}}, []told{{trace: 2, id: 1, own: attrs{"messaging.message.conversation_id": "c"}}}), map[string]string{"2.1": o1}},
		{"link forward", everything, tell([]told{{trace: 1, id: 1, own: attrs{"orderId": o1}}}, []told{{trace: 2, id: 1, links: []link{{trace: 1}}}, {trace: 2, id: 2}}), map[string]string{"2.1": o1, "2.2": o1}},
		{"link backward", everything, tell([]told{{trace: 2, id: 1, links: []link{{trace: 1}}, own: attrs{"orderId": o1}}}, []told{{trace: 1, id: 1}}), map[string]string{"1.1": o1}},
		{"two links far", everything, tell([]told{{trace: 2, id: 1, links: []link{{trace: 1}}}, {trace: 3, id: 1, links: []link{{trace: 2}}}, {trace: 4, id: 1, links: []link{{trace: 3}}}}, []told{{trace: 1, id: 1, own: attrs{"orderId": o1}}}, []told{{trace: 2, id: 2}, {trace: 3, id: 2}, {trace: 4, id: 2}}),
			map[string]string{"2.2": o1, "3.2": o1, "4.2": ""}},
		{"8 links", everything, tell([]told{{trace: 107, id: 1, own: attrs{"orderId": o1}}}, []told{{trace: 1, id: 1, links: links(8)}}), map[string]string{"1.1": o1}},
		{"9 links", everything, tell([]told{{trace: 107, id: 1, own: attrs{"orderId": o1}}}, []told{{trace: 1, id: 1, links: links(9)}}), map[string]string{"1.1": ""}},
		{"10,000 links", everything, tell([]told{{trace: 1, id: 1, links: links(10_000)}, {trace: 1, id: 2, own: attrs{"orderId": o1}}}, []told{{trace: 105, id: 1}}), map[string]string{"1.1": o1, "105.1": ""}},
		{"links to itself and to nothing", everything, tell([]told{{trace: 1, id: 1, own: attrs{"orderId": o1}, links: []link{{trace: 1}, {}}}, {trace: 2, id: 1, links: []link{{}}}}), map[string]string{"1.1": o1, "2.1": ""}},
	} {
		s.test(t)
	}
}

// However a trace with two orders is cut into payloads, and in whatever order they come: within the hold it is one trace.
func TestWithinTheHoldTheOrderOfArrivalDoesNotMatter(t *testing.T) {
	whole := []told{{trace: 1, id: 1}, {trace: 1, id: 2, parent: 1, own: attrs{"orderId": o1}}, {trace: 1, id: 3, parent: 2}, {trace: 1, id: 4, parent: 3}, {trace: 1, id: 5, parent: 1, own: attrs{"orderId": o2}}, {trace: 1, id: 6, parent: 5}, {trace: 1, id: 7, parent: 1}}
	want := map[string]string{"1.1": o1 + "|" + o2, "1.2": o1, "1.3": o1, "1.4": o1, "1.5": o2, "1.6": o2, "1.7": ""}
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			h, sink := withIndex(t), &consumertest.TracesSink{}
			p := tracesProcessor(t, h, orderenrich.NewFactory(), "index: order_index\nsource: strip\nhold: {max_wait: 3s}\nidentifiers:\n"+everything, sink)
			for left := r.Perm(len(whole)); len(left) > 0; {
				n := min(1+r.IntN(3), len(left))
				var payload []told
				for _, k := range left[:n] {
					payload = append(payload, whole[k])
				}
				left = left[n:]
				require.NoError(t, p.ConsumeTraces(context.Background(), spansOf(t, payload)))
				time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
			}
			time.Sleep(5 * time.Second)
			synctest.Wait()
			got := map[string]string{}
			for _, td := range sink.AllTraces() {
				for _, rs := range td.ResourceSpans().All() {
					for _, s := range rs.ScopeSpans().At(0).Spans().All() {
						got[s.Name()] += outcome(s.Attributes())
					}
				}
			}
			require.Equal(t, want, got, fmt.Sprint("seed ", seed))
			stop(t, p, h.extensions[component.MustNewID("order_index")])
		})
	}
}
