//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml

// Package slametrics is a connector that judges orders: it follows each through the stages of a flow by its spans and
// logs, decides every transition on a watermark of event time, and counts the requests of services on the way.
//
// It does not store traces, sample, or name an order in any metric but order.problem.
//
//	connectors:
//	  sla_metrics:
//	    flows:
//	      order:
//	        stages:
//	          submitted: {service: shop-api, attributes: {order.status: SUBMITTED}}
//	          priced:    {service: mes-api,  attributes: {order.status: PRICE_CALCULATED}}
//	        transitions:
//	          - {from: submitted, to: priced, deadline: 10m, lost_after: 24h}
package slametrics

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/metadata"
)

// NewFactory returns the factory of sla_metrics.
func NewFactory() connector.Factory {
	f := &factory{judges: map[component.Config]*judge{}}
	return connector.NewFactory(
		metadata.Type,
		createDefaultConfig,
		connector.WithTracesToTraces(f.tracesToTraces, metadata.TracesToTracesStability),
		connector.WithTracesToMetrics(f.tracesToMetrics, metadata.TracesToMetricsStability),
		connector.WithTracesToLogs(f.tracesToLogs, metadata.TracesToLogsStability),
		connector.WithLogsToMetrics(f.logsToMetrics, metadata.LogsToMetricsStability),
		connector.WithLogsToLogs(f.logsToLogs, metadata.LogsToLogsStability),
	)
}

// factory hands the same judge to every instance of one component id. The collector makes an instance for each pair
// of signals, and gives them all the same *Config, which no other id has: it is the key.
type factory struct {
	mu     sync.Mutex
	judges map[component.Config]*judge
}

func (f *factory) judge(set connector.Settings, cfg component.Config) (*judge, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if j, ok := f.judges[cfg]; ok {
		return j, nil
	}
	j, err := newJudge(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	j.forget = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.judges, cfg)
	}
	f.judges[cfg] = j
	return j, nil
}

func (f *factory) tracesToTraces(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Traces) (connector.Traces, error) {
	j, err := f.judge(set, cfg)
	if err != nil {
		return nil, err
	}
	return j.attach(port{signal: traces, traces: next}), nil
}

func (f *factory) tracesToMetrics(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Traces, error) {
	j, err := f.judge(set, cfg)
	if err != nil {
		return nil, err
	}
	return j.attach(port{signal: traces, metrics: next}), nil
}

func (f *factory) tracesToLogs(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Traces, error) {
	j, err := f.judge(set, cfg)
	if err != nil {
		return nil, err
	}
	return j.attach(port{signal: traces, logs: next}), nil
}

func (f *factory) logsToMetrics(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Logs, error) {
	j, err := f.judge(set, cfg)
	if err != nil {
		return nil, err
	}
	return j.attach(port{signal: logs, metrics: next}), nil
}

func (f *factory) logsToLogs(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Logs, error) {
	j, err := f.judge(set, cfg)
	if err != nil {
		return nil, err
	}
	return j.attach(port{signal: logs, logs: next}), nil
}

type signal uint8

const (
	traces signal = iota
	logs
)

// port is one instance of the connector: a way in, and a way out.
type port struct {
	judge   *judge
	signal  signal
	lead    bool            // the one instance that consumes this signal; the others get copies
	closed  bool            // owned by judge.mu
	traces  consumer.Traces // what comes behind the judge: it gets a batch once the judge has taken it
	metrics consumer.Metrics
	logs    consumer.Logs
}

var (
	_ connector.Traces = (*port)(nil)
	_ connector.Logs   = (*port)(nil)
)

// attach adds an instance. The first of each signal is the one that consumes it, but for spans that are handed on: these
// are read before, by the instance that does.
func (j *judge) attach(p port) *port {
	j.mu.Lock()
	defer j.mu.Unlock()
	p.judge = j
	p.lead = !slices.ContainsFunc(j.ports, func(o *port) bool { return o.signal == p.signal })
	if p.traces != nil {
		for _, o := range j.ports {
			o.lead = o.lead && o.signal != traces
		}
		p.lead = true
	}
	j.ports = append(j.ports, &p)
	return &p
}

// Capabilities: the telemetry is only read.
func (p *port) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// ConsumeTraces reads a batch of spans, and hands it on. What the judge refuses comes again, and is not handed on before.
func (p *port) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if !p.lead {
		return nil
	}
	if err := p.judge.readTraces(ctx, td); err != nil || p.traces == nil {
		return err
	}
	return p.traces.ConsumeTraces(ctx, td)
}

// ConsumeLogs reads a batch of log records.
func (p *port) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	if p.lead {
		return p.judge.readLogs(ctx, ld)
	}
	return nil
}

// Start starts the judge with its first instance.
func (p *port) Start(ctx context.Context, host component.Host) error {
	j := p.judge
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stop != nil {
		return nil
	}
	if err := j.observeState(); err != nil {
		return err
	}
	if j.relay != nil {
		if err := j.relay.check(j.ports); err != nil {
			return err
		}
	}
	j.started = time.Now()
	for _, f := range j.flows {
		f.started = j.started
	}
	j.telling = slices.ContainsFunc(j.ports, func(o *port) bool { return o.logs != nil })
	if err := j.openState(ctx, host); err != nil {
		return err
	}
	if err := j.listen(ctx, host); err != nil {
		if j.keeper != nil {
			err = errors.Join(err, j.keeper.shut(ctx))
		}
		return err
	}
	j.stop, j.done = make(chan struct{}), make(chan struct{})
	go j.run(j.stop, j.done)
	return nil
}

// Shutdown closes one way out. What is still to be told goes out before the last way out of its kind closes: the
// pipelines behind it live until then.
func (p *port) Shutdown(ctx context.Context) error {
	j := p.judge
	j.mu.Lock()
	if p.closed || j.stop == nil {
		j.mu.Unlock()
		j.retire()
		return nil
	}
	open := func(same func(*port) bool) int {
		n := 0
		for _, o := range j.ports {
			if !o.closed && same(o) {
				n++
			}
		}
		return n
	}
	lastMetrics := p.metrics != nil && open(func(o *port) bool { return o.metrics != nil }) == 1
	lastLogs := p.logs != nil && open(func(o *port) bool { return o.logs != nil }) == 1
	last := open(func(*port) bool { return true }) == 1
	j.mu.Unlock()

	var err error
	if last {
		err = j.intake.stop(ctx) // before the last flush, which keeps what alerts told
	}
	if j.relay != nil {
		j.relay.farewell()
	}
	j.tick(ctx)
	if lastMetrics || last {
		j.flush(ctx)
	}
	if lastLogs {
		j.tell(ctx)
	}
	j.mu.Lock()
	p.closed = true
	stop, done := j.stop, j.done
	j.mu.Unlock()
	if last {
		close(stop)
		<-done
		j.retire()
		if j.keeper != nil {
			return errors.Join(err, j.closeState(ctx))
		}
	}
	return err
}
