package script

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	shell     = regexp.MustCompile("(?s)```sh\n(.*?)```")
	collector = regexp.MustCompile(`(?m)^otelcol-ordertrace --config`)
	documents = regexp.MustCompile(`(127\.0\.0\.1:|_METRICS_PORT=)(\d+)`)
)

// TestTheCommandsOfTheAgentAndGatewayGuideDoWhatItSays runs its sh fences in an empty folder, one after another: one that starts
// a collector stays, and what asks the running ones is repeated until it succeeds.
func TestTheCommandsOfTheAgentAndGatewayGuideDoWhatItSays(t *testing.T) {
	content, err := os.ReadFile("../../docs/guide/agent-and-gateway.md")
	require.NoError(t, err)
	d := newDesk(t)
	started := 0
	for _, m := range shell.FindAllSubmatch(content, -1) {
		switch {
		case collector.Match(m[1]):
			d.start(string(m[1]))
			started++
		case started == 0:
			out, err := d.command(string(m[1])).CombinedOutput()
			require.NoError(t, err, "%s\n%s", m[1], out)
		default:
			d.insist(string(m[1]), "")
		}
	}
	require.Equal(t, 3, started, "back end, gateway, agent")
	arrived, err := os.ReadFile(filepath.Join(d.dir, "traces.jsonl"))
	require.NoError(t, err)
	require.NotContains(t, string(arrived), "anna@example.org")
}

func TestTheReadmesFirstLogRecordIsNamedAndRedacted(t *testing.T) {
	content, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	d := newDesk(t)
	d.start("otelcol-ordertrace --config preset:standalone")
	asked := 0
	for _, m := range shell.FindAllSubmatch(content, -1) {
		if strings.Contains(string(m[1]), "curl") {
			asked++
			out := d.insist(string(m[1]), "order.id")
			require.Contains(t, out, `{"key":"order.id","value":{"stringValue":"ORD-10000042"}}`)
			require.Contains(t, out, "order ORD-10000042 of anonemail_")
			require.NotContains(t, out, "anna@example.org")
		}
	}
	require.Equal(t, 1, asked)
}

// TestTheReadmesOrdersAreJudged: beside the standalone preset, the README's example follows an order in its own words, which the
// preset alone does not know.
func TestTheReadmesOrdersAreJudged(t *testing.T) {
	content, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	example := onTop.FindSubmatch(content)
	require.NotNil(t, example)
	d := newDesk(t)
	for name, text := range map[string]string{"my-orders.yaml": string(example[2]), "seen.yaml": `exporters: {file/seen: {path: metrics.jsonl, flush_interval: 100ms}}
connectors: {sla_metrics: {metrics_flush_interval: 500ms}}
service: {pipelines: {metrics/verdicts: {receivers: [sla_metrics], exporters: [file/seen]}}}
`} {
		require.NoError(t, os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600))
	}
	d.start("otelcol-ordertrace --config preset:standalone --config my-orders.yaml --config seen.yaml")
	span := func(state string, second int) string {
		return fmt.Sprintf(`{"traceId":"5b8aa5a2d2c872e8321cf37308d69df2","spanId":"%016x","name":"buy","kind":2,"startTimeUnixNano":"%[2]d000000000",
			"endTimeUnixNano":"%[2]d000000001","attributes":[{"key":"url.path","value":{"stringValue":"/v2/purchases/P-123456/pay"}},
			{"key":"purchase.state","value":{"stringValue":%[3]q}}]}`, second, time.Now().Unix()-60+int64(second), state)
	}
	d.insist(`curl -sf http://127.0.0.1:4318/v1/traces -H 'Content-Type: application/json' -d '{"resourceSpans":[{"resource":{"attributes":[
		{"key":"service.name","value":{"stringValue":"web"}}]},"scopeSpans":[{"spans":[`+span("NEW", 1)+","+span("QUOTED", 2)+`]}]}]}'`, "")
	point := `"value":{"stringValue":"quoted"}}],[^]]*"asInt":"1"`
	d.insist(`grep -E '"order.in_flight"' metrics.jsonl | grep -E '`+point+`'`, "")
}

