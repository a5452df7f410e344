package script

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

var fence = regexp.MustCompile("(?s)```yaml\n(.*?)```")

var variable = regexp.MustCompile(`\$\{env:(\w+)\}`)

// TestEveryYAMLExampleInAComponentsReadmeIsValid runs `validate` on each fence, wrapped in what it leaves out.
func TestEveryYAMLExampleInAComponentsReadmeIsValid(t *testing.T) {
	var readmes []string
	for _, kind := range []string{"processor", "connector", "extension", "receiver", "converter"} {
		found, err := filepath.Glob("../../" + kind + "/*/README.md")
		require.NoError(t, err)
		readmes = append(readmes, found...)
	}
	require.NotEmpty(t, readmes)
	for _, readme := range readmes {
		content, err := os.ReadFile(readme)
		require.NoError(t, err)
		for i, m := range fence.FindAllSubmatch(content, -1) {
			t.Run(filepath.Base(filepath.Dir(readme))+"/"+string(rune('a'+i)), func(t *testing.T) {
				validate(t, complete(t, m[1]))
			})
		}
	}
}

// complete makes a whole configuration of a fence that holds only some sections: a loopback receiver, a debug
// exporter, and pipelines that use every component that the fence names.
func complete(t *testing.T, fragment []byte) []byte {
	t.Helper()
	conf := map[string]any{}
	require.NoError(t, yaml.Unmarshal(fragment, &conf), "%s", fragment)
	if _, whole := conf["service"]; whole {
		return fragment
	}
	ids := func(section string) []string {
		names := []string{}
		if m, ok := conf[section].(map[string]any); ok {
			for name := range m {
				names = append(names, name)
			}
		}
		return names
	}
	orDefault := func(section, name string, body any) []string {
		if len(ids(section)) == 0 {
			conf[section] = map[string]any{name: body}
		}
		return ids(section)
	}
	if strings.Contains(string(fragment), "index: order_index") && len(ids("extensions")) == 0 {
		conf["extensions"] = map[string]any{"order_index": nil}
	}
	receivers := orDefault("receivers", "otlp", map[string]any{"protocols": map[string]any{"grpc": map[string]any{"endpoint": "127.0.0.1:0"}}})
	exporters := append(orDefault("exporters", "debug", nil), ids("connectors")...)
	in := map[string]any{"receivers": receivers, "processors": ids("processors"), "exporters": exporters}
	pipelines := map[string]any{"traces": in}
	if connectors := ids("connectors"); len(connectors) > 0 {
		pipelines["metrics"] = map[string]any{"receivers": connectors, "exporters": ids("exporters")}
	}
	conf["service"] = map[string]any{"extensions": ids("extensions"), "pipelines": pipelines}
	out, err := yaml.Marshal(conf)
	require.NoError(t, err)
	return out
}

func validate(t *testing.T, conf []byte) {
	t.Helper()
	set := map[string]string{}
	for _, m := range variable.FindAllSubmatch(conf, -1) { // the variables that examples read, set as an operator would set them
		set[string(m[1])] = "example"
	}
	file := written(t, conf)
	out, err := command("otelcol-ordertrace", set, "validate", "--config", file).CombinedOutput()
	require.NoError(t, err, "%s\n%s", conf, out)
}

// written puts an example into a file, and the files that it names in /etc/ordertrace beside it, made as an operator would make them.
func written(t *testing.T, conf []byte) string {
	t.Helper()
	policy, tokens := operatorsFiles(t)
	text := strings.ReplaceAll(string(conf), "/etc/ordertrace/policy.yaml", policy)
	text = strings.ReplaceAll(text, "/etc/ordertrace/tokens.yaml", tokens)
	file := filepath.Join(filepath.Dir(policy), "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func operatorsFiles(t *testing.T) (policy, tokens string) {
	t.Helper()
	dir := t.TempDir()
	policy, tokens = filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "tokens.yaml")
	shipped, err := os.ReadFile("../../extension/rbacauth/policy.example.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(policy, shipped, 0o600))
	out, err := command("ordertrace", nil, "token", "new", "--id", "example", "--file", tokens).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return policy, tokens
}

func command(name string, set map[string]string, args ...string) *exec.Cmd {
	cmd := exec.Command("../../bin/"+name, args...)
	cmd.Env = os.Environ()
	for key, value := range set {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	return cmd
}
