package alert

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/promise"
)

func objective(o promise.Objective) promise.Objective {
	o.Window, o.Page = 720*time.Hour, true
	o.Burns = promise.Burns(o.Target, o.Window, o.Deadline)
	return o
}

func promises() *promise.Promises {
	return &promise.Promises{
		Flows: []promise.Flow{{Name: "order"}, {Name: `re"turn`}},
		Objectives: []promise.Objective{
			objective(promise.Objective{Name: "pricing", Flow: "order", Transition: "submitted->priced", Target: 0.99, Deadline: 10 * time.Minute}),
			objective(promise.Objective{Name: "delivery", Destination: "orders:submitted", Target: 0.999, Deadline: time.Minute}),
			objective(promise.Objective{Name: "mes", Service: `mes "api"`, Target: 0.9}),
		},
		Flush: 15 * time.Second,
	}
}

var links = Links{Jaeger: "http://jaeger", Grafana: "http://grafana", Runbooks: "http://runbooks/alerts.md"}

func TestPrometheusReadsTheRules(t *testing.T) {
	for name, p := range map[string]*promise.Promises{"full": promises(), "nothing promised": {}} {
		t.Run(name, func(t *testing.T) {
			set := Make(p, links)
			text, err := set.RulesYAML()
			require.NoError(t, err)
			_, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), promslog.NewNopLogger())
			require.Empty(t, errs)
		})
	}
}

func TestEveryAlertHasItsCasesThatFireAndDoNot(t *testing.T) {
	set := Make(promises(), links)
	type seen struct{ fires, silent bool }
	cases := map[string]*seen{}
	key := func(r *Rule) string { return r.Alert + " " + r.Labels["slo"] + " " + r.Labels["window"] }
	for _, c := range append(set.Cases, set.Burning...) {
		for _, check := range c.Checks {
			s := cases[key(check.Rule)]
			if s == nil {
				s = &seen{}
				cases[key(check.Rule)] = s
			}
			s.fires = s.fires || len(check.Firing) > 0
			s.silent = s.silent || len(check.Firing) == 0
		}
	}
	for _, g := range set.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			require.Contains(t, cases, key(&r))
			require.True(t, cases[key(&r)].fires, "%s never fires in its cases", key(&r))
			require.True(t, cases[key(&r)].silent, "%s always fires in its cases", key(&r))
			require.Contains(t, []string{critical, warning}, r.Labels["severity"])
			for _, note := range []string{"summary", "description", "runbook_url", "dashboard_url"} {
				require.NotEmpty(t, r.Annotations[note], "%s of %s", note, r.Alert)
			}
			require.Equal(t, "http://runbooks/alerts.md#"+strings.ToLower(r.Alert), r.Annotations["runbook_url"])
		}
	}
}

func TestTheGuideSaysWhatEachAlertMeans(t *testing.T) {
	guide, err := os.ReadFile("../../../../docs/guide/alerts.md")
	require.NoError(t, err)
	set := Make(promises(), links)
	for _, g := range set.Groups {
		for _, r := range g.Rules {
			if r.Alert != "" {
				require.Contains(t, string(guide), "\n## "+r.Alert+"\n**", "a heading, then the severity")
			}
		}
	}
}

// A compliance read from buckets is wrong by the width of a bucket, and a mean of ratios by the traffic.
func TestComplianceIsARatioOfSumsOfExactCounters(t *testing.T) {
	set := Make(promises(), links)
	for _, g := range set.Groups {
		for _, r := range g.Rules {
			if !strings.HasPrefix(r.Record, "slo:") {
				continue
			}
			require.NotRegexp(t, `_bucket|histogram_|avg|_over_time`, r.Expr)
			require.NotEmpty(t, r.Labels["slo"])
			require.NotEmpty(t, r.Labels["window"])
		}
	}
}

