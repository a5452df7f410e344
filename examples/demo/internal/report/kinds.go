package report

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// Kind is one of the seven kinds of data that it takes to reconstruct an order, and where it was found.
type Kind struct {
	Name  string `json:"name"`
	Found bool   `json:"found"`
	Sighting
	Also *Sighting `json:"also,omitempty"` // for a kind that takes two spans to show
}

// Sighting is the span on which something was found.
type Sighting struct {
	TraceID string `json:"trace_id,omitempty"`
	Service string `json:"service,omitempty"`
	Span    string `json:"span,omitempty"`
	Seen    string `json:"seen,omitempty"` // what carried it
}

// kinds tell what carries each kind of data on a span of an order's trace, "" when nothing does. A kind with also
// is found when another span shows that, too.
var kinds = []struct {
	name string
	seen func(ask.Span, trace) string
	also func(ask.Span, trace) string
}{
	{name: "trace id", seen: func(s ask.Span, t trace) string {
		links := t.linksToRoot(s)
		if s.TraceID().String() != t.id || links == 0 {
			return ""
		}
		return fmt.Sprintf("%s, as the shop noted it; parents up to the root: %d", t.id, links)
	}},
	{name: "start and end time", seen: func(s ask.Span, _ trace) string {
		if s.EndTimestamp() <= s.StartTimestamp() || s.StartTimestamp() == 0 {
			return ""
		}
		return s.EndTimestamp().AsTime().Sub(s.StartTimestamp().AsTime()).String()
	}},
	{
		name: "status",
		seen: func(s ask.Span, _ trace) string { return status(s, ptrace.StatusCodeUnset, ptrace.StatusCodeOk) },
		also: func(s ask.Span, _ trace) string { return status(s, ptrace.StatusCodeError) },
	},
	{name: "error message and code", seen: func(s ask.Span, _ trace) string {
		code := first(s, "error.type", "http.response.status_code", "db.response.status_code")
		if s.Status().Code() != ptrace.StatusCodeError || code == "" || errorMessage(s) == "" {
			return ""
		}
		return errorMessage(s) + "; " + code
	}},
	{name: "user or session id", seen: func(s ask.Span, _ trace) string { return first(s, "session.id", "enduser.pseudo.id") }},
	{name: "database interaction", seen: func(s ask.Span, _ trace) string {
		if s.EndTimestamp() <= s.StartTimestamp() {
			return ""
		}
		return first(s, "db.query.text", "db.statement")
	}},
	{name: "messages between services", seen: func(s ask.Span, _ trace) string {
		if s.Attr("messaging.message.id") == "" {
			return ""
		}
		return first(s, "messaging.destination.name")
	}},
}

// trace is a trace of an order as Jaeger holds it, by the id that the shop noted.
type trace struct {
	id    string
	spans map[pcommon.SpanID]ask.Span
}

func newTrace(id string, spans []ask.Span) trace {
	t := trace{id, make(map[pcommon.SpanID]ask.Span, len(spans))}
	for _, s := range spans {
		t.spans[s.SpanID()] = s
	}
	return t
}

// linksToRoot counts the parents of a span; 0 when there is none or one of them is not in the trace.
func (t trace) linksToRoot(s ask.Span) int {
	for links := 0; links < len(t.spans); links++ {
		if s.ParentSpanID().IsEmpty() {
			return links
		}
		parent, ok := t.spans[s.ParentSpanID()]
		if !ok {
			return 0
		}
		s = parent
	}
	return 0 // a circle
}

// status names the span's status when it is one of those asked for, and what it says of the order's.
func status(s ask.Span, codes ...ptrace.StatusCode) string {
	if !slices.Contains(codes, s.Status().Code()) {
		return ""
	}
	seen := s.Status().Code().String()
	if s.Status().Message() != "" {
		seen += ": " + s.Status().Message()
	}
	if s.Attr("order.status") != "" {
		seen += "; order.status=" + s.Attr("order.status")
	}
	return seen
}

func first(s ask.Span, keys ...string) string {
	for _, k := range keys {
		if v := s.Attr(k); v != "" {
			return k + "=" + v
		}
	}
	return ""
}

func errorMessage(s ask.Span) string {
	if s.Status().Message() != "" {
		return s.Status().Message()
	}
	for _, e := range s.Events().All() {
		if v, ok := e.Attributes().Get("exception.message"); ok {
			return v.AsString()
		}
	}
	return ""
}

func searchAll(s Sources, service string) ask.Search {
	return ask.Search{Service: service, Since: s.Since, Limit: allTraces}
}

// maxLooked bounds the traces that are read to find the rarest kind.
const maxLooked = 50_000

// CheckKinds looks for each kind of data on a span that belongs to an order.
func (r *Report) CheckKinds(ctx context.Context, s Sources) error {
	truth, err := s.Shop.GroundTruth(ctx)
	if err != nil {
		return err
	}
	r.Kinds = make([]Kind, len(kinds))
	for i, k := range kinds {
		r.Kinds[i].Name = k.name
	}
	left, looked := len(kinds), 0
	for order, ids := range truth {
		for _, id := range ids {
			if left == 0 || looked == maxLooked {
				break
			}
			looked++
			traces, err := s.Jaeger.Trace(ctx, id)
			if err != nil {
				return err
			}
			left -= r.lookAt(newTrace(id, ask.Spans(traces)), order)
		}
	}
	for _, k := range r.Kinds {
		if !k.Found {
			r.Complain("no span of an order carries: %s", k.Name)
		}
	}
	return nil
}

// lookAt notes the kinds that the trace's spans complete and returns how many.
func (r *Report) lookAt(t trace, order string) (news int) {
	for _, span := range t.spans {
		if span.Attr("order.id") != order {
			continue
		}
		for i, k := range kinds {
			kind := &r.Kinds[i]
			if kind.Found {
				continue
			}
			if seen := k.seen(span, t); seen != "" && kind.Seen == "" {
				kind.Sighting = sighting(span, seen)
			}
			if k.also != nil && kind.Also == nil {
				if seen := k.also(span, t); seen != "" {
					also := sighting(span, seen)
					kind.Also = &also
				}
			}
			if kind.Found = kind.Seen != "" && (k.also == nil || kind.Also != nil); kind.Found {
				news++
			}
		}
	}
	return news
}

func sighting(s ask.Span, seen string) Sighting {
	return Sighting{s.TraceID().String(), s.Service(), s.Name(), shorten(seen)}
}

func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 160 {
		return strings.ToValidUTF8(s[:160], "") + "…"
	}
	return s
}
