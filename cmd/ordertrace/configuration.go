package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/httpprovider"
	"go.opentelemetry.io/collector/confmap/provider/httpsprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"

	"github.com/ordertrace/ordertrace/distro/presets"
)

const configUsage = "the collector's configuration: a file, preset:NAME or yaml:…; may be repeated"

// resolve reads a configuration as the collector does: all URIs merged in order, variables replaced.
func resolve(ctx context.Context, uris []string) (*confmap.Conf, error) {
	return resolveWith(ctx, uris, presets.NewFactory())
}

// resolveToRead is resolve for what depends on no secret and no address: variables that a preset requires may be unset, and
// notices then gets one line that names them.
func resolveToRead(ctx context.Context, uris []string, notices io.Writer) (*confmap.Conf, error) {
	unset := map[string]bool{}
	conf, err := resolveWith(ctx, uris, presets.NewReaderFactory(func(v presets.Variable) { unset[v.Name] = true }))
	if err == nil && len(unset) > 0 {
		fmt.Fprintf(notices, "note: the collector will need these variables, which are not set; nothing here depends on them: %s\n",
			strings.Join(slices.Sorted(maps.Keys(unset)), ", "))
	}
	return conf, err
}

func resolveWith(ctx context.Context, uris []string, preset confmap.ProviderFactory) (*confmap.Conf, error) {
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs: uris, DefaultScheme: "env",
		ProviderFactories: []confmap.ProviderFactory{
			fileprovider.NewFactory(), envprovider.NewFactory(), yamlprovider.NewFactory(), httpprovider.NewFactory(),
			httpsprovider.NewFactory(), preset,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	conf, err := resolver.Resolve(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return conf, nil
}
