//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/internal/backend"
)

// tierPromises are the same for gateways and judge; times are the judge's.
const tierPromises = `
connectors:
  sla_metrics:
    metrics_flush_interval: 1s
    time: {allowed_lateness: 8s, path_silence: 12s, restore_grace: 8s}
    flows:
      order:
        transitions:
          - {from: submitted, to: priced, deadline: 15s, lost_after: 25s}
          - {from: priced, to: approved, deadline: 10m}
          - {from: approved, to: started, deadline: 10m}
          - {from: started, to: completed, deadline: 10m}
          - {from: completed, to: packaging, deadline: 10m}
          - {from: packaging, to: shipped, deadline: 10m}
          - {from: shipped, to: closed, deadline: 10m}
        end_to_end: {from: submitted, to: closed, deadline: 10m}
`

// An agent spreads the traces of the shop's orders over two gateways by their ids; one judge behind both comes to the
// verdicts that the shop's own books tell, with one gateway's line to it cut and mended on the way.
func TestTwoGatewaysAndOneJudgeAgreeWithTheShopsBooks(t *testing.T) {
	site := newSite(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	root, err := backend.Root()
	require.NoError(t, err)
	policy, err := os.ReadFile(filepath.Join(root, "extension/rbacauth/policy.example.yaml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(at("policy.yaml"), policy, 0o600))
	jaeger, _ := reserve(t) // down: its traces queue
	prom, _ := reserve(t)   // down, too: the judge's verdicts lie in its file
	env := append(strings.Fields(ordertrace(t, "certs", "dev", "--dir", dir)),
		"ORDERTRACE_POLICY="+at("policy.yaml"), "ORDERTRACE_TOKENS="+at("tokens.yaml"), "ORDERTRACE_HMAC_KEY="+at("hmac.json"),
		"ORDERTRACE_JAEGER_OTLP="+jaeger, "ORDERTRACE_PROMETHEUS_OTLP=https://"+prom+"/api/v1/otlp")
	ordertrace(t, "token", "new", "--id", "agent-1", "--file", at("tokens.yaml"), "--out", at("agent.token"))
	ordertrace(t, "keys", "new", "--kind", "hmac", "--out", at("hmac.json"))

	promises := writeFile(t, "promises.yaml", tierPromises)
	told := filepath.Join(t.TempDir(), "metrics.jsonl")
	judge := prepare(t, []string{"preset:judge", promises, writeFile(t, "told.yaml", `
exporters: {file/metrics: {path: "`+told+`", flush_interval: 500ms}}
service: {pipelines: {metrics/verdicts: {exporters: [file/metrics]}}}
`)}, env...)
	judge.start(t, site, "judge")
	line := newCable(t, judge.mtls)
	var gateways []*collector
	for i, to := range []string{judge.mtls, line.addr()} {
		name := "gw-" + string(rune('1'+i))
		g := prepare(t, []string{"preset:gateway", "preset:relay", promises}, append(env, "ORDERTRACE_INSTANCE="+name, "ORDERTRACE_JUDGE_OTLP="+to)...)
		g.start(t, site, name)
		gateways = append(gateways, g)
	}
	agent := prepare(t, []string{"preset:agent", writeFile(t, "often.yaml", "receivers: {heartbeat: {interval: 2s}}\n")}, append(env,
		"ORDERTRACE_INSTANCE=shop-host", "ORDERTRACE_GATEWAYS=["+gateways[0].grpc+", "+gateways[1].grpc+"]", "ORDERTRACE_TOKEN_FILE="+at("agent.token"))...)
	agent.start(t, site, "agent")
	shop := openShop(t, site, map[string]string{"shop-api": agent.grpc, "crm-api": agent.grpc, "mes-api": agent.grpc})

	customers := shop.customers(t, 24)
	lost := shop.lose(t)
	line.sever(true)
	time.Sleep(15 * time.Second) // longer than a path may be silent
	line.sever(false)
	<-customers.Done()
	eventually(t, 90*time.Second, func() error {
		closed := shop.orders(t, "CLOSED", 0)
		now := lastNumbers(t, told)
		return firstError(
			want(24, int(now["order.started"]), "orders known to the judge"),
			want(len(closed), int(now["order.finished end=good"]), "orders closed"),
			want(len(shop.orders(t, "CANCELLED", 0)), int(now["order.finished end=neutral"]), "orders cancelled"),
			want(1, int(now["order.transitions outcome=lost transition=submitted->priced"]), "orders lost"),
			want(23, int(now["order.transitions outcome=on_time transition=submitted->priced"]), "orders priced in time"),
		)
	})
	require.Greater(t, len(shop.orders(t, "CLOSED", 0)), 12)
	now := lastNumbers(t, told)
	require.Equal(t, 1.0, now["order.transitions outcome=breached transition=submitted->priced"])
	require.Zero(t, now["order.transitions outcome=retracted transition=submitted->priced"])
	verdicts, err := os.ReadFile(filepath.Join(judge.data, "logs/verdicts.jsonl"))
	require.NoError(t, err)
	require.Contains(t, string(verdicts), "order "+lost+" is lost")
	require.Equal(t, 1, strings.Count(string(verdicts), " is lost:"))
	for _, g := range gateways {
		records, err := os.ReadFile(filepath.Join(g.data, "logs/verdicts.jsonl"))
		require.True(t, err != nil || len(records) == 0, "a gateway judged")
		require.Contains(t, get(t, g.metrics), `result="sent"`, "each gateway saw something of orders")
	}
}

// lose makes the shop lose the message of the next order, and returns which it was.
func (f *floor) lose(t *testing.T) string {
	t.Helper()
	out := f.command(t, "lose")
	var hit struct {
		Order string `json:"order"`
	}
	require.NoError(t, json.Unmarshal(out, &hit))
	return hit.Order
}

// lastNumbers are the judge's counters as last told, by name and labels but the flow.
func lastNumbers(t *testing.T, file string) map[string]float64 {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		return nil // not told yet
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	numbers := map[string]float64{}
	for _, md := range lines[max(0, len(lines)-2):] { // the last may be half written
		readNumbers(md, numbers)
	}
	return numbers
}

func readNumbers(line []byte, into map[string]float64) {
	var batch struct {
		ResourceMetrics []struct {
			ScopeMetrics []struct {
				Metrics []struct {
					Name string
					Sum  struct {
						DataPoints []struct {
							AsInt      json.Number
							Attributes []struct {
								Key   string
								Value struct{ StringValue string }
							}
						}
					}
				}
			}
		}
	}
	if json.Unmarshal(line, &batch) != nil {
		return
	}
	for _, rm := range batch.ResourceMetrics {
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				for _, p := range m.Sum.DataPoints {
					var labels []string
					for _, a := range p.Attributes {
						if a.Key != "flow" {
							labels = append(labels, a.Key+"="+a.Value.StringValue)
						}
					}
					slices.Sort(labels)
					into[strings.Join(append([]string{m.Name}, labels...), " ")], _ = p.AsInt.Float64()
				}
			}
		}
	}
}
