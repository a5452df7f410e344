//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/internal/backend"
	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// hastyShop is the shop's flow with times of seconds, beside an unmodified preset.
const hastyShop = `
connectors:
  sla_metrics:
    metrics_flush_interval: 1s
    time: {allowed_lateness: 5s, path_silence: 6s, direct_silence: advance, restore_grace: 8s}
    flows:
      order:
        transitions:
          - {from: submitted, to: priced, deadline: 8s, stuck_after: 8s, lost_after: 14s}
          - {from: priced, to: approved, deadline: 10m}
          - {from: approved, to: started, deadline: 10m}
          - {from: started, to: completed, deadline: 10m}
          - {from: completed, to: packaging, deadline: 10m}
          - {from: packaging, to: shipped, deadline: 10m}
          - {from: shipped, to: closed, deadline: 10m}
        end_to_end: {from: submitted, to: closed, deadline: 10m}
`

const lostAfter = 14 * time.Second

// smallAgent is an agent on loopback: what it takes goes to the gateway by way of a cable, behind it its sign of life.
const smallAgent = `
extensions:
  healthcheckv2: {use_v2: true, http: {endpoint: "${env:ORDERTRACE_HEALTH_ENDPOINT}", status: {enabled: true, path: /}}}
receivers:
  otlp: {protocols: {grpc: {endpoint: "${env:ORDERTRACE_OTLP_GRPC_ENDPOINT}"}}}
  heartbeat: {agent_id: "${env:AGENT}", interval: 1s}
processors:
  resource/agent: {attributes: [{key: ordertrace.agent.id, value: "${env:AGENT}", action: upsert}]}
exporters:
  otlp_grpc:
    endpoint: ${env:GATEWAY}
    tls: {insecure: true}
    retry_on_failure: {initial_interval: 500ms, max_interval: 1s, max_elapsed_time: 0s}
service:
  extensions: [healthcheckv2]
  pipelines:
    traces: {receivers: [otlp, heartbeat], processors: [resource/agent], exporters: [otlp_grpc]}
    logs: {receivers: [otlp], processors: [resource/agent], exporters: [otlp_grpc]}
  telemetry: {metrics: {level: none}}
`

// watched is the shop, an agent beside the MES and one beside the rest, a judge, and real alerts.
type watched struct {
	*floor
	prom  ask.Prometheus
	hook  *backend.Webhook
	cable *cable // from the MES's agent to the judge
}

func watchShop(t *testing.T) *watched {
	t.Helper()
	site := newSite(t)
	w := &watched{}
	var err error
	w.hook, err = backend.NewWebhook()
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.hook.Close() })
	alerts, err := site.Alertmanager(t.Context(), backend.AlertmanagerOptions{Webhook: w.hook.URL})
	require.NoError(t, err)
	prom, err := site.Prometheus(t.Context(), backend.PrometheusOptions{Alertmanager: alerts.Addr, Rules: []string{hastyRules(t)}})
	require.NoError(t, err)
	w.prom = ask.Prometheus{Addr: prom.Addr}
	jaeger, _ := reserve(t) // down: its traces queue
	judge := prepare(t, []string{"preset:standalone", writeFile(t, "hasty.yaml", hastyShop)}, "ORDERTRACE_PROMETHEUS_OTLP="+prom.OTLP, "ORDERTRACE_JAEGER_OTLP="+jaeger)
	judge.start(t, site, "judge")
	w.cable = newCable(t, judge.grpc)
	config := writeFile(t, "agent.yaml", smallAgent)
	shopAgent := prepare(t, []string{config}, "AGENT=shop-host", "GATEWAY="+judge.grpc)
	shopAgent.start(t, site, "agent-shop")
	mesAgent := prepare(t, []string{config}, "AGENT=mes-host", "GATEWAY="+w.cable.addr())
	mesAgent.start(t, site, "agent-mes")
	w.floor = openShop(t, site, map[string]string{"shop-api": shopAgent.grpc, "crm-api": shopAgent.grpc, "mes-api": mesAgent.grpc})
	return w
}

// hastyRules are the shipped rules; they fire after seconds.
func hastyRules(t *testing.T) string {
	t.Helper()
	root, err := backend.Root()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "distro/monitor/rules/ordertrace.yaml"))
	require.NoError(t, err)
	return writeFile(t, "rules.yaml", string(regexp.MustCompile(`(?m)^(\s+for:) .*$`).ReplaceAll(text, []byte("$1 2s"))))
}

