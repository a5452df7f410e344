package encryptedexport // import "github.com/ordertrace/ordertrace/converter/encryptedexport"

import (
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/kafkaexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/loadbalancingexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusremotewriteexporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"

	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/finding"
)

// adapter knows how one exporter type puts telemetry on the wire.
type adapter struct {
	factory exporter.Factory
	judge   func(c *converter, key string, cfg component.Config, findings *finding.List)
}

// adapters holds every exporter type of the distribution under its name and its deprecated alias. A test compares
// it with the manifest.
var adapters = adapterMap(
	adapter{otlpexporter.NewFactory(), judgeOTLPGRPC},
	adapter{otlphttpexporter.NewFactory(), judgeOTLPHTTP},
	adapter{loadbalancingexporter.NewFactory(), judgeLoadBalancing},
	adapter{kafkaexporter.NewFactory(), judgeKafka},
	adapter{prometheusremotewriteexporter.NewFactory(), judgeRemoteWrite},
	adapter{prometheusexporter.NewFactory(), judgePrometheus},
	adapter{fileexporter.NewFactory(), judgeFile},
	adapter{debugexporter.NewFactory(), judgeDebug},
)

func adapterMap(list ...adapter) map[component.Type]adapter {
	byType := make(map[component.Type]adapter, 2*len(list))
	for _, a := range list {
		byType[a.factory.Type()] = a
		if aliased, ok := a.factory.(interface{ DeprecatedAlias() component.Type }); ok {
			if alias := aliased.DeprecatedAlias(); alias.String() != "" {
				byType[alias] = a
			}
		}
	}
	return byType
}

// exporterSection is one entry under `exporters:`.
type exporterSection struct {
	id   component.ID
	key  string // as it stands in the configuration
	conf *confmap.Conf
	used bool
}

// judgedExporters lists the declared exporters in a stable order, and what cannot even be listed.
func judgedExporters(conf *confmap.Conf) (sections []exporterSection, findings finding.List) {
	root, err := conf.Sub("exporters")
	if err != nil {
		findings.Refuse(finding.Undecodable, "exporters", "", "is not a map of exporters", "write it as `exporters: {type/name: {…}}`")
		return nil, findings
	}
	used := usedExporters(conf)
	for _, name := range sortedKeys(root.ToStringMap()) {
		key := "exporters::" + name
		var id component.ID
		if err := id.UnmarshalText([]byte(name)); err != nil || id.String() != name {
			findings.Refuse(finding.Undecodable, key, name, "is not a component id as the collector writes it",
				"write it as type or type/name, without spaces")
			continue
		}
		section, err := root.Sub(name)
		if err != nil {
			findings.Refuse(finding.Undecodable, key, "", "is not a map of settings", "write the exporter's settings below it")
			continue
		}
		sections = append(sections, exporterSection{id: id, key: name, conf: section, used: used == nil || used[id]})
	}
	return sections, findings
}

// usedExporters returns the ids that some pipeline names, decoded as the collector decodes them, or nil when that
// fails: then every exporter counts as used.
func usedExporters(conf *confmap.Conf) map[component.ID]bool {
	pipelines, err := conf.Sub("service::pipelines")
	if err != nil {
		return nil
	}
	var decoded map[string]struct {
		Exporters []component.ID `mapstructure:"exporters"`
	}
	if err := pipelines.Unmarshal(&decoded, confmap.WithIgnoreUnused()); err != nil {
		return nil
	}
	used := make(map[component.ID]bool)
	for _, pipeline := range decoded {
		for _, id := range pipeline.Exporters {
			used[id] = true
		}
	}
	return used
}

// judgeExporter decodes one section into its factory's Config and hands it to the adapter.
func (c *converter) judgeExporter(e exporterSection) finding.List {
	var findings finding.List
	key := "exporters::" + e.key
	a, ok := adapters[e.id.Type()]
	if !ok {
		findings.Refuse(finding.UnknownType, key, e.id.Type().String(), "nobody has judged how this exporter type sends",
			"use an exporter of this distribution, or except it in "+c.policyFile())
		return findings
	}
	guarded(&findings, key, func() {
		cfg := a.factory.CreateDefaultConfig()
		if err := e.conf.Unmarshal(&cfg); err != nil {
			findings.Refuse(finding.Undecodable, key, "", fmt.Sprintf("cannot be read: %v", err), "correct this section")
			return
		}
		a.judge(c, key, cfg, &findings)
	})
	return findings
}
