package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/ordertrace/ordertrace/processor/piiredact"
)

// maxLine bounds one line of input: an exported batch is one.
const maxLine = 64 << 20

type redactFlags struct {
	configs   []string
	processor string
	key       string
	apply     bool
	keys      bool
}

func newRedactCommand() *cobra.Command {
	var f redactFlags
	cmd := &cobra.Command{
		Use:   "redact",
		Short: "Show what pii_redact would find in a text or in OTLP JSON lines, and why",
		Long: `Reads standard input line by line: OTLP JSON (as the file exporter writes it) or plain text.
For every line it says what would be found, what would be done, and why. With --apply it writes
the redacted lines instead. Nothing is sent anywhere.

Without --config the defaults of pii_redact are used. Pseudonyms are those of a random key, unless
--keys reads the configuration's key files.`,
		Example: `  ordertrace redact < app.log
  ordertrace redact --config preset:standalone < spans.jsonl
  ordertrace redact --config gateway.yaml --processor pii_redact/strict --apply < app.log
  echo 'Ivan Petrov' | ordertrace redact --key customer.name`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			x, err := f.explainer(cmd.Context())
			if err != nil {
				return err
			}
			return explainLines(cmd.InOrStdin(), cmd.OutOrStdout(), x, f)
		},
	}
	cmd.Flags().StringArrayVar(&f.configs, "config", nil, configUsage)
	cmd.Flags().StringVar(&f.processor, "processor", "pii_redact", "which processor of the configuration")
	cmd.Flags().StringVar(&f.key, "key", "", "the attribute key under which the lines stand")
	cmd.Flags().BoolVar(&f.apply, "apply", false, "write the redacted lines")
	cmd.Flags().BoolVar(&f.keys, "keys", false, "read the configuration's key files")
	return cmd
}

// explainer resolves the configuration as the collector does and takes the processor's section.
func (f redactFlags) explainer(ctx context.Context) (*piiredact.Explainer, error) {
	factory := piiredact.NewFactory()
	cfg := factory.CreateDefaultConfig()
	if len(f.configs) > 0 {
		section, err := f.section(ctx)
		if err != nil {
			return nil, err
		}
		if err := section.Unmarshal(cfg); err != nil {
			return nil, fmt.Errorf("read processors::%s: %w", f.processor, err)
		}
	}
	if v, ok := cfg.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return nil, fmt.Errorf("processors::%s: %w", f.processor, err)
		}
	}
	return piiredact.NewExplainer(cfg, f.keys)
}

func (f redactFlags) section(ctx context.Context) (*confmap.Conf, error) {
	conf, err := resolve(ctx, f.configs)
	if err != nil {
		return nil, err
	}
	all, err := conf.Sub("processors")
	if err != nil {
		return nil, fmt.Errorf("read processors: %w", err)
	}
	var id component.ID
	if err := id.UnmarshalText([]byte(f.processor)); err != nil || id.Type() != piiredact.NewFactory().Type() {
		return nil, fmt.Errorf("--processor %q: name a pii_redact processor, such as pii_redact or pii_redact/strict", f.processor)
	}
	if _, ok := all.ToStringMap()[f.processor]; !ok {
		return nil, fmt.Errorf("the configuration has no processor %q", f.processor)
	}
	return all.Sub(f.processor)
}

func explainLines(in io.Reader, out io.Writer, x *piiredact.Explainer, f redactFlags) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	w := bufio.NewWriter(out)
	total := map[string]int{}
	n := 0
	for lines.Scan() {
		n++
		clean, found := explainLine(x, f.key, lines.Bytes())
		if f.apply {
			_, _ = w.WriteString(clean + "\n")
			continue
		}
		for _, e := range found {
			total[e.Detector]++
			_, _ = fmt.Fprintln(w, describe(n, e))
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %d bytes", n+1, maxLine)
	}
	if lines.Err() != nil {
		return fmt.Errorf("read standard input: %w", lines.Err())
	}
	if !f.apply {
		_, _ = fmt.Fprintln(w, summary(n, total))
	}
	return w.Flush()
}

func explainLine(x *piiredact.Explainer, key string, line []byte) (string, []piiredact.Explanation) {
	if key == "" && len(line) > 0 && line[0] == '{' {
		if clean, found, ok := x.OTLP(line); ok {
			return string(clean), found
		}
	}
	return x.Text(key, string(line))
}

func describe(n int, e piiredact.Explanation) string {
	where := fmt.Sprintf("%d", n)
	if e.At != "" {
		where += " " + e.At
	}
	return fmt.Sprintf("%s: %s %s: %q -> %q (%s)", where, e.Action, e.Detector, e.Found, e.With, e.Why)
}

func summary(lines int, total map[string]int) string {
	if len(total) == 0 {
		return fmt.Sprintf("%d lines: nothing found", lines)
	}
	var parts []string
	for d, n := range total {
		parts = append(parts, fmt.Sprintf("%s %d", d, n))
	}
	slices.Sort(parts)
	return fmt.Sprintf("%d lines: %s", lines, strings.Join(parts, ", "))
}
