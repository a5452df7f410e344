package slametrics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/ledger"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/stage"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

var (
	spanKinds = map[string]ptrace.SpanKind{
		"": ptrace.SpanKindUnspecified, "internal": ptrace.SpanKindInternal, "server": ptrace.SpanKindServer,
		"client": ptrace.SpanKindClient, "producer": ptrace.SpanKindProducer, "consumer": ptrace.SpanKindConsumer,
	}
	statuses = map[StatusMatch]stage.Status{
		"": stage.NotFailed, StatusNotError: stage.NotFailed, StatusError: stage.Failed, StatusAny: stage.Either,
	}
	ends = map[EndKind]lifecycle.End{
		EndNone: lifecycle.NoEnd, EndGood: lifecycle.Good, EndBad: lifecycle.Bad, EndNeutral: lifecycle.Neutral,
	}
)

// promiseMatch is an attribute that holds the deadline of a transition.
type promiseMatch struct {
	transition int
	attribute  string
}

// flowMatch finds the orders and stages that telemetry speaks of.
type flowMatch struct {
	key      string
	promises []promiseMatch
	stages   *stage.Matcher
	// conditions by stage, asked of what meets the stage's rule.
	conditions []condition
}

// condition is in the terms of spans, of log records, or both; nil where there is none.
type condition struct {
	span *ottl.Condition[*ottlspan.TransformContext]
	log  *ottl.Condition[*ottllog.TransformContext]
}

// ofSpan says whether the condition, if there is one, holds.
func (c *condition) ofSpan(rs ptrace.ResourceSpans, ss ptrace.ScopeSpans, span ptrace.Span) (bool, error) {
	if c.span == nil {
		return true, nil
	}
	of := ottlspan.NewTransformContextPtr(rs, ss, span)
	defer of.Close()
	return c.span.Eval(context.Background(), of)
}

// ofLog says whether the condition, if there is one, holds.
func (c *condition) ofLog(rl plog.ResourceLogs, sl plog.ScopeLogs, record plog.LogRecord) (bool, error) {
	if c.log == nil {
		return true, nil
	}
	of := ottllog.NewTransformContextPtr(rl, sl, record)
	defer of.Close()
	return c.log.Eval(context.Background(), of)
}

// compileCondition reads the stage's condition for the signals that may reach it.
func (s *StageConfig) compileCondition() (c condition, err error) {
	if s.Condition == "" {
		return c, nil
	}
	set := component.TelemetrySettings{Logger: zap.NewNop()}
	var spanErr, logErr error
	if s.Signal != SignalLog {
		functions := ottlfuncs.StandardConverters[*ottlspan.TransformContext]()
		root := ottlfuncs.NewIsRootSpanFactoryNew()
		functions[root.Name()] = root
		var p ottl.Parser[*ottlspan.TransformContext]
		if p, spanErr = ottlspan.NewParser(functions, set); spanErr == nil {
			c.span, spanErr = p.ParseCondition(s.Condition)
		}
	}
	if s.Signal != SignalSpan && !s.spansOnly() {
		var p ottl.Parser[*ottllog.TransformContext]
		if p, logErr = ottllog.NewParser(ottlfuncs.StandardConverters[*ottllog.TransformContext](), set); logErr == nil {
			c.log, logErr = p.ParseCondition(s.Condition)
		}
	}
	if c.span == nil && c.log == nil {
		return c, fmt.Errorf("condition: %q: %w: write it in OTTL, as in attributes[\"order.status\"] == \"CLOSED\"", s.Condition, errors.Join(spanErr, logErr))
	}
	return c, nil
}

// subject reads attributes of a span or log record, else of its resource.
type subject struct{ own, resource pcommon.Map }

var _ stage.Subject = (*subject)(nil)

// Get returns the value of an attribute.
func (s *subject) Get(key string) (pcommon.Value, bool) {
	if v, ok := s.own.Get(key); ok {
		return v, true
	}
	return s.resource.Get(key)
}

// Text returns an attribute as the configuration writes it, without a copy where it is a string already.
func (s *subject) Text(key string) (string, bool) {
	v, ok := s.Get(key)
	if !ok {
		return "", false
	}
	return text(v), true
}

// text is the value as the configuration writes it, without a copy where it is a string already.
func text(v pcommon.Value) string {
	if v.Type() == pcommon.ValueTypeStr {
		return v.Str()
	}
	return v.AsString()
}

