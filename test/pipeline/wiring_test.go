package pipeline

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/extension/orderindex"
)

type host struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h host) GetExtensions() map[component.ID]component.Component { return h.extensions }

// configured decodes YAML into a factory's configuration, as the collector does.
func configured(t *testing.T, f component.Factory, text string) component.Config {
	t.Helper()
	var m map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &m))
	cfg := f.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(m).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	return cfg
}

// running starts a component, and stops it at the end.
func running[T component.Component](t *testing.T, h component.Host, c T, err error) T {
	t.Helper()
	require.NoError(t, err)
	require.NoError(t, c.Start(context.Background(), h))
	return c
}

// withIndex is a host with a real order_index.
func withIndex(t *testing.T) host {
	t.Helper()
	f := orderindex.NewFactory()
	id := component.MustNewID("order_index")
	ext, err := f.Create(context.Background(), extensiontest.NewNopSettings(f.Type()), f.CreateDefaultConfig())
	h := host{componenttest.NewNopHost(), map[component.ID]component.Component{id: ext}}
	running(t, h, ext, err)
	return h
}

func tracesProcessor(t *testing.T, h component.Host, f processor.Factory, text string, next consumer.Traces) processor.Traces {
	t.Helper()
	p, err := f.CreateTraces(context.Background(), processortest.NewNopSettings(f.Type()), configured(t, f, text), next)
	return running(t, h, p, err)
}

func logsProcessor(t *testing.T, h component.Host, f processor.Factory, text string, next consumer.Logs) processor.Logs {
	t.Helper()
	p, err := f.CreateLogs(context.Background(), processortest.NewNopSettings(f.Type()), configured(t, f, text), next)
	return running(t, h, p, err)
}

func stop(t *testing.T, components ...component.Component) {
	t.Helper()
	for _, c := range components {
		require.NoError(t, c.Shutdown(context.Background()))
	}
}
