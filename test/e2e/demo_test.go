//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
			Orders  int
			Absent  int     `json:"traces_not_in_jaeger"`
			Orphans int     `json:"spans_whose_parent_is_not_in_jaeger"`
			Wrong   int     `json:"spans_with_another_order_id"`
			Share   float64 `json:"share_right"`
			Session float64 `json:"share_with_session_id"`
		}
		Personal struct {
			Planted     map[string]int
			NotSearched map[string]int `json:"not_searched"`
			Readable    int
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
	require.Zero(t, report.Coverage.Absent)
	require.Zero(t, report.Coverage.Orphans)
	require.Zero(t, report.Coverage.Wrong)
	require.GreaterOrEqual(t, report.Coverage.Share, 0.99)
	require.GreaterOrEqual(t, report.Coverage.Session, 0.95)
	require.Empty(t, report.Personal.NotSearched)
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
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	out := t.TempDir()
	mark := "DEMO_OUT=" + out
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, demo)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), mark)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Minute
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	planted := filepath.Join(out, "shop", "planted.jsonl")
	eventually(t, 2*time.Minute, func() error {
		select {
		case err := <-ended:
			t.Fatalf("the demo ended by itself: %v\n%s", err, &said)
		default:
		}
		text, err := os.ReadFile(planted)
		if err == nil && len(text) == 0 {
			err = errors.New("no customer has come yet")
		}
		return err
	})
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	err = <-ended
	require.NoError(t, err, "exits 0: %s", &said)
	require.Empty(t, processesWith(t, mark), "processes left by the demo")
}
