package slametrics

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/confmap"

	"github.com/ordertrace/ordertrace/internal/unit"
)

// Config is the configuration of the sla_metrics connector.
type Config struct {
	// Role is judge or relay. Behind several gateways an order is judged in one place: the gateways relay, as order events
	// (logs), what they see of it to the one that judges. Default judge.
	Role Role `mapstructure:"role"`
	// RelayID names this gateway to the judge, as no other. Required of a relay.
	RelayID string `mapstructure:"relay_id"`
	// Relays are the gateways whose order events are believed, by relay_id; "*" is any. Default none: whoever may send logs
	// could otherwise invent orders and gateways.
	Relays []string `mapstructure:"relays"`
	// Shards are the orders that are judged here, of 64 virtual shards: numbers and ranges, such as 0-31. The others are
	// counted as misrouted. Default all.
	Shards string `mapstructure:"shards"`
	// HandOver is a folder for orders that move between judges: what is of other shards is put there, and what lies there of
	// our own is taken over at start. Without one a judge refuses to start on orders that are not its own.
	HandOver string `mapstructure:"hand_over"`
	// Storage is the storage extension that keeps orders in flight and their counters over a restart. Without one they
	// are forgotten. Messages and the counters of services are not kept.
	Storage *component.ID `mapstructure:"storage"`
	// Flows are the lives of orders to follow, by name. Without one only services are counted.
	Flows map[string]FlowConfig `mapstructure:"flows"`
	// Messages judges the delivery of messages by their producer and consumer spans; off if absent.
	Messages *MessagesConfig `mapstructure:"messages"`
	// Services counts requests by service and operation.
	Services ServicesConfig `mapstructure:"services"`
	// Incidents measures how long it takes until people are told of trouble, and until it is over; off if absent.
	Incidents configoptional.Optional[IncidentsConfig] `mapstructure:"incidents"`
	// Objectives are shares of good outcomes to keep. The connector tells them as slo.objective; `ordertrace rules` makes
	// alerts and dashboards of them.
	Objectives []ObjectiveConfig `mapstructure:"objectives"`
	// Time says how event time moves and when it is trusted.
	Time TimeConfig `mapstructure:"time"`
	// Limits bound memory.
	Limits LimitsConfig `mapstructure:"limits"`
	// MetricsFlushInterval is how often metrics are emitted. They are also emitted at shutdown. Default 15s.
	MetricsFlushInterval time.Duration `mapstructure:"metrics_flush_interval"`
}

// FlowConfig is the life of one kind of order.
type FlowConfig struct {
	// Key is the attribute that names the order, on the span or log record, else on its resource. Default order.id.
	Key string `mapstructure:"key"`
	// Stages are the places in the order's life, by name.
	Stages map[string]StageConfig `mapstructure:"stages"`
	// Transitions are the promises between stages. The first mention of a stage gives its rank, unless it has one: equal
	// times are ordered by it.
	Transitions []TransitionConfig `mapstructure:"transitions"`
	// EndToEnd is the promise over the whole life, judged once per order.
	EndToEnd *EndToEndConfig `mapstructure:"end_to_end"`
}

// Role says who judges what is seen.
type Role string

// SignalMatch says which telemetry may reach a stage.
type SignalMatch string

// StatusMatch says which span status may reach a stage.
type StatusMatch string

// EndKind says how a stage ends an order.
type EndKind string

const (
	RoleJudge Role = "judge"
	RoleRelay Role = "relay"

	SignalAny  SignalMatch = "any"
	SignalSpan SignalMatch = "span"
	SignalLog  SignalMatch = "log"

	StatusNotError StatusMatch = "not_error"
	StatusError    StatusMatch = "error"
	StatusAny      StatusMatch = "any"

	EndNone    EndKind = ""
	EndGood    EndKind = "good"
	EndBad     EndKind = "bad"
	EndNeutral EndKind = "neutral"
)

