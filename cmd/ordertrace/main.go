// Command ordertrace is the operator's tool beside the collector: it makes tokens, keys, certificates, alert rules and
// dashboards, and explains what a policy allows and what the redaction finds.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// version is the distribution's, as builder-config.yaml has it; a hygiene test holds them together.
const version = "0.1.0"

// errNo is the answer no of a command that answers yes or no; it has been printed already.
var errNo = errors.New("no")

func main() { os.Exit(run()) }

// run returns 0 for success and yes, 1 for no, 2 for an error.
func run() int {
	err := newRootCommand().Execute()
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errNo):
		return 1
	default:
		_, _ = fmt.Fprintln(os.Stderr, "ordertrace:", err)
		return 2
	}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "ordertrace",
		Short: "Operate the ordertrace collector: tokens, keys, certificates, policies, presets, alert rules",
		Long: `ordertrace makes what the collector otelcol-ordertrace needs to be told: tokens for senders, keys for
pseudonyms, certificates for a trial. It makes of the collector's configuration what Prometheus,
Alertmanager and Grafana need (rules), and explains what a policy allows (can-i), what would be
redacted (redact), and which configurations the collector has inside (presets): one of them runs
with otelcol-ordertrace --config preset:NAME.

It exits with 0 on success (or "yes"), 1 on "no", 2 on an error.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		group("token", "Make tokens for senders", newTokenNewCommand()),
		group("keys", "Make keys for pseudonyms and encryption", newKeysNewCommand()),
		group("certs", "Make certificates for development", newCertsDevCommand()),
		newCanICommand(),
		newPresetsCommand(),
		newRedactCommand(),
		newRulesCommand(),
	)
	return root
}

// group is a command that only holds others; a wrong name below it is an error, not a help page.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_ = cmd.Help()
			return fmt.Errorf("%s: say what to do", use)
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}
