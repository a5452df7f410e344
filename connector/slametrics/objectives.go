package slametrics

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	// defaultWindow is 30 days: what error budgets are usually told over.
	defaultWindow = 720 * time.Hour
	// minWindow is the shortest window in which a budget, and windows to watch it burn, make sense.
	minWindow = time.Hour
)

// ObjectiveConfig is a share of good outcomes to keep. It names one of: a transition, a flow (its end to end), a
// destination of messages, a service.
type ObjectiveConfig struct {
	// Name is the objective's own, in metrics and alerts.
	Name string `mapstructure:"name"`
	// Flow whose end_to_end is meant, or, beside a transition, the flow that it belongs to: needed where several flows
	// have one of that name.
	Flow string `mapstructure:"flow"`
	// Transition as from->to. Good is on_time, or retracted after all.
	Transition string `mapstructure:"transition"`
	// Destination of messages. Good is on_time.
	Destination string `mapstructure:"destination"`
	// Service whose requests and messages, as it serves them, must not fail.
	Service string `mapstructure:"service"`
	// Objective in percent, above 0 and below 100.
	Objective float64 `mapstructure:"objective"`
	// Window over which the objective holds. Default 720h; at least 1h, and never shorter than the deadline.
	Window time.Duration `mapstructure:"window"`
	// Page says that a fast burn of the budget is critical: it goes out at once. Default false: a ticket.
	Page bool `mapstructure:"page"`
	// Burn are the windows in which the budget is watched. Default: those of the Site Reliability Workbook, none of them
	// shorter than the deadline.
	Burn []BurnConfig `mapstructure:"burn"`
}

// BurnConfig is an alert on how fast a budget is used up.
type BurnConfig struct {
	// Long is the window that must burn too fast.
	Long time.Duration `mapstructure:"long"`
	// Short is the window that must still do so, so that the alert ends soon after the burning. At least the deadline.
	Short time.Duration `mapstructure:"short"`
	// Factor is how many times faster than the window allows.
	Factor float64 `mapstructure:"factor"`
	// Fast says that the alert is BudgetBurnFast, critical if the objective pages; else BudgetBurnSlow.
	Fast bool `mapstructure:"fast"`
}

// Objective is an objective that names what it judges in full.
type Objective struct {
	ObjectiveConfig
	// Deadline of what is judged; zero for a service.
	Deadline time.Duration
}

// ResolveObjectives finds what each objective is about. It reports every mistake at once.
func (c *Config) ResolveObjectives() ([]Objective, error) {
	var errs []error
	var found []Objective
	seen := map[string]bool{}
	for i := range c.Objectives {
		o, err := c.resolve(c.Objectives[i])
		if err == nil {
			err = o.validate()
		}
		if o.Name != "" && seen[o.Name] {
			err = errors.Join(err, errors.New("name: another objective has it: name this one differently"))
		}
		seen[o.Name] = true
		if err != nil {
			errs = append(errs, fmt.Errorf("objectives::%d (%s): %w", i, cmp.Or(o.Name, "no name"), err))
		}
		found = append(found, o)
	}
	return found, errors.Join(errs...)
}

// resolve returns the objective with its flow and transition in full.
func (c *Config) resolve(o ObjectiveConfig) (Objective, error) {
	o.Window = cmp.Or(o.Window, defaultWindow)
	if from, to, ok := strings.Cut(o.Transition, "->"); ok {
		o.Transition = strings.TrimSpace(from) + "->" + strings.TrimSpace(to)
	}
	subjects := 0
	for _, given := range []bool{o.Transition != "" || o.Flow != "", o.Destination != "", o.Service != ""} {
		if given {
			subjects++
		}
	}
	if subjects != 1 {
		return Objective{ObjectiveConfig: o}, errors.New("give one of transition, flow, destination and service: an objective is about one of them")
	}
	switch {
	case o.Destination != "":
		return c.resolveDestination(o)
	case o.Service != "" && !c.Services.Enabled:
		return Objective{ObjectiveConfig: o}, fmt.Errorf("service: %q is not counted: set services::enabled: true", o.Service)
	case o.Service != "":
		return Objective{ObjectiveConfig: o}, nil
	}
	return c.resolveTransition(o)
}

func (c *Config) resolveDestination(o ObjectiveConfig) (Objective, error) {
	found := Objective{ObjectiveConfig: o}
	if c.Messages == nil {
		return found, fmt.Errorf("destination: messages to %q are not judged: set messages::deadline", o.Destination)
	}
	if only := c.Messages.Destinations; len(only) > 0 && !slices.Contains(only, o.Destination) {
		return found, fmt.Errorf("destination: %q is not judged: add it to messages::destinations (%v)", o.Destination, only)
	}
	found.Deadline = c.Messages.Deadline
	return found, nil
}