// StageConfig says what telemetry shows that an order entered the stage. All conditions given must hold.
type StageConfig struct {
	// Service is the resource's service.name.
	Service string `mapstructure:"service"`
	// Signal is any, span or log. Default any; span_name, kind and status other than the default imply span.
	Signal SignalMatch `mapstructure:"signal"`
	// SpanName is the span's name.
	SpanName string `mapstructure:"span_name"`
	// Kind is the span's kind: internal, server, client, producer or consumer.
	Kind string `mapstructure:"kind"`
	// Status is not_error, error or any: by default a span that failed reaches no stage.
	Status StatusMatch `mapstructure:"status"`
	// Attributes of the span or log record, else of its resource, compared as text.
	Attributes map[string]string `mapstructure:"attributes"`
	// Condition in OTTL, of the span or log record: it is asked last, of what meets the rest. With signal any it holds
	// for the signals in whose terms it can be written.
	Condition string `mapstructure:"condition"`
	// End says that the stage ends the order: good, bad or neutral.
	End EndKind `mapstructure:"end"`
	// Rank orders events of equal times, lower first: 1 or more. Default the stage's place among first mentions in transitions.
	Rank int `mapstructure:"rank"`
}

// TransitionConfig is a promise: an order that enters From reaches To within Deadline.
type TransitionConfig struct {
	// From is the stage of origin.
	From string `mapstructure:"from"`
	// To is the stage to reach.
	To string `mapstructure:"to"`
	// Deadline, from entering From: later is breached. Give either this or DeadlineAttribute.
	Deadline time.Duration `mapstructure:"deadline"`
	// DeadlineAttribute names an attribute of the order's stage events that holds the instant promised: RFC 3339, or
	// Unix time in s, ms, µs or ns. The newest event's promise holds, unless one before was broken by then.
	DeadlineAttribute string `mapstructure:"deadline_attribute"`
	// Default is the deadline, from entering From, of orders without that attribute.
	Default time.Duration `mapstructure:"default"`
	// StuckAfter, from entering From: an order still there counts as stuck. 0 is never.
	StuckAfter time.Duration `mapstructure:"stuck_after"`
	// LostAfter, from entering From, at least Deadline: an order still missing is lost. 0 is never.
	LostAfter time.Duration `mapstructure:"lost_after"`
}

// EndToEndConfig is a promise over the whole life of an order.
type EndToEndConfig struct {
	// From is the stage it counts from, at its first visit.
	From string `mapstructure:"from"`
	// To is the stage to reach.
	To string `mapstructure:"to"`
	// Deadline, from entering From.
	Deadline time.Duration `mapstructure:"deadline"`
	// LostAfter, from entering From, at least Deadline. 0 is never.
	LostAfter time.Duration `mapstructure:"lost_after"`
}

// MessagesConfig judges the delivery of messages.
type MessagesConfig struct {
	// Deadline, from the end of the producer's span to the start of the consumer's: later, or never, is lost.
	Deadline time.Duration `mapstructure:"deadline"`
	// Remember is how long a message is remembered after its last span, so that a repeat is known as one. Default 1h,
	// and never less than ten deadlines.
	Remember time.Duration `mapstructure:"remember"`
	// Destinations to judge, by the producer's messaging.destination.name. Default all: then every consumer must be
	// traced, or what it takes looks lost.
	Destinations []string `mapstructure:"destinations"`
}

// ServicesConfig counts requests.
type ServicesConfig struct {
	// Enabled turns service.requests and service.duration on. Default true.
	Enabled bool `mapstructure:"enabled"`
}

// IncidentsConfig measures incidents.
type IncidentsConfig struct {
	// Quiet is how long nothing bad may happen, and no order be overdue, before an incident is over. Default 10m: the
	// shipped alerts look back five minutes.
	Quiet time.Duration `mapstructure:"quiet"`
	// Webhook takes the notifications of Alertmanager; without it every incident counts as undetected.
	Webhook configoptional.Optional[WebhookConfig] `mapstructure:"webhook"`
}

