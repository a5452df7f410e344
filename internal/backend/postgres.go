package backend

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Postgres is a database server of Debian's package with a cluster of its own.
type Postgres struct {
	*Process
	URL string // postgres://… of the superuser, database postgres
}

// PostgresOptions choose the port; 0 is any.
type PostgresOptions struct{ Port int }

const postgresUser = "postgres"

// Postgres makes a cluster, starts a server on it and waits until it takes connections.
func (s *Site) Postgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	initdb, found := firstExecutable("/usr/lib/postgresql/*/bin/initdb")
	if !found {
		return nil, errors.New("PostgreSQL is not installed: run tools/backends.sh as root, or apt-get install postgresql")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return onPorts([]int{o.Port}, func(ports []int) (*Postgres, error) {
		return s.postgresOn(ctx, filepath.Dir(initdb), ports[0])
	})
}

func (s *Site) postgresOn(ctx context.Context, bin string, port int) (*Postgres, error) {
	dir, err := s.folder(fmt.Sprintf("postgres-%d", port), postgresUser)
	if err != nil {
		return nil, err
	}
	initdb, err := s.Run(Command{
		Name: "initdb", Path: filepath.Join(bin, "initdb"), Dir: dir, User: postgresUser,
		Args: []string{"-D", dir, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync"},
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-initdb.Done():
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("make a database cluster: %w", ctx.Err()), initdb.Stop())
	}
	if initdb.err != nil {
		return nil, fmt.Errorf("make a database cluster: %w; the end of %s:\n%s", initdb.err, initdb.Log, initdb.Tail(10))
	}
	p, err := s.Run(Command{
		Name: "postgres", Path: filepath.Join(bin, "postgres"), Dir: dir, User: postgresUser,
		StopSignal: syscall.SIGINT, // "fast": ends open connections instead of waiting for them
		Args: []string{
			"-D", dir, "-p", fmt.Sprint(port), "-c", "listen_addresses=127.0.0.1",
			"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "log_statement=none",
		},
	})
	if err != nil {
		return nil, err
	}
	pg := &Postgres{Process: p, URL: fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", loopback(port))}
	isReady := func(ctx context.Context) error {
		return exec.CommandContext(ctx, filepath.Join(bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", fmt.Sprint(port)).Run()
	}
	if err := p.WaitReady(ctx, isReady); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return pg, nil
}

// Exporter serves a database's metrics for Prometheus, of Debian's package.
type Exporter struct {
	*Process
	Addr string // host:port, path /metrics
}

// Exporter starts a metrics exporter beside the database.
func (s *Site) Exporter(ctx context.Context, pg *Postgres, port int) (*Exporter, error) {
	bin, found := firstExecutable("/usr/bin/prometheus-postgres-exporter")
	if !found {
		return nil, errors.New("the PostgreSQL exporter is not installed: run tools/backends.sh as root, or apt-get install prometheus-postgres-exporter")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return onPorts([]int{port}, func(ports []int) (*Exporter, error) {
		p, err := s.Run(Command{
			Name: "postgres-exporter", Path: bin, User: postgresUser,
			Args: []string{"--web.listen-address=" + loopback(ports[0])}, Env: []string{"DATA_SOURCE_NAME=" + pg.URL},
		})
		if err != nil {
			return nil, err
		}
		e := &Exporter{Process: p, Addr: loopback(ports[0])}
		if err := p.WaitReady(ctx, Answers("http://"+e.Addr+"/metrics")); err != nil {
			return nil, errors.Join(err, p.Stop())
		}
		return e, nil
	})
}
