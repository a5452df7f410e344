package report

import (
	"context"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// Kind is one of the seven kinds of data that it takes to reconstruct an order, and where it was found.
type Kind struct {
	Name    string `json:"name"`
	Found   bool   `json:"found"`
	TraceID string `json:"trace_id,omitempty"`
	Service string `json:"service,omitempty"`
	Span    string `json:"span,omitempty"`
	Seen    string `json:"seen,omitempty"` // what carried it
}

// kinds tell what carries each kind of data on a span, "" when nothing does.
var kinds = []struct {
	name string
	seen func(ask.Span) string
}{
	{"trace id", func(s ask.Span) string { return s.TraceID().String() }},
	{"start and end time", func(s ask.Span) string {
		if s.EndTimestamp() <= s.StartTimestamp() || s.StartTimestamp() == 0 {
			return ""
		}
		return s.EndTimestamp().AsTime().Sub(s.StartTimestamp().AsTime()).String()
	}},
	{"status", func(s ask.Span) string {
		if s.Attr("order.status") != "" {
			return "order.status=" + s.Attr("order.status")
		}
		return ""
	}},
	{"error message and code", func(s ask.Span) string {
		code := first(s, "error.type", "http.response.status_code", "db.response.status_code")
		if s.Status().Code() != ptrace.StatusCodeError || code == "" || errorMessage(s) == "" {
			return ""
		}
		return errorMessage(s) + "; " + code
	}},
	{"user or session id", func(s ask.Span) string { return first(s, "session.id", "enduser.pseudo.id") }},
	{"database interaction", func(s ask.Span) string {
		if s.EndTimestamp() <= s.StartTimestamp() {
			return ""
		}
		return first(s, "db.query.text", "db.statement")
	}},
	{"messages between services", func(s ask.Span) string {
		if s.Attr("messaging.message.id") == "" {
			return ""
		}
		return first(s, "messaging.destination.name")
	}},
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
			left -= r.lookAt(ask.Spans(traces), order)
		}
	}
	for _, k := range r.Kinds {
		if !k.Found {
			r.Complain("no span of an order carries: %s", k.Name)
		}
	}
	return nil
}

// lookAt notes the kinds that the spans show for the first time and returns how many.
func (r *Report) lookAt(spans []ask.Span, order string) (news int) {
	for _, span := range spans {
		if span.Attr("order.id") != order || span.TraceID() == (pcommon.TraceID{}) {
			continue
		}
		for i, k := range kinds {
			if r.Kinds[i].Found {
				continue
			}
			if seen := k.seen(span); seen != "" {
				r.Kinds[i] = Kind{k.name, true, span.TraceID().String(), span.Service(), span.Name(), shorten(seen)}
				news++
			}
		}
	}
	return news
}

func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 160 {
		return strings.ToValidUTF8(s[:160], "") + "…"
	}
	return s
}
