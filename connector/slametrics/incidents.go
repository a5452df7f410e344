package slametrics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/incident"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/webhook"
)

const (
	incidentsKey = "incidents"
	alarmsKey    = "alarms"
	// maxSubjects bounds the destinations and services whose incidents are followed, besides the transitions.
	maxSubjects = 1000
)

func (c *IncidentsConfig) validate() error {
	var errs []error
	if c.Quiet < time.Second {
		errs = append(errs, fmt.Errorf("quiet: %s: use 1s or more", c.Quiet))
	}
	w := c.Hook()
	if w == nil {
		return errors.Join(errs...)
	}
	if w.TokenFile == "" {
		errs = append(errs, errors.New("webhook::token_file: none: name a file with the bearer token that Alertmanager shows"))
	}
	host, port, err := net.SplitHostPort(w.Address())
	addr, _ := netip.ParseAddr(host)
	switch {
	case err != nil || port == "":
		errs = append(errs, fmt.Errorf("webhook::endpoint: %q: give host:port, as in 127.0.0.1:9095", w.Endpoint))
	case !w.TLS.HasValue() && host != "localhost" && !addr.Unmap().IsLoopback():
		errs = append(errs, fmt.Errorf("webhook::endpoint: %q is reached from other machines, and the token would cross the network in clear: set webhook::tls, or listen on 127.0.0.1", w.Endpoint))
	}
	return errors.Join(errs...)
}

// Hook is the webhook, or nil. One that says nothing is none: a variable that is null, such as that of the presets, arrives as
// a section that was given and is empty.
func (c *IncidentsConfig) Hook() *WebhookConfig {
	if !c.Webhook.HasValue() {
		return nil
	}
	w := c.Webhook.Get()
	if w.Endpoint == "" && w.TokenFile == "" && !w.TLS.HasValue() {
		return nil
	}
	return w
}

// Address is where to listen. The default is not that of the field: a webhook that is null would be on.
func (w *WebhookConfig) Address() string { return cmp.Or(w.Endpoint, "127.0.0.1:9095") }

// failure is a run of failed requests of one service in a batch.
type failure struct {
	service     string
	first, last int64
}

// sightFailure collects that a request to a service failed.
func (j *judge) sightFailure(r *reading, span ptrace.Span, service string) {
	if span.Kind() != ptrace.SpanKindServer && span.Kind() != ptrace.SpanKindConsumer {
		return
	}
	at := j.sane(int64(span.EndTimestamp()), r.now)
	if n := len(r.failed); n > 0 && r.failed[n-1].service == service {
		f := &r.failed[n-1]
		f.first, f.last = min(f.first, at), max(f.last, at)
		return
	}
	r.failed = append(r.failed, failure{service, at, at})
}

// declareIncidents makes the transitions of a flow known, so that their counters exist from the start.
func (j *judge) declareIncidents(flow string, of *lifecycle.Flow) {
	if j.incidents == nil {
		return
	}
	for i, t := range of.Transitions {
		j.incidents.Declare(incident.Subject{Flow: flow, Name: of.TransitionName(i)}, of.Stages[t.From].Name)
	}
}

// troubleOf takes a verdict on an order. The caller holds f.mu.
func (j *judge) troubleOf(ctx context.Context, f *flowJudge, fact *lifecycle.Fact, now int64) {
	subject := incident.Subject{Flow: f.name, Name: f.book.Flow().TransitionName(fact.Transition)}
	switch fact.Outcome {
	case lifecycle.OutcomeBreached:
		j.trouble(ctx, subject, fact.Due, now, false)
	case lifecycle.OutcomeRetracted:
		j.trouble(ctx, subject, fact.Due, now, true)
	case lifecycle.OutcomeLate:
		if j.incidents != nil && !j.again.incidents {
			j.incidents.Over(subject, fact.Entered+fact.Duration)
		}
	}
}

// trouble takes a bad event, or one that turned out to be none.
func (j *judge) trouble(ctx context.Context, s incident.Subject, at, now int64, retracted bool) {
	switch {
	case j.incidents == nil || j.again.incidents:
	case retracted:
		j.tellIncidents(ctx, j.incidents.Retract(s, now, nil), now)
	default:
		j.tellIncidents(ctx, j.incidents.Bad(s, at, now, nil), now)
	}
}

