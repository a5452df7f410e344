package orderenrich

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/lineage"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/pseudonym"
)

// ownIndexBytes bounds the index of an instance that shares none.
const ownIndexBytes = 64 << 20

// indexer is what an order_index extension offers.
type indexer interface {
	Index() *binding.Index
}

// enricher is what the traces and the logs processor have in common. After Start all of it is read-only but the pool.
type enricher struct {
	cfg    *Config
	set    processor.Settings
	meters *meters
	names  []string // identifiers by rule

	index   *binding.Index
	matcher *extract.Matcher
	rules   []lineage.Rule
	desks   sync.Pool // of *desk
	signal  string
	shelf   shelf
}

func newEnricher(set processor.Settings, cfg *Config, signal string) (*enricher, error) {
	names := slices.Sorted(maps.Keys(cfg.Identifiers))
	m, err := newMeters(set.TelemetrySettings, signal, names)
	if err != nil {
		return nil, err
	}
	return &enricher{cfg: cfg, set: set, meters: m, names: names, signal: signal}, nil
}

// Capabilities says that telemetry is changed in place.
func (e *enricher) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// Start reads keys and tables and finds the index.
func (e *enricher) Start(_ context.Context, host component.Host) error {
	if err := e.findIndex(host); err != nil {
		return err
	}
	var rules []extract.Rule
	var messages, conversations bool
	e.rules = e.rules[:0]
	e.shelf = shelf{e: e}
	for _, name := range e.names {
		id := e.cfg.Identifiers[name]
		r := e.cfg.rule(name)
		if id.PseudonymKey != nil {
			maker, err := e.pseudonyms(name, *id.PseudonymKey)
			if err != nil {
				return fmt.Errorf("identifiers::%s::pseudonym_key: %w", name, err)
			}
			r.Derive = maker.Make
		}
		var err error
		if r.Tables, err = e.shelf.open(name, id); err != nil {
			return err
		}
		rules = append(rules, r)
		messages = messages || id.MessageID
		conversations = conversations || id.ConversationID
		n, err := e.index.Name(name, joins(id))
		if err != nil {
			return err
		}
		if id.PseudonymKey != nil && *id.PseudonymKey == "" {
			e.index.KeepToSelf(n) // others have another random key
		}
		e.rules = append(e.rules, lineage.Rule{Name: n, Joins: joins(id), Text: name, Follows: e.numbers(id.Follows)})
	}
	m, err := extract.Compile(rules, messages, conversations)
	if err != nil {
		return err
	}
	e.matcher = m
	e.desks.New = func() any { return newDesk(e) }
	return e.shelf.watch()
}

// Shutdown stops the instance's telemetry.
func (e *enricher) Shutdown(context.Context) error {
	e.shelf.close()
	e.meters.stop()
	return nil
}

func (e *enricher) findIndex(host component.Host) error {
	if e.cfg.Index == nil {
		e.index = binding.New(binding.Options{MaxBytes: ownIndexBytes})
		return e.meters.observe(e.index)
	}
	ext, ok := host.GetExtensions()[*e.cfg.Index]
	if !ok {
		return fmt.Errorf("index: there is no extension %q; list it under extensions and service::extensions", *e.cfg.Index)
	}
	shared, ok := ext.(indexer)
	if !ok {
		return fmt.Errorf("index: extension %q is not of type order_index", *e.cfg.Index)
	}
	e.index = shared.Index()
	return nil
}

// warnRandomKey keeps the instances of one process from all saying the same.
var warnRandomKey sync.Once

func (e *enricher) pseudonyms(name, path string) (*pseudonym.Maker, error) {
	if path != "" {
		return pseudonym.Load(path, name)
	}
	warnRandomKey.Do(func() {
		e.set.Logger.Warn("Pseudonyms use a random key of this start: after a restart every user has a new one. "+
			"Nor are they told to other gateways, which would have others. Set pseudonym_key to a key file to keep and share them.", zap.String("identifier", name))
	})
	return pseudonym.Random(name), nil
}

// numbers gives the rules of identifiers.
func (e *enricher) numbers(names []string) []uint8 {
	var out []uint8
	for _, n := range names {
		out = append(out, uint8(slices.Index(e.names, n)))
	}
	return out
}

func joins(id IdentifierConfig) binding.Joins {
	var j binding.Joins
	if id.MessageID {
		j = j.With(binding.Message)
	}
	if id.ConversationID {
		j = j.With(binding.Conversation)
	}
	if id.SpanLinks {
		j = j.With(binding.Link)
	}
	return j
}

func (e *enricher) desk() *desk { return e.desks.Get().(*desk) }

func (e *enricher) putBack(d *desk) {
	d.clear()
	e.desks.Put(d)
}

// learn ends the first pass over a payload.
func (e *enricher) learn(ctx context.Context, d *desk) {
	l := d.batch.Learn(time.Now())
	e.meters.learnt(ctx, l)
	for _, q := range l.Quarantined {
		e.set.Logger.Warn("A service names something else than it should: one value of this field met three better ones. It is ignored from now on.",
			zap.String("identifier", e.names[q.Rule]), zap.String("source", q.Source.String()), zap.String("service", d.serviceOf(q)))
	}
}
