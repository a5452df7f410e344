package main

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/alert"
	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/promise"
	"github.com/ordertrace/ordertrace/distro/presets"
)

func promisesOf(t *testing.T, uris ...string) *promise.Promises {
	t.Helper()
	conf, err := resolve(t.Context(), uris)
	require.NoError(t, err)
	p, _, err := readPromises(conf)
	require.NoError(t, err)
	return p
}

// distro/monitor is written from one preset, and watches the others as well.
func TestAllPresetsPromiseTheSame(t *testing.T) {
	for _, p := range presets.All() {
		for _, v := range p.Variables {
			if v.Required {
				t.Setenv(v.Name, "x")
			}
		}
	}
	want := promisesOf(t, "preset:standalone")
	require.NotEmpty(t, want.Flows)
	require.NotEmpty(t, want.Objectives)
	for _, uris := range [][]string{{"preset:gateway"}, {"preset:judge"}, {"preset:gateway", "preset:relay"}} {
		got := promisesOf(t, uris...)
		require.Equal(t, want.Flows, got.Flows, uris)
		require.Equal(t, want.Objectives, got.Objectives, uris)
	}
}

func TestStagesAreListedInTheOrderOfAnOrdersLife(t *testing.T) {
	p := promisesOf(t, "preset:standalone")
	var stages []string
	for _, s := range p.Flows[0].Stages {
		stages = append(stages, s.Name)
	}
	require.Equal(t, []string{"submitted", "priced", "approved", "started", "completed", "packaging", "shipped", "closed", "cancelled"}, stages)
	require.True(t, p.Flows[0].Stages[8].Ends)
}

func TestAConnectorThatNoPipelineUsesPromisesNothing(t *testing.T) {
	p := promisesOf(t, "preset:standalone", `yaml:connectors::sla_metrics/spare::objectives: [{name: spare, service: x, objective: 99}]`)
	for _, o := range p.Objectives {
		require.NotEqual(t, "spare", o.Name)
	}
}

func TestEveryAlertLeadsToADashboardThatIsWritten(t *testing.T) {
	files, err := rulesFlags{links: alert.Links{Grafana: "http://grafana"}}.files(promisesOf(t, "preset:standalone"), nil)
	require.NoError(t, err)
	all := ""
	for _, text := range files {
		all += string(text)
	}
	found := regexp.MustCompile(`http://grafana/d/([a-z-]+)`).FindAllStringSubmatch(string(files["rules/ordertrace.yaml"]), -1)
	require.NotEmpty(t, found)
	for _, m := range found {
		require.Contains(t, all, `"uid": "`+m[1]+`"`)
	}
}
