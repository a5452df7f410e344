//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/internal/backend"
)

// The demo checks its own promises and fails when one is broken; the test looks again at what it must have shown, and
// that it ran on real servers.
func TestTheDemoKeepsItsPromises(t *testing.T) {
	root, err := backend.Root()
	require.NoError(t, err)
	demo, err := backend.Built("demo")
	require.NoError(t, err)
	out := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, demo)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "DEMO_SECONDS=120", "DEMO_OUT="+out)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	t.Logf("%s", said)

	var report struct {
		Servers  map[string]string `json:"servers"`
		Orders   struct{ Created, Closed int }
		Coverage struct {
			Orders, Absent int
			Wrong          int     `json:"spans_with_another_order_id"`
			Share          float64 `json:"share_right"`
		}
		Personal struct {
			Planted  map[string]int
			Readable int
		} `json:"personal_values"`
		Kinds []struct {
			Name  string
			Found bool
		} `json:"kinds_of_data"`
		Metrics []struct {
			What   string
			Agrees bool
		}
		Lost struct {
			OrderID string            `json:"order_id"`
			Labels  map[string]string `json:"alert_labels"`
			Spans   int               `json:"spans_of_its_last_trace_in_jaeger"`
		} `json:"lost_order"`
		Broken []string `json:"broken_promises"`
	}
	text, err := os.ReadFile(filepath.Join(out, "report.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &report))
	require.Equal(t, map[string]string{
		"broker": "RabbitMQ", "database": "PostgreSQL", "traces": "Jaeger", "metrics": "Prometheus", "alerts": "Alertmanager",
	}, report.Servers)
	require.Empty(t, report.Broken)
	require.Greater(t, report.Orders.Closed, 20)
	require.Equal(t, 20, report.Coverage.Orders)
	require.Zero(t, report.Coverage.Wrong)
	require.Zero(t, report.Personal.Readable)
	require.Greater(t, report.Personal.Planted["email"], 10)
	require.Greater(t, report.Personal.Planted["card"], 10)
	require.Len(t, report.Kinds, 7)
	for _, kind := range report.Kinds {
		require.True(t, kind.Found, kind.Name)
	}
	require.NotEmpty(t, report.Metrics)
	for _, m := range report.Metrics {
		require.True(t, m.Agrees, m.What)
	}
	require.NotEmpty(t, report.Lost.OrderID)
	require.Equal(t, report.Lost.OrderID, report.Lost.Labels["order_id"])
	require.Positive(t, report.Lost.Spans)
}

func TestTheDemoStopsCleanlyOnCtrlC(t *testing.T) {
	root, err := backend.Root()
	require.NoError(t, err)
	demo, err := backend.Built("demo")
	require.NoError(t, err)
	cmd := exec.Command(demo)
	cmd.Dir = root
	mark := "DEMO_OUT=" + t.TempDir()
	cmd.Env = append(os.Environ(), mark)
	require.NoError(t, cmd.Start())
	shop := filepath.Join(mark[len("DEMO_OUT="):], "shop", "mes-api.json")
	eventually(t, 2*time.Minute, func() error {
		_, err := os.Stat(shop)
		return err
	})
	time.Sleep(3 * time.Second) // customers are at work
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), "exits 0")
	require.Empty(t, processesWith(t, mark), "processes left by the demo")
}
