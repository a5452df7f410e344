package piiredact

import (
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/metadata"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/redact"
)

// Explanation is one edit that the processor would make, with its reason.
type Explanation struct {
	// At is the attribute's key; empty for fields without one.
	At string
	// Detector and Action are as in the configuration.
	Detector, Action string
	// Found and With are the text before and after. Found is somebody's data: do not log it.
	Found, With string
	// Why says by what it was recognised.
	Why string
}

// Explainer runs the processor's engine outside a collector, for a person at a terminal.
type Explainer struct{ bySignal map[string]*redactor }

// NewExplainer makes one from a processor's configuration; withKeys reads its key files.
func NewExplainer(cfg component.Config, withKeys bool) (*Explainer, error) {
	c, ok := cfg.(*Config)
	if !ok {
		return nil, fmt.Errorf("not a configuration of %s", metadata.Type)
	}
	set := processor.Settings{TelemetrySettings: component.TelemetrySettings{
		Logger: zap.NewNop(), MeterProvider: metricnoop.NewMeterProvider(), TracerProvider: tracenoop.NewTracerProvider(),
	}}
	x := &Explainer{bySignal: map[string]*redactor{}}
	for _, signal := range []string{"traces", "logs", "metrics"} {
		r, err := newRedactor(set, c, signal)
		if err != nil {
			return nil, err
		}
		if withKeys {
			if err := r.keys.load(); err != nil {
				return nil, err
			}
		}
		r.dry = false
		x.bySignal[signal] = r
	}
	return x, nil
}

// Text explains one value of the attribute key ("" for a log line).
func (x *Explainer) Text(key, value string) (string, []Explanation) {
	var out []Explanation
	se := x.bySignal["logs"].engine.Session()
	defer se.Release()
	se.At(key)
	se.Seen = collect(&out)
	d := x.bySignal["logs"].engine.Plain()
	if key != "" {
		d = se.Key("", key)
	}
	clean, _ := se.Text(d, value, 0)
	return clean, out
}

// OTLP explains a batch in OTLP JSON (traces, logs or metrics) and returns it redacted; ok is false when line is none.
func (x *Explainer) OTLP(line []byte) (clean []byte, out []Explanation, ok bool) {
	td, terr := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
	if terr == nil && td.ResourceSpans().Len() > 0 {
		w := x.walk("traces", &out)
		w.traces(td)
		clean, terr = (&ptrace.JSONMarshaler{}).MarshalTraces(td)
		return clean, out, terr == nil
	}
	ld, lerr := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
	if lerr == nil && ld.ResourceLogs().Len() > 0 {
		w := x.walk("logs", &out)
		w.logs(ld)
		clean, lerr = (&plog.JSONMarshaler{}).MarshalLogs(ld)
		return clean, out, lerr == nil
	}
	md, merr := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(line)
	if merr == nil && md.ResourceMetrics().Len() > 0 {
		w := x.walk("metrics", &out)
		w.metrics(md)
		clean, merr = (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
		return clean, out, merr == nil
	}
	return nil, nil, false
}

func (x *Explainer) walk(signal string, out *[]Explanation) walk {
	w := x.bySignal[signal].walk()
	w.se.Seen = collect(out)
	return w
}

func collect(out *[]Explanation) func(redact.Seen) {
	return func(s redact.Seen) {
		*out = append(*out, Explanation{
			At: s.At, Detector: s.Entity.String(), Action: string(s.Action), Found: s.Found, With: s.With, Why: why(s),
		})
	}
}

func why(s redact.Seen) string {
	if s.ByKey {
		return fmt.Sprintf("the key says what the value is: %s", s.Entity)
	}
	if s.Entity >= finding.FirstRule {
		return "a rule's pattern"
	}
	return reasons[s.Entity]
}

var reasons = map[finding.Entity]string{
	finding.Email: "a local part, an at sign, a domain", finding.Phone: "a country's plan, a way of writing, or a word nearby",
	finding.Card: "an issuer's range, its length, the check digit", finding.IBAN: "country form and mod 97",
	finding.IP: "an address in a client's context", finding.MAC: "six pairs of hex digits", finding.INN: "check digits, and context for ten digits",
	finding.SNILS: "check digits and grouping or context", finding.OGRN: "check digit and context", finding.Passport: "ten digits in context",
	finding.Account: "twenty digits with balance account and currency, or context", finding.BirthDate: "a date behind a name for it",
	finding.Person: "a name behind a word for it", finding.Address: "an address behind a word for it", finding.JWT: "a JSON header in base64 and two dots",
	finding.Authorization: "an HTTP authorization scheme", finding.Password: "user information of a URL or DSN",
	finding.URLSecret: "a query parameter that carries a credential", finding.PrivateKey: "a PEM header", finding.APIKey: "a vendor's prefix and length",
	finding.Cookie: "a cookie header", finding.Secret: "a name for a secret before it", finding.Statement: "literals of a statement",
}
