package script

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/distro/presets"
)

// onTop is a YAML fence, and the comment above it that says which presets it extends, by alternatives: "gateway relay | judge".
var onTop = regexp.MustCompile("(?s)<!-- on top of: ([^\n]*) -->\n```yaml\n(.*?)```")

// TestEveryYAMLExampleOfTheGuidesExtendsThePresetsItNames: what README.md and docs/guide tell people to put beside a preset is
// valid beside each preset that it is said to extend, and rules can be made of it.
func TestEveryYAMLExampleOfTheGuidesExtendsThePresetsItNames(t *testing.T) {
	guides, err := filepath.Glob("../../docs/guide/*.md")
	require.NoError(t, err)
	for _, guide := range append(guides, "../../README.md") {
		content, err := os.ReadFile(guide)
		require.NoError(t, err)
		examples := onTop.FindAllSubmatch(content, -1)
		require.Len(t, examples, bytes.Count(content, []byte("```yaml")), "%s: <!-- on top of: … --> stands above each example", guide)
		for i, m := range examples {
			for alternative := range strings.SplitSeq(string(m[1]), "|") {
				names := strings.Fields(alternative)
				t.Run(filepath.Base(guide)+"/"+string(rune('a'+i))+"/"+strings.Join(names, "+"), func(t *testing.T) {
					extend(t, names, m[2])
				})
			}
		}
	}
}

func extend(t *testing.T, names []string, conf []byte) {
	t.Helper()
	var args []string
	for _, name := range names {
		args = append(args, "--config", "preset:"+name)
	}
	args = append(args, "--config", written(t, conf))
	out, err := command("otelcol-ordertrace", operatorsVariables(t, names), append([]string{"validate"}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s\n%s", conf, out)
	if names[0] == "agent" { // judges nothing
		return
	}
	out, err = command("ordertrace", nil, append([]string{"rules", "--out", t.TempDir()}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s\n%s", conf, out)
}

// operatorsVariables are those that the presets require.
func operatorsVariables(t *testing.T, names []string) map[string]string {
	t.Helper()
	policy, tokens := operatorsFiles(t)
	known := map[string]string{
		"ORDERTRACE_POLICY": policy, "ORDERTRACE_TOKENS": tokens,
		"ORDERTRACE_INSTANCE": "host-1", "ORDERTRACE_GATEWAYS": "[gateway.example:4317]", "ORDERTRACE_JUDGE_OTLP": "judge.example:4319",
		"ORDERTRACE_JAEGER_OTLP": "jaeger.example:4317", "ORDERTRACE_PROMETHEUS_OTLP": "https://prometheus.example/api/v1/otlp",
	}
	set := map[string]string{}
	for _, name := range names {
		preset, err := presets.Find(name)
		require.NoError(t, err)
		for _, v := range preset.Variables {
			if !v.Required {
				continue
			}
			set[v.Name] = "/etc/ordertrace/example"
			if value, ok := known[v.Name]; ok {
				set[v.Name] = value
			}
		}
	}
	return set
}
