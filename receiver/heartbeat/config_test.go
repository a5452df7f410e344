package heartbeat_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"gopkg.in/yaml.v3"

	"go.opentelemetry.io/collector/component"

	"github.com/ordertrace/ordertrace/receiver/heartbeat"
)

func load(section map[string]any) (component.Config, error) {
	cfg := heartbeat.NewFactory().CreateDefaultConfig()
	if err := confmap.NewFromStringMap(section).Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, confmap.Validate(cfg)
}

func TestEveryMistakeIsNamedWithItsRemedy(t *testing.T) {
	for name, tc := range map[string]struct {
		section map[string]any
		want    []string // nothing: it is valid
	}{
		"only a name":        {map[string]any{"agent_id": "shop-1"}, nil},
		"the longest name":   {map[string]any{"agent_id": strings.Repeat("я", 128)}, nil},
		"a name with spaces": {map[string]any{"agent_id": "shop 1, rack 2"}, nil},
		"the least interval": {map[string]any{"agent_id": "a", "interval": "1s"}, nil},
		"the most":           {map[string]any{"agent_id": "a", "interval": "10m"}, nil},
		"two at once":        {map[string]any{"interval": "999ms"}, []string{"agent_id: missing: give a name", "interval: 999ms: use 1s to 10m0s"}},
		"too rarely":         {map[string]any{"agent_id": "a", "interval": "601s"}, []string{"interval: 10m1s"}},
		"of many traces":     {map[string]any{"agent_id": "a", "traces": 1024}, nil},
		"of no trace":        {map[string]any{"agent_id": "a", "traces": 0}, []string{"traces: 0: use 1 to 1024"}},
		"of too many":        {map[string]any{"agent_id": "a", "traces": 1025}, []string{"traces: 1025"}},
		"not at all":         {map[string]any{"agent_id": "a", "interval": "0s"}, []string{"interval: 0s"}},
		"too long a name":    {map[string]any{"agent_id": strings.Repeat("я", 129)}, []string{"129 characters: use at most 128"}},
		"a line break":       {map[string]any{"agent_id": "a\nb"}, []string{`"a\nb": use printable`}},
		"broken UTF-8":       {map[string]any{"agent_id": "a\xff"}, []string{"use printable"}},
		"space around it":    {map[string]any{"agent_id": " a"}, []string{"drop the space"}},
		"an unknown key":     {map[string]any{"agent_id": "a", "every": "1s"}, []string{"every"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(tc.section)
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			for _, want := range tc.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

var fence = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestEveryExampleInTheReadmeLoads(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	fences := fence.FindAllSubmatch(text, -1)
	require.NotEmpty(t, fences)
	for _, f := range fences {
		var raw struct {
			Receivers map[string]map[string]any `yaml:"receivers"`
		}
		require.NoError(t, yaml.Unmarshal(f[1], &raw))
		require.NotEmpty(t, raw.Receivers)
		for id, section := range raw.Receivers {
			_, err := load(section)
			require.NoError(t, err, id)
		}
	}
}
