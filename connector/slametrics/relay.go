package slametrics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/shard"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/watermark"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

// errNoJudge says that a relay has nobody to send to.
var errNoJudge = errors.New("role: relay, but order events go nowhere: name the connector as a receiver of a logs pipeline that exports to the judge")

// relay sends what a gateway sees of orders, as order events, to a judge behind several gateways. It sends the events of a
// batch before the batch is acknowledged, and its signs of life behind them: when one arrives, all that this gateway had
// taken before has been sent.
type relay struct {
	id    string
	every int64 // ns between signs of life

	mu       sync.Mutex
	activity *watermark.Activity // owned by mu
	last     int64               // wall time of the last sign of life; owned by mu
}

// anyRelay among the relays stands for every gateway.
const anyRelay = "*"

// minBeat is the shortest time between two signs of life.
const minBeat = time.Second

func newRelay(config *Config) *relay {
	if config.Role != RoleRelay {
		return nil
	}
	return &relay{
		id: config.RelayID, every: int64(max(minBeat, config.Time.PathSilence/12)), activity: watermark.NewActivity(config.Limits.MaxPaths),
	}
}

// send tells the judge what a batch says of orders.
func (l *relay) send(ctx context.Context, j *judge, r *reading) error {
	batch := eventBatch{logs: plog.NewLogs(), from: l.id, at: pcommon.Timestamp(r.now), open: map[string]plog.LogRecordSlice{}}
	for f := range j.flows {
		j.flows[f].count(ctx, j, &r.tally[f])
		flow := j.flows[f].book.Flow()
		carried := r.pledges[f]
		for i := range r.events[f] {
			e, key := &r.events[f][i].event, r.events[f][i].key
			record := batch.add(attrOrder, key, key, eventStage, e.At)
			record.SetTraceID(e.Trace)
			record.SetSpanID(e.Span)
			a := record.Attributes()
			labels(a, "flow", flow.Name, "stage", flow.Stages[e.Stage].Name)
			if took := e.Took(); took > 0 {
				a.PutInt("took_us", took.Microseconds())
			}
			if !e.Armed() {
				a.PutBool("old", true)
			}
			for len(carried) > 0 && carried[0].event == i {
				putPromise(a, flow.TransitionName(carried[0].transition), carried[0].until)
				carried = carried[1:]
			}
		}
	}
	batch.parcels(j.messages, r.parcels)
	for _, f := range r.failed {
		a := batch.add(attrService, f.service, f.service, eventFailure, f.last).Attributes()
		a.PutInt("first", f.first)
	}
	return l.hand(ctx, j, &batch)
}

// putPromise adds a deadline that the order carries to the map of them.
func putPromise(a pcommon.Map, transition string, until int64) {
	v, ok := a.Get("promises")
	if !ok {
		a.PutEmptyMap("promises").PutInt(transition, until)
		return
	}
	v.Map().PutInt(transition, until)
}

// hand gives a batch to the pipeline that leads to the judge.
func (l *relay) hand(ctx context.Context, j *judge, batch *eventBatch) error {
	if batch.n == 0 {
		return nil
	}
	p := j.out(func(p *port) bool { return p.logs != nil })
	if p == nil {
		return errNoJudge
	}
	if err := p.logs.ConsumeLogs(ctx, batch.logs); err != nil {
		j.countEvents(ctx, "refused", batch.n)
		return fmt.Errorf("send order events to the judge: %w", err)
	}
	j.countEvents(ctx, "sent", batch.n)
	return nil
}

// observe notes that a path lives.
func (l *relay) observe(path string, newest int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.activity.Observe(path, newest)
}

