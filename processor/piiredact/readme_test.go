package piiredact

import (
	"os"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/confmap"
)

func TestEveryExampleInTheManPageLoads(t *testing.T) {
	data, err := os.ReadFile("README.md")
	must(t, err)
	fences := strings.Split(string(data), "```yaml\n")[1:]
	if len(fences) == 0 {
		t.Fatal("no examples")
	}
	for i, f := range fences {
		f, _, _ = strings.Cut(f, "```")
		ret, err := confmap.NewRetrievedFromYAML([]byte(f))
		must(t, err)
		doc, err := ret.AsConf()
		must(t, err)
		all, err := doc.Sub("processors")
		must(t, err)
		for id := range all.ToStringMap() {
			section, err := all.Sub(id)
			must(t, err)
			cfg := createDefaultConfig().(*Config)
			must(t, section.Unmarshal(cfg))
			if err := cfg.Validate(); err != nil {
				t.Errorf("example %d, %s: %v", i+1, id, err)
			}
		}
	}
}

func TestBadConfigurationsAreRefusedWithAllTheirProblems(t *testing.T) {
	five := 5
	cfg := createDefaultConfig().(*Config)
	cfg.Profile, cfg.Mode = "lax", "maybe"
	cfg.Detectors = map[string]DetectorConfig{
		"nose": {}, "email": {Action: "burn"}, "phone": {Action: "truncate", KeepLast: &five, KeepDomain: true}, "statement": {Action: "hash"},
	}
	cfg.Attributes.Secret = []string{"["}
	cfg.Rules = []RuleConfig{{Name: "Bad Name", Pattern: "(", Checksum: "crc", Action: "truncate"}, {Name: "all", Pattern: ".*"}, {Name: "huge", Pattern: "(?:[a-z][0-9][a-z]){1000}"}}
	cfg.Limits = LimitsConfig{}
	err := cfg.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"profile:", "mode:", "detectors::nose", `"burn"`, "only ip and gps", "keep_last", "only email", "literals of statements",
		"attributes::secret", "rules[0]::name", "rules[0]::pattern", "rules[0]::checksum", "rules[0]::action", "rules[1]::pattern",
		"max_value_bytes", "max_depth", "max_findings", "max_value_time", "rules[2]::pattern: compiles to",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in: %v", want, err)
		}
	}
}
