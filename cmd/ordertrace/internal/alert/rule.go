// Package alert makes Prometheus' recording and alerting rules of what is promised, each alert beside the cases that show
// it firing and not firing.
package alert

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/promise"
)

// Severities. Critical alerts go out by webhook at once; warnings are grouped.
const (
	critical = "critical"
	warning  = "warning"
)

// Links are where people go from an alert, without a slash at the end.
type Links struct {
	Jaeger, Grafana string
	Runbooks        string // a page with a heading for each alert
}

// Group of rules, evaluated in order.
type Group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval,omitempty"` // empty: Prometheus' own
	Rules    []Rule `yaml:"rules"`
}

// Rule is either recorded or an alert.
type Rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// Case is a unit test: what the rules say of a history.
type Case struct {
	Name string
	Of   []string // the objectives it is about, none: all alerts of the kind
	// Step lies between the values of Series.
	Step   time.Duration
	Series []Series
	Checks []Check
}

// Series is a history in promtool's notation.
type Series struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

// Check is which alerts of a rule fire at a time.
type Check struct {
	At   time.Duration
	Rule *Rule
	// Of says which alerts, where several rules have the name; their annotations are not compared.
	Of     map[string]string
	Firing []Firing
}

// Firing is one alert: its labels beside those of the rule, and what stands in place of its annotations' templates.
type Firing struct {
	Labels map[string]string
	Said   map[string]string
}

// Set is everything that is made.
type Set struct {
	Groups []Group
	Cases  []Case
	// Burning are the cases of budgets: they last for days, so they are evaluated rarely.
	Burning []Case
}

// entry is an alert with its cases.
type entry struct {
	rule  *Rule
	cases []Case
}

// Make returns the rules for what is promised.
func Make(p *promise.Promises, links Links) Set {
	var s Set
	s.objectives(p, links)
	s.add("ordertrace-orders", lostOrder(links), lostOrders(links), orderTimeExceeded(links), stuckOrders(links))
	s.add("ordertrace-messages", lostMessages(links))
	s.add("ordertrace-services", serviceErrors(links))
	s.add("ordertrace-judge", watermarkStalled(links), judgeSilent(p, links), stateLost(links), checkpointOld(p, links), overflow(links))
	return s
}

func (s *Set) add(group string, entries ...entry) {
	g := Group{Name: group}
	for _, e := range entries {
		g.Rules = append(g.Rules, *e.rule)
		s.Cases = append(s.Cases, e.cases...)
	}
	s.Groups = append(s.Groups, g)
}

// notes are the annotations of an alert. The dashboard is one of those that package dashboard makes; see is its query.
func (l Links) notes(alert, summary, description, dashboard, see string) map[string]string {
	url := l.Grafana + "/d/ordertrace-" + dashboard
	if see != "" {
		url += "?" + see
	}
	return map[string]string{
		"summary": summary, "description": description, "dashboard_url": url,
		"runbook_url": l.Runbooks + "#" + strings.ToLower(alert),
	}
}

// trace adds a link to the trace whose id the template gives; no link if it gives none.
func (l Links) trace(notes map[string]string, id string) map[string]string {
	notes["trace_url"] = "{{ with " + id + " }}" + l.Jaeger + "/trace/{{ . }}{{ end }}"
	return notes
}

// literal is text that means itself where Prometheus reads a template.
func literal(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }

// labels of an alert that fires: those of its rule and of its series.
func (f Firing) labels(of *Rule) map[string]string {
	all := maps.Clone(of.Labels)
	maps.Copy(all, f.Labels)
	return all
}

// annotations are those of the rule, with what the templates must come to. Longer templates hold shorter ones.
func (f Firing) annotations(of *Rule) map[string]string {
	templates := slices.SortedFunc(maps.Keys(f.Said), func(a, b string) int { return len(b) - len(a) })
	all := map[string]string{}
	for name, text := range of.Annotations {
		for _, template := range templates {
			text = strings.ReplaceAll(text, template, f.Said[template])
		}
		all[name] = text
	}
	return all
}