// beat tells the judge, now and then, that this gateway lives, and how far the paths behind it have come.
func (l *relay) beat(ctx context.Context, j *judge, now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now-l.last < l.every {
		return
	}
	l.last = now
	news := l.activity.Take()
	batch := eventBatch{logs: plog.NewLogs(), from: l.id, at: pcommon.Timestamp(now), open: map[string]plog.LogRecordSlice{}}
	for path, t := range news {
		batch.add("", "", "", eventPath, t).Attributes().PutStr("path", path)
	}
	batch.add("", "", "", eventPath, now)
	if l.hand(ctx, j, &batch) != nil { // counted; the next says the same
		for path, t := range news {
			l.activity.Observe(path, t)
		}
	}
}

// farewell makes the next beat come at once: it is the last.
func (l *relay) farewell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = 0
}

// check refuses a relay whose events nobody takes.
func (l *relay) check(ports []*port) error {
	for _, p := range ports {
		if p.logs != nil {
			return nil
		}
	}
	return errNoJudge
}

// eventBatch is a batch of order events under way.
type eventBatch struct {
	logs plog.Logs
	from string
	at   pcommon.Timestamp
	n    int64
	open map[string]plog.LogRecordSlice // by the order or message that they tell of
}

// add appends an event. All events of an order in a batch have one resource, which names the order and its shard: what
// routes whole resources keeps them together.
func (b *eventBatch) add(attribute, value, key, name string, at int64) plog.LogRecord {
	b.n++
	records, ok := b.open[attribute+value]
	if !ok {
		rl := b.logs.ResourceLogs().AppendEmpty()
		to := rl.Resource().Attributes()
		to.PutStr(serviceName, "ordertrace")
		to.PutStr(attrRelay, b.from)
		if attribute != "" {
			to.PutStr(attribute, value)
			to.PutInt(attrShard, int64(shard.Of(key)))
		}
		sl := rl.ScopeLogs().AppendEmpty()
		sl.Scope().SetName(eventScope)
		sl.Scope().SetVersion(eventVersion)
		records = sl.LogRecords()
		b.open[attribute+value] = records
	}
	record := records.AppendEmpty()
	record.SetEventName(name)
	record.SetTimestamp(pcommon.Timestamp(at))
	record.SetObservedTimestamp(b.at)
	return record
}

func (c *Config) validateRole() error {
	if _, err := shard.Parse(c.Shards); err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	switch c.Role {
	case RoleJudge:
		for i, id := range c.Relays {
			if id != anyRelay && !relayName.MatchString(id) {
				return fmt.Errorf("relays::%d: %q: name a gateway by its relay_id, or \"*\" for any", i, id)
			}
		}
		if c.HandOver != "" && c.Storage == nil {
			return errors.New("hand_over: there is no storage, so no orders are kept that could be handed over: set storage")
		}
		return nil
	case RoleRelay:
	default:
		return fmt.Errorf("role: %q: use judge or relay", c.Role)
	}
	var errs []error
	if !relayName.MatchString(c.RelayID) {
		errs = append(errs, fmt.Errorf("relay_id: %q: name this gateway as no other is named, with 1 to 128 printable characters but no /", c.RelayID))
	}
	if len(c.Flows) == 0 && c.Messages == nil {
		errs = append(errs, errors.New("role: relay, but there is nothing to relay: give it the judge's flows, or messages"))
	}
	if c.Storage != nil {
		errs = append(errs, errors.New("storage: a relay keeps no orders: drop it; what waits for the judge is kept by its exporter's queue"))
	}
	if c.Incidents.HasValue() && c.Incidents.Get().Hook() != nil {
		errs = append(errs, errors.New("incidents::webhook: alerts are for the judge: drop it here"))
	}
	if c.Shards != "" || c.HandOver != "" || len(c.Relays) > 0 {
		errs = append(errs, errors.New("shards, hand_over, relays: a relay judges no orders: drop them"))
	}
	return errors.Join(errs...)
}

var relayName = regexp.MustCompile(`^[!-.0-~]([ -.0-~]{0,126}[!-.0-~])?$`)

