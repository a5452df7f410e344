//go:build e2e

package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the shop's stand-in database

	"github.com/ordertrace/ordertrace/internal/backend"
)

// floor is the demo shop with its stand-in broker and database; each service sends its telemetry where it is told.
type floor struct {
	site     *backend.Site
	dir      string
	services map[string]*backend.Process
	db       *sql.DB
}

var shopServices = []string{"shop-api", "crm-api", "mes-api"}

// openShop starts the shop; otlp says where each service sends to, as host:port.
func openShop(t *testing.T, site *backend.Site, otlp map[string]string) *floor {
	t.Helper()
	f := &floor{site: site, dir: filepath.Join(t.TempDir(), "shop"), services: map[string]*backend.Process{}}
	require.NoError(t, os.MkdirAll(f.dir, 0o755))
	for _, name := range append([]string{"broker"}, shopServices...) {
		f.services[name] = f.run(t, name, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+otlp[name])
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		require.NoError(t, f.services[name].WaitReady(ctx, func(context.Context) error {
			_, err := os.Stat(filepath.Join(f.dir, name+".json"))
			return err
		}))
		cancel()
	}
	var err error
	f.db, err = sql.Open("sqlite", "file:"+filepath.Join(f.dir, "shop.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.db.Close() })
	return f
}

func (f *floor) run(t *testing.T, name string, env ...string) *backend.Process {
	t.Helper()
	bin, err := backend.Built("shop")
	require.NoError(t, err)
	args := []string{name}
	if name == "customers" {
		args = append(args, "--patience", "20s", "--cancel", "0.1")
	}
	p, err := f.site.Run(backend.Command{
		Name: name, Path: bin, Args: args, Env: append(env, "SHOP_DIR="+f.dir, "SHOP_STAMP=all", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"),
	})
	require.NoError(t, err)
	return p
}

// command runs a command of the shop that ends by itself, and returns what it prints.
func (f *floor) command(t *testing.T, args ...string) []byte {
	t.Helper()
	bin, err := backend.Built("shop")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env = append(os.Environ(), "SHOP_DIR="+f.dir)
	out, err := cmd.Output()
	require.NoError(t, err, "shop %v", args)
	return out
}

// customers come two a second until they are enough.
func (f *floor) customers(t *testing.T, n int) *backend.Process {
	t.Helper()
	return f.run(t, "customers", fmt.Sprintf("SHOP_ORDERS=%d", n), "SHOP_RATE=2")
}

// orders are those that the shop's own books have in a status, at least some time old.
func (f *floor) orders(t *testing.T, status string, age time.Duration) map[string]bool {
	t.Helper()
	rows, err := f.db.QueryContext(t.Context(), "SELECT id FROM orders WHERE status = ? AND created_ms <= ?", status, time.Now().Add(-age).UnixMilli())
	require.NoError(t, err)
	defer rows.Close()
	all := map[string]bool{}
	for rows.Next() {
		var id string
		require.NoError(t, rows.Scan(&id))
		all[id] = true
	}
	require.NoError(t, rows.Err())
	return all
}

// placed is when the shop's books say that an order was placed.
func (f *floor) placed(t *testing.T, id string) time.Time {
	t.Helper()
	var ms int64
	require.NoError(t, f.db.QueryRowContext(t.Context(), "SELECT created_ms FROM orders WHERE id = ?", id).Scan(&ms))
	return time.UnixMilli(ms)
}

// freeze stops a process in its tracks. The end of the test lets it go on, so that it can be stopped.
func freeze(t *testing.T, p *backend.Process) (thaw func()) {
	t.Helper()
	require.NoError(t, syscall.Kill(p.Pid(), syscall.SIGSTOP))
	thaw = func() { _ = syscall.Kill(p.Pid(), syscall.SIGCONT) }
	t.Cleanup(thaw)
	return thaw
}

// cable is a connection between two hosts that can be cut.
type cable struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	cut   bool       // owned by mu
	conns []net.Conn // owned by mu
	wg    sync.WaitGroup
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cable{listener: l, to: to}
	c.wg.Add(1)
	go c.serve()
	t.Cleanup(func() {
		_ = l.Close()
		c.sever(true)
		c.wg.Wait()
	})
	return c
}

func (c *cable) addr() string { return c.listener.Addr().String() }

func (c *cable) serve() {
	defer c.wg.Done()
	for {
		in, err := c.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", c.to)
		c.mu.Lock()
		if c.cut || err != nil {
			_ = in.Close()
			if out != nil {
				_ = out.Close()
			}
			c.mu.Unlock()
			continue
		}
		c.conns = append(c.conns, in, out)
		c.mu.Unlock()
		for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
			c.wg.Add(1)
			go func() {
				defer c.wg.Done()
				_, _ = io.Copy(way[0], way[1]) // ends when either is closed
				_ = way[0].Close()
			}()
		}
	}
}

// sever cuts the cable, or mends it.
func (c *cable) sever(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	if cut {
		for _, conn := range c.conns {
			_ = conn.Close()
		}
		c.conns = nil
	}
}