// Unmarshal takes a webhook that an unset variable made null for none.
func (c *IncidentsConfig) Unmarshal(conf *confmap.Conf) error {
	if conf.IsSet("webhook") && conf.Get("webhook") == nil {
		conf.Delete("webhook")
	}
	return conf.Unmarshal(c)
}

// WebhookConfig is where Alertmanager tells of alerts.
type WebhookConfig struct {
	// Endpoint is host:port to listen on; beyond loopback only with TLS. Default 127.0.0.1:9095.
	Endpoint string `mapstructure:"endpoint"`
	// TokenFile holds the bearer token that Alertmanager shows. It is read anew for each notification.
	TokenFile string `mapstructure:"token_file"`
	// TLS is the certificate to show; off if absent.
	TLS configoptional.Optional[configtls.ServerConfig] `mapstructure:"tls"`
}

// SilenceMode says what a silence on the direct path means.
type SilenceMode string

const (
	SilenceHold    SilenceMode = "hold"
	SilenceAdvance SilenceMode = "advance"
)

// TimeConfig says how event time moves.
type TimeConfig struct {
	// AllowedLateness is how far telemetry may overtake other telemetry: verdicts wait for it. Default 2m.
	AllowedLateness time.Duration `mapstructure:"allowed_lateness"`
	// PathSilence is the longest silence of a living path. A path silent for longer is stalled: nothing is judged
	// until it speaks again. Default 1m.
	PathSilence time.Duration `mapstructure:"path_silence"`
	// PathAttribute is the resource attribute that names the path (the agent) telemetry came over. Telemetry without
	// it came over the direct path. Default ordertrace.agent.id.
	PathAttribute string `mapstructure:"path_attribute"`
	// PathExpiry is how long a silent named path is waited for before it counts as gone. Default 24h; 0 is for ever.
	PathExpiry time.Duration `mapstructure:"path_expiry"`
	// DirectSilence is what a silence of the direct path longer than path_silence means: hold (it cannot be told from
	// an outage, so nothing is judged) or advance (senders are alive and idle; time follows the wall clock). Default hold.
	DirectSilence SilenceMode `mapstructure:"direct_silence"`
	// RestoreGrace is how long a path that speaks again is held, so that what it had queued arrives first. Default 10m.
	RestoreGrace time.Duration `mapstructure:"restore_grace"`
	// MaxFuture is how far a stamp may lie ahead of the wall clock; beyond, arrival counts instead. Default 1m.
	MaxFuture time.Duration `mapstructure:"max_future"`
	// MaxAge is how old an event may be and still be judged, and how long an order is remembered after its last
	// event, so that a replay finds it. Default 720h.
	MaxAge time.Duration `mapstructure:"max_age"`
}

// LimitsConfig bounds memory.
type LimitsConfig struct {
	// MaxOrders of each flow, open and finished. When it is reached the oldest finished one is forgotten; if none is
	// finished new orders are refused and counted. Default 1000000 (about 200 MB when reached).
	MaxOrders int `mapstructure:"max_orders"`
	// MaxMessages remembered. When it is reached the oldest consumed one is forgotten. Default 200000.
	MaxMessages int `mapstructure:"max_messages"`
	// MaxSeries of service metrics; requests beyond are counted in an overflow series. Default 20000 (about 32 MB when
	// reached; and each core counts up to 1,024 of them for itself, in 1.6 MB).
	MaxSeries int `mapstructure:"max_series"`
	// MaxPaths told apart. Default 1000.
	MaxPaths int `mapstructure:"max_paths"`
}

