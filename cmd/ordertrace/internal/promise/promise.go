// Package promise is what a configuration of sla_metrics promises, in plain Go: the flows, what is judged, and the
// objectives with the windows in which their budgets are watched.
package promise

import (
	"strconv"
	"time"
)

// Promises are those of all sla_metrics connectors of a collector.
type Promises struct {
	Flows      []Flow
	Objectives []Objective
	// Messages and Services say whether they are judged at all.
	Messages, Services bool
	// Incidents says that the time until people are told, and until it is over, is measured.
	Incidents bool
	// Storage says that the state of orders is kept.
	Storage bool
	// Flush is how often metrics are told, and state is kept.
	Flush time.Duration
}

// Flow is the life of one kind of order.
type Flow struct {
	Name string
	// Stages in the order of an order's life.
	Stages      []Stage
	Transitions []Transition
}

// Stage of a flow.
type Stage struct {
	Name string
	Ends bool // the order ends here
}

// Transition of a flow, from stage to stage.
type Transition struct {
	Name     string // from->to
	To       string
	EndToEnd bool
}

// Objective is a share of good outcomes to keep over a window.
type Objective struct {
	Name string
	// One of: flow and transition, destination, service.
	Flow, Transition, Destination, Service string
	// Target is a share between 0 and 1.
	Target   float64
	Window   time.Duration
	Deadline time.Duration // of what is judged; zero for a service
	Page     bool
	Burns    []Burn
}

// Budget is the share that may fail.
func (o *Objective) Budget() float64 { return round(1 - o.Target) }

// Labels name what the objective is about, in metrics.
func (o *Objective) Labels() map[string]string {
	all := map[string]string{"slo": o.Name}
	for name, value := range map[string]string{"flow": o.Flow, "transition": o.Transition, "destination": o.Destination, "service": o.Service} {
		if value != "" {
			all[name] = value
		}
	}
	return all
}

// Span writes a time as Prometheus does, in its largest whole unit.
func Span(d time.Duration) string {
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if d%unit.of == 0 {
			return strconv.FormatInt(int64(d/unit.of), 10) + unit.name
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}
