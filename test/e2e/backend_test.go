//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/internal/backend"
	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// newSite gives a test servers of its own and checks afterwards that none of them is left.
func newSite(t *testing.T) *backend.Site {
	t.Helper()
	logs, err := os.MkdirTemp("", "ordertrace-e2e-logs-")
	require.NoError(t, err)
	site, err := backend.NewSite(logs)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, site.Stop())
		require.Empty(t, processesOf(t, site.Dir()), "processes left by the site")
		if t.Failed() {
			t.Logf("logs of the servers: %s", logs)
			return
		}
		require.NoError(t, os.RemoveAll(logs))
	})
	return site
}

// processesOf finds what belongs to a site.
func processesOf(t *testing.T, dir string) []string {
	t.Helper()
	return processesWith(t, "ORDERTRACE_SITE="+dir)
}

// processesWith finds what runs with the variable in its environment.
func processesWith(t *testing.T, variable string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	var found []string
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(env, []byte(variable+"\x00")) {
			continue // ended meanwhile, or not ours
		}
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
		found = append(found, filepath.Base(filepath.Dir(f))+" "+string(bytes.ReplaceAll(command, []byte{0}, []byte{' '})))
	}
	return found
}

// eventually repeats a check until it returns no error; its last error is the failure.
func eventually(t *testing.T, limit time.Duration, check func() error) {
	t.Helper()
	var last error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if last = check(); last == nil {
			return
		}
	}
	require.NoError(t, last, "after %s", limit)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func want[T comparable](want, got T, what string) error {
	if want != got {
		return fmt.Errorf("%s: want %v, got %v", what, want, got)
	}
	return nil
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, body.String())
	return body.String()
}

func TestRabbitMQStartsAnswersAndLeavesNothing(t *testing.T) {
	r, err := newSite(t).RabbitMQ(t.Context(), backend.RabbitMQOptions{})
	require.NoError(t, err)
	conn, err := amqp.Dial(r.URL)
	require.NoError(t, err)
	channel, err := conn.Channel()
	require.NoError(t, err)
	queue, err := channel.QueueDeclare("", false, true, true, false, nil)
	require.NoError(t, err)
	require.NoError(t, channel.PublishWithContext(t.Context(), "", queue.Name, false, false, amqp.Publishing{Body: []byte("ring")}))
	message, ok, err := channel.Get(queue.Name, true)
	for end := time.Now().Add(5 * time.Second); err == nil && !ok && time.Now().Before(end); {
		message, ok, err = channel.Get(queue.Name, true)
	}
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "ring", string(message.Body))
	require.Contains(t, get(t, "http://"+r.Metrics+"/metrics"), "rabbitmq_queues 1")
	require.NoError(t, conn.Close())
}

func TestPostgresStartsAnswersAndLeavesNothing(t *testing.T) {
	site := newSite(t)
	pg, err := site.Postgres(t.Context(), backend.PostgresOptions{})
	require.NoError(t, err)
	exporter, err := site.Exporter(t.Context(), pg, 0)
	require.NoError(t, err)
	require.Contains(t, get(t, "http://"+exporter.Addr+"/metrics"), "\npg_up 1\n")
	db, err := sql.Open("pgx", pg.URL)
	require.NoError(t, err)
	defer db.Close()
	var version string
	require.NoError(t, db.QueryRowContext(t.Context(), "SHOW server_version").Scan(&version))
	require.NotEmpty(t, version)
}