func createDefaultConfig() component.Config {
	return &Config{
		Role:      RoleJudge,
		Services:  ServicesConfig{Enabled: true},
		Incidents: configoptional.Default(IncidentsConfig{Quiet: 10 * time.Minute}),
		Time: TimeConfig{
			AllowedLateness: 2 * time.Minute, PathSilence: time.Minute, PathAttribute: "ordertrace.agent.id", PathExpiry: 24 * time.Hour,
			DirectSilence: SilenceHold, RestoreGrace: 10 * time.Minute, MaxFuture: time.Minute, MaxAge: 720 * time.Hour,
		},
		Limits:               LimitsConfig{MaxOrders: 1_000_000, MaxMessages: 200_000, MaxSeries: 20_000, MaxPaths: 1000},
		MetricsFlushInterval: 15 * time.Second,
	}
}

var _ confmap.Validator = (*Config)(nil)

// Unmarshal refuses durations without a unit.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if err := unit.Missing(conf.ToStringMap(), c); err != nil {
		return err
	}
	return conf.Unmarshal(c)
}

// Validate reports every mistake at once.
func (c *Config) Validate() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Flows)) {
		flow := c.Flows[name]
		if name == "" {
			errs = append(errs, errors.New("flows: a flow has an empty name: name it"))
		}
		if err := flow.validate(c.Time.MaxAge); err != nil {
			errs = append(errs, fmt.Errorf("flows::%s: %w", name, err))
		}
	}
	if m := c.Messages; m != nil && (m.Deadline <= 0 || m.Remember < 0) {
		errs = append(errs, fmt.Errorf("messages: deadline %s, remember %s: give a deadline above zero", m.Deadline, m.Remember))
	}
	if len(c.Flows) == 0 && c.Messages == nil && !c.Services.Enabled {
		errs = append(errs, errors.New("nothing to do: name a flow, or set services::enabled: true"))
	}
	if c.Incidents.HasValue() {
		if err := c.Incidents.Get().validate(); err != nil {
			errs = append(errs, fmt.Errorf("incidents: %w", err))
		}
	}
	if _, err := c.ResolveObjectives(); err != nil {
		errs = append(errs, err)
	}
	if c.MetricsFlushInterval < 100*time.Millisecond {
		errs = append(errs, fmt.Errorf("metrics_flush_interval: %s is too short: use at least 100ms", c.MetricsFlushInterval))
	}
	return errors.Join(append(errs, c.validateRole(), c.Time.validate(), c.Limits.validate())...)
}

func (t *TimeConfig) validate() error {
	var errs []error
	atLeast := func(key string, d, least time.Duration) {
		if d < least {
			errs = append(errs, fmt.Errorf("time::%s: %s: use %s or more", key, d, least))
		}
	}
	atLeast("allowed_lateness", t.AllowedLateness, 0)
	atLeast("path_silence", t.PathSilence, time.Millisecond)
	atLeast("path_expiry", t.PathExpiry, 0)
	atLeast("restore_grace", t.RestoreGrace, 0)
	atLeast("max_future", t.MaxFuture, 0)
	atLeast("max_age", t.MaxAge, time.Second)
	if t.PathExpiry > 0 && t.PathExpiry < t.PathSilence {
		errs = append(errs, fmt.Errorf("time::path_expiry: %s is shorter than path_silence (%s): raise it, or set 0 for never", t.PathExpiry, t.PathSilence))
	}
	if t.DirectSilence != SilenceHold && t.DirectSilence != SilenceAdvance {
		errs = append(errs, fmt.Errorf("time::direct_silence: %q: use hold or advance", t.DirectSilence))
	}
	return errors.Join(errs...)
}

func (l *LimitsConfig) validate() error {
	var errs []error
	positive := func(key string, n int) {
		if n < 1 {
			errs = append(errs, fmt.Errorf("limits::%s: %d: use 1 or more", key, n))
		}
	}
	positive("max_orders", l.MaxOrders)
	positive("max_messages", l.MaxMessages)
	positive("max_series", l.MaxSeries)
	positive("max_paths", l.MaxPaths)
	return errors.Join(errs...)
}
