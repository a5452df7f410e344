package backend

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// Redis is a server of Debian's package that keeps everything in memory.
type Redis struct {
	*Process
	Addr string // host:port
	URL  string // redis://… or rediss://…
}

// RedisOptions choose the port (0 is any) and what clients must show.
type RedisOptions struct {
	Port     int
	Password string // of the user default; "": none is asked for
	// Cert and Key are PEM files; with them the server speaks TLS only.
	Cert, Key string
	// Args are added to the command line.
	Args []string
}

// Redis starts a server and waits until it takes connections.
func (s *Site) Redis(ctx context.Context, o RedisOptions) (*Redis, error) {
	bin, found := firstExecutable("/usr/bin/redis-server", "/usr/bin/valkey-server")
	if !found {
		return nil, errors.New("Redis is not installed: run tools/backends.sh as root, or apt-get install redis-server")
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return onPorts([]int{o.Port}, func(ports []int) (*Redis, error) {
		dir, err := s.folder(fmt.Sprintf("redis-%d", ports[0]), "")
		if err != nil {
			return nil, err
		}
		args := []string{"--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no", "--daemonize", "no"}
		scheme := "redis"
		if o.Cert != "" {
			scheme = "rediss"
			args = append(args, "--port", "0", "--tls-port", fmt.Sprint(ports[0]), "--tls-auth-clients", "no",
				"--tls-cert-file", o.Cert, "--tls-key-file", o.Key, "--tls-ca-cert-file", o.Cert)
		} else {
			args = append(args, "--port", fmt.Sprint(ports[0]))
		}
		if o.Password != "" {
			args = append(args, "--requirepass", o.Password)
		}
		p, err := s.Run(Command{Name: filepath.Base(bin), Path: bin, Args: append(args, o.Args...)})
		if err != nil {
			return nil, err
		}
		r := &Redis{Process: p, Addr: loopback(ports[0])}
		r.URL = scheme + "://" + r.Addr
		if err := p.WaitReady(ctx, listens(r.Addr)); err != nil {
			return nil, errors.Join(err, p.Stop())
		}
		return r, nil
	})
}