// TestTheMonitorsReadmeSaysHowItWasMade runs the command of distro/monitor/README.md, which must write what lies there.
func TestTheMonitorsReadmeSaysHowItWasMade(t *testing.T) {
	content, err := os.ReadFile("../../distro/monitor/README.md")
	require.NoError(t, err)
	d := newDesk(t)
	fences := shell.FindAllSubmatch(content, -1)
	require.Len(t, fences, 1)
	out, err := d.command(string(fences[0][1])).CombinedOutput()
	require.NoError(t, err, "%s", out)
	shipped, err := filepath.Abs("../../distro/monitor")
	require.NoError(t, err)
	out, err = d.command("diff -r --exclude README.md monitor " + shipped).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// TestAManifestOfOnesOwnLeavesTheRepositoryAlone: the copy that the guide makes is one that ocb takes, and all that it writes lies
// elsewhere, under another module's name.
func TestAManifestOfOnesOwnLeavesTheRepositoryAlone(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide/own-distribution.md")
	require.NoError(t, err)
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	d := newDesk(t)
	fences := shell.FindAllSubmatch(guide, -1)
	require.Len(t, fences, 1)
	out, err := d.command(strings.Replace(string(fences[0][1]), "/path/to/ordertrace", root, 1)).CombinedOutput()
	require.NoError(t, err, "%s", out)
	copied, err := os.ReadFile(filepath.Join(d.dir, "mine.yaml"))
	require.NoError(t, err)
	shipped, err := os.ReadFile("../../builder-config.yaml")
	require.NoError(t, err)
	require.NotContains(t, string(copied), "path: .\n", "where our components lie does not depend on the folder")
	require.Equal(t, strings.Count(string(shipped), "github.com/ordertrace/ordertrace v0.0.0"), strings.Count(string(copied), "    path: "+root+"\n"))
	require.NotContains(t, string(copied), "module: github.com/ordertrace/", "a module inside ours is ambiguous")
	out, err = d.command(root + "/.cache/tools/builder --config mine.yaml --skip-compilation --skip-get-modules").CombinedOutput()
	require.NoError(t, err, "make tools brings ocb: %s", out)
	require.FileExists(t, filepath.Join(d.dir, "otelcol-mine/components.go"))
}

// unitLine is a command of the unit, unitFile what the guide writes into the file of its variables.
var (
	unitLine = regexp.MustCompile(`(?m)^(Exec(?:StartPre|Start|Reload))=/usr/local/bin/(otelcol-ordertrace.*)$`)
	unitFile = regexp.MustCompile("(?s)```\n# /etc/ordertrace/ordertrace.env\n(.*?)```")
)

// TestTheUnitStartsWhatTheGuideWritesIntoItsFile: systemd splits the variable as the shell does here.
func TestTheUnitStartsWhatTheGuideWritesIntoItsFile(t *testing.T) {
	unit, err := os.ReadFile("../../distro/systemd/otelcol-ordertrace.service")
	require.NoError(t, err)
	require.Contains(t, string(unit), "\nEnvironmentFile=/etc/ordertrace/ordertrace.env\n")
	guide, err := os.ReadFile("../../docs/guide/agent-and-gateway.md")
	require.NoError(t, err)
	variables := unitFile.FindSubmatch(guide)
	require.NotNil(t, variables)
	d := newDesk(t)
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(d.dir, name), []byte(strings.ReplaceAll(text, "/etc/ordertrace/", d.dir+"/")), 0o600))
	}
	write("ordertrace.env", string(variables[1]))
	write("my-orders.yaml", "processors: {order_enrich: {identifiers: {order.id: {pattern: \"P-[0-9]{6}\"}}}}\n")
	commands := map[string]string{}
	for _, m := range unitLine.FindAllSubmatch(unit, -1) {
		commands[string(m[1])] = string(m[2])
	}
	require.Equal(t, map[string]string{
		"ExecStartPre": "otelcol-ordertrace validate $ORDERTRACE_ARGS", "ExecReload": "otelcol-ordertrace validate $ORDERTRACE_ARGS",
		"ExecStart": "otelcol-ordertrace $ORDERTRACE_ARGS",
	}, commands)
	try := func() ([]byte, error) {
		return d.command("set -a; . ./ordertrace.env; set +a\n" + commands["ExecStartPre"]).CombinedOutput()
	}
	out, err := try()
	require.NoError(t, err, "%s", out)
	write("my-orders.yaml", "processors: {order_enrich: {identifires: {}}}\n")
	out, err = try()
	require.Error(t, err)
	require.Contains(t, string(out), "identifires", "the arguments reach the collector")
}

