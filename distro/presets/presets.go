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

// Preset is a configuration of the collector: complete, but for relay, which changes the gateway's.
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

//go:embed judge.yaml
var judgeYAML []byte

//go:embed relay.yaml
var relayYAML []byte

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
			Name:      "judge",
			Summary:   "behind several gateways: takes their order events, judges each order, hands metrics to Prometheus and verdicts to a file",
			YAML:      judgeYAML,
			Variables: judgeVariables(),
		},
		{
			Name:      "relay",
			Summary:   "beside preset:gateway where there are several: orders are judged by preset:judge, not here",
			YAML:      relayYAML,
			Variables: relayVariables(),
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
