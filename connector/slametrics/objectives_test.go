package slametrics_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/ordertrace/ordertrace/connector/slametrics"
)

const shopFlows = `
flows:
  order:
    stages: {submitted: {service: shop}, priced: {service: mes}, closed: {service: crm, end: good}}
    transitions: [{from: submitted, to: priced, deadline: 10m}, {from: priced, to: closed, deadline_attribute: promised, default: 72h}]
    end_to_end: {from: submitted, to: closed, deadline: 120h}
  return:
    stages: {submitted: {service: crm}, priced: {service: mes}}
    transitions: [{from: submitted, to: priced, deadline: 20m}]
messages: {deadline: 1m, destinations: [orders]}
objectives:
`

func TestAnObjectiveFindsWhatItIsAbout(t *testing.T) {
	cfg := loadConfig(t, shopFlows+`
  - {name: a, flow: return, transition: submitted -> priced, objective: 99, page: true}
  - {name: b, transition: priced->closed, objective: 95, window: 168h}
  - {name: c, flow: order, objective: 90}
  - {name: d, transition: submitted->closed, objective: 90}
  - {name: e, destination: orders, objective: 99.9}
  - {name: f, service: mes, objective: 99.5}
`).(*slametrics.Config)
	found, err := cfg.ResolveObjectives()
	require.NoError(t, err)
	for i, want := range []slametrics.Objective{
		{ObjectiveConfig: slametrics.ObjectiveConfig{Name: "a", Flow: "return", Transition: "submitted->priced", Objective: 99, Window: 720 * time.Hour, Page: true}, Deadline: 20 * time.Minute},
		{ObjectiveConfig: slametrics.ObjectiveConfig{Name: "b", Flow: "order", Transition: "priced->closed", Objective: 95, Window: 168 * time.Hour}, Deadline: 72 * time.Hour},
		{ObjectiveConfig: slametrics.ObjectiveConfig{Name: "c", Flow: "order", Transition: "submitted->closed", Objective: 90, Window: 720 * time.Hour}, Deadline: 120 * time.Hour},
		{ObjectiveConfig: slametrics.ObjectiveConfig{Name: "d", Flow: "order", Transition: "submitted->closed", Objective: 90, Window: 720 * time.Hour}, Deadline: 120 * time.Hour},
		{ObjectiveConfig: slametrics.ObjectiveConfig{Name: "e", Destination: "orders", Objective: 99.9, Window: 720 * time.Hour}, Deadline: time.Minute},
		{ObjectiveConfig: slametrics.ObjectiveConfig{Name: "f", Service: "mes", Objective: 99.5, Window: 720 * time.Hour}},
	} {
		require.Equal(t, want, found[i])
	}
}

