package report

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// Monitor says whether the shipped dashboards and alert rules work on the run's data.
type Monitor struct {
	Panels int      `json:"dashboard_expressions"`
	Empty  []string `json:"without_data,omitempty"`
	Rules  int      `json:"alert_rules"`
	Ill    []string `json:"rules_that_fail,omitempty"`
	// Exemplars lead from a metric to a trace.
	Exemplars int `json:"exemplars"`
	Resolved  int `json:"exemplars_whose_trace_is_in_jaeger"`
}

// CheckMonitor asks Prometheus every expression of the dashboards and how its rules fare.
func (r *Report) CheckMonitor(ctx context.Context, s Sources) error {
	files, err := filepath.Glob(s.Dashboards)
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		exprs, err := Expressions(text)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for _, expr := range exprs {
			r.Monitor.Panels++
			samples, err := s.Prometheus.Query(ctx, expr)
			if err != nil || len(samples) == 0 {
				r.Monitor.Empty = append(r.Monitor.Empty, expr)
				r.Complain("%s: no data for %s (%v)", filepath.Base(file), expr, err)
			}
		}
	}
	if r.Monitor.Panels == 0 {
		r.Complain("no dashboard in %s", s.Dashboards)
	}
	rules, err := s.Prometheus.Rules(ctx)
	if err != nil {
		return err
	}
	r.Monitor.Rules = len(rules)
	for _, rule := range rules {
		if rule.LastError != "" {
			r.Monitor.Ill = append(r.Monitor.Ill, rule.Name)
			r.Complain("alert rule %s: %s", rule.Name, rule.LastError)
		}
	}
	if len(rules) == 0 {
		r.Complain("Prometheus has no rules")
	}
	return nil
}

// CheckExemplars follows the exemplars of the durations to their traces.
func (r *Report) CheckExemplars(ctx context.Context, s Sources) error {
	for _, metric := range []string{"order_transition_duration_seconds", "service_duration_seconds"} {
		ids, err := s.Prometheus.Exemplars(ctx, metric, s.Since)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			r.Complain("%s has no exemplar", metric)
		}
		for _, id := range ids[:min(len(ids), 100)] {
			r.Monitor.Exemplars++
			trace, err := s.Jaeger.Trace(ctx, id)
			if err != nil {
				return err
			}
			if trace.SpanCount() > 0 {
				r.Monitor.Resolved++
			}
		}
	}
	if lost := r.Monitor.Exemplars - r.Monitor.Resolved; lost > 0 {
		r.Complain("%d of %d exemplars lead to no trace", lost, r.Monitor.Exemplars)
	}
	return nil
}

// CheckVerdictExemplars follows the exemplars of what was late and lost to their traces. That of the lost order is the trace
// that the alert names.
func (r *Report) CheckVerdictExemplars(ctx context.Context, s Sources, lost string) error {
	for _, outcome := range []string{"breached", "lost"} {
		ids, err := s.Prometheus.Exemplars(ctx, `order_transitions_total{outcome="`+outcome+`"}`, s.Since)
		if err != nil {
			return err
		}
		if len(ids) == 0 || outcome == "lost" && !slices.Contains(ids, lost) {
			r.Complain("exemplars of %s orders: %v, without the lost order's last trace %s", outcome, ids, lost)
		}
		for _, id := range ids {
			trace, err := s.Jaeger.Trace(ctx, id)
			if err != nil {
				return err
			}
			if trace.SpanCount() == 0 {
				r.Complain("the exemplar %s of a %s order leads to no trace", id, outcome)
			}
		}
		r.LostOrder.Exemplars += len(ids)
	}
	return nil
}

var (
	variable = regexp.MustCompile(`\$\{\w+(:\w+)?\}|\$\w+`)
	spans    = map[string]string{"$__rate_interval": "1m", "$__interval": "15s", "$__range": "5m", "${__rate_interval}": "1m", "${__interval}": "15s", "${__range}": "5m"}
)

// Expressions returns the PromQL of every panel of a Grafana dashboard, its variables replaced: times by short
// ones, everything else by "anything".
func Expressions(dashboard []byte) ([]string, error) {
	var tree any
	if err := json.Unmarshal(dashboard, &tree); err != nil {
		return nil, fmt.Errorf("read the dashboard: %w", err)
	}
	var exprs []string
	var walk func(any)
	walk = func(node any) {
		switch n := node.(type) {
		case map[string]any:
			if expr, ok := n["expr"].(string); ok && expr != "" {
				exprs = append(exprs, variable.ReplaceAllStringFunc(expr, func(v string) string {
					if span, ok := spans[v]; ok {
						return span
					}
					return ".*"
				}))
			}
			for _, child := range n {
				walk(child)
			}
		case []any:
			for _, child := range n {
				walk(child)
			}
		}
	}
	walk(tree)
	return exprs, nil
}
