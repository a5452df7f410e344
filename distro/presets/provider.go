package presets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

const scheme = "preset"

// NewFactory returns the factory of the confmap provider for URIs of the form "preset:<name>".
func NewFactory() confmap.ProviderFactory {
	return confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return provider{} })
}

type provider struct{}

var _ confmap.Provider = provider{}

// Retrieve returns the preset's YAML with its ${env:…} references unresolved: the resolver expands them. It refuses
// an unknown name, and a preset whose required variables are unset.
func (provider) Retrieve(_ context.Context, uri string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	name, ok := strings.CutPrefix(uri, scheme+":")
	if !ok {
		return nil, fmt.Errorf("%q is not a preset's URI: write preset:<name>", uri)
	}
	preset, err := Find(name)
	if err != nil {
		return nil, err
	}
	if missing := preset.Missing(os.LookupEnv); len(missing) > 0 {
		return nil, missingError(preset, missing)
	}
	return confmap.NewRetrievedFromYAML(preset.YAML)
}

func (provider) Scheme() string { return scheme }

func (provider) Shutdown(context.Context) error { return nil }

func missingError(p Preset, missing []Variable) error {
	var b strings.Builder
	fmt.Fprintf(&b, "preset %q needs %d environment variable(s) that are not set:", p.Name, len(missing))
	for _, v := range missing {
		fmt.Fprintf(&b, "\n  %s: %s", v.Name, v.Meaning)
	}
	return errors.New(b.String())
}
