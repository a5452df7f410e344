package dashboard

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/promise"
)

func promises() *promise.Promises {
	o := promise.Objective{Name: "pricing", Flow: "order", Transition: "submitted->priced", Target: 0.99, Window: 720 * time.Hour}
	o.Burns = promise.Burns(o.Target, o.Window, 0)
	return &promise.Promises{
		Flows: []promise.Flow{{
			Name:        "order",
			Stages:      []promise.Stage{{Name: "submitted"}, {Name: "priced"}, {Name: "closed", Ends: true}},
			Transitions: []promise.Transition{{Name: "submitted->priced", To: "priced"}, {Name: "priced->closed", To: "closed"}, {Name: "submitted->closed", To: "closed", EndToEnd: true}},
		}},
		Objectives: []promise.Objective{o}, Messages: true, Services: true, Storage: true, Incidents: true,
	}
}

var spans = strings.NewReplacer("$__rate_interval", "1m", "$__range", "1h")

// expressions of a dashboard, with spans of time in place of Grafana's.
func expressions(d *Dashboard) map[string]string {
	all := map[string]string{}
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			all[p.Title+" "+t.Ref] = spans.Replace(t.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		all[a.Name] = spans.Replace(a.Expr)
	}
	return all
}

func TestEveryExpressionIsPromQL(t *testing.T) {
	for file, d := range All(promises(), Options{Jaeger: "http://jaeger"}) {
		found := expressions(d)
		require.NotEmpty(t, found)
		for where, expr := range found {
			_, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
			require.NoError(t, err, "%s: %s: %s", file, where, expr)
		}
	}
}

// upstream are metrics of the collector itself, as they were seen in Prometheus.
var upstream = []string{
	"ALERTS", "slo:error_ratio:increase", "slo:error_budget:remaining",
	"otelcol_receiver_accepted_spans_total", "otelcol_receiver_accepted_log_records_total", "otelcol_receiver_accepted_metric_points_total",
	"otelcol_receiver_refused_spans_total", "otelcol_receiver_refused_log_records_total", "otelcol_receiver_refused_metric_points_total",
	"otelcol_exporter_sent_spans_total", "otelcol_exporter_sent_metric_points_total", "otelcol_exporter_queue_size", "otelcol_exporter_queue_capacity",
	"otelcol_exporter_send_failed_spans_total", "otelcol_exporter_send_failed_metric_points_total", "otelcol_exporter_enqueue_failed_spans_total",
	"otelcol_process_memory_rss", "otelcol_process_runtime_heap_alloc_bytes",
}

// A misspelt metric is an empty panel, or with "or vector(0)" one that says all is well.
func TestEveryMetricOfAPanelIsTold(t *testing.T) {
	known := map[string]bool{}
	for _, name := range upstream {
		known[name] = true
	}
	root := filepath.Join("..", "..", "..", "..")
	for name := range documented(t, root) {
		known[name] = true
	}
	for file, d := range All(promises(), Options{Jaeger: "http://jaeger"}) {
		for where, text := range expressions(d) {
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
			require.NoError(t, err)
			parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
				if s, ok := n.(*parser.VectorSelector); ok {
					require.True(t, known[s.Name], "%s: %s: nobody tells %s", file, where, s.Name)
				}
				return nil
			})
		}
	}
}

var (
	heading = regexp.MustCompile(`(?m)^### (otelcol_\S+)[\s\S]*?\n\| \{?\S+ \| (\w+) \|`)
	named   = regexp.MustCompile(`"((?:order|message|messages|service|sla|slo|incident|incidents)(?:\.[a-z_]+)*)", ("\w*"|"\{\w+\}"|")`)
)

// documented are our components' own metrics, from their documentation, and what sla_metrics tells, from its source.
func documented(t *testing.T, root string) map[string]bool {
	all := map[string]bool{}
	docs, err := filepath.Glob(filepath.Join(root, "*/*/documentation.md"))
	require.NoError(t, err)
	require.NotEmpty(t, docs)
	for _, file := range docs {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
			name := m[1]
			if m[2] == "Sum" && strings.Contains(m[0], "Monotonic") {
				name += "_total"
			}
			all[name] = true
			all[m[1]] = true
		}
	}
	sources, err := filepath.Glob(filepath.Join(root, "connector/slametrics/*.go"))
	require.NoError(t, err)
	for _, file := range sources {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			name := strings.ReplaceAll(m[1], ".", "_")
			all[name], all[name+"_total"], all[name+"_seconds"] = true, true, true
		}
	}
	require.True(t, all["order_transitions_total"])
	return all
}

func TestTheFunnelFollowsTheFlow(t *testing.T) {
	p := promises()
	f := funnel(&p.Flows[0])
	var stages []string
	for _, target := range f.Targets {
		stages = append(stages, target.Legend)
	}
	require.Equal(t, []string{"started", "priced", "closed"}, stages)
	require.NotContains(t, f.Targets[2].Expr, "submitted->closed", "end to end counts nobody twice")
}

func TestPanelsNeitherOverlapNorLeaveThePage(t *testing.T) {
	for file, d := range All(promises(), Options{}) {
		taken := map[[2]int]string{}
		ids := map[int]bool{}
		for _, p := range d.Panels {
			require.False(t, ids[p.ID], "%s: id %d twice", file, p.ID)
			ids[p.ID] = true
			require.LessOrEqual(t, p.Grid.X+p.Grid.W, columns, "%s: %s", file, p.Title)
			for x := p.Grid.X; x < p.Grid.X+p.Grid.W; x++ {
				for y := p.Grid.Y; y < p.Grid.Y+p.Grid.H; y++ {
					require.Empty(t, taken[[2]int{x, y}], "%s: %s lies over it", file, p.Title)
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}

func TestWhatIsNotJudgedHasNoPanel(t *testing.T) {
	all := All(&promise.Promises{}, Options{})
	require.NotContains(t, all, "slo.json")
	require.NotContains(t, all, "services.json")
	require.NotContains(t, all, "incidents.json")
	for _, d := range all {
		for where, expr := range expressions(d) {
			require.NotContains(t, expr, "messages_total", where)
			require.NotContains(t, expr, "checkpoint", where)
		}
	}
}

func TestDashboardsSayThatTheyAreGenerated(t *testing.T) {
	for file, d := range All(promises(), Options{Jaeger: "http://jaeger"}) {
		text, err := d.JSON()
		require.NoError(t, err)
		require.Contains(t, string(text), "Code generated by ordertrace rules. DO NOT EDIT", file)
		var back map[string]any
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, d.UID, back["uid"])
	}
}

func TestAnExemplarLeadsToItsTrace(t *testing.T) {
	text, err := Datasources("http://prometheus", "http://jaeger")
	require.NoError(t, err)
	var p provisioning
	require.NoError(t, yaml.Unmarshal(text, &p))
	require.Equal(t, "http://prometheus", p.Sources[0].URL)
	require.Equal(t, []any{map[string]any{"name": "trace_id", "datasourceUid": p.Sources[1].UID}}, p.Sources[0].JSON["exemplarTraceIdDestinations"])
}