func TestCriticalIsWhatPages(t *testing.T) {
	p := promises()
	p.Objectives[1].Page = false
	severity := map[string]string{}
	set := Make(p, links)
	for _, g := range set.Groups {
		for _, r := range g.Rules {
			if strings.HasPrefix(r.Alert, "BudgetBurn") {
				severity[r.Alert+" "+r.Labels["slo"]] = r.Labels["severity"]
			}
		}
	}
	require.Equal(t, map[string]string{
		"BudgetBurnFast pricing": critical, "BudgetBurnSlow pricing": warning,
		"BudgetBurnFast delivery": warning, "BudgetBurnSlow delivery": warning,
		"BudgetBurnFast mes": critical, "BudgetBurnSlow mes": warning,
	}, severity)
}

func TestTheCasesAreWhatPromtoolReads(t *testing.T) {
	set := Make(promises(), links)
	text, err := set.BurningYAML("ordertrace.yaml")
	require.NoError(t, err)
	var file struct {
		RuleFiles []string `yaml:"rule_files"`
		Every     string   `yaml:"evaluation_interval"`
		Tests     []struct {
			Name   string
			Series []Series `yaml:"input_series"`
			Exprs  []struct {
				Expr string
				At   string `yaml:"eval_time"`
			} `yaml:"promql_expr_test"`
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	require.Equal(t, []string{"ordertrace.yaml"}, file.RuleFiles)
	require.Len(t, file.Tests, len(set.Burning))
	every, err := model.ParseDuration(file.Every)
	require.NoError(t, err)
	for _, test := range file.Tests {
		for _, e := range test.Exprs {
			at, err := model.ParseDuration(e.At)
			require.NoError(t, err)
			require.Zero(t, time.Duration(at)%time.Duration(every), "%s is evaluated when rules are", test.Name)
			_, err = parser.NewParser(parser.Options{}).ParseExpr(e.Expr)
			require.NoError(t, err)
		}
		for _, s := range test.Series {
			_, err := parser.NewParser(parser.Options{}).ParseMetric(s.Series)
			require.NoError(t, err)
			require.Regexp(t, regexp.MustCompile(`^0( \d+(\+\d+)?x\d+)*$`), s.Values)
		}
	}
	none, err := (&Set{}).BurningYAML("ordertrace.yaml")
	require.NoError(t, err)
	require.Nil(t, none)
}

func TestValuesGrowByTheirPaces(t *testing.T) {
	require.Equal(t, "0 0x2 5+5x3 20x1 21+1x0", values(pace{3, 0}, pace{4, 5}, pace{2, 0}, pace{1, 1}, pace{0, 7}))
}

func TestANameIsNoTemplate(t *testing.T) {
	p := promises()
	p.Objectives[0].Name, p.Objectives[2].Service = "a {{ $x }} b", "{{ mes"
	set := Make(p, links)
	text, err := set.RulesYAML()
	require.NoError(t, err)
	_, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), promslog.NewNopLogger())
	require.Empty(t, errs)
	require.Contains(t, string(text), `{{"{{"}} mes`)
}

func TestCasesOfManyObjectivesAreEvaluatedTogether(t *testing.T) {
	p := promises()
	p.Objectives = nil
	for i := range 40 {
		name := fmt.Sprintf("o%d", i)
		p.Objectives = append(p.Objectives, objective(promise.Objective{Name: name, Service: name, Target: 0.99}))
	}
	one := promises()
	one.Objectives = p.Objectives[:1]
	many, few := Make(p, links).Burning, Make(one, links).Burning
	require.Len(t, many, len(few), "each further test evaluates the rules of all objectives")
	for _, c := range many {
		require.Len(t, c.Checks, 40)
	}
	p.Objectives[1] = p.Objectives[0]
	p.Objectives[1].Name = "again"
	require.Len(t, Make(p, links).Burning, 2*len(few), "a series has one history")
}

func TestAFewFailuresLieWithinAWindowAsLongAsTheDeadline(t *testing.T) {
	o := promise.Objective{Name: "a", Flow: "order", Transition: "a->b", Target: 0.95, Window: 720 * time.Hour, Deadline: 720 * time.Hour}
	o.Burns = promise.Burns(o.Target, o.Window, o.Deadline)
	h := history{&o, &o.Burns[0], nil}
	require.Equal(t, "0 0x2 3+3x0 3x2", h.few(1, promise.LeastBad)[1].Values, "before the rules are evaluated")
}