// sum of an expression; 0 while it has no series.
func (w *watched) sum(t *testing.T, expr string) float64 {
	t.Helper()
	v, err := w.prom.Sum(t.Context(), expr)
	require.NoError(t, err)
	return v
}

const bad = `order_transitions_total{outcome=~"breached|lost"}`

// priced waits until orders flow: the judge has seen some priced in time, and none too late.
func (w *watched) priced(t *testing.T, n int) {
	t.Helper()
	eventually(t, 60*time.Second, func() error {
		return want(true, w.sum(t, `order_transitions_total{transition="submitted->priced",outcome="on_time"}`) >= float64(n), "orders priced in time")
	})
	require.Zero(t, w.sum(t, bad))
}

func orderAlert(name, id string) func(backend.Alert) bool {
	return func(a backend.Alert) bool {
		return a.Status == "firing" && a.Labels["alertname"] == name && a.Labels["order_id"] == id
	}
}

// The MES stops in its tracks, while its agent lives: what it does not do is told on time, by the order's name.
func TestAnOrderOfAStoppedServiceIsLostOnTimeAndNamed(t *testing.T) {
	w := watchShop(t)
	w.customers(t, 8)
	w.priced(t, 3)
	freeze(t, w.services["mes-api"])
	w.customers(t, 4)
	var lost string
	eventually(t, 20*time.Second, func() error {
		for id := range w.orders(t, "SUBMITTED", 0) {
			lost = id
		}
		return want(true, lost != "", "an order that is not priced")
	})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	breached, err := w.hook.Wait(ctx, orderAlert("OrderTimeExceeded", lost))
	require.NoError(t, err)
	alert, err := w.hook.Wait(ctx, orderAlert("LostOrder", lost))
	require.NoError(t, err)
	after := alert.Received.Sub(w.placed(t, lost))
	t.Logf("order %s: breach told %s after it was placed, loss after %s", lost, breached.Received.Sub(w.placed(t, lost)).Round(time.Second), after.Round(time.Second))
	require.Greater(t, after, lostAfter)
	require.Less(t, after, lostAfter+30*time.Second)
	require.Len(t, alert.Labels["trace_id"], 32, "its last trace")
	eventually(t, 40*time.Second, func() error { // all of them, and no other
		named := map[string]bool{}
		series, err := w.prom.Query(t.Context(), `order_problem_seconds{outcome="lost"}`)
		for _, s := range series {
			named[s.Labels["order_id"]] = true
		}
		stay := w.orders(t, "SUBMITTED", lostAfter)
		for id := range stay {
			err = firstError(err, want(true, named[id], id+" is named"))
		}
		return firstError(err, want(len(stay), len(named), "orders named as lost"))
	})
	require.Zero(t, w.sum(t, `sla_watermark_stalled`), "every path lives")
}

// The MES works on, but its agent is cut off: nothing is called late or lost, and the alert says that it cannot be known.
// When the agent is back, what it had kept shows that all was in time.
func TestOrdersBehindAnAgentThatIsCutOffAreNotLost(t *testing.T) {
	w := watchShop(t)
	w.customers(t, 8)
	w.priced(t, 3)
	w.cable.sever(true)
	w.customers(t, 6)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	alert, err := w.hook.Wait(ctx, func(a backend.Alert) bool { return a.Status == "firing" && a.Labels["path"] == "mes-host" })
	require.NoError(t, err)
	require.Equal(t, "WatermarkStalled", alert.Labels["alertname"])
	eventually(t, 40*time.Second, func() error { // the shop itself has no trouble
		return want(0, len(w.orders(t, "SUBMITTED", 0)), "orders without a price")
	})
	time.Sleep(lostAfter + 8*time.Second) // longer than any order could have waited, had it been judged
	require.Zero(t, w.sum(t, bad))
	before := w.sum(t, `order_transitions_total{transition="submitted->priced",outcome="on_time"}`)
	w.cable.sever(false)
	eventually(t, 60*time.Second, func() error {
		return want(14, int(w.sum(t, `order_transitions_total{transition="submitted->priced",outcome="on_time"}`)), "orders priced in time")
	})
	require.Less(t, before, 14.0, "some of them were not known while the agent was cut off")
	require.Zero(t, w.sum(t, bad))
	require.Zero(t, w.sum(t, `order_transitions_total{outcome="retracted"}`))
}
