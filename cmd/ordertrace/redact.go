package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
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
			x, err := f.explainer(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			unread, err := explainLines(cmd.InOrStdin(), cmd.OutOrStdout(), x, f)
			unread.tell(cmd.ErrOrStderr())
			return err
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
func (f redactFlags) explainer(ctx context.Context, notices io.Writer) (*piiredact.Explainer, error) {
	factory := piiredact.NewFactory()
	cfg := factory.CreateDefaultConfig()
	if len(f.configs) > 0 {
		section, err := f.section(ctx, notices)
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

func (f redactFlags) section(ctx context.Context, notices io.Writer) (*confmap.Conf, error) {
	conf, err := f.read(ctx, notices)
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
	processors := all.ToStringMap()
	if _, ok := processors[f.processor]; !ok {
		return nil, fmt.Errorf("the configuration has no processor %q: %s", f.processor, redactorsIn(processors))
	}
	return all.Sub(f.processor)
}

// read insists on every variable where key files are read.
func (f redactFlags) read(ctx context.Context, notices io.Writer) (*confmap.Conf, error) {
	if f.keys {
		return resolve(ctx, f.configs)
	}
	return resolveToRead(ctx, f.configs, notices)
}

// redactorsIn says what --processor could name instead.
func redactorsIn(processors map[string]any) string {
	var redactors []string
	for name := range processors {
		var id component.ID
		if id.UnmarshalText([]byte(name)) == nil && id.Type() == piiredact.NewFactory().Type() {
			redactors = append(redactors, name)
		}
	}
	slices.Sort(redactors)
	others := slices.Sorted(maps.Keys(processors))
	switch {
	case len(redactors) > 0:
		return "--processor may name " + strings.Join(redactors, ", ")
	case len(others) > 0:
		return "none of its processors redacts, there are " + strings.Join(others, ", ")
	default:
		return "it has no processors"
	}
}

// unread counts lines that look like a part of OTLP JSON and are no batch.
type unread struct{ lines, first int }

func (u unread) tell(notices io.Writer) {
	if u.lines > 0 {
		fmt.Fprintf(notices, "note: %s, the first is %d, looked like OTLP JSON, could not be read as a batch, and %s taken as text: write one batch a line\n",
			plural(u.lines, "line"), u.first, map[bool]string{true: "was", false: "were"}[u.lines == 1])
	}
}

func explainLines(in io.Reader, out io.Writer, x *piiredact.Explainer, f redactFlags) (unread, error) {
	var bad unread
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	w := bufio.NewWriter(out)
	total := map[string]int{}
	n := 0
	for lines.Scan() {
		n++
		clean, found, ok := explainLine(x, f.key, lines.Bytes())
		if !ok {
			bad.lines++
			bad.first = cmp.Or(bad.first, n)
		}
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
		return bad, fmt.Errorf("line %d is longer than %d bytes", n+1, maxLine)
	}
	if lines.Err() != nil {
		return bad, fmt.Errorf("read standard input: %w", lines.Err())
	}
	if !f.apply {
		_, _ = fmt.Fprintln(w, summary(n, total))
	}
	return bad, w.Flush()
}

// explainLine says with ok whether the line was read as what it looks like.
func explainLine(x *piiredact.Explainer, key string, line []byte) (clean string, found []piiredact.Explanation, ok bool) {
	if key == "" && bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("{")) {
		if clean, found, ok := x.OTLP(line); ok {
			return string(clean), found, true
		}
	}
	ok = key != "" || !partOfOTLP.Match(line)
	clean, found = x.Text(key, string(line))
	return clean, found, ok
}

// partOfOTLP is a key that only a batch in OTLP JSON has.
var partOfOTLP = regexp.MustCompile(`"(resource|scope)(Spans|Logs|Metrics)"\s*:`)

func describe(n int, e piiredact.Explanation) string {
	where := fmt.Sprintf("%d", n)
	if e.At != "" {
		where += " " + e.At
	}
	return fmt.Sprintf("%s: %s %s: %q -> %q (%s)", where, e.Action, e.Detector, e.Found, e.With, e.Why)
}

func summary(lines int, total map[string]int) string {
	if len(total) == 0 {
		return plural(lines, "line") + ": nothing found"
	}
	var parts []string
	for d, n := range total {
		parts = append(parts, fmt.Sprintf("%s %d", d, n))
	}
	slices.Sort(parts)
	return plural(lines, "line") + ": " + strings.Join(parts, ", ")
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
