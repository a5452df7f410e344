package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/promise"
	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/route"
	"github.com/ordertrace/ordertrace/connector/slametrics"
)

// readPromises finds the sla_metrics connectors that a pipeline uses, and what they promise together.
func readPromises(conf *confmap.Conf) (*promise.Promises, []route.Webhook, error) {
	used, err := usedComponents(conf)
	if err != nil {
		return nil, nil, err
	}
	all, err := conf.Sub("connectors")
	if err != nil {
		return nil, nil, fmt.Errorf("read connectors: %w", err)
	}
	p := &promise.Promises{}
	var judges []route.Webhook
	seen := map[string]string{}
	found := 0
	for _, name := range slices.Sorted(maps.Keys(all.ToStringMap())) {
		var id component.ID
		if err := id.UnmarshalText([]byte(name)); err != nil || id.Type() != slametrics.NewFactory().Type() || !used[name] {
			continue
		}
		found++
		cfg, err := readConnector(all, name)
		if err != nil {
			return nil, nil, err
		}
		if hook, ok := webhookOf(cfg); ok {
			judges = append(judges, hook)
		}
		before := len(p.Objectives)
		if err := addPromises(p, cfg); err != nil {
			return nil, nil, fmt.Errorf("connectors::%s: %w", name, err)
		}
		for _, o := range p.Objectives[before:] {
			if other, ok := seen[o.Name]; ok {
				return nil, nil, fmt.Errorf("connectors::%s: objective %q is also one of %s: name one of them differently", name, o.Name, other)
			}
			seen[o.Name] = name
		}
	}
	if found == 0 {
		return nil, nil, errors.New("no pipeline of the configuration uses an sla_metrics connector: there is nothing to watch; " +
			"name the configuration of a gateway, or preset:standalone")
	}
	return p, judges, nil
}

// usedComponents are those that service::pipelines name.
func usedComponents(conf *confmap.Conf) (map[string]bool, error) {
	var c struct {
		Service struct {
			Pipelines map[string]struct {
				Receivers []string `mapstructure:"receivers"`
				Exporters []string `mapstructure:"exporters"`
			} `mapstructure:"pipelines"`
		} `mapstructure:"service"`
	}
	if err := conf.Unmarshal(&c, confmap.WithIgnoreUnused()); err != nil {
		return nil, fmt.Errorf("read service::pipelines: %w", err)
	}
	used := map[string]bool{}
	for _, p := range c.Service.Pipelines {
		for _, name := range slices.Concat(p.Receivers, p.Exporters) {
			used[name] = true
		}
	}
	return used, nil
}

func readConnector(all *confmap.Conf, name string) (*slametrics.Config, error) {
	section, err := all.Sub(name)
	if err != nil {
		return nil, fmt.Errorf("read connectors::%s: %w", name, err)
	}
	cfg := slametrics.NewFactory().CreateDefaultConfig().(*slametrics.Config)
	if err := section.Unmarshal(cfg); err != nil {
		return nil, fmt.Errorf("read connectors::%s: %w", name, err)
	}
	if err := confmap.Validate(cfg); err != nil {
		return nil, fmt.Errorf("connectors::%s: %w", name, err)
	}
	return cfg, nil
}

// webhookOf is where the connector takes notifications of Alertmanager, which is thought to run beside it where it listens on
// all addresses.
func webhookOf(cfg *slametrics.Config) (route.Webhook, bool) {
	if !cfg.Incidents.HasValue() || cfg.Incidents.Get().Hook() == nil {
		return route.Webhook{}, false
	}
	w := cfg.Incidents.Get().Hook()
	host, port, err := net.SplitHostPort(w.Address())
	if err != nil {
		return route.Webhook{}, false
	}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if w.TLS.HasValue() {
		scheme = "https"
	}
	return route.Webhook{URL: scheme + "://" + net.JoinHostPort(host, port) + "/", TokenFile: w.TokenFile}, true
}

func addPromises(p *promise.Promises, cfg *slametrics.Config) error {
	p.Messages = p.Messages || cfg.Messages != nil
	p.Services = p.Services || cfg.Services.Enabled
	p.Incidents = p.Incidents || cfg.Incidents.HasValue()
	p.Storage = p.Storage || cfg.Storage != nil
	p.Flush = max(p.Flush, cfg.MetricsFlushInterval)
	for _, name := range slices.Sorted(maps.Keys(cfg.Flows)) {
		flow := flowOf(name, cfg.Flows[name])
		if i := slices.IndexFunc(p.Flows, func(f promise.Flow) bool { return f.Name == name }); i >= 0 {
			p.Flows[i] = flow // the same orders, judged in two places
			continue
		}
		p.Flows = append(p.Flows, flow)
	}
	objectives, err := cfg.ResolveObjectives()
	if err != nil {
		return err
	}
	for _, o := range objectives {
		p.Objectives = append(p.Objectives, objectiveOf(o))
	}
	return nil
}

// flowOf lists the stages as transitions mention them first: the order in which the connector ranks them.
func flowOf(name string, c slametrics.FlowConfig) promise.Flow {
	f := promise.Flow{Name: name}
	seen := map[string]bool{}
	mention := func(stages ...string) {
		for _, stage := range stages {
			if !seen[stage] {
				seen[stage] = true
				f.Stages = append(f.Stages, promise.Stage{Name: stage, Ends: c.Stages[stage].End != slametrics.EndNone})
			}
		}
	}
	for _, t := range c.Transitions {
		mention(t.From, t.To)
		f.Transitions = append(f.Transitions, promise.Transition{Name: t.From + "->" + t.To, To: t.To})
	}
	if e := c.EndToEnd; e != nil {
		mention(e.From, e.To)
		f.Transitions = append(f.Transitions, promise.Transition{Name: e.From + "->" + e.To, To: e.To, EndToEnd: true})
	}
	mention(slices.Sorted(maps.Keys(c.Stages))...)
	return f
}

func objectiveOf(o slametrics.Objective) promise.Objective {
	target := o.Objective / 100
	p := promise.Objective{
		Name: o.Name, Flow: o.Flow, Transition: o.Transition, Destination: o.Destination, Service: o.Service,
		Target: target, Window: o.Window, Deadline: o.Deadline, Page: o.Page,
	}
	for _, b := range o.Burn {
		burn := promise.Burn{Long: b.Long, Short: b.Short, Factor: b.Factor, Fast: b.Fast}
		burn.Settle(target)
		p.Burns = append(p.Burns, burn)
	}
	if len(p.Burns) == 0 {
		p.Burns = promise.Burns(target, o.Window, o.Deadline)
	}
	return p
}