// desk is a folder with the programs in PATH, where documented commands run on ports that are free.
type desk struct {
	t     *testing.T
	dir   string
	env   []string
	ports map[string]string // documented → free
}

func newDesk(t *testing.T) *desk {
	bin, err := filepath.Abs("../../bin")
	require.NoError(t, err)
	d := &desk{t: t, dir: t.TempDir(), ports: map[string]string{}}
	d.env = append(os.Environ(), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for _, documented := range []string{"4317", "4318", "4319", "5317", "5318", "8888", "8889", "9090", "13133", "13134", "14317"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		_, d.ports[documented], _ = net.SplitHostPort(l.Addr().String())
	}
	// What the presets listen on and send to, where nobody says otherwise.
	for variable, documented := range map[string]string{
		"OTLP_GRPC_ENDPOINT": "4317", "OTLP_HTTP_ENDPOINT": "4318", "OTLP_MTLS_ENDPOINT": "4319", "HEALTH_ENDPOINT": "13133",
		"JAEGER_OTLP": "14317",
	} {
		d.env = append(d.env, "ORDERTRACE_"+variable+"=127.0.0.1:"+d.ports[documented])
	}
	d.env = append(d.env, "ORDERTRACE_METRICS_PORT="+d.ports["8888"], "ORDERTRACE_PROMETHEUS_OTLP=http://127.0.0.1:"+d.ports["9090"]+"/api/v1/otlp")
	return d
}

func (d *desk) command(text string) *exec.Cmd {
	text = documents.ReplaceAllStringFunc(text, func(at string) string {
		m := documents.FindStringSubmatch(at)
		free, ok := d.ports[m[2]]
		require.True(d.t, ok, "the test gives no port for %s", m[2])
		return m[1] + free
	})
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", text)
	cmd.Dir, cmd.Env = d.dir, d.env
	return cmd
}

// start runs a collector until the test ends, and shows what it said if that fails.
func (d *desk) start(text string) {
	cmd := d.command(text)
	log, err := os.Create(filepath.Join(d.t.TempDir(), "log"))
	require.NoError(d.t, err)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the shell and the collector
	require.NoError(d.t, cmd.Start())
	d.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		kill := time.AfterFunc(time.Minute, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait()
		kill.Stop()
		_ = log.Close()
		if d.t.Failed() {
			said, _ := os.ReadFile(log.Name())
			d.t.Logf("%s\n%s", text, said)
		}
	})
}

// insist repeats a command for up to a minute until it succeeds and says what is wanted, and returns what it said.
func (d *desk) insist(text, want string) string {
	var said string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		out, err := d.command(text).CombinedOutput()
		if err == nil && strings.Contains(string(out), want) {
			return string(out)
		}
		said = fmt.Sprintf("%s%v", out, err)
	}
	d.t.Fatalf("never succeeded: %s\n%s", text, said)
	return ""
}