func (c *Config) resolveTransition(o ObjectiveConfig) (Objective, error) {
	found := Objective{ObjectiveConfig: o}
	flows := slices.Sorted(maps.Keys(c.Flows))
	if o.Flow != "" {
		flow, ok := c.Flows[o.Flow]
		if !ok {
			return found, fmt.Errorf("flow: no flow %q: one of %v", o.Flow, flows)
		}
		if o.Transition == "" {
			if flow.EndToEnd == nil {
				return found, fmt.Errorf("flow: %q has no end_to_end: give it one, or name a transition", o.Flow)
			}
			found.Transition, found.Deadline = flow.EndToEnd.From+"->"+flow.EndToEnd.To, flow.EndToEnd.Deadline
			return found, nil
		}
		flows = []string{o.Flow}
	}
	from, to, ok := strings.Cut(o.Transition, "->")
	if !ok {
		return found, fmt.Errorf("transition: %q: write it as from->to", o.Transition)
	}
	var in, known []string
	for _, name := range flows {
		flow := c.Flows[name]
		for transition, deadline := range flow.deadlines() {
			known = append(known, transition)
			if transition == o.Transition {
				found.Flow, found.Deadline = name, deadline
				in = append(in, name)
			}
		}
	}
	switch {
	case len(in) > 1:
		return found, fmt.Errorf("transition: %q is in the flows %v: say which by flow", o.Transition, in)
	case len(in) == 0:
		for _, stage := range []string{from, to} {
			if !slices.ContainsFunc(flows, func(name string) bool { _, ok := c.Flows[name].Stages[stage]; return ok }) {
				return found, fmt.Errorf("transition: %q: no stage %q in the flows %v", o.Transition, stage, flows)
			}
		}
		slices.Sort(known)
		return found, fmt.Errorf("transition: no transition %q: one of %v; the objectives of a preset stay until this list is given anew ([] for none)", o.Transition, known)
	}
	return found, nil
}

// deadlines are those of all transitions, by name; of those with a promise their default.
func (f *FlowConfig) deadlines() map[string]time.Duration {
	all := map[string]time.Duration{}
	for _, t := range f.Transitions {
		all[t.From+"->"+t.To] = cmp.Or(t.Deadline, t.Default)
	}
	if e := f.EndToEnd; e != nil {
		all[e.From+"->"+e.To] = e.Deadline
	}
	return all
}

func (o *Objective) validate() error {
	var errs []error
	if o.Name == "" {
		errs = append(errs, errors.New("name: an objective without one: name it"))
	}
	if !(o.Objective > 0 && o.Objective < 100) {
		errs = append(errs, fmt.Errorf("objective: %v: give a percentage above 0 and below 100: at 100 there is no budget to use", o.Objective))
	}
	if o.Window < minWindow {
		errs = append(errs, fmt.Errorf("window: %s: use %s or more", o.Window, minWindow))
	}
	if o.Window < o.Deadline {
		errs = append(errs, fmt.Errorf("window: %s is shorter than the deadline of %s: nothing would be judged in the window in which it began: use %s or more", o.Window, o.Deadline, o.Deadline))
	}
	for i, b := range o.Burn {
		if err := o.validateBurn(b); err != nil {
			errs = append(errs, fmt.Errorf("burn::%d: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

func (o *Objective) validateBurn(b BurnConfig) error {
	var errs []error
	if b.Short <= 0 || b.Short >= b.Long || b.Long > o.Window {
		errs = append(errs, fmt.Errorf("short %s, long %s: give short above zero, long above short, and at most the window (%s)", b.Short, b.Long, o.Window))
	}
	if b.Short < o.Deadline {
		errs = append(errs, fmt.Errorf("short: %s is shorter than the deadline of %s: what fails in it began before it: use %s or more, or leave burn out for windows that fit", b.Short, o.Deadline, o.Deadline))
	}
	if most := 100 / (100 - o.Objective); !(b.Factor > 0 && b.Factor < most) {
		errs = append(errs, fmt.Errorf("factor: %v: give a number above 0 and below %.4g: failing altogether burns no faster than that", b.Factor, most))
	}
	return errors.Join(errs...)
}

// objectives tells what was promised, so that dashboards show it beside what was kept.
func (b *board) objectives(all []Objective) {
	for i := range all {
		o := &all[i]
		p := b.gauge("slo.objective", "", "The share of good outcomes that was promised.")
		p.SetDoubleValue(math.Round(o.Objective*1e9) / 1e11) // 99.9 is 0.999, not a hair beside it
		labels(p.Attributes(), "slo", o.Name)
		for _, of := range [][2]string{{"flow", o.Flow}, {"transition", o.Transition}, {"destination", o.Destination}, {"service", o.Service}} {
			if of[1] != "" {
				p.Attributes().PutStr(of[0], of[1])
			}
		}
	}
}

// problems tells the oldest orders in trouble by name, and ends the series of those that no longer are: again with every
// batch until one was taken.
func (b *board) problems(f *flowJudge) {
	now := map[problemSeries]struct{}{}
	for _, p := range f.book.Problems(maxProblems, nil) {
		s := problemSeries{p.Transition, p.Outcome, p.Key, p.Trace}
		now[s] = struct{}{}
		b.problem(f, s).SetDoubleValue(max(0, float64(int64(b.now)-p.Entered)/1e9))
	}
	for s := range f.telling { // a batch that was refused: it may have arrived in part
		if len(f.told) < maxTold {
			f.told[s] = struct{}{}
		}
	}
	for s := range f.told {
		if _, still := now[s]; !still {
			b.problem(f, s).SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		}
	}
	f.telling = now
}

func (b *board) problem(f *flowJudge, s problemSeries) pmetric.NumberDataPoint {
	p := b.gauge("order.problem", "s", "Age of the oldest open orders that are stuck, breached or lost; the trace is the order's last.")
	labels(p.Attributes(), "flow", f.name, "transition", f.book.Flow().TransitionName(s.transition), "outcome", s.outcome,
		"order_id", s.order, "trace_id", traceText(s.trace))
	return p
}
