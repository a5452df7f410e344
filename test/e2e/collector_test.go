//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/internal/backend"
)

// collector is the built binary with a preset, listening on ports of its own.
type collector struct {
	*backend.Process
	grpc, http, mtls string // host:port
	health, metrics  string // URLs
	data             string // folder
	env              []string
	args             []string
}

// prepare says how a collector will run; start runs it. Extra variables win over those that it sets.
func prepare(t *testing.T, configs []string, env ...string) *collector {
	t.Helper()
	ports, err := backend.FreePorts(0, 0, 0, 0, 0)
	require.NoError(t, err)
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	c := &collector{
		grpc: at(0), http: at(1), mtls: at(4), health: "http://" + at(2) + "/", metrics: "http://" + at(3) + "/metrics",
		data: filepath.Join(t.TempDir(), "data"),
	}
	c.env = append([]string{
		"ORDERTRACE_OTLP_GRPC_ENDPOINT=" + c.grpc, "ORDERTRACE_OTLP_HTTP_ENDPOINT=" + c.http, "ORDERTRACE_OTLP_MTLS_ENDPOINT=" + c.mtls,
		"ORDERTRACE_HEALTH_ENDPOINT=" + at(2), fmt.Sprintf("ORDERTRACE_METRICS_PORT=%d", ports[3]), "ORDERTRACE_DATA_DIR=" + c.data,
	}, env...)
	for _, config := range configs {
		c.args = append(c.args, "--config", config)
	}
	return c
}

func (c *collector) start(t *testing.T, site *backend.Site, name string) {
	t.Helper()
	bin, err := backend.Built("otelcol-ordertrace")
	require.NoError(t, err)
	c.Process, err = site.Run(backend.Command{
		Name: name, Path: bin, Args: c.args, Env: c.env, Grace: 30 * time.Second,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, c.WaitReady(ctx, backend.Answers(c.health)))
}

// reserve names an address on which nobody listens yet.
func reserve(t *testing.T) (addr string, port int) {
	t.Helper()
	ports, err := backend.FreePorts(0)
	require.NoError(t, err)
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(ports[0])), ports[0]
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
