package ask

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// Prometheus asks the query API of a Prometheus.
type Prometheus struct{ Addr string }

// Sample is one series of an instant query's answer. A native histogram has its count as the value.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// Query evaluates an expression now.
func (p Prometheus) Query(ctx context.Context, expr string) ([]Sample, error) {
	var answer struct {
		Data struct {
			ResultType string          `json:"resultType"`
			Result     json.RawMessage `json:"result"`
		} `json:"data"`
	}
	if err := p.get(ctx, "query", url.Values{"query": {expr}}, &answer); err != nil {
		return nil, fmt.Errorf("query %q: %w", expr, err)
	}
	if answer.Data.ResultType == "scalar" {
		var point [2]any
		if err := json.Unmarshal(answer.Data.Result, &point); err != nil {
			return nil, err
		}
		return []Sample{{Value: number(point[1])}}, nil
	}
	var series []struct {
		Metric    map[string]string `json:"metric"`
		Value     [2]any            `json:"value"`
		Histogram []json.RawMessage `json:"histogram"`
	}
	if err := json.Unmarshal(answer.Data.Result, &series); err != nil {
		return nil, fmt.Errorf("query %q: %w", expr, err)
	}
	samples := make([]Sample, 0, len(series))
	for _, s := range series {
		sample := Sample{Labels: s.Metric, Value: number(s.Value[1])}
		if len(s.Histogram) == 2 {
			var h struct {
				Count string `json:"count"`
			}
			if err := json.Unmarshal(s.Histogram[1], &h); err != nil {
				return nil, fmt.Errorf("query %q: %w", expr, err)
			}
			sample.Value = number(h.Count)
		}
		samples = append(samples, sample)
	}
	return samples, nil
}

// Sum evaluates an expression and adds up its series.
func (p Prometheus) Sum(ctx context.Context, expr string) (float64, error) {
	samples, err := p.Query(ctx, expr)
	total := 0.0
	for _, s := range samples {
		total += s.Value
	}
	return total, err
}

// Everything returns all series names with their labels, all exemplars and all metadata since a time, as text.
func (p Prometheus) Everything(ctx context.Context, since time.Time) ([]byte, error) {
	var text []byte
	window := url.Values{"start": {since.UTC().Format(time.RFC3339)}, "end": {time.Now().UTC().Format(time.RFC3339)}}
	for path, v := range map[string]url.Values{
		"series":          {"match[]": {`{__name__!=""}`}, "start": window["start"], "end": window["end"]},
		"query_exemplars": {"query": {`{__name__!=""}`}, "start": window["start"], "end": window["end"]},
		"metadata":        {},
	} {
		body, err := get(ctx, "http://"+p.Addr+"/api/v1/"+path+"?"+v.Encode())
		if err != nil {
			return nil, err
		}
		text = append(append(text, body...), '\n')
	}
	return text, nil
}

// Exemplars returns the trace ids of the exemplars that an expression's series carry since a time.
func (p Prometheus) Exemplars(ctx context.Context, expr string, since time.Time) ([]string, error) {
	var answer struct {
		Data []struct {
			Exemplars []struct {
				Labels map[string]string `json:"labels"`
			} `json:"exemplars"`
		} `json:"data"`
	}
	v := url.Values{"query": {expr}, "start": {since.UTC().Format(time.RFC3339)}, "end": {time.Now().UTC().Format(time.RFC3339)}}
	if err := p.get(ctx, "query_exemplars", v, &answer); err != nil {
		return nil, err
	}
	var ids []string
	for _, series := range answer.Data {
		for _, e := range series.Exemplars {
			if id := e.Labels["trace_id"]; id != "" {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

func (p Prometheus) get(ctx context.Context, path string, v url.Values, into any) error {
	body, err := get(ctx, "http://"+p.Addr+"/api/v1/"+path+"?"+v.Encode())
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

func number(v any) float64 {
	text, _ := v.(string)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return f
}

// Rule is one alerting or recording rule and how its last evaluation went.
type Rule struct {
	Name      string `json:"name"`
	Query     string `json:"query"`
	LastError string `json:"lastError"`
}

// Rules lists the rules that Prometheus has loaded.
func (p Prometheus) Rules(ctx context.Context) ([]Rule, error) {
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []Rule `json:"rules"`
			} `json:"groups"`
		} `json:"data"`
	}
	if err := p.get(ctx, "rules", nil, &answer); err != nil {
		return nil, err
	}
	var rules []Rule
	for _, g := range answer.Data.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules, nil
}
