package presets

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

var reference = regexp.MustCompile(`\$\{env:([A-Z_]+)(:-([^}]*))?\}`)

func TestEveryReferenceIsListedWithItsDefault(t *testing.T) {
	for _, p := range All() {
		t.Run(p.Name, func(t *testing.T) {
			listed := map[string]Variable{}
			for _, v := range p.Variables {
				require.NotContains(t, listed, v.Name, "listed twice")
				require.NotEmpty(t, v.Meaning, v.Name)
				listed[v.Name] = v
			}
			used := map[string]bool{}
			for _, m := range reference.FindAllStringSubmatch(string(p.YAML), -1) {
				v, ok := listed[m[1]]
				require.True(t, ok, "%s is read and not listed", m[1])
				require.Equal(t, v.Required, m[2] == "", "%s: required is what has no default", m[1])
				require.Equal(t, v.Default, m[3], m[1])
				used[m[1]] = true
			}
			require.Len(t, used, len(listed), "listed variables are read")
		})
	}
}

func TestRetrieveNamesAllThatIsMissing(t *testing.T) {
	for _, v := range gatewayVariables() {
		t.Setenv(v.Name, "")
	}
	_, err := provider{}.Retrieve(context.Background(), "preset:gateway", nil)
	for _, v := range gatewayVariables() {
		if v.Required {
			require.ErrorContains(t, err, v.Name+": "+v.Meaning)
		}
	}
}

func TestAReaderPutsPlaceholdersForWhatIsUnsetAndTellsOfThem(t *testing.T) {
	for _, p := range All() {
		for _, v := range p.Variables {
			t.Setenv(v.Name, "")
		}
		var told []Variable
		reader := NewReaderFactory(func(v Variable) { told = append(told, v) }).Create(confmap.ProviderSettings{})
		got, err := reader.Retrieve(context.Background(), "preset:"+p.Name, nil)
		require.NoError(t, err, p.Name)
		conf, err := got.AsConf()
		require.NoError(t, err, p.Name)
		text := fmt.Sprint(conf.ToStringMap())
		for _, v := range p.Variables {
			require.Equal(t, v.Required, slices.Contains(told, v), "%s: %s", p.Name, v.Name)
			require.Equal(t, v.Required, strings.Contains(text, Placeholder(v)), "%s: %s", p.Name, v.Name)
			require.NotContains(t, text, "${env:"+v.Name+"}", p.Name)
		}
	}
}

func TestAReaderLeavesWhatIsSetToTheEnvironment(t *testing.T) {
	for _, v := range relayVariables() {
		t.Setenv(v.Name, "set")
	}
	reader := NewReaderFactory(func(v Variable) { t.Errorf("%s is set", v.Name) }).Create(confmap.ProviderSettings{})
	got, err := reader.Retrieve(context.Background(), "preset:relay", nil)
	require.NoError(t, err)
	conf, err := got.AsConf()
	require.NoError(t, err)
	require.Equal(t, "${env:ORDERTRACE_INSTANCE}", conf.Get("connectors::sla_metrics::relay_id"))
}

func TestRetrieveRefusesWhatIsNotAPreset(t *testing.T) {
	_, err := provider{}.Retrieve(context.Background(), "preset:nope", nil)
	require.EqualError(t, err, `unknown preset "nope": there are agent, gateway, judge, relay, standalone`)
	_, err = provider{}.Retrieve(context.Background(), "file:x", nil)
	require.ErrorContains(t, err, "preset:<name>")
}

func TestStandaloneNeedsNothing(t *testing.T) {
	for _, v := range standaloneVariables() {
		require.False(t, v.Required, v.Name)
		require.NoError(t, os.Unsetenv(v.Name))
	}
	got, err := NewFactory().Create(confmap.ProviderSettings{}).Retrieve(context.Background(), "preset:standalone", nil)
	require.NoError(t, err)
	conf, err := got.AsConf()
	require.NoError(t, err)
	require.True(t, conf.IsSet("service::pipelines"))
}

func TestPresetsListenOnLoopbackUnlessSendersAreAsked(t *testing.T) {
	for _, p := range All() {
		open := strings.Contains(string(p.YAML), "0.0.0.0")
		require.Equal(t, p.Name == "gateway" || p.Name == "judge", open, p.Name)
	}
}

// A relay's events name flow and stage: gateway and judge must know the same ones.
func TestGatewayAndJudgeHaveTheSameFlows(t *testing.T) {
	flows := func(name string) any {
		p, err := Find(name)
		require.NoError(t, err)
		got, err := confmap.NewRetrievedFromYAML(p.YAML)
		require.NoError(t, err)
		conf, err := got.AsConf()
		require.NoError(t, err)
		return conf.Get("connectors::sla_metrics::flows")
	}
	require.NotNil(t, flows("judge"))
	require.Equal(t, flows("gateway"), flows("judge"))
}

// What stands beside the connector gets again what it refuses, and what refuses beside it has it count again.
func TestNothingStandsBesideTheJudgeInATracesPipeline(t *testing.T) {
	for _, p := range All() {
		got, err := confmap.NewRetrievedFromYAML(p.YAML)
		require.NoError(t, err)
		conf, err := got.AsConf()
		require.NoError(t, err)
		pipelines, err := conf.Sub("service::pipelines")
		require.NoError(t, err)
		judging, behind := 0, 0
		for name := range pipelines.ToStringMap() {
			exporters, _ := pipelines.Get(name + "::exporters").([]any)
			receivers, _ := pipelines.Get(name + "::receivers").([]any)
			if !strings.HasPrefix(name, "traces") {
				continue
			}
			if slices.Contains(exporters, any("sla_metrics")) {
				judging++
				require.Len(t, exporters, 1, "%s: %s", p.Name, name)
			}
			if slices.Contains(receivers, any("sla_metrics")) {
				behind++
				processors, _ := pipelines.Get(name + "::processors").([]any)
				require.Contains(t, processors, "batch/jaeger", "%s: %s must not refuse", p.Name, name)
			}
		}
		require.Equal(t, judging, behind, p.Name)
		require.Equal(t, p.Name == "gateway" || p.Name == "standalone", judging == 1, p.Name)
	}
}