// changeHands puts the orders that are not judged here into the folder for those who do, and takes over what lies there
// of our own shards, in files that are to be removed once it is kept.
func (j *judge) changeHands(ctx context.Context, now int64) (files []string, err error) {
	if err := j.giveAway(); err != nil || j.keeper.folder == nil {
		return nil, err
	}
	for n := range shard.Count {
		if !j.owns.Has(n) {
			continue
		}
		orders, events, from, err := j.keeper.folder.Take(n)
		if err == nil {
			err = j.adopt(ctx, orders, events, now)
		}
		if err != nil {
			return nil, fmt.Errorf("hand_over: take over shard %d: %w", n, err)
		}
		files = append(files, from...)
	}
	return files, nil
}

func (j *judge) giveAway() error {
	foreign := func(key string) bool { return !j.owned(key) }
	all := 0
	for _, f := range j.flows {
		_, n := f.book.Give(nil, foreign)
		all += n
	}
	if all == 0 {
		return nil
	}
	if j.keeper.folder == nil {
		return fmt.Errorf("shards: the state holds %d orders of others than %s: set hand_over to a folder from which their judge can take them", all, j.owns)
	}
	for n := range shard.Count {
		if j.owns.Has(n) {
			continue
		}
		var blob []byte
		given := 0
		for _, f := range j.flows {
			orders, n := f.book.Give(nil, func(key string) bool { return shard.Of(key) == n })
			blob = wire.String(wire.String(blob, f.name), string(orders))
			given += n
		}
		if given == 0 {
			continue
		}
		if err := j.keeper.folder.Put(n, blob); err != nil {
			return fmt.Errorf("hand_over: give away shard %d: %w", n, err)
		}
	}
	for _, f := range j.flows {
		f.book.Drop(foreign)
	}
	j.logger.Info("orders of other judges' shards were handed over", zap.Int("orders", all), zap.String("hand_over", j.config.HandOver))
	return nil
}

// adopt takes over orders, and then the events that came for them. Nothing is decided before time moves on.
func (j *judge) adopt(ctx context.Context, orders, events [][]byte, now int64) error {
	defer func() {
		for _, f := range j.flows {
			f.book.Adopting(false)
			f.mu.Lock()
			j.settle(ctx, f, now)
			f.mu.Unlock()
		}
	}()
	for _, f := range j.flows {
		f.facts = f.facts[:0]
		f.book.Adopting(true)
	}
	for _, blob := range orders {
		for r := wire.NewReader(blob); !r.Empty(); {
			name, book := r.String(), r.String()
			if f, ok := j.flowOf[name]; ok && r.Err() == nil {
				var err error
				if j.flows[f].facts, err = j.flows[f].book.Adopt(wire.NewReader([]byte(book)), j.flows[f].facts); err != nil {
					return fmt.Errorf("flow %q: %w", name, err)
				}
			}
		}
	}
	for _, entry := range events {
		if err := j.adoptEvent(wire.NewReader(entry)); err != nil {
			return err
		}
	}
	return nil
}

func (j *judge) adoptEvent(r *wire.Reader) error {
	name, reached, key := r.String(), r.String(), r.String()
	n, ok := j.flowOf[name]
	if !ok || r.Err() != nil {
		return r.Err() // a flow that is no more
	}
	f := j.flows[n]
	e, err := f.book.Flow().ReadEvent(r)
	at, known := f.stageOf[reached]
	if err != nil || !known {
		return fmt.Errorf("flow %q, stage %q: %w", name, reached, cmp.Or(err, lifecycle.ErrOtherFlow))
	}
	e.Stage = uint8(at)
	f.facts = f.book.Observe(key, e, f.facts)
	for range r.Len(3) {
		transition, at, until := r.String(), r.Int(), r.Int()
		if t, ok := f.promised[transition]; ok {
			f.facts = f.book.Promise(key, t, at, until, f.facts)
		}
	}
	return r.Err()
}
