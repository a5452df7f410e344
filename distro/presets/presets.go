package presets

import (
	_ "embed"
	"fmt"
	"strings"
)

// Variable is an environment variable that a preset reads.
type Variable struct {
	// Name as in the environment.
	Name string
	// Default that the preset writes in its place when unset; empty for a required variable or for "nothing".
	Default string
	// Required variables have no default: the preset is refused without them.
	Required bool
	// Meaning in one line: what it is, in which form, how to make one.
	Meaning string
}

// Preset is a complete configuration of the collector.
type Preset struct {
	// Name after "preset:".
	Name string
	// Summary in one line.
	Summary string
	// YAML is the configuration, as embedded.
	YAML []byte
	// Variables that the YAML reads, in the order in which an operator meets them.
	Variables []Variable
}

//go:embed standalone.yaml
var standaloneYAML []byte

//go:embed agent.yaml
var agentYAML []byte

//go:embed gateway.yaml
var gatewayYAML []byte

// All returns the presets, sorted by name. The result is the caller's own.
func All() []Preset {
	return []Preset{
		{
			Name:      "agent",
			Summary:   "on each host: local telemetry in, orders named, personal data removed, to the gateways over TLS through a queue on disk",
			YAML:      agentYAML,
			Variables: agentVariables(),
		},
		{
			Name:      "gateway",
			Summary:   "known senders only: orders named, redacted again and judged, handed to Jaeger and Prometheus over TLS",
			YAML:      gatewayYAML,
			Variables: gatewayVariables(),
		},
		{
			Name:      "standalone",
			Summary:   "all of it in one process on localhost; nothing needs to be set",
			YAML:      standaloneYAML,
			Variables: standaloneVariables(),
		},
	}
}

// Find returns the preset of that name. The error lists the names that exist.
func Find(name string) (Preset, error) {
	all := All()
	names := make([]string, len(all))
	for i, p := range all {
		if p.Name == name {
			return p, nil
		}
		names[i] = p.Name
	}
	return Preset{}, fmt.Errorf("unknown preset %q: there are %s", name, strings.Join(names, ", "))
}

// Missing returns the required variables for which lookup (os.LookupEnv's form) finds nothing or an empty value.
func (p Preset) Missing(lookup func(string) (string, bool)) []Variable {
	var missing []Variable
	for _, v := range p.Variables {
		if value, _ := lookup(v.Name); v.Required && value == "" {
			missing = append(missing, v)
		}
	}
	return missing
}
