package dashboard

import (
	"fmt"

	"github.com/ordertrace/ordertrace/cmd/ordertrace/internal/promise"
)

// objectives: what was promised and what was kept.
func objectives(p *promise.Promises, o Options) *Dashboard {
	var b page
	b.row("Promised and kept")
	b.add(24, 8, table("Error budgets", "What is left of each; below zero the promise is broken.",
		`sort(slo:error_budget:remaining{slo=~"$slo"})`, []column{
			{label: "slo", name: "objective"}, {label: "Value", name: "budget left", unit: "percentunit"}, {label: "window", name: "window"},
			{label: "flow", name: "flow"}, {label: "transition", name: "transition"}, {label: "destination", name: "destination"}, {label: "service", name: "service"},
		}, "objective"))
	for i := range p.Objectives {
		objective(&b, &p.Objectives[i])
	}
	return dashboard("slo", "Objectives and error budgets", "What was promised, what was kept, and how fast the rest is used up.", o, &b, choice("slo", "Objective", "slo_objective"))
}

func objective(b *page, o *promise.Objective) {
	of := func(window string) string { return fmt.Sprintf("{slo=%q, window=%q}", o.Name, window) }
	window := promise.Span(o.Window)
	var burns []query
	for _, burn := range o.Burns {
		span := promise.Span(burn.Long)
		burns = append(burns, query{fmt.Sprintf("slo:error_ratio:increase%s / %v", of(span), o.Budget()), fmt.Sprintf("%s; alert at %g", span, burn.Factor)})
	}
	b.row(o.Name)
	b.add(4, 8,
		stat("Promised", "Of "+about(o)+".", "percentunit", fmt.Sprintf("max(slo_objective{slo=%q})", o.Name)),
		stat("Kept in "+window, "", "percentunit", "1 - slo:error_ratio:increase"+of(window)).poor(o.Target),
		stat("Budget left", "", "percentunit", "slo:error_budget:remaining"+of(window)).poor(0))
	b.add(6, 8,
		lines("Budget left", "", "percentunit", query{"slo:error_budget:remaining" + of(window), "left"}),
		lines("Burning", "1 uses the budget up exactly at the end of the window.", "", burns...))
}

func about(o *promise.Objective) string {
	switch {
	case o.Service != "":
		return "the requests to " + o.Service
	case o.Destination != "":
		return "the messages to " + o.Destination
	}
	return fmt.Sprintf("the verdicts on %s (flow %s)", o.Transition, o.Flow)
}

// services: rate, errors, duration.
func services(_ *promise.Promises, o Options) *Dashboard {
	const (
		served = `{service=~"$service", span_kind=~"server|consumer"}[$__rate_interval]`
		failed = `{service=~"$service", span_kind=~"server|consumer", outcome="error"}[$__rate_interval]`
	)
	requests := "sum by (service) (rate(service_requests_total" + served + "))"
	var b page
	b.row("What they serve")
	b.add(8, 8,
		lines("Requests", "And messages taken.", "reqps", query{requests, "{{service}}"}),
		lines("Errors", "", "percentunit", query{"(sum by (service) (rate(service_requests_total" + failed + ")) or 0 * " + requests + ") / " + requests, "{{service}}"}),
		lines("Duration, 95th percentile", "", "s", query{"histogram_quantile(0.95, sum by (service) (rate(service_duration_seconds" + served + ")))", "{{service}}"}).exemplars())
	b.add(12, 9,
		heatmap("Durations", "Exemplars are the slowest and the newest; open one to see its trace.", "sum(rate(service_duration_seconds"+served+"))"),
		table("Operations", "The slowest, in the time shown.", `topk(50, histogram_quantile(0.95, sum by (service, span_name) (increase(service_duration_seconds{service=~"$service", span_kind=~"server|consumer"}[$__range]))))`,
			[]column{{label: "service", name: "service"}, {label: "span_name", name: "operation"}, {label: "Value", name: "95th percentile", unit: "s"}}, "95th percentile"))
	b.row("What they use")
	b.add(12, 8,
		lines("Databases: 95th percentile", "", "s", query{`histogram_quantile(0.95, sum by (service, db_system) (rate(service_duration_seconds{service=~"$service", db_system!=""}[$__rate_interval])))`, "{{service}}: {{db_system}}"}).exemplars(),
		lines("Messaging: operations", "", "ops", query{`sum by (service, span_kind) (rate(service_requests_total{service=~"$service", messaging_system!=""}[$__rate_interval]))`, "{{service}}: {{span_kind}}"}))
	return dashboard("services", "Services", "Requests, errors and durations by service, from their spans.", o, &b, choice("service", "Service", "service_requests_total"))
}

