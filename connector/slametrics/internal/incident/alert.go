package incident

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Alert is what Alertmanager says of one alert.
type Alert struct {
	Status   string            `json:"status"`
	Labels   map[string]string `json:"labels"`
	StartsAt time.Time         `json:"startsAt"`
}

// maxName bounds what an alert names, in bytes: destinations and services are cut at less.
const maxName = 512

const (
	firing   = "firing"
	resolved = "resolved"
)

// Parse reads a notification of Alertmanager's webhook, version 4.
func Parse(body []byte) ([]Alert, error) {
	var n struct {
		Version string  `json:"version"`
		Alerts  []Alert `json:"alerts"`
	}
	if err := json.Unmarshal(body, &n); err != nil {
		return nil, errors.New("the body is no JSON of a notification")
	}
	if n.Version != "4" {
		return nil, fmt.Errorf("version %.10q: this reads version 4 of Alertmanager's webhook", n.Version)
	}
	if len(n.Alerts) == 0 {
		return nil, errors.New("a notification without alerts")
	}
	for i, a := range n.Alerts {
		if a.Status != firing && a.Status != resolved {
			return nil, fmt.Errorf("alert %d: status %.20q: it is firing or resolved", i, a.Status)
		}
		if a.StartsAt.Unix() <= 0 || a.StartsAt.Year() > 2200 {
			return nil, fmt.Errorf("alert %d: startsAt is no time of this age", i)
		}
	}
	return n.Alerts, nil
}

// Notify takes a notification that arrived at wall time now, and returns how many of its alerts concern a subject.
func (t *Tracker) Notify(alerts []Alert, now int64, facts []Fact) (matched int, _ []Fact) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.facts = facts
	// What is resolved comes first: of several alerts on a subject one that fires counts.
	for _, status := range []string{resolved, firing} {
		for i := range alerts {
			if a := &alerts[i]; a.Status == status {
				subjects := t.concernedLocked(a.Labels)
				matched += min(len(subjects), 1)
				for _, s := range subjects {
					t.alertLocked(s, a, now)
				}
			}
		}
	}
	return matched, t.facts
}

func (t *Tracker) alertLocked(s Subject, a *Alert, now int64) {
	e := t.entries[s]
	if a.Status == resolved {
		if e.alarm.fires(now) {
			e.alarm.resolved = now
			if e.service && e.lastFailure > e.onset { // trouble was over before the alert knew
				e.last = min(now, e.lastFailure)
				e.ended = e.last
			}
		}
		return
	}
	emit := func(k Kind) { t.emitLocked(k, s, e, now) }
	e.alert(min(a.StartsAt.UnixNano(), now), now, emit)
	if e.service {
		e.blame(t.quiet, now, emit)
	}
}

// concernedLocked finds the subjects of an alert by its labels: flow and transition, flow and stage, destination, or
// service. Without a flow, those of any flow.
func (t *Tracker) concernedLocked(labels map[string]string) (found []Subject) {
	flow, transition, stage := labels["flow"], labels["transition"], labels["stage"]
	switch {
	case transition != "" || stage != "":
		t.allLocked(func(s Subject, e *entry) {
			if e.fixed && (flow == "" || s.Flow == flow) && (transition == s.Name || transition == "" && stage == e.from) {
				found = append(found, s)
			}
		})
	case len(labels["destination"])+len(labels["service"]) > maxName: // nothing here has such a name
	case labels["destination"] != "":
		found = append(found, Messages(labels["destination"]))
	case labels["service"] != "":
		found = append(found, Service(labels["service"]))
	}
	if len(found) == 1 && t.findLocked(found[0]) == nil {
		return nil
	}
	return found
}
