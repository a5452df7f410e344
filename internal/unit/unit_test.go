package unit

import (
	"strings"
	"testing"
	"time"
)

type inner struct {
	Deadline time.Duration  `mapstructure:"deadline"`
	Default  *time.Duration `mapstructure:"default"`
}

type outer struct {
	inner `mapstructure:",squash"`
	List  []inner          `mapstructure:"list"`
	Named map[string]inner `mapstructure:"named"`
	Opt   *inner           `mapstructure:"opt"`
	Count int              `mapstructure:"count"`
	Other time.Duration
	Any   any `mapstructure:"any"`
}

func TestBareNumbersAreFoundWhereDurationsStand(t *testing.T) {
	raw := map[string]any{
		"deadline": 600,
		"list":     []any{map[string]any{"deadline": "1m"}, map[string]any{"deadline": 1.5, "default": int64(7)}, nil, "x"},
		"named":    map[string]any{"b": map[string]any{"deadline": uint64(3)}, "a": map[string]any{"default": 4}},
		"opt":      map[string]any{"deadline": 0, "default": time.Minute},
		"count":    9, "Other": 9, "any": 9, "unknown": 9,
	}
	err := Missing(raw, &outer{})
	if err == nil {
		t.Fatal("nothing is found")
	}
	got := strings.Split(err.Error(), "\n")
	want := []string{
		"deadline: 600: a duration needs a unit: write 600s, 600m or 600h", "list::1::deadline: 1.5:", "list::1::default: 7:",
		"named::a::default: 4:", "named::b::deadline: 3:",
	}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%q, not %q", got[i], want[i])
		}
	}
}

func TestWhatHasUnitsOrIsNoConfigurationPasses(t *testing.T) {
	for _, raw := range []map[string]any{nil, {}, {"deadline": "600s", "list": nil, "named": 3, "opt": []any{1}}, {"deadline": 0}, {"deadline": "0"}, {"deadline": ""}, {"deadline": "1h30m"}} {
		if err := Missing(raw, &outer{}); err != nil {
			t.Errorf("%v: %v", raw, err)
		}
	}
}

type optional struct{ hidden inner }

func (o *optional) Get() *inner { return &o.hidden }

func TestDaysAreNoUnit(t *testing.T) {
	for _, text := range []string{"5d", "600", "ten", "1 h"} {
		err := Missing(map[string]any{"deadline": text}, &outer{})
		if err == nil || !strings.HasPrefix(err.Error(), `deadline: "`+text+`" is no duration: write it as 90s`) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestOptionalSectionsAreLookedInto(t *testing.T) {
	type config struct {
		Section optional `mapstructure:"section"`
	}
	err := Missing(map[string]any{"section": map[string]any{"deadline": 5}}, config{})
	if err == nil || !strings.HasPrefix(err.Error(), "section::deadline: 5:") {
		t.Error(err)
	}
}
