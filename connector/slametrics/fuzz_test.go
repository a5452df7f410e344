package slametrics_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"gopkg.in/yaml.v3"

	"go.opentelemetry.io/collector/confmap"

	"github.com/ordertrace/ordertrace/connector/slametrics"
)

// FuzzAnyOrderOfArrivalEndsInTheSameVerdicts turns bytes into events of one order and sends them forwards and
// backwards, all within the allowed lateness: the records must be the same.
func FuzzAnyOrderOfArrivalEndsInTheSameVerdicts(f *testing.F) {
	f.Add([]byte{0, 1, 1, 2, 2, 30})
	f.Add([]byte{1, 5, 0, 6, 2, 200, 0, 201, 3, 201})
	f.Fuzz(func(t *testing.T, data []byte) {
		forth := arrive(t, data, false)
		back := arrive(t, data, true)
		if !slices.Equal(forth, back) {
			t.Fatalf("forwards %v\nbackwards %v", forth, back)
		}
	})
}

func arrive(t *testing.T, data []byte, reverse bool) (told []string) {
	states := []string{"SUBMITTED", "PRICED", "CLOSED", "CANCELLED"}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		start := time.Now()
		r.beat()
		time.Sleep(52 * time.Second)
		var events []point
		for i := 0; i+1 < len(data) && i < 60; i += 2 {
			events = append(events, point{service: "shop", name: "x", end: start.Add(time.Duration(data[i+1]) * 200 * time.Millisecond),
				attributes: map[string]string{"order.id": "A", "order.status": states[data[i]%4]}})
		}
		if reverse {
			slices.Reverse(events)
		}
		for _, e := range events {
			r.send(e)
		}
		r.live(100 * time.Second)
		r.stop()
		told = r.told()
		slices.Sort(told)
	})
	return told
}

// FuzzConfig: whatever is written, the configuration is refused or the connector works with it.
func FuzzConfig(f *testing.F) {
	f.Add(simple)
	f.Add("flows: {order: {stages: {a: {service: x}}, transitions: [{from: a, to: a, deadline: 1s}]}}")
	f.Fuzz(func(t *testing.T, text string) {
		var raw map[string]any
		if yaml.Unmarshal([]byte(text), &raw) != nil {
			return
		}
		cfg := slametrics.NewFactory().CreateDefaultConfig()
		if confmap.NewFromStringMap(raw).Unmarshal(cfg) != nil || confmap.Validate(cfg) != nil {
			return
		}
		c := cfg.(*slametrics.Config)
		c.Storage = nil
		c.Limits = slametrics.LimitsConfig{MaxOrders: min(c.Limits.MaxOrders, 10), MaxSeries: min(c.Limits.MaxSeries, 10), MaxPaths: 1}
		r := newRigFrom(t, c, nil)
		r.sendTraces(ptrace.NewTraces())
		r.stage("A", "SUBMITTED")
		r.stop()
	})
}