// passIncidents lets time pass: what has been quiet for long enough is over.
func (j *judge) passIncidents(ctx context.Context, mark, now int64) {
	if j.incidents == nil {
		return
	}
	overdue := map[incident.Subject]bool{}
	for _, f := range j.flows {
		f.mu.Lock()
		for i := range f.book.Flow().Transitions {
			if f.book.Overdue(i) > 0 {
				overdue[incident.Subject{Flow: f.name, Name: f.book.Flow().TransitionName(i)}] = true
			}
		}
		f.mu.Unlock()
	}
	j.tellIncidents(ctx, j.incidents.Pass(mark, now, func(s incident.Subject) bool { return overdue[s] }, nil), now)
}

// tellIncidents queues a record for each turn of an incident.
func (j *judge) tellIncidents(ctx context.Context, facts []incident.Fact, now int64) {
	for i := range facts {
		j.keep(ctx, record{incident: &facts[i], at: now})
	}
}

func writeIncident(f *incident.Fact, at int64, to plog.LogRecord) {
	to.SetTimestamp(pcommon.Timestamp(at))
	to.SetObservedTimestamp(pcommon.Timestamp(at))
	to.SetSeverityNumber(plog.SeverityNumberInfo)
	to.SetSeverityText("INFO")
	onset, when := time.Unix(0, f.Onset).UTC().Format(time.RFC3339Nano), time.Duration(max(0, f.At-f.Onset))
	a := to.Attributes()
	labels(a, "flow", f.Subject.Flow, "subject", f.Subject.Name, "incident.onset", onset)
	round := when.Round(time.Millisecond)
	switch f.Kind {
	case incident.Opened:
		to.SetEventName("incident.opened")
		to.SetSeverityNumber(plog.SeverityNumberWarn)
		to.SetSeverityText("WARN")
		to.Body().SetStr(fmt.Sprintf("%s %s is in trouble since %s", f.Subject.Flow, f.Subject.Name, onset))
	case incident.Known:
		to.SetEventName("incident.detected")
		a.PutDouble("incident.time_to_detect_s", when.Seconds())
		a.PutDouble("incident.notify_delay_s", f.NotifyDelay.Seconds())
		to.Body().SetStr(fmt.Sprintf("an alert told of the trouble of %s %s after %s", f.Subject.Flow, f.Subject.Name, round))
	case incident.Restored:
		to.SetEventName("incident.restored")
		a.PutDouble("incident.time_to_restore_s", when.Seconds())
		a.PutBool("incident.detected", f.Detected)
		a.PutInt("incident.bad", int64(f.Bad))
		to.Body().SetStr(fmt.Sprintf("the trouble of %s %s was over after %s", f.Subject.Flow, f.Subject.Name, round))
	case incident.Withdrawn:
		to.SetEventName("incident.withdrawn")
		to.Body().SetStr(fmt.Sprintf("%s %s was not in trouble after all: its telemetry was late", f.Subject.Flow, f.Subject.Name))
	}
}

// incidents tells all incidents, and returns their state of the same instant; nil if they are off.
func (b *board) incidents(t *incident.Tracker) []byte {
	if t == nil {
		return nil
	}
	before := b.start
	defer func() { b.start = before }()
	b.start = pcommon.Timestamp(t.Began())
	return t.Collect(func(s incident.Subject, open bool, a *incident.Account) {
		p := b.gauge("incident.open", "{incident}", "1 while the subject is in trouble.")
		if open {
			p.SetIntValue(1)
		}
		labels(p.Attributes(), "flow", s.Flow, "subject", s.Name)
		for i, detected := range []string{"false", "true"} {
			p := b.count("incidents", "{incident}", "Incidents that are over, by whether an alert told of them.", a.Restored[i])
			labels(p.Attributes(), "flow", s.Flow, "subject", s.Name, "detected", detected)
		}
		h := b.histogram("incident.time_to_detect", "Time from the first impact to the alert's arrival.", &a.TimeToTell)
		labels(h.Attributes(), "flow", s.Flow, "subject", s.Name)
		h = b.histogram("incident.notify_delay", "Time from the alert's start to its arrival.", &a.Notify)
		labels(h.Attributes(), "flow", s.Flow, "subject", s.Name)
		h = b.histogram("incident.time_to_restore", "Time from the first impact to the end of trouble.", &a.TimeToMend)
		labels(h.Attributes(), "flow", s.Flow, "subject", s.Name)
	})
}

