package slametrics

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/incident"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/ledger"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/message"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/metadata"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/series"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/shard"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/watermark"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wheel"
)

// maxTick is how often time is moved at least, so that verdicts come within a second of being due.
const maxTick = time.Second

// judge is the core that all instances of one component id share.
type judge struct {
	id        component.ID
	config    *Config
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	settings  component.TelemetrySettings
	started   time.Time
	identity  string
	red       *series.Store
	flows     []*flowJudge
	messages  *message.Judge    // nil if off
	incidents *incident.Tracker // nil if off
	intake    *intake           // of alerts; nil if off
	promised  []Objective
	keeper    *keeper        // nil without a storage; set by Start
	again     again          // what the journal brings that is known already
	relay     *relay         // nil unless this is a relay: then it judges nothing
	owns      shard.Set      // the orders that are judged here
	flowOf    map[string]int // by name

	clockMu sync.Mutex
	clock   *watermark.Clock // owned by clockMu

	readings sync.Pool // of *reading

	forget func() // removes the judge from its factory

	mu    sync.Mutex
	ports []*port // owned by mu
	stop  chan struct{}
	done  chan struct{}

	recordsMu sync.Mutex
	records   []record // verdicts not yet told; owned by recordsMu
	telling   bool     // there is a logs pipeline to tell; set before the first Start returns
	flushMu   sync.Mutex
}

// flowJudge follows the orders of one flow.
type flowJudge struct {
	name     string
	match    flowMatch
	stageOf  map[string]int // by name
	promised map[string]int // transitions that orders carry the deadline of, by name

	mu      sync.Mutex
	started time.Time       // of its counters
	book    *lifecycle.Book // owned by mu
	ledger  *ledger.Ledger  // owned by mu
	facts   []lifecycle.Fact
	told    map[problemSeries]struct{} // problems that the next component knows; owned by judge.flushMu
	telling map[problemSeries]struct{} // those of the batch under way, or of one that was refused; owned by judge.flushMu
}

func newJudge(set connector.Settings, config *Config) (*judge, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	t := config.Time
	j := &judge{
		id: set.ID, config: config, logger: set.Logger, telemetry: telemetry, settings: set.TelemetrySettings, identity: identity(set.ID),
		red: series.New(config.Limits.MaxSeries), relay: newRelay(config), flowOf: map[string]int{},
		clock: watermark.New(watermark.Config{
			Lateness: t.AllowedLateness, Silence: t.PathSilence, Grace: t.RestoreGrace, Expiry: t.PathExpiry,
			FreeRun: t.DirectSilence == SilenceAdvance, MaxPaths: config.Limits.MaxPaths,
		}),
	}
	if j.owns, err = shard.Parse(config.Shards); err != nil {
		return nil, err
	}
	if j.promised, err = config.ResolveObjectives(); err != nil {
		return nil, err
	}
	if config.Messages != nil {
		m := config.Messages
		j.messages, err = message.New(message.Config{
			Deadline: m.Deadline, Remember: m.Remember, Destinations: m.Destinations, MaxMessages: config.Limits.MaxMessages,
		})
		if err != nil {
			return nil, err
		}
	}
	if config.Incidents.HasValue() {
		j.incidents = incident.New(config.Incidents.Get().Quiet, maxSubjects, time.Now().UnixNano())
	}
	for _, name := range slices.Sorted(maps.Keys(config.Flows)) {
		fc := config.Flows[name]
		flow, err := fc.compile(name)
		if err != nil {
			return nil, err
		}
		match, err := fc.matcher(flow)
		if err != nil {
			return nil, err
		}
		j.flowOf[name] = len(j.flows)
		j.flows = append(j.flows, &flowJudge{
			name: name, match: match, told: map[problemSeries]struct{}{},
			book: newBook(flow, config), ledger: ledger.New(flow), stageOf: stageNames(flow), promised: promiseNames(flow),
		})
		j.declareIncidents(name, flow)
	}
	return j, nil
}

func newBook(flow *lifecycle.Flow, config *Config) *lifecycle.Book {
	return lifecycle.NewBook(flow, lifecycle.Limits{MaxOrders: config.Limits.MaxOrders, MaxAge: config.Time.MaxAge}, wheel.New())
}

func stageNames(flow *lifecycle.Flow) map[string]int {
	names := map[string]int{}
	for i, s := range flow.Stages {
		names[s.Name] = i
	}
	return names
}

func promiseNames(flow *lifecycle.Flow) map[string]int {
	names := map[string]int{}
	for t := range flow.Transitions {
		if flow.Transitions[t].Promised {
			names[flow.TransitionName(t)] = t
		}
	}
	return names
}

// retire lets go of what the judge holds once no instance needs it. Safe to call twice, and without Start.
func (j *judge) retire() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stop != nil && slices.ContainsFunc(j.ports, func(o *port) bool { return !o.closed }) {
		return
	}
	j.forget()
	j.telemetry.Shutdown()
}

