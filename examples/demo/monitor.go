package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/ordertrace/ordertrace/internal/backend"
)

func (s *stage) monitor() string { return filepath.Join(s.out, "monitor") }

// makeMonitor writes alert rules, Alertmanager's routes and dashboards from the very configuration that the collector runs.
// Critical alerts go to the demo's receiver, and every alert to the collector, which measures how long that took.
func (s *stage) makeMonitor(ctx context.Context) error {
	ports, err := backend.FreePorts(9095)
	if err != nil {
		return err
	}
	url, token := filepath.Join(s.monitor(), "webhook.url"), filepath.Join(s.monitor(), "judge.token")
	s.told = []string{
		"ORDERTRACE_ALERT_WEBHOOK=true", fmt.Sprintf("ORDERTRACE_ALERT_ENDPOINT=127.0.0.1:%d", ports[0]), "ORDERTRACE_ALERT_TOKEN=" + token,
	}
	if err := os.MkdirAll(s.monitor(), 0o755); err != nil {
		return err
	}
	for file, text := range map[string]string{url: s.hook.URL, token: "a-token-of-the-demo"} {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			return err
		}
	}
	bin, err := backend.Built("ordertrace")
	if err != nil {
		return err
	}
	args := append([]string{
		"rules", "--out", s.monitor(), "--jaeger", "http://" + s.jaeger.Query, "--webhook-url-file", url, "--webhook-token-file", "",
	}, s.configs()...)
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env = append(os.Environ(), s.told...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make alert rules and dashboards: %w: %s", err, said)
	}
	return nil
}
