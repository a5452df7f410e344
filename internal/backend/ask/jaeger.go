// Package ask reads what the back ends hold through their own APIs: the demo's report and the end-to-end tests
// believe nothing else.
package ask

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// maxAnswer bounds what is read of one answer.
const maxAnswer = 512 << 20

// Jaeger asks the query API (/api/v3) of a Jaeger v2.
type Jaeger struct{ Addr string }

// Services returns the names of the services that sent spans.
func (j Jaeger) Services(ctx context.Context) ([]string, error) {
	var answer struct {
		Services []string `json:"services"`
	}
	body, err := get(ctx, "http://"+j.Addr+"/api/v3/services")
	if err != nil {
		return nil, err
	}
	return answer.Services, json.Unmarshal(body, &answer)
}

// Trace returns all spans of a trace as they were stored (Jaeger adjusts clocks and adds warnings otherwise); none
// when it does not know it.
func (j Jaeger) Trace(ctx context.Context, id string) (ptrace.Traces, error) {
	body, err := get(ctx, "http://"+j.Addr+"/api/v3/traces/"+url.PathEscape(id)+"?raw_traces=true")
	if status := new(StatusError); errors.As(err, &status) && status.Code == http.StatusNotFound {
		return ptrace.NewTraces(), nil
	}
	if err != nil {
		return ptrace.Traces{}, err
	}
	return decodeTraces(body)
}

// Search says which traces to find.
type Search struct {
	Service    string
	Operation  string
	Attributes map[string]string
	Since      time.Time
	Limit      int // traces
}

// Find returns the ids of the traces that match, and the answer as it came. It asks the older API: /api/v3 takes
// no attributes over HTTP.
func (j Jaeger) Find(ctx context.Context, s Search) (ids []string, raw []byte, err error) {
	q := url.Values{
		"service": {s.Service},
		"start":   {fmt.Sprint(s.Since.UnixMicro())},
		"end":     {fmt.Sprint(time.Now().Add(time.Minute).UnixMicro())},
		"limit":   {fmt.Sprint(s.Limit)},
	}
	if s.Operation != "" {
		q.Set("operation", s.Operation)
	}
	if len(s.Attributes) > 0 {
		text, err := json.Marshal(s.Attributes)
		if err != nil {
			return nil, nil, err
		}
		q.Set("tags", string(text))
	}
	raw, err = get(ctx, "http://"+j.Addr+"/api/traces?"+q.Encode())
	if err != nil {
		return nil, nil, err
	}
	var answer struct {
		Data []struct {
			TraceID string `json:"traceID"`
		} `json:"data"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, nil, fmt.Errorf("read Jaeger's answer: %w", err)
	}
	for _, t := range answer.Data {
		ids = append(ids, t.TraceID)
	}
	return ids, raw, nil
}

// decodeTraces reads the chunks of a streamed answer.
func decodeTraces(body []byte) (ptrace.Traces, error) {
	all := ptrace.NewTraces()
	var unmarshaler ptrace.JSONUnmarshaler
	for d := json.NewDecoder(bytes.NewReader(body)); ; {
		var chunk struct {
			Result json.RawMessage `json:"result"`
		}
		if err := d.Decode(&chunk); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, fmt.Errorf("read Jaeger's answer: %w", err)
		}
		traces, err := unmarshaler.UnmarshalTraces(chunk.Result)
		if err != nil {
			return all, fmt.Errorf("read the spans in Jaeger's answer: %w", err)
		}
		traces.ResourceSpans().MoveAndAppendTo(all.ResourceSpans())
	}
}

// Span is one span with the resource it came from.
type Span struct {
	ptrace.Span
	Resource pcommon.Map
}

// Service is the name of the service that made the span.
func (s Span) Service() string {
	if v, ok := s.Resource.Get("service.name"); ok {
		return v.AsString()
	}
	return ""
}

// Attr returns a string attribute of the span, "" when it is absent.
func (s Span) Attr(key string) string {
	if v, ok := s.Attributes().Get(key); ok {
		return v.AsString()
	}
	return ""
}

// Spans lists every span.
func Spans(traces ptrace.Traces) []Span {
	var spans []Span
	for _, rs := range traces.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				spans = append(spans, Span{Span: s, Resource: rs.Resource().Attributes()})
			}
		}
	}
	return spans
}

// StatusError is an answer other than 200.
type StatusError struct {
	Code int
	Body string
}

func (e *StatusError) Error() string { return fmt.Sprintf("status %d: %s", e.Code, e.Body) }

func get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", req.URL.Host+req.URL.Path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask %s: %w", req.URL.Host+req.URL.Path, &StatusError{resp.StatusCode, string(body[:min(len(body), 300)])})
	}
	return body, nil
}