// run moves time and tells what is known, until stop closes.
func (j *judge) run(stop, done chan struct{}) {
	defer close(done)
	ctx := context.Background()
	if j.keeper != nil {
		var kept sync.WaitGroup
		kept.Go(func() { j.keepState(ctx, stop) })
		defer kept.Wait()
	}
	tick := time.NewTicker(min(maxTick, j.config.MetricsFlushInterval))
	defer tick.Stop()
	flush := time.NewTicker(j.config.MetricsFlushInterval)
	defer flush.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			j.tick(ctx)
		case <-flush.C:
			j.tick(ctx)
			j.flush(ctx)
		}
	}
}

// tick moves the watermark and decides what is due.
func (j *judge) tick(ctx context.Context) {
	now := time.Now().UnixNano()
	if j.relay != nil {
		j.relay.beat(ctx, j, now)
		return
	}
	j.clockMu.Lock()
	mark := j.clock.Advance(now)
	j.clockMu.Unlock()
	if j.keeper != nil {
		j.keepPaths(ctx)
	}
	j.advance(ctx, mark, now)
	if m := j.messages; m != nil {
		j.settleMessages(ctx, m.Advance(mark, now), now)
	}
	j.passIncidents(ctx, mark, now)
	j.tell(ctx)
}

var messagesRefused = metric.WithAttributeSet(attribute.NewSet(attribute.String("flow", "messages"), attribute.String("reason", "refused")))

// settleMessages turns what became of messages into numbers and incidents.
func (j *judge) settleMessages(ctx context.Context, r message.Report, now int64) {
	if r.Refused > 0 {
		j.telemetry.SLAMetricsOrdersDropped.Add(ctx, int64(r.Refused), messagesRefused)
	}
	for _, c := range r.Changes {
		j.trouble(ctx, incident.Messages(c.Destination), c.At, now, c.Retracted)
	}
}

// advance lets every flow decide what is due. Verdicts are told only once it is kept that they were decided.
func (j *judge) advance(ctx context.Context, mark, now int64) {
	if j.keeper != nil {
		j.keeper.mu.Lock()
		defer j.keeper.mu.Unlock()
	}
	decided := 0
	for _, f := range j.flows {
		f.mu.Lock()
		f.facts = f.book.Advance(mark, f.facts[:0])
		decided += len(f.facts)
		j.settle(ctx, f, now)
		f.mu.Unlock()
	}
	if j.keeper == nil || decided == 0 {
		return
	}
	r := j.newReading()
	defer j.release(r)
	if err := j.keeper.journal(ctx, mark, r); err != nil {
		j.stateFailed(ctx, "journal", err)
	}
}

// moveTime tells the clock that a path delivered events up to newest. Stamps too old to be judged say that the path
// lives, but do not hold time back.
func (j *judge) moveTime(resource pcommon.Resource, newest, now int64) {
	if newest == 0 {
		return
	}
	if newest < now-int64(j.config.Time.MaxAge) {
		newest = now
	}
	path := ""
	if j.config.Time.PathAttribute != "" {
		path = short(textOf(resource.Attributes(), j.config.Time.PathAttribute))
	}
	j.movePath(path, newest, now)
}

func (j *judge) movePath(path string, newest, now int64) {
	if j.relay != nil {
		j.relay.observe(path, newest)
		return
	}
	j.clockMu.Lock()
	j.clock.Observe(path, newest, now)
	j.clockMu.Unlock()
}

// sane replaces a stamp that is missing, or too far ahead of the wall clock, by the time of arrival.
func (j *judge) sane(t, now int64) int64 {
	if t <= 0 || t > now+int64(j.config.Time.MaxFuture) {
		return now
	}
	return t
}

// out returns an open way out, found by pick.
func (j *judge) out(pick func(*port) bool) *port {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, p := range j.ports {
		if !p.closed && pick(p) {
			return p
		}
	}
	return nil
}

// observeState registers the gauges of the judge's own state.
func (j *judge) observeState() error {
	return errors.Join(
		j.telemetry.RegisterSLAMetricsOrdersCallback(j.observeOrders),
		j.telemetry.RegisterSLAMetricsSeriesCallback(j.observeSeries),
		j.telemetry.RegisterSLAMetricsSeriesOverflowCallback(j.observeOverflow),
		j.telemetry.RegisterSLAMetricsPathsDeniedCallback(j.observeDenied),
		j.telemetry.RegisterSLAMetricsIncidentsDeniedCallback(j.observeIncidentsDenied),
		j.telemetry.RegisterSLAMetricsIncidentsEvictedCallback(j.observeIncidentsEvicted),
	)
}

func (j *judge) observeOrders(_ context.Context, o metric.Int64Observer) error {
	for _, f := range j.flows {
		f.mu.Lock()
		n := f.book.Len()
		f.mu.Unlock()
		o.Observe(int64(n), metric.WithAttributes(attribute.String("flow", f.name)))
	}
	return nil
}

func (j *judge) observeSeries(_ context.Context, o metric.Int64Observer) error {
	o.Observe(int64(j.red.Len()))
	return nil
}

func (j *judge) observeOverflow(_ context.Context, o metric.Int64Observer) error {
	o.Observe(int64(j.red.Overflowed()))
	return nil
}

func (j *judge) observeDenied(_ context.Context, o metric.Int64Observer) error {
	j.clockMu.Lock()
	defer j.clockMu.Unlock()
	o.Observe(int64(j.clock.Denied()))
	return nil
}
