package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordertrace/ordertrace/internal/devca"
)

const day = 24 * time.Hour

func newCertsDevCommand() *cobra.Command {
	var dir string
	var hosts []string
	var days int
	cmd := &cobra.Command{
		Use:   "dev --dir DIR",
		Short: "Make a development CA and certificates for gateway, judge, Jaeger, Prometheus and an agent",
		Long: `Makes a certificate authority and what it signs, all in one directory (keys with mode 0600):

  ca.pem, ca.key                  the authority; an existing one is used again
  gateway.pem, gateway.key        server for senders, client (spiffe://ordertrace/gateway) for the back ends
  judge.pem, judge.key            server for gateways, client (spiffe://ordertrace/judge) for Prometheus
  jaeger.pem, prometheus.pem, …   servers
  agent.pem, agent.key            client, spiffe://ordertrace/agent, as in the shipped policy

It prints what preset:gateway and preset:agent must be told of them, for a file of variables: systemd
reads it as EnvironmentFile, a shell with set -a; . FILE; set +a. A judge is told judge.pem instead of
gateway.pem.

For development and trials only: the authority's key lies in a file and nothing can be revoked.
A run renews the certificates; collectors that reload them (reload_interval) go on.`,
		Example: `  ordertrace certs dev --dir certs > gateway.env
  ordertrace certs dev --dir certs --host gateway.lan --host 192.168.1.7 --days 7`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 || days > 825 {
				return fmt.Errorf("--days %d: use 1 to 825", days)
			}
			if err := makeCerts(dir, hosts, time.Now(), time.Duration(days)*day); err != nil {
				return err
			}
			abs, err := filepath.Abs(dir)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), certVariables, abs)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory for the files; made with mode 0700 when absent (required)")
	cmd.Flags().StringSliceVar(&hosts, "host", nil, "further host name or address of the servers; may be given several times")
	cmd.Flags().IntVar(&days, "days", 90, "days that the certificates are valid; the authority ten times as long")
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

// certVariables are what preset:gateway and preset:agent want to know, in a form that shells and systemd read.
const certVariables = `ORDERTRACE_TLS_CERT=%[1]s/gateway.pem
ORDERTRACE_TLS_KEY=%[1]s/gateway.key
ORDERTRACE_CLIENT_CA=%[1]s/ca.pem
ORDERTRACE_BACKEND_CA=%[1]s/ca.pem
ORDERTRACE_BACKEND_CERT=%[1]s/gateway.pem
ORDERTRACE_BACKEND_KEY=%[1]s/gateway.key
ORDERTRACE_GATEWAY_CA=%[1]s/ca.pem
`

func makeCerts(dir string, hosts []string, now time.Time, valid time.Duration) error {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	ca, err := authority(dir, now, valid)
	if err != nil {
		return err
	}
	local := append([]string{"localhost", "127.0.0.1", "::1"}, hosts...)
	for _, leaf := range []devca.Leaf{
		{Name: "gateway", Hosts: append([]string{"gateway"}, local...), URIs: []string{"spiffe://ordertrace/gateway"}, Server: true, Client: true},
		{Name: "judge", Hosts: append([]string{"judge"}, local...), URIs: []string{"spiffe://ordertrace/judge"}, Server: true, Client: true},
		{Name: "jaeger", Hosts: append([]string{"jaeger"}, local...), Server: true},
		{Name: "prometheus", Hosts: append([]string{"prometheus"}, local...), Server: true},
		{Name: "agent", URIs: []string{"spiffe://ordertrace/agent"}, Client: true},
	} {
		pair, err := ca.Issue(leaf, now, valid)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, leaf.Name)
		if err := errors.Join(replace(path+".key", pair.Key, secretMode), replace(path+".pem", pair.Cert, publicMode)); err != nil {
			return err
		}
	}
	return nil
}

// authority uses the directory's CA while it lives long enough, or makes one.
func authority(dir string, now time.Time, valid time.Duration) (*devca.CA, error) {
	certPath, keyPath := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")
	cert, certErr := os.ReadFile(certPath) // #nosec G304 -- the operator's path
	key, keyErr := os.ReadFile(keyPath)    // #nosec G304 -- the operator's path
	if certErr == nil && keyErr == nil {
		ca, err := devca.Load(devca.Pair{Cert: cert, Key: key})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", certPath, err)
		}
		if ca.Expires().Before(now.Add(valid)) {
			return nil, fmt.Errorf("%s ends on %s, before what it should sign; move it away for a new one", certPath, ca.Expires().Format(time.DateOnly))
		}
		return ca, nil
	}
	if !errors.Is(certErr, fs.ErrNotExist) || !errors.Is(keyErr, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds half of an authority (ca.pem, ca.key): complete it or move it away", dir)
	}
	ca, err := devca.New("ordertrace development CA", now, 10*valid)
	if err != nil {
		return nil, err
	}
	private, err := ca.Key()
	if err != nil {
		return nil, err
	}
	return ca, errors.Join(create(keyPath, private, secretMode), create(certPath, ca.PEM, publicMode))
}