// maxLabel bounds, in bytes, the names that become labels: of services, operations, systems, destinations and paths.
const maxLabel = 255

// short cuts a name that is too long for a label, between characters.
func short(name string) string {
	if len(name) <= maxLabel {
		return name
	}
	end := maxLabel
	for end > maxLabel-utf8.UTFMax && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

func textOf(m pcommon.Map, key string) string {
	if v, ok := m.Get(key); ok {
		return text(v)
	}
	return ""
}

func (f *FlowConfig) keyAttribute() string { return cmp.Or(f.Key, "order.id") }

// validate reports every mistake in a flow.
func (f *FlowConfig) validate(maxAge time.Duration) error {
	var errs []error
	if len(f.Stages) == 0 {
		errs = append(errs, errors.New("stages: none: name at least one"))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Stages)) {
		of := f.Stages[name]
		if err := of.validate(); err != nil {
			errs = append(errs, fmt.Errorf("stages::%s: %w", name, err))
		}
		if name == "" {
			errs = append(errs, errors.New("stages: a stage has an empty name: name it"))
		}
	}
	for i := range f.Transitions {
		if err := f.Transitions[i].validate(f.Stages); err != nil {
			errs = append(errs, fmt.Errorf("transitions::%d: %w", i, err))
		}
	}
	if e := f.EndToEnd; e != nil {
		t := TransitionConfig{From: e.From, To: e.To, Deadline: e.Deadline, LostAfter: e.LostAfter}
		if err := t.validate(f.Stages); err != nil {
			errs = append(errs, fmt.Errorf("end_to_end: %w", err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	flow, err := f.compile("")
	if err == nil && flow.Longest() > maxAge {
		err = fmt.Errorf("a deadline or lost_after of %s is longer than time::max_age (%s): raise max_age", flow.Longest(), maxAge)
	}
	return err
}

func (s *StageConfig) validate() error {
	var errs []error
	if s.Service == "" && s.SpanName == "" && s.Kind == "" && len(s.Attributes) == 0 && s.Condition == "" {
		errs = append(errs, errors.New("no condition: every span would reach it: give service, span_name, kind, attributes or condition"))
	}
	if _, err := s.compileCondition(); err != nil {
		errs = append(errs, err)
	}
	if !slices.Contains([]SignalMatch{"", SignalAny, SignalSpan, SignalLog}, s.Signal) {
		errs = append(errs, fmt.Errorf("signal: %q: use any, span or log", s.Signal))
	}
	if _, ok := statuses[s.Status]; !ok {
		errs = append(errs, fmt.Errorf("status: %q: use not_error, error or any", s.Status))
	}
	if _, ok := spanKinds[s.Kind]; !ok {
		errs = append(errs, fmt.Errorf("kind: %q: use internal, server, client, producer or consumer", s.Kind))
	}
	if _, ok := ends[s.End]; !ok {
		errs = append(errs, fmt.Errorf("end: %q: use good, bad or neutral", s.End))
	}
	if s.Rank < 0 {
		errs = append(errs, fmt.Errorf("rank: %d: give 1 or more, or leave it out", s.Rank))
	}
	if s.Signal == SignalLog && s.spansOnly() {
		errs = append(errs, errors.New("signal: log, but span_name, kind and status are of spans: drop them"))
	}
	return errors.Join(errs...)
}

func (s *StageConfig) spansOnly() bool {
	return s.SpanName != "" || s.Kind != "" || s.Status == StatusError || s.Status == StatusAny
}

func (t *TransitionConfig) validate(stages map[string]StageConfig) error {
	var errs []error
	for _, end := range [][2]string{{"from", t.From}, {"to", t.To}} {
		if _, ok := stages[end[1]]; !ok {
			errs = append(errs, fmt.Errorf("%s: no stage %q: one of %v", end[0], end[1], slices.Sorted(maps.Keys(stages))))
		}
	}
	switch {
	case t.DeadlineAttribute != "" && t.Deadline != 0:
		errs = append(errs, errors.New("deadline and deadline_attribute: give one of them; default is for orders without the attribute"))
	case t.DeadlineAttribute != "" && t.Default <= 0:
		errs = append(errs, fmt.Errorf("default: %s: give a time above zero, for orders without %s", t.Default, t.DeadlineAttribute))
	case t.DeadlineAttribute == "" && t.Default != 0:
		errs = append(errs, errors.New("default: it belongs to deadline_attribute: write deadline"))
	case t.DeadlineAttribute == "" && t.Deadline <= 0:
		errs = append(errs, fmt.Errorf("deadline: %s: give a time above zero", t.Deadline))
	}
	if t.StuckAfter < 0 {
		errs = append(errs, fmt.Errorf("stuck_after: %s: give a time above zero, or leave it out", t.StuckAfter))
	}
	if least := cmp.Or(t.Deadline, t.Default); t.LostAfter != 0 && t.LostAfter < least {
		errs = append(errs, fmt.Errorf("lost_after: %s is before the deadline (%s): raise it, or leave it out", t.LostAfter, least))
	}
	return errors.Join(errs...)
}

// ranked are the stages by their rank: their own, or their place among first mentions; then by name.
func (f *FlowConfig) ranked() []string {
	order, rank := slices.Sorted(maps.Keys(f.Stages)), map[string]int{}
	mention := func(stages ...string) {
		for _, name := range stages {
			if _, ok := rank[name]; !ok {
				rank[name] = cmp.Or(f.Stages[name].Rank, len(rank)+1)
			}
		}
	}
	for _, t := range f.Transitions {
		mention(t.From, t.To)
	}
	if f.EndToEnd != nil {
		mention(f.EndToEnd.From, f.EndToEnd.To)
	}
	mention(order...)
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(rank[a], rank[b]) })
	return order
}

// compile turns a checked configuration into a flow.
func (f *FlowConfig) compile(name string) (*lifecycle.Flow, error) {
	order := f.ranked()
	stages := make([]lifecycle.Stage, len(order))
	for i, name := range order {
		stages[i] = lifecycle.Stage{Name: name, End: ends[f.Stages[name].End]}
	}
	var transitions []lifecycle.Transition
	for _, t := range f.Transitions {
		transitions = append(transitions, lifecycle.Transition{
			From: slices.Index(order, t.From), To: slices.Index(order, t.To),
			Deadline: cmp.Or(t.Deadline, t.Default), StuckAfter: t.StuckAfter, LostAfter: t.LostAfter,
			Promised: t.DeadlineAttribute != "",
		})
	}
	if e := f.EndToEnd; e != nil {
		transitions = append(transitions, lifecycle.Transition{
			From: slices.Index(order, e.From), To: slices.Index(order, e.To),
			Deadline: e.Deadline, LostAfter: e.LostAfter, EndToEnd: true,
		})
	}
	return lifecycle.NewFlow(name, stages, transitions)
}

// matcher compiles the conditions of a flow's stages.
func (f *FlowConfig) matcher(flow *lifecycle.Flow) (flowMatch, error) {
	m := flowMatch{key: f.keyAttribute(), conditions: make([]condition, len(flow.Stages))}
	for i, t := range f.Transitions {
		if t.DeadlineAttribute != "" {
			m.promises = append(m.promises, promiseMatch{i, t.DeadlineAttribute})
		}
	}
	rules := make([]stage.Rule, len(flow.Stages))
	for rank := range flow.Stages {
		c := f.Stages[flow.Stages[rank].Name]
		r := stage.Rule{
			Stage: rank, Service: c.Service, Name: c.SpanName, Kind: int32(spanKinds[c.Kind]), Status: statuses[c.Status],
			Spans: c.Signal != SignalLog, Logs: c.Signal != SignalSpan && !c.spansOnly(),
		}
		var err error
		if m.conditions[rank], err = c.compileCondition(); err != nil {
			return m, err
		}
		if c.Condition != "" {
			r.Spans, r.Logs = m.conditions[rank].span != nil, m.conditions[rank].log != nil
		}
		for _, key := range slices.Sorted(maps.Keys(c.Attributes)) {
			r.Attributes = append(r.Attributes, stage.Attribute{Key: key, Value: c.Attributes[key]})
		}
		rules[rank] = r
	}
	m.stages = stage.New(rules)
	return m, nil
}

// load reads a flow's state.
func (f *flowJudge) load(state []byte) (err error) {
	r := wire.NewReader(state)
	f.started = time.Unix(0, r.Int())
	if f.facts, err = f.book.Load(r, f.facts[:0]); err != nil {
		return err
	}
	return f.ledger.Load(r)
}

// reset forgets a flow.
func (f *flowJudge) reset(config *Config) {
	flow := f.book.Flow()
	f.book, f.ledger, f.facts, f.started = newBook(flow, config), ledger.New(flow), f.facts[:0], time.Now()
}