func TestJaegerKeepsATraceAndLeavesNothing(t *testing.T) {
	for _, o := range []backend.JaegerOptions{{}, {Badger: true}} {
		t.Run(fmt.Sprintf("badger=%t", o.Badger), func(t *testing.T) {
			j, err := newSite(t).Jaeger(t.Context(), o)
			require.NoError(t, err)
			start := time.Now().Add(-time.Minute)
			traces, id := oneTrace("smith", 3, map[string]string{"order.id": "ORD-10000001"})
			require.NoError(t, newSender(t, j.OTLP, nil).send(t.Context(), traces))

			jaeger := ask.Jaeger{Addr: j.Query}
			eventually(t, 10*time.Second, func() error {
				got, err := jaeger.Trace(t.Context(), id)
				return firstError(err, want(3, got.SpanCount(), "spans by trace id"))
			})
			ids, _, err := jaeger.Find(t.Context(), ask.Search{
				Service: "smith", Attributes: map[string]string{"order.id": "ORD-10000001"}, Since: start, Limit: 10,
			})
			require.NoError(t, err)
			require.Equal(t, []string{id}, ids, "traces by order")
			unknown, err := jaeger.Trace(t.Context(), "0123456789abcdef0123456789abcdef")
			require.NoError(t, err)
			require.Zero(t, unknown.SpanCount())
			require.NoError(t, j.Stop())
			require.False(t, j.Running())
		})
	}
}

func TestAnAlertOfPrometheusReachesTheWebhook(t *testing.T) {
	site := newSite(t)
	hook, err := backend.NewWebhook()
	require.NoError(t, err)
	defer hook.Close()
	am, err := site.Alertmanager(t.Context(), backend.AlertmanagerOptions{Webhook: hook.URL})
	require.NoError(t, err)
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(rules, []byte(
		"groups: [{name: g, rules: [{alert: Always, expr: vector(1), labels: {order_id: ORD-10000001}}]}]\n"), 0o644))
	_, err = site.Prometheus(t.Context(), backend.PrometheusOptions{Rules: []string{rules}, Alertmanager: am.Addr})
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	alert, err := hook.Wait(ctx, func(a backend.Alert) bool { return a.Labels["alertname"] == "Always" })
	require.NoError(t, err)
	require.Equal(t, "firing", alert.Status)
	require.Equal(t, "ORD-10000001", alert.Labels["order_id"])
}

func TestPortsThatAreTakenAreReplaced(t *testing.T) {
	site := newSite(t)
	first, err := site.Jaeger(t.Context(), backend.JaegerOptions{})
	require.NoError(t, err)
	_, port, found := strings.Cut(first.Query, ":")
	require.True(t, found)
	var taken int
	_, err = fmt.Sscan(port, &taken)
	require.NoError(t, err)
	second, err := site.Jaeger(t.Context(), backend.JaegerOptions{QueryPort: taken})
	require.NoError(t, err)
	require.NotEqual(t, first.Query, second.Query)
}

// The test starts itself again, lets that copy start servers, and kills it: the kernel must end them.
func TestServersDieWithTheirParent(t *testing.T) {
	if logs := os.Getenv("ORDERTRACE_E2E_ORPHAN"); logs != "" {
		beAParentThatWaits(t, logs)
		return
	}
	logs := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServersDieWithTheirParent$")
	cmd.Env = append(os.Environ(), "ORDERTRACE_E2E_ORPHAN="+logs)
	require.NoError(t, cmd.Start())
	var dir string
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(logs, "ready"))
		dir = string(text)
		return err == nil && dir != ""
	}, 2*time.Minute, 100*time.Millisecond)
	require.NotEmpty(t, processesOf(t, dir))
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool { return len(processesOf(t, dir)) == 0 }, 30*time.Second, 100*time.Millisecond,
		"left: %v", processesOf(t, dir))
	require.NoError(t, os.RemoveAll(dir))
}

func beAParentThatWaits(t *testing.T, logs string) {
	site, err := backend.NewSite(logs)
	require.NoError(t, err)
	_, err = site.RabbitMQ(t.Context(), backend.RabbitMQOptions{})
	require.NoError(t, err)
	_, err = site.Postgres(t.Context(), backend.PostgresOptions{})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(logs, "ready.new"), []byte(site.Dir()), 0o600))
	require.NoError(t, os.Rename(filepath.Join(logs, "ready.new"), filepath.Join(logs, "ready")))
	<-t.Context().Done() // killed before
}