func TestAnObjectiveThatCannotBeJudgedIsRefused(t *testing.T) {
	for name, tc := range map[string]struct{ objective, want string }{
		"no name":                     {`{flow: order, objective: 99}`, "name it"},
		"about nothing":               {`{name: a, objective: 99}`, "objectives::0 (a): give one of transition, flow, destination and service"},
		"about two things":            {`{name: a, flow: order, service: mes, objective: 99}`, "give one of"},
		"unknown flow":                {`{name: a, flow: odrer, objective: 99}`, `flow: no flow "odrer": one of [order return]`},
		"unknown transition":          {`{name: a, transition: closed->priced, objective: 99}`, `no transition "closed->priced": one of [priced->closed submitted->closed`},
		"a preset's, with new flows":  {`{name: a, transition: closed->priced, objective: 99}`, `the objectives of a preset stay until this list is given anew ([] for none)`},
		"unknown stage":               {`{name: a, transition: submitted->prized, objective: 99}`, `no stage "prized"`},
		"no transition at all":        {`{name: a, transition: priced, objective: 99}`, "write it as from->to"},
		"in two flows":                {`{name: a, transition: submitted->priced, objective: 99}`, "in the flows [order return]: say which by flow"},
		"no end to end":               {`{name: a, flow: return, objective: 99}`, `"return" has no end_to_end`},
		"a destination not judged":    {`{name: a, destination: invoices, objective: 99}`, "add it to messages::destinations"},
		"everything promised":         {`{name: a, flow: order, objective: 100}`, "objective: 100: give a percentage above 0 and below 100"},
		"nothing promised":            {`{name: a, flow: order}`, "objective: 0: give a percentage"},
		"not a number":                {`{name: a, flow: order, objective: .nan}`, "objective: NaN"},
		"the same name twice":         {"{name: a, flow: order, objective: 99}\n  - {name: a, service: mes, objective: 99}", "objectives::1 (a): name: another objective has it"},
		"window before the deadline":  {`{name: a, flow: order, objective: 99, window: 100h}`, "window: 100h0m0s is shorter than the deadline of 120h0m0s"},
		"a window of minutes":         {`{name: a, service: mes, objective: 99, window: 5m}`, "window: 5m0s: use 1h0m0s or more"},
		"burning before the deadline": {`{name: a, flow: order, transition: submitted->priced, objective: 99, burn: [{long: 1h, short: 5m, factor: 14.4}]}`, "burn::0: short: 5m0s is shorter than the deadline of 10m0s"},
		"windows upside down":         {`{name: a, service: mes, objective: 99, burn: [{long: 5m, short: 1h, factor: 14.4}]}`, "long above short"},
		"a window beyond the window":  {`{name: a, service: mes, objective: 99, burn: [{long: 800h, short: 1h, factor: 1}]}`, "at most the window (720h0m0s)"},
		"an alert that cannot fire":   {`{name: a, service: mes, objective: 90, burn: [{long: 1h, short: 5m, factor: 14.4}]}`, "factor: 14.4: give a number above 0 and below 10"},
		"an unknown key":              {`{name: a, service: mes, objective: 99, target: 5}`, "target"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, check(t, shopFlows+"  - "+tc.objective), tc.want)
		})
	}
}

func TestAnObjectiveOfWhatIsNotCountedIsRefused(t *testing.T) {
	require.ErrorContains(t, check(t, `objectives: [{name: a, destination: orders, objective: 99}]`), "set messages::deadline")
	require.ErrorContains(t, check(t, shopFlows+`
  - {name: a, service: mes, objective: 99}
services: {enabled: false}`), "set services::enabled: true")
}

func TestWhatWasPromisedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shopFlows+`
  - {name: pricing, flow: order, transition: submitted->priced, objective: 99}
  - {name: delivery, destination: orders, objective: 99.9}
`)
		r.stop()
		told := map[string]float64{}
		for _, md := range r.metrics.AllMetrics() {
			eachPoint(md, func(name string, attributes pcommon.Map, value float64, _ bool) {
				if name == "slo.objective" {
					told[label(attributes)] = value
				}
			})
		}
		require.Equal(t, map[string]float64{"{slo=pricing,transition=submitted->priced}": 0.99, "{slo=delivery,destination=orders}": 0.999}, told)
	})
}

func TestTheAgeOfTheCheckpointGrowsWhileNoneCanBeTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		r := newRigOn(t, simple, d)
		age := func() (last float64) {
			for _, md := range r.metrics.AllMetrics() {
				eachPoint(md, func(name string, _ pcommon.Map, value float64, _ bool) {
					if name == "sla.state.checkpoint.age" {
						last = value
					}
				})
			}
			return last
		}
		r.live(90 * time.Second)
		require.Less(t, age(), 60.0)
		d.mu.Lock()
		d.full = true
		d.mu.Unlock()
		r.live(3 * time.Minute)
		require.Greater(t, age(), 180.0)
		d.mu.Lock()
		d.full = false
		d.mu.Unlock()
		r.live(30 * time.Second)
		require.Less(t, age(), 30.0)
		r.stop()
	})
}
