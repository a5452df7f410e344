package stage

import (
	"slices"
	"strings"
	"testing"
)

type attributes map[string]string

func (a attributes) Text(key string) (string, bool) { v, ok := a[key]; return v, ok }

func TestARuleIsMetOnlyWhenAllOfItHolds(t *testing.T) {
	const server, client = 2, 3
	m := New([]Rule{
		{Stage: 0, Service: "shop", Spans: true, Logs: true, Attributes: []Attribute{{"status", "NEW"}}},
		{Stage: 1, Service: "mes", Spans: true, Attributes: []Attribute{{"status", "PRICED"}, {"site", "riga"}}},
		{Stage: 2, Spans: true, Name: "reject", Kind: server},
		{Stage: 3, Spans: true, Logs: true, Attributes: []Attribute{{"status", "NEW"}}},
		{Stage: 4, Service: "shop", Spans: true, Name: "submit", Status: Failed},
		{Stage: 5, Service: "crm", Spans: true, Status: Either},
	})
	for name, c := range map[string]struct {
		service string
		item    Item
		has     attributes
		want    []int
	}{
		"one attribute serves several stages":         {"shop", Item{}, attributes{"status": "NEW"}, []int{0, 3}},
		"a rule of any service holds for others":      {"other", Item{}, attributes{"status": "NEW"}, []int{3}},
		"a service with rules of its own has it too":  {"mes", Item{}, attributes{"status": "NEW"}, []int{3}},
		"the second attribute counts":                 {"mes", Item{}, attributes{"status": "PRICED", "site": "oslo"}, nil},
		"both attributes hold":                        {"mes", Item{}, attributes{"status": "PRICED", "site": "riga"}, []int{1}},
		"a log meets no rule of spans":                {"mes", Item{Log: true}, attributes{"status": "PRICED", "site": "riga"}, nil},
		"a log meets a rule of both":                  {"shop", Item{Log: true}, attributes{"status": "NEW"}, []int{0, 3}},
		"name and kind":                               {"x", Item{Name: "reject", Kind: server}, nil, []int{2}},
		"another kind":                                {"x", Item{Name: "reject", Kind: client}, nil, nil},
		"a failed span reaches nothing by default":    {"shop", Item{Failed: true}, attributes{"status": "NEW"}, nil},
		"a failed span reaches what asks for failure": {"shop", Item{Name: "submit", Failed: true}, nil, []int{4}},
		"and one that did not fail does not":          {"shop", Item{Name: "submit"}, nil, nil},
		"either way":                                  {"crm", Item{Failed: true}, nil, []int{5}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []int
			for _, r := range m.Of(c.service).Find(&c.item, c.has, nil) {
				got = append(got, r.Stage)
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestAServiceThatReachesNothingCostsNothing(t *testing.T) {
	m := New([]Rule{{Service: "shop", Spans: true}})
	if c := m.Of("other"); c != nil || len(c.Find(&Item{}, attributes{}, nil)) != 0 {
		t.Error("no rule can be met")
	}
}

// TestWhatTheWatchDoesNotWantReachesNothing compares the cheap question with the whole answer.
func TestWhatTheWatchDoesNotWantReachesNothing(t *testing.T) {
	long := strings.Repeat("l", 64) + "status" // as long as "status", modulo 64
	ruled := New([]Rule{
		{Stage: 0, Service: "shop", Spans: true, Attributes: []Attribute{{"status", "NEW"}}},
		{Stage: 1, Service: "mes", Spans: true, Attributes: []Attribute{{long, "NEW"}, {"site", "riga"}}},
		{Stage: 2, Service: "crm", Spans: true, Name: "close"},
		{Stage: 3, Spans: true, Attributes: []Attribute{{"region", "NEW"}}}, // as long as "status"
	})
	other := New([]Rule{{Stage: 0, Service: "mes", Spans: true, Attributes: []Attribute{{"status", "NEW"}}}})
	keys := []string{"status", long, "region", "site", "factor", ""}
	var w Watch
	for _, service := range []string{"shop", "mes", "crm", "x"} {
		for own := range 1 << len(keys) {
			for _, resource := range []attributes{{}, {"region": "NEW"}, {"site": "riga"}, {"status": "NEW"}} {
				all, wanted := attributes{}, false
				for k, v := range resource {
					all[k] = v
				}
				w.Reset()
				w.Add(ruled.Of(service), resource)
				w.Add(other.Of(service), resource)
				for i, key := range keys {
					if own&(1<<i) != 0 {
						all[key] = "NEW"
						wanted = w.Wants(key) || wanted
					}
				}
				item := Item{Name: "close"}
				found := append(ruled.Of(service).Find(&item, all, nil), other.Of(service).Find(&item, all, nil)...)
				if len(found) > 0 && !wanted && !w.All() {
					t.Fatalf("%s: %v reaches %v", service, all, found)
				}
			}
		}
	}
	w.Reset()
	w.Add(ruled.Of("shop"), attributes{"site": "riga"})
	if w.All() || w.Wants("factor") || w.Wants(long) || !w.Wants("status") || !w.Wants("region") {
		t.Error("the watch wants what no rule asks for first")
	}
}
