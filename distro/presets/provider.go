package presets

import (
	"bytes"
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

// NewReaderFactory is NewFactory for tools that read a configuration and run nothing of it: required variables that are unset
// do not refuse the preset. Each is told to unset, and Placeholder of it stands where the preset reads it.
func NewReaderFactory(unset func(Variable)) confmap.ProviderFactory {
	return confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return provider{unset: unset} })
}

// Placeholder is what stands for an unset variable where a configuration is only read.
func Placeholder(v Variable) string { return "unset-" + v.Name }

type provider struct {
	unset func(Variable) // nil: a preset of which something is missing is refused
}

var _ confmap.Provider = provider{}

// Retrieve returns the preset's YAML with its ${env:…} references unresolved: the resolver expands them. It refuses
// an unknown name, and a preset whose required variables are unset.
func (p provider) Retrieve(_ context.Context, uri string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	name, ok := strings.CutPrefix(uri, scheme+":")
	if !ok {
		return nil, fmt.Errorf("%q is not a preset's URI: write preset:<name>", uri)
	}
	preset, err := Find(name)
	if err != nil {
		return nil, err
	}
	missing := preset.Missing(os.LookupEnv)
	if len(missing) > 0 && p.unset == nil {
		return nil, missingError(preset, missing)
	}
	text := preset.YAML
	for _, v := range missing {
		p.unset(v)
		text = bytes.ReplaceAll(text, []byte("${env:"+v.Name+"}"), []byte(Placeholder(v)))
	}
	return confmap.NewRetrievedFromYAML(text)
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
