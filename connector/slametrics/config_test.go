package slametrics_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/connector/slametrics"
)

func check(t *testing.T, text string) error {
	t.Helper()
	var raw map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &raw))
	cfg := slametrics.NewFactory().CreateDefaultConfig()
	if err := confmap.NewFromStringMap(raw).Unmarshal(cfg); err != nil {
		return err
	}
	return confmap.Validate(cfg)
}

func TestTheDefaultConfigurationIsValid(t *testing.T) {
	require.NoError(t, check(t, `{}`))
}

func TestEveryMistakeIsNamedWithItsRemedy(t *testing.T) {
	flow := func(body string) string { return "flows:\n  order:\n" + body }
	for name, tc := range map[string]struct {
		config string
		want   []string
	}{
		"all at once": {
			config: flow(`
    stages: {a: {}, b: {service: x, end: fine}}
    transitions: [{from: a, to: nowhere}]
`) + "time: {path_silence: 0s, direct_silence: wait}\nlimits: {max_orders: 0}\nmetrics_flush_interval: 1ms\n",
			want: []string{
				"stages::a: no condition", `stages::b: end: "fine": use good, bad or neutral`, `no stage "nowhere": one of [a b]`,
				"deadline: 0s: give a time above zero", "time::path_silence", `direct_silence: "wait": use hold or advance`, "limits::max_orders: 0: use 1 or more", "at least 100ms",
			},
		},
		"an end that goes on": {flow(`
    stages: {a: {service: x, end: good}, b: {service: y}}
    transitions: [{from: a, to: b, deadline: 1s}]`), []string{`"a" ends the order, nothing can follow`}},
		"a stage that follows itself": {flow(`
    stages: {a: {service: x}}
    transitions: [{from: a, to: a, deadline: 1s}]`), []string{"a stage cannot follow itself"}},
		"the same promise twice": {flow(`
    stages: {a: {service: x}, b: {service: y}}
    transitions: [{from: a, to: b, deadline: 1s}]
    end_to_end: {from: a, to: b, deadline: 2s}`), []string{"a->b is declared twice"}},
		"lost before late": {flow(`
    stages: {a: {service: x}, b: {service: y}}
    transitions: [{from: a, to: b, deadline: 10s, lost_after: 5s}]`), []string{"lost_after: 5s is before the deadline (10s)"}},
		"a promise longer than memory": {flow(`
    stages: {a: {service: x}, b: {service: y}}
    transitions: [{from: a, to: b, deadline: 800h}]`), []string{"longer than time::max_age", "raise max_age"}},
		"spans asked of logs": {flow(`
    stages: {a: {signal: log, kind: server}}`), []string{"of spans: drop them"}},
		"a rank below one": {flow(`
    stages: {a: {service: x, rank: -1}}`), []string{"rank: -1: give 1 or more"}},
		"two deadlines": {flow(`
    stages: {a: {service: x}, b: {service: y}}
    transitions: [{from: a, to: b, deadline: 10s, deadline_attribute: z, default: 5s}]`), []string{"give one of them"}},
		"no default": {flow(`
    stages: {a: {service: x}, b: {service: y}}
    transitions: [{from: a, to: b, deadline_attribute: z}]`), []string{"for orders without z"}},
		"a webhook that anyone can reach": {"incidents: {webhook: {endpoint: 0.0.0.0:9095, token_file: t}}", []string{"incidents: webhook::endpoint", "set webhook::tls, or listen on 127.0.0.1"}},
		"a webhook by a name":             {"incidents: {webhook: {endpoint: judge.example:9095, token_file: t}}", []string{"is reached from other machines"}},
		"a webhook on all addresses":      {`incidents: {webhook: {endpoint: ":9095", token_file: t}}`, []string{"is reached from other machines"}},
		"a webhook without a port":        {"incidents: {webhook: {endpoint: 127.0.0.1, token_file: t}}", []string{"give host:port"}},
		"a webhook without a token":       {"incidents: {webhook: {endpoint: 127.0.0.1:9095}}", []string{"webhook::token_file: none: name a file"}},
		"no quiet":                        {"incidents: {quiet: 0s}", []string{"quiet: 0s: use 1s or more"}},
		"a condition that is none": {flow(`
    stages: {a: {condition: 'order is lost'}}`), []string{`stages::a: condition: "order is lost"`, "write it in OTTL"}},
		"a condition of another signal": {flow(`
    stages: {a: {signal: log, condition: 'kind == SPAN_KIND_SERVER'}}`), []string{"stages::a: condition", "kind"}},
		"a function that is none": {flow(`
    stages: {a: {condition: 'Lost(attributes["x"])'}}`), []string{`undefined function "Lost"`}},
		"an unknown key":            {"budgets: []", []string{"budgets"}},
		"nothing at all":            {"services: {enabled: false}", []string{"nothing to do"}},
		"unknown in list":           {flow("    stages: {a: {service: x}}\n    transitions: [{from: a, to: a, deadlin: 1s}]"), []string{"deadlin"}},
		"a role that is none":       {"role: king", []string{`role: "king": use judge or relay`}},
		"a relay without a name":    {"role: relay\nmessages: {deadline: 1s}", []string{"relay_id", "as no other"}},
		"a relay named like a path": {"role: relay\nrelay_id: a/b\nmessages: {deadline: 1s}", []string{"relay_id", "no /"}},
		"a relay without flows":     {"role: relay\nrelay_id: a", []string{"nothing to relay"}},
		"a relay with state":        {"role: relay\nrelay_id: a\nstorage: x\nmessages: {deadline: 1s}", []string{"a relay keeps no orders"}},
		"a relay that believes":     {"role: relay\nrelay_id: a\nrelays: [b]\nmessages: {deadline: 1s}", []string{"relays", "a relay judges no orders"}},
		"a relay of no name":        {"relays: [a/b]\nmessages: {deadline: 1s}", []string{`relays::0: "a/b"`, "relay_id"}},
		"a relay with shards":       {"role: relay\nrelay_id: a\nshards: 0-31\nmessages: {deadline: 1s}", []string{"a relay judges no orders"}},
		"a relay that takes alerts": {"role: relay\nrelay_id: a\nmessages: {deadline: 1s}\nincidents: {webhook: {token_file: t}}", []string{"alerts are for the judge"}},
		"a hand-over of nothing":    {"hand_over: /x", []string{"hand_over", "set storage"}},
		"shards that are none":      {"shards: 0-64", []string{"shards", "from 0 to 63"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := check(t, tc.config)
			require.Error(t, err)
			for _, want := range tc.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestAWebhookBeyondLoopbackNeedsTLS(t *testing.T) {
	for _, webhook := range []string{
		"{token_file: t}", `{token_file: t, endpoint: "[::1]:9095"}`, "{token_file: t, endpoint: localhost:1}", "null",
		`{token_file: t, endpoint: "0.0.0.0:9095", tls: {cert_file: c, key_file: k}}`,
	} {
		require.NoError(t, check(t, "incidents: {webhook: "+webhook+"}"), webhook)
	}
}

func TestACycleIsAllowed(t *testing.T) {
	require.NoError(t, check(t, `
flows:
  order:
    stages: {a: {service: x}, b: {service: y}}
    transitions: [{from: a, to: b, deadline: 1s}, {from: b, to: a, deadline: 1s}]`))
}

var fence = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestEveryExampleInTheReadmeLoads(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	fences := fence.FindAllSubmatch(text, -1)
	require.NotEmpty(t, fences)
	for _, f := range fences {
		var raw struct {
			Connectors map[string]map[string]any `yaml:"connectors"`
		}
		require.NoError(t, yaml.Unmarshal(f[1], &raw))
		require.NotEmpty(t, raw.Connectors)
		for id, section := range raw.Connectors {
			cfg := slametrics.NewFactory().CreateDefaultConfig()
			require.NoError(t, confmap.NewFromStringMap(section).Unmarshal(cfg), id)
			require.NoError(t, confmap.Validate(cfg), id)
		}
	}
}

func TestAWebhookWhoseVariableIsNotSetIsOff(t *testing.T) {
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs:              []string{"yaml:incidents: {webhook: \"${env:ORDERTRACE_NO_SUCH_VARIABLE:-null}\"}"},
		ProviderFactories: []confmap.ProviderFactory{yamlprovider.NewFactory(), envprovider.NewFactory()},
	})
	require.NoError(t, err)
	conf, err := resolver.Resolve(t.Context())
	require.NoError(t, err)
	cfg := slametrics.NewFactory().CreateDefaultConfig()
	require.NoError(t, conf.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
}