// collector: whether the telemetry arrives, and whether it is judged.
func collector(p *promise.Promises, o Options) *Dashboard {
	rate := func(metric string) string { return "sum(rate(" + metric + "[$__rate_interval]))" }
	none := func(metric string) string { return "sum(increase(" + metric + "[$__rate_interval])) or vector(0)" }
	var b page
	b.row("The judge")
	b.add(8, 7,
		lines("Paths that are silent", "1 while nothing comes over a path: its orders are not judged.", "", query{"max by (path) (sla_watermark_stalled)", "{{path}}"}),
		lines("Event time is behind by", "", "s", query{"max by (path) (sla_watermark_path_lag_seconds)", "{{path}}"}, query{"max(sla_watermark_lag_seconds)", "verdicts"}),
		lines("Orders remembered", "Open and finished, of at most max_orders.", "", query{"sum by (flow) (otelcol_sla_metrics_orders)", "{{flow}}"}))
	b.add(8, 7,
		lines("Orders and series without room", "", "", query{none("otelcol_sla_metrics_orders_dropped_total"), "orders"}, query{none("otelcol_sla_metrics_series_overflow_total"), "requests in the overflow series"},
			query{none("otelcol_sla_metrics_records_dropped_total"), "verdict records"}),
		lines("Events left out", "Repeats, skewed clocks, stamps of the future or too old.", "", query{"sum by (reason) (increase(otelcol_sla_metrics_events_total[$__rate_interval])) or vector(0)", "{{reason}}"}),
		lines("State that could not be kept or loaded", "", "", query{none("otelcol_sla_metrics_state_failures_total"), "failures"}))
	if p.Storage {
		b.add(8, 7, lines("Age of the newest checkpoint", "", "s", query{"max by (instance) (sla_state_checkpoint_age_seconds)", "{{instance}}"}))
	}
	b.row("In and out")
	b.add(8, 7,
		lines("Taken in", "", "cps", query{rate("otelcol_receiver_accepted_spans_total"), "spans"}, query{rate("otelcol_receiver_accepted_log_records_total"), "log records"}, query{rate("otelcol_receiver_accepted_metric_points_total"), "metric points"}),
		lines("Refused", "", "cps", query{rate("otelcol_receiver_refused_spans_total"), "spans"}, query{rate("otelcol_receiver_refused_log_records_total"), "log records"}, query{rate("otelcol_receiver_refused_metric_points_total"), "metric points"}),
		lines("Sent on", "", "cps", query{"sum by (exporter) (rate(otelcol_exporter_sent_spans_total[$__rate_interval]))", "spans: {{exporter}}"}, query{"sum by (exporter) (rate(otelcol_exporter_sent_metric_points_total[$__rate_interval]))", "metric points: {{exporter}}"}))
	b.add(8, 7,
		lines("Queues", "Of their capacity.", "", query{"max by (exporter) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity)", "{{exporter}}"}).share(),
		lines("Not sent", "", "", query{none("otelcol_exporter_send_failed_spans_total"), "spans"}, query{none("otelcol_exporter_enqueue_failed_spans_total"), "spans without room in the queue"}, query{none("otelcol_exporter_send_failed_metric_points_total"), "metric points"}),
		lines("Memory and processor", "", "bytes", query{"sum(otelcol_process_memory_rss)", "resident"}, query{"sum(otelcol_process_runtime_heap_alloc_bytes)", "heap"}))
	b.row("Named and cleaned")
	b.add(8, 7,
		lines("Spans and logs by what is known of their order", "", "cps", query{"sum by (outcome) (rate(otelcol_order_enrich_items_total[$__rate_interval]))", "{{outcome}}"}),
		lines("Spans that wait for their order", "", "", query{"sum(otelcol_order_enrich_held_spans)", "spans"}),
		lines("Personal data removed", "Values, by detector.", "cps", query{"sum by (detector) (rate(otelcol_pii_redact_findings_total[$__rate_interval]))", "{{detector}}"}))
	return dashboard("collector", "The collector", "Whether telemetry arrives, is named, cleaned, judged and sent on.", o, &b)
}
