//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/internal/backend"
	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// hasty shortens the promises of the standalone preset to seconds.
const hasty = `
connectors:
  sla_metrics:
    metrics_flush_interval: 1s
    time: {allowed_lateness: 1s, path_silence: 2s, restore_grace: 1s}
    incidents: {quiet: 3s}
    objectives: [] # the preset's speak of transitions that are not here
    flows:
      order:
        transitions:
          - {from: submitted, to: priced, deadline: 2s, lost_after: 4s}
        end_to_end: {from: submitted, to: closed, deadline: 336h}
`

// incidentsIn reads the records of incidents among the verdicts: event name to attributes, the last of each.
func incidentsIn(t *testing.T, file string) map[string]map[string]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	all := map[string]map[string]string{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var batch struct {
			ResourceLogs []struct {
				ScopeLogs []struct {
					LogRecords []struct {
						EventName  string `json:"eventName"`
						Attributes []struct {
							Key   string         `json:"key"`
							Value map[string]any `json:"value"`
						} `json:"attributes"`
					} `json:"logRecords"`
				} `json:"scopeLogs"`
			} `json:"resourceLogs"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &batch))
		for _, rl := range batch.ResourceLogs {
			for _, sl := range rl.ScopeLogs {
				for _, rec := range sl.LogRecords {
					if !strings.HasPrefix(rec.EventName, "incident.") {
						continue
					}
					attributes := map[string]string{}
					for _, a := range rec.Attributes {
						for _, v := range a.Value {
							attributes[a.Key] = fmt.Sprint(v)
						}
					}
					all[rec.EventName] = attributes
				}
			}
		}
	}
	return all
}

// A lost order → Prometheus' rule → Alertmanager → our webhook → the incident is detected; the collector is killed; the
// order turns up, and the incident is over.
func TestTheTimeToDetectIsTheAlertsAndOutlivesAKill(t *testing.T) {
	site := newSite(t)
	root, err := backend.Root()
	require.NoError(t, err)
	token := writeFile(t, "alertmanager.token", "a-token-of-this-test\n")
	hook, err := backend.NewWebhook()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, hook.Close()) })
	intake, _ := reserve(t)
	am, err := site.Alertmanager(t.Context(), backend.AlertmanagerOptions{Webhook: hook.URL, Judge: "http://" + intake + "/", Token: token})
	require.NoError(t, err)
	rules := filepath.Join(root, "distro/monitor/rules/ordertrace.yaml")
	prom, err := site.Prometheus(t.Context(), backend.PrometheusOptions{Rules: []string{rules}, Alertmanager: am.Addr})
	require.NoError(t, err)
	jaeger, _ := reserve(t) // down: nobody looks
	c := prepare(t, []string{"preset:standalone", "file:" + writeFile(t, "hasty.yaml", hasty)},
		"ORDERTRACE_JAEGER_OTLP="+jaeger, "ORDERTRACE_PROMETHEUS_OTLP="+prom.OTLP,
		"ORDERTRACE_ALERT_WEBHOOK=true", "ORDERTRACE_ALERT_ENDPOINT="+intake, "ORDERTRACE_ALERT_TOKEN="+token)
	c.start(t, site, "collector")
	verdicts := filepath.Join(c.data, "logs", "verdicts.jsonl")
	stage := func(status string) {
		traces, _ := oneTrace("shop-api", 1, map[string]string{"order.id": "ORD-10000042", "order.status": status})
		require.NoError(t, newSender(t, c.grpc, nil).send(t.Context(), traces))
	}

	response, err := http.Post("http://"+intake+"/", "application/json", strings.NewReader(`{"version":"4"}`))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusUnauthorized, response.StatusCode, "a stranger tells us nothing")

	stage("SUBMITTED")
	eventually(t, time.Minute, func() error {
		if incidentsIn(t, verdicts)["incident.detected"] == nil {
			return fmt.Errorf("not detected: %v", incidentsIn(t, verdicts))
		}
		return nil
	})
	detected := incidentsIn(t, verdicts)["incident.detected"]
	require.Equal(t, "submitted->priced", detected["subject"])
	require.Contains(t, detected["incident.onset"], "T")
	var toDetect float64
	_, err = fmt.Sscan(detected["incident.time_to_detect_s"], &toDetect)
	require.NoError(t, err)
	require.Greater(t, toDetect, 0.5, "the judge waits for allowed_lateness at least")
	require.Less(t, toDetect, 60.0)

	c.Kill()
	c.start(t, site, "collector-again")
	stage("PRICE_CALCULATED")
	eventually(t, time.Minute, func() error {
		if incidentsIn(t, verdicts)["incident.restored"] == nil {
			return fmt.Errorf("not restored")
		}
		return nil
	})
	require.Equal(t, "true", incidentsIn(t, verdicts)["incident.restored"]["incident.detected"], "what the alert told is known after the kill")
	asked := ask.Prometheus{Addr: prom.Addr}
	for expr, least := range map[string]float64{
		`incidents_total{subject="submitted->priced",detected="true"}`:                 1,
		`histogram_sum(incident_time_to_detect_seconds{subject="submitted->priced"})`:  0.5,
		`histogram_count(incident_notify_delay_seconds{subject="submitted->priced"})`:  1,
		`histogram_sum(incident_time_to_restore_seconds{subject="submitted->priced"})`: 0.5,
		`otelcol_sla_metrics_webhook_requests_total{reason="accepted"}`:                1,
	} {
		eventually(t, time.Minute, func() error {
			got, err := asked.Sum(t.Context(), expr)
			if err == nil && got < least {
				return fmt.Errorf("%s: %v", expr, got)
			}
			return err
		})
	}
	open, err := asked.Sum(t.Context(), "incident_open")
	require.NoError(t, err)
	require.Zero(t, open)
	undetected, err := asked.Sum(t.Context(), `incidents_total{detected="false"}`)
	require.NoError(t, err)
	require.Zero(t, undetected)
	t.Logf("time to detect %.2f s, notify delay %s s, time to restore %s s", toDetect, detected["incident.notify_delay_s"],
		incidentsIn(t, verdicts)["incident.restored"]["incident.time_to_restore_s"])
}