// restoreIncidents loads incidents before the orders: what these decide again concerns them.
func (j *judge) restoreIncidents(ctx context.Context) error {
	if j.incidents == nil {
		return nil
	}
	saved, err := j.keeper.client.Get(ctx, incidentsKey)
	if err != nil {
		return fmt.Errorf("read incidents from storage %q: %w", j.config.Storage, err)
	}
	alarms, err := j.keeper.client.Get(ctx, alarmsKey)
	if err != nil {
		return fmt.Errorf("read alerts from storage %q: %w", j.config.Storage, err)
	}
	if saved != nil {
		if err := j.incidents.Load(saved); err != nil {
			j.stateFailed(ctx, "load", err)
			j.keeper.seen.incidents = 0
		}
	}
	if alarms != nil {
		now := time.Now().UnixNano()
		facts, err := j.incidents.LoadAlarms(alarms, now, nil)
		if err != nil {
			j.stateFailed(ctx, "load", err)
		}
		j.tellIncidents(ctx, facts, now)
	}
	return nil
}

// listen starts the webhook, if there is to be one.
func (j *judge) listen(ctx context.Context, host component.Host) error {
	if j.incidents == nil {
		return nil
	}
	w := j.config.Incidents.Get().Hook()
	if w == nil {
		return nil
	}
	handler := &webhook.Handler{TokenFile: w.TokenFile, Take: j.notify, Count: func(ctx context.Context, outcome string) {
		j.telemetry.SLAMetricsWebhookRequests.Add(ctx, 1, reason(outcome))
	}}
	if err := handler.Check(); err != nil {
		return fmt.Errorf("incidents::webhook::token_file: %w", err)
	}
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint, server.TLS = w.Address(), w.TLS
	server.MaxRequestBodySize, server.CompressionAlgorithms = webhook.MaxBody, []string{""}
	server.ReadTimeout, server.ReadHeaderTimeout = 30*time.Second, 10*time.Second
	listener, err := server.ToListener(ctx)
	if err != nil {
		return fmt.Errorf("incidents::webhook::endpoint: listen on %q: %w", w.Address(), err)
	}
	of, err := server.ToServer(ctx, host.GetExtensions(), j.settings, handler)
	if err != nil {
		return errors.Join(fmt.Errorf("incidents::webhook: %w", err), listener.Close())
	}
	j.intake = &intake{server: of, done: make(chan struct{})}
	go func(in *intake) {
		defer close(in.done)
		if err := in.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			j.logger.Error("the webhook for alerts ended", zap.Error(err))
		}
	}(j.intake)
	return nil
}

// intake listens for Alertmanager.
type intake struct {
	server *http.Server
	done   chan struct{}
	mu     sync.Mutex // held while alarms are kept: an older state must not replace a newer
}

// stop waits for notifications under way.
func (in *intake) stop(ctx context.Context) error {
	if in == nil {
		return nil
	}
	err := in.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, in.server.Close())
	}
	<-in.done
	return err
}

// notify takes alerts, and keeps what they told before Alertmanager hears that they arrived.
func (j *judge) notify(ctx context.Context, alerts []incident.Alert) error {
	now := time.Now().UnixNano()
	matched, facts := j.incidents.Notify(alerts, now, nil)
	j.telemetry.SLAMetricsAlerts.Add(ctx, int64(matched), reason("matched"))
	j.telemetry.SLAMetricsAlerts.Add(ctx, int64(len(alerts)-matched), reason("unmatched"))
	j.tellIncidents(ctx, facts, now)
	if matched == 0 || j.keeper == nil {
		return nil
	}
	j.intake.mu.Lock()
	defer j.intake.mu.Unlock()
	if err := j.keeper.client.Set(ctx, alarmsKey, j.incidents.SaveAlarms()); err != nil {
		j.stateFailed(ctx, "alerts", err)
		return err
	}
	return nil
}

func (j *judge) observeIncidentsEvicted(_ context.Context, o metric.Int64Observer) error {
	if j.incidents != nil {
		o.Observe(int64(j.incidents.Evicted()))
	}
	return nil
}

func (j *judge) observeIncidentsDenied(_ context.Context, o metric.Int64Observer) error {
	if j.incidents != nil {
		o.Observe(int64(j.incidents.Denied()))
	}
	return nil
}
