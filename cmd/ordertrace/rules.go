package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/alert"
	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/dashboard"
	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/monitor"
	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/promise"
	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/route"
)

type rulesFlags struct {
	configs []string
	out     string
	check   bool
	links   alert.Links
	prom    string
	webhook route.Webhook
	judgeCA string
}

func newRulesCommand() *cobra.Command {
	var f rulesFlags
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Write alert rules, their tests, Alertmanager routes and dashboards from the collector's configuration",
		Long: `Reads the configuration as the collector does and writes, for the flows, deadlines and objectives of
its sla_metrics connectors, into --out:

  rules/ordertrace.yaml            Prometheus: recording and alerting rules
  rules/ordertrace_test.yaml       promtool: unit tests of the alerts
  rules/ordertrace_burn_test.yaml  promtool: unit tests of the objectives' budgets, if there are any
  alertmanager.yaml                Alertmanager: critical alerts by webhook at once, warnings grouped
  grafana/*.json                   Grafana: dashboards
  grafana/datasources.yaml         Grafana: data sources that lead from an exemplar to its trace

What a preset must be told to run (certificates, tokens, addresses) need not be set; ORDERTRACE_ALERT_*
must, as the collector has it: it decides whether Alertmanager tells the connector, and where.

Files that it wrote before and would not write again are removed; they say that they are generated.
With --check it writes nothing and exits with 1 if what lies there differs: for CI.`,
		Example: `  ordertrace rules --config preset:gateway --config orders.yaml --out monitor
  ordertrace rules --config preset:gateway --config orders.yaml --out monitor --check
  ordertrace rules --config gateway.yaml --jaeger https://jaeger.example --grafana https://grafana.example`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.configs, "config", nil, configUsage)
	flags.StringVar(&f.out, "out", "monitor", "folder to write to")
	flags.BoolVar(&f.check, "check", false, "compare with what lies in the folder, and write nothing")
	flags.StringVar(&f.links.Jaeger, "jaeger", "http://127.0.0.1:16686", "where people open Jaeger: alerts and dashboards link to traces")
	flags.StringVar(&f.links.Grafana, "grafana", "http://127.0.0.1:3000", "where people open Grafana: alerts link to dashboards")
	flags.StringVar(&f.prom, "prometheus", "http://127.0.0.1:9090", "where Grafana asks Prometheus")
	flags.StringVar(&f.links.Runbooks, "runbooks", "https://github.com/ordertrace/ordertrace/blob/main/docs/guide/alerts.md",
		"page with a heading for each alert: what it means and what to do")
	flags.StringVar(&f.webhook.URLFile, "webhook-url-file", "/etc/ordertrace/alert-webhook.url",
		"file in which Alertmanager finds the address that alerts go to")
	flags.StringVar(&f.webhook.TokenFile, "webhook-token-file", "/etc/ordertrace/alert-webhook.token",
		`file in which Alertmanager finds the bearer token for it; "" for none`)
	flags.StringVar(&f.judgeCA, "judge-ca-file", "/etc/ordertrace/ca.pem",
		"file in which Alertmanager finds the authority of the collector's certificate, where incidents::webhook has one")
	return cmd
}

func (f rulesFlags) run(ctx context.Context, out, notices io.Writer) error {
	if len(f.configs) == 0 {
		return fmt.Errorf("--config: name %s", configUsage)
	}
	conf, err := resolveToRead(ctx, f.configs, notices)
	if err != nil {
		return err
	}
	promises, judges, err := readPromises(conf)
	if err != nil {
		return err
	}
	for i, j := range judges {
		if strings.HasPrefix(j.URL, "https:") {
			judges[i].CAFile = f.judgeCA
		}
	}
	files, err := f.files(promises, judges)
	if err != nil {
		return err
	}
	if !f.check {
		removed, err := files.Write(f.out)
		if err != nil {
			return err
		}
		for _, name := range removed {
			fmt.Fprintf(out, "removed %s: this configuration does not need it\n", name)
		}
		fmt.Fprintf(out, "wrote %d files to %s\n", len(files), f.out)
		return nil
	}
	drift, err := files.Compare(f.out)
	if err != nil {
		return err
	}
	for _, line := range drift {
		fmt.Fprintln(out, line)
	}
	if len(drift) > 0 {
		fmt.Fprintln(out, "run ordertrace rules without --check, and commit what it writes")
		return errNo
	}
	fmt.Fprintf(out, "%d files in %s are what the configuration says\n", len(files), f.out)
	return nil
}

// files makes everything, by its path below --out.
func (f rulesFlags) files(p *promise.Promises, judges []route.Webhook) (monitor.Files, error) {
	const rules = "ordertrace.yaml"
	files := monitor.Files{}
	set := alert.Make(p, f.links)
	var err error
	keep := func(path string, make func() ([]byte, error)) {
		var data []byte
		if err == nil {
			data, err = make()
		}
		if data != nil {
			files[path] = data
		}
	}
	keep("rules/"+rules, set.RulesYAML)
	keep("rules/ordertrace_test.yaml", func() ([]byte, error) { return set.CasesYAML(rules) })
	keep("rules/ordertrace_burn_test.yaml", func() ([]byte, error) { return set.BurningYAML(rules) })
	keep("alertmanager.yaml", func() ([]byte, error) { return route.Config(f.webhook, judges) })
	keep("grafana/datasources.yaml", func() ([]byte, error) { return dashboard.Datasources(f.prom, f.links.Jaeger) })
	for name, d := range dashboard.All(p, dashboard.Options{Jaeger: f.links.Jaeger}) {
		keep("grafana/"+name, d.JSON)
	}
	return files, err
}
