//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/internal/backend"
)

// alertsYAML is a unit test of promtool: an order that was lost at minute one, and one that is late.
const alertsYAML = `
rule_files: [%q]
evaluation_interval: 15s
tests:
  - interval: 15s
    input_series:
      - series: 'order_problem_seconds{flow="order",transition="submitted->priced",outcome="lost",order_id="ORD-10000042",trace_id="0af7651916cd43dd8448eb211c80319c"}'
        values: _x4 100+15x40
      - series: 'order_problem_seconds{flow="order",transition="priced->approved",outcome="breached",order_id="ORD-10000043",trace_id="1af7651916cd43dd8448eb211c80319c"}'
        values: _x4 100+15x40
    promql_expr_test:
      - expr: count by (alertname, severity, flow, transition, order_id, trace_id) (ALERTS{alertstate="firing",alertname="LostOrder"})
        eval_time: 8m
        exp_samples:
          - labels: '{alertname="LostOrder",severity="critical",flow="order",transition="submitted->priced",order_id="ORD-10000042",trace_id="0af7651916cd43dd8448eb211c80319c"}'
            value: 1
      - expr: count by (alertname, order_id) (ALERTS{alertstate="firing",alertname="OrderTimeExceeded",order_id="ORD-10000043"})
        eval_time: 8m
        exp_samples:
          - labels: '{alertname="OrderTimeExceeded",order_id="ORD-10000043"}'
            value: 1
      - expr: count(ALERTS{alertstate="firing",alertname="LostOrder"})
        eval_time: 0m
        exp_samples: []
`

func promtool(t *testing.T, args ...string) {
	t.Helper()
	bin, err := backend.Tool("promtool", "PROMTOOL_BIN")
	require.NoError(t, err)
	out, err := exec.Command(bin, args...).CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestAlertRulesNameTheOrder(t *testing.T) {
	root, err := backend.Root()
	require.NoError(t, err)
	rules := filepath.Join(root, "distro/monitor/rules/ordertrace.yaml")
	require.FileExists(t, rules)
	promtool(t, "check", "rules", "--lint=all", rules)
	promtool(t, "test", "rules", writeFile(t, "alerts.yaml", fmt.Sprintf(alertsYAML, rules)))
	own, err := filepath.Glob(filepath.Join(root, "distro/monitor/rules/*_test.yaml"))
	require.NoError(t, err)
	for _, file := range own {
		promtool(t, "test", "rules", file)
	}
}

func TestShippedAlertmanagerRouteIsValid(t *testing.T) {
	root, err := backend.Root()
	require.NoError(t, err)
	amtool, err := backend.Tool("amtool", "AMTOOL_BIN")
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(root, "distro/monitor/alertmanager*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "distro/monitor ships a route with a webhook")
	for _, file := range files {
		out, err := exec.Command(amtool, "check-config", file).CombinedOutput()
		require.NoError(t, err, string(out))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, string(text), "webhook_configs")
	}
}
