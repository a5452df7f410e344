package piiredact

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// field is a place for data: a map of a signal, or a text.
type field struct {
	signal, name string
	of           func(signals) pcommon.Map
	set          func(signals, string)
}

func (s signals) resourceSpans() ptrace.ResourceSpans      { return s.td.ResourceSpans().At(0) }
func (s signals) resourceLogs() plog.ResourceLogs          { return s.ld.ResourceLogs().At(0) }
func (s signals) resourceMetrics() pmetric.ResourceMetrics { return s.md.ResourceMetrics().At(0) }

// fields are every field of every signal that can hold a text.
var fields = []field{
	{"traces", "resource attributes", func(s signals) pcommon.Map { return s.resourceSpans().Resource().Attributes() }, nil},
	{"traces", "resource schema url", nil, func(s signals, v string) { s.resourceSpans().SetSchemaUrl(v) }},
	{"traces", "scope name", nil, func(s signals, v string) { s.resourceSpans().ScopeSpans().At(0).Scope().SetName(v) }},
	{"traces", "scope version", nil, func(s signals, v string) { s.resourceSpans().ScopeSpans().At(0).Scope().SetVersion(v) }},
	{"traces", "scope attributes", func(s signals) pcommon.Map { return s.resourceSpans().ScopeSpans().At(0).Scope().Attributes() }, nil},
	{"traces", "scope schema url", nil, func(s signals, v string) { s.resourceSpans().ScopeSpans().At(0).SetSchemaUrl(v) }},
	{"traces", "span name", nil, func(s signals, v string) { span(s.td).SetName(v) }},
	{"traces", "span attributes", func(s signals) pcommon.Map { return span(s.td).Attributes() }, nil},
	{"traces", "status message", nil, func(s signals, v string) { span(s.td).Status().SetMessage(v) }},
	{"traces", "trace state", nil, func(s signals, v string) { span(s.td).TraceState().FromRaw(v) }},
	{"traces", "event name", nil, func(s signals, v string) { span(s.td).Events().At(0).SetName(v) }},
	{"traces", "event attributes", func(s signals) pcommon.Map { return span(s.td).Events().At(0).Attributes() }, nil},
	{"traces", "link trace state", nil, func(s signals, v string) { span(s.td).Links().At(0).TraceState().FromRaw(v) }},
	{"traces", "link attributes", func(s signals) pcommon.Map { return span(s.td).Links().At(0).Attributes() }, nil},
	{"logs", "resource attributes", func(s signals) pcommon.Map { return s.resourceLogs().Resource().Attributes() }, nil},
	{"logs", "resource schema url", nil, func(s signals, v string) { s.resourceLogs().SetSchemaUrl(v) }},
	{"logs", "scope name", nil, func(s signals, v string) { s.resourceLogs().ScopeLogs().At(0).Scope().SetName(v) }},
	{"logs", "scope version", nil, func(s signals, v string) { s.resourceLogs().ScopeLogs().At(0).Scope().SetVersion(v) }},
	{"logs", "scope attributes", func(s signals) pcommon.Map { return s.resourceLogs().ScopeLogs().At(0).Scope().Attributes() }, nil},
	{"logs", "scope schema url", nil, func(s signals, v string) { s.resourceLogs().ScopeLogs().At(0).SetSchemaUrl(v) }},
	{"logs", "body, a string", nil, func(s signals, v string) { record(s.ld).Body().SetStr(v) }},
	{"logs", "body, bytes", nil, func(s signals, v string) { record(s.ld).Body().SetEmptyBytes().FromRaw([]byte(v)) }},
	{"logs", "body, an array", nil, func(s signals, v string) { record(s.ld).Body().SetEmptySlice().AppendEmpty().SetStr(v) }},
	{"logs", "body, a map", func(s signals) pcommon.Map { return record(s.ld).Body().SetEmptyMap() }, nil},
	{"logs", "attributes", func(s signals) pcommon.Map { return record(s.ld).Attributes() }, nil},
	{"logs", "severity text", nil, func(s signals, v string) { record(s.ld).SetSeverityText(v) }},
	{"logs", "event name", nil, func(s signals, v string) { record(s.ld).SetEventName(v) }},
	{"metrics", "resource attributes", func(s signals) pcommon.Map { return s.resourceMetrics().Resource().Attributes() }, nil},
	{"metrics", "resource schema url", nil, func(s signals, v string) { s.resourceMetrics().SetSchemaUrl(v) }},
	{"metrics", "scope name", nil, func(s signals, v string) { s.resourceMetrics().ScopeMetrics().At(0).Scope().SetName(v) }},
	{"metrics", "scope version", nil, func(s signals, v string) { s.resourceMetrics().ScopeMetrics().At(0).Scope().SetVersion(v) }},
	{"metrics", "scope attributes", func(s signals) pcommon.Map { return s.resourceMetrics().ScopeMetrics().At(0).Scope().Attributes() }, nil},
	{"metrics", "scope schema url", nil, func(s signals, v string) { s.resourceMetrics().ScopeMetrics().At(0).SetSchemaUrl(v) }},
	{"metrics", "name", nil, func(s signals, v string) { metr(s.md).SetName(v) }},
	{"metrics", "description", nil, func(s signals, v string) { metr(s.md).SetDescription(v) }},
	{"metrics", "unit", nil, func(s signals, v string) { metr(s.md).SetUnit(v) }},
	{"metrics", "metadata", func(s signals) pcommon.Map { return metr(s.md).Metadata() }, nil},
	{"metrics", "sum's points", func(s signals) pcommon.Map { return metr(s.md).Sum().DataPoints().At(0).Attributes() }, nil},
	{"metrics", "sum's exemplars", func(s signals) pcommon.Map {
		return metr(s.md).Sum().DataPoints().At(0).Exemplars().At(0).FilteredAttributes()
	}, nil},
	{"metrics", "histogram's points", func(s signals) pcommon.Map { return nth(s, 1).Histogram().DataPoints().At(0).Attributes() }, nil},
	{"metrics", "histogram's exemplars", func(s signals) pcommon.Map {
		return nth(s, 1).Histogram().DataPoints().At(0).Exemplars().At(0).FilteredAttributes()
	}, nil},
	{"metrics", "exponential's points", func(s signals) pcommon.Map {
		return nth(s, 2).ExponentialHistogram().DataPoints().At(0).Attributes()
	}, nil},
	{"metrics", "exponential's exemplars", func(s signals) pcommon.Map {
		return nth(s, 2).ExponentialHistogram().DataPoints().At(0).Exemplars().At(0).FilteredAttributes()
	}, nil},
	{"metrics", "summary's points", func(s signals) pcommon.Map { return nth(s, 3).Summary().DataPoints().At(0).Attributes() }, nil},
	{"metrics", "gauge's points", func(s signals) pcommon.Map { return nth(s, 4).Gauge().DataPoints().At(0).Attributes() }, nil},
	{"metrics", "gauge's exemplars", func(s signals) pcommon.Map {
		return nth(s, 4).Gauge().DataPoints().At(0).Exemplars().At(0).FilteredAttributes()
	}, nil},
}

func nth(s signals, i int) pmetric.Metric {
	return s.md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(i)
}
