//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/internal/backend"
)

func promtool(t *testing.T, args ...string) {
	t.Helper()
	bin, err := backend.Tool("promtool", "PROMTOOL_BIN")
	require.NoError(t, err)
	out, err := exec.Command(bin, args...).CombinedOutput()
	require.NoError(t, err, string(out))
}

// configurations to make rules of, beside what ships: what the demo runs, and one of everything.
func configurations(t *testing.T) map[string][]string {
	root, err := backend.Root()
	require.NoError(t, err)
	return map[string][]string{
		"demo": {"preset:standalone", filepath.Join(root, "examples/demo/demo.yaml")},
		"every kind of objective": {"preset:standalone", writeFile(t, "all.yaml", `
connectors:
  sla_metrics:
    messages: {deadline: 1m}
    objectives:
      - {name: "three nines", transition: submitted->priced, objective: 99.9, page: true}
      - {name: hardly, transition: submitted->priced, objective: 5, window: 48h}
      - {name: day, transition: submitted->priced, objective: 90, window: 24h, page: true}
      - {name: own, transition: submitted->priced, objective: 99, burn: [{long: 2h, short: 20m, factor: 10, fast: true}]}
      - {name: delivered, destination: "orders:submitted", objective: 99.99}
      - {name: available, service: mes-api, objective: 99.5, page: true}
`)},
	}
}

// ordertrace makes the rules of a configuration in a folder of their own.
func rulesOf(t *testing.T, configs []string) string {
	t.Helper()
	bin, err := backend.Built("ordertrace")
	require.NoError(t, err)
	dir := t.TempDir()
	args := []string{"rules", "--out", dir}
	for _, config := range configs {
		args = append(args, "--config", config)
	}
	out, err := exec.Command(bin, args...).CombinedOutput()
	require.NoError(t, err, string(out))
	return dir
}

func TestGeneratedRulesPassTheirOwnTests(t *testing.T) {
	for name, configs := range configurations(t) {
		t.Run(name, func(t *testing.T) {
			dir := rulesOf(t, configs)
			promtool(t, "check", "rules", "--lint=all", filepath.Join(dir, "rules/ordertrace.yaml"))
			promtool(t, "test", "rules", filepath.Join(dir, "rules/ordertrace_test.yaml"), filepath.Join(dir, "rules/ordertrace_burn_test.yaml"))
			amtool(t, filepath.Join(dir, "alertmanager.yaml"))
		})
	}
}

// A test that no mistake turns red shows nothing: each of these is one that the generated tests must find.
func TestGeneratedTestsFindPlantedMistakes(t *testing.T) {
	dir := rulesOf(t, []string{"preset:standalone", writeFile(t, "one.yaml", `
connectors:
  sla_metrics:
    objectives:
      - {name: pricing, transition: submitted->priced, objective: 99, page: true, burn: [{long: 1h, short: 10m, factor: 14.4, fast: true}]}
`)})
	file := filepath.Join(dir, "rules/ordertrace.yaml")
	good, err := os.ReadFile(file)
	require.NoError(t, err)
	for name, change := range map[string][3]string{
		"a lost order is not told":            {"test", `(order_problem_seconds{outcome="lost"})`, `(order_problem_seconds{outcome="gone"})`},
		"a late order is called lost":         {"test", `(order_problem_seconds{outcome="lost"})`, `(order_problem_seconds{outcome=~"lost|breached"})`},
		"stuck at once":                       {"test", "expr: sum by (flow, stage) (order_stuck) > 0\n        for: 1m", "expr: sum by (flow, stage) (order_stuck) > 0"},
		"a stalled path waits for too long":   {"test", "(sla_watermark_stalled) == 1\n        for: 2m", "(sla_watermark_stalled) == 1\n        for: 3m"},
		"the first failure is not seen":       {"test", "or sum by (reason) (otelcol_sla_metrics_state_failures_total unless", "or sum by (reason) (otelcol_nothing unless"},
		"what was retracted counts as bad":    {"burn_test", "- sum(increase(order_transitions_total", "- 0 * sum(increase(order_transitions_total"},
		"burns twice as fast before it tells": {"burn_test", "> 0.144", "> 0.288"},
		"tells too early":                     {"burn_test", "> 0.144", "> 0.12"},
		"tells of what has just begun":        {"burn_test", `window="1h"} > 0.144`, `window="1h"} > 0.1`},
		"goes on after the burning":           {"burn_test", `window="10m"} > 0.144`, `window="10m"} >= 0`},
		"few events are not counted":          {"burn_test", `slo:bad_events:increase{slo="pricing",window="1h"} > 2.5`, `slo:bad_events:increase{slo="pricing",window="1h"} > 9`},
		"two of two are a trend":              {"burn_test", `slo:bad_events:increase{slo="pricing",window="1h"} > 2.5`, `slo:bad_events:increase{slo="pricing",window="1h"} > 1`},
		"a mean of ratios": {
			"burn_test",
			"slo:bad_events:increase{slo=\"pricing\",window=\"1h\"}\n          / (slo:events:increase{slo=\"pricing\",window=\"1h\"} > 0)",
			`avg_over_time((sum(increase(order_transitions_total{transition="submitted->priced",outcome="breached"}[5m])) / sum(increase(order_transitions_total{transition="submitted->priced",outcome=~"on_time|breached"}[5m])))[1h:5m])`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.ReplaceAll(string(good), change[1], change[2])
			require.NotEqual(t, string(good), bad, "the rules hold what is changed")
			require.NoError(t, os.WriteFile(file, []byte(bad), 0o600))
			bin, err := backend.Tool("promtool", "PROMTOOL_BIN")
			require.NoError(t, err)
			out, err := exec.Command(bin, "test", "rules", filepath.Join(dir, "rules/ordertrace_"+change[0]+".yaml")).CombinedOutput()
			var failed *exec.ExitError
			require.ErrorAs(t, err, &failed, "the tests are red")
			require.True(t, strings.Contains(string(out), "FAILED") && !strings.Contains(string(out), "parse error"), "the changed rules are rules")
		})
	}
}

func TestShippedRulesAndRoutesPass(t *testing.T) {
	root, err := backend.Root()
	require.NoError(t, err)
	promtool(t, "check", "rules", "--lint=all", filepath.Join(root, "distro/monitor/rules/ordertrace.yaml"))
	own, err := filepath.Glob(filepath.Join(root, "distro/monitor/rules/*_test.yaml"))
	require.NoError(t, err)
	require.Len(t, own, 2)
	promtool(t, append([]string{"test", "rules"}, own...)...)
	file := filepath.Join(root, "distro/monitor/alertmanager.yaml")
	amtool(t, file)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "webhook_configs")
}

func amtool(t *testing.T, file string) {
	t.Helper()
	bin, err := backend.Tool("amtool", "AMTOOL_BIN")
	require.NoError(t, err)
	out, err := exec.Command(bin, "check-config", file).CombinedOutput()
	require.NoError(t, err, string(out))
}
