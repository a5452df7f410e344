package alert

import (
	"fmt"
	"time"
)

// full are the counters of what found no room, and what each is of.
var full = [][2]string{
	{"orders", `otelcol_sla_metrics_orders_dropped_total{reason=~"refused|evicted"}`},
	{"series", `otelcol_sla_metrics_series_overflow_total`},
	{"records", `otelcol_sla_metrics_records_dropped_total{reason="full"}`},
	{"paths", `otelcol_sla_metrics_paths_denied_total`},
	{"incidents", `otelcol_sla_metrics_incidents_denied_total`},
	{"spans that waited", `otelcol_order_enrich_lost_total`},
	{"spans in the queue", `otelcol_exporter_enqueue_failed_spans_total`},
	{"metrics in the queue", `otelcol_exporter_enqueue_failed_metric_points_total`},
	{"logs in the queue", `otelcol_exporter_enqueue_failed_log_records_total`},
}

// overflow: a bound was reached. Some of the counters are born with the first drop, which increase does not see.
func overflow(l Links) entry {
	r := &Rule{
		Alert: "Overflow", Labels: map[string]string{"severity": warning},
		Annotations: l.notes("Overflow",
			"No room for {{ $labels.what }}",
			"About {{ $value | humanize }} {{ $labels.what }} found no room in the last fifteen minutes: a limit of the collector was "+
				"reached. What is dropped is counted, and not judged, told or stored.", "collector", ""),
	}
	for i, f := range full {
		if i > 0 {
			r.Expr += "\nor "
		}
		r.Expr += fmt.Sprintf(`label_replace(sum(increase(%s[15m]) > 0 or (%s unless %s offset 15m) > 0), "what", "%s", "", "")`, f[1], f[1], f[1], f[0])
	}
	said := func(what, n string) Firing {
		return Firing{Labels: map[string]string{"what": what}, Said: map[string]string{"{{ $labels.what }}": what, "{{ $value | humanize }}": n}}
	}
	return entry{r, []Case{{
		Name: "a limit that is reached is told; what ages out is not", Step: time.Minute,
		Series: []Series{
			{`otelcol_sla_metrics_series_overflow_total{instance="judge"}`, "0x5 40x40"},
			{`otelcol_sla_metrics_orders_dropped_total{flow="order",reason="refused"}`, "_x6 2x40"},
			{`otelcol_sla_metrics_orders_dropped_total{flow="order",reason="expired"}`, "0+10x45"},
			{`otelcol_sla_metrics_incidents_denied_total{instance="judge"}`, "0x5 7x40"},
			{`otelcol_order_enrich_lost_total{signal="traces"}`, "_x6 3x40"},
		},
		Checks: []Check{
			{At: 4 * time.Minute, Rule: r},
			{At: 15 * time.Minute, Rule: r, Firing: []Firing{said("series", "40"), said("orders", "2"), said("incidents", "7"), said("spans that waited", "3")}},
			{At: 40 * time.Minute, Rule: r},
		},
	}}}
}

// lostMessages counts each once, when its deadline passes: what turns up later counts as late, and resolves nothing.
func lostMessages(l Links) entry {
	r := &Rule{
		Alert: "LostMessages", Expr: `sum by (destination) (increase(messages_total{outcome="lost"}[5m])) > 0`,
		Labels: map[string]string{"severity": warning},
		Annotations: l.notes("LostMessages",
			"Messages sent to {{ $labels.destination }} were not taken in time",
			"About {{ $value | humanize }} messages sent to {{ $labels.destination }} in the last five minutes found no "+
				"consumer within their deadline. Look for a dead consumer, a missing queue or binding.",
			"trouble", "var-destination={{ $labels.destination | urlquery }}"),
	}
	return entry{r, []Case{{
		Name: "lost messages are told by destination", Step: time.Minute,
		Series: []Series{
			{`messages_total{destination="orders:submitted",outcome="lost"}`, "0x3 5x12"},
			{`messages_total{destination="orders:submitted",outcome="on_time"}`, "0+10x15"},
			{`messages_total{destination="orders:priced",outcome="lost"}`, "0x15"},
		},
		Checks: []Check{
			{At: 3 * time.Minute, Rule: r},
			{At: 6 * time.Minute, Rule: r, Firing: []Firing{{
				Labels: map[string]string{"destination": "orders:submitted"},
				Said: map[string]string{
					"{{ $labels.destination }}": "orders:submitted", "{{ $labels.destination | urlquery }}": "orders%3Asubmitted",
					"{{ $value | humanize }}": "5",
				},
			}}},
			{At: 12 * time.Minute, Rule: r},
		},
	}}}
}

// serviceErrors: more than one request in twenty failed, and at least five did. One failure at night is no outage.
func serviceErrors(l Links) entry {
	const all, failed = `service_requests_total{span_kind=~"server|consumer"}`, `service_requests_total{outcome="error", span_kind=~"server|consumer"}`
	r := &Rule{
		Alert: "ServiceErrors", For: "2m", Labels: map[string]string{"severity": warning},
		Expr: "sum by (service) (rate(" + failed + "[5m]))\n/ sum by (service) (rate(" + all + "[5m])) > 0.05\n" +
			"and sum by (service) (increase(" + failed + "[5m])) >= 5",
		Annotations: l.notes("ServiceErrors",
			"{{ $labels.service }}: {{ $value | humanizePercentage }} of requests fail",
			"Of the requests and messages that {{ $labels.service }} served in the last five minutes "+
				"{{ $value | humanizePercentage }} failed. The exemplars on the dashboard lead to their traces.",
			"services", "var-service={{ $labels.service | urlquery }}"),
	}
	series := func(service, kind, outcome string) string {
		return fmt.Sprintf("service_requests_total{service=%q,span_name=\"work\",span_kind=%q,outcome=%q}", service, kind, outcome)
	}
	return entry{r, []Case{{
		Name: "a service that fails one request in ten is told; one failure at night, or failing clients, are not", Step: time.Minute,
		Series: []Series{
			{series("mes-api", "consumer", "ok"), "0+54x15"}, {series("mes-api", "consumer", "error"), "0+6x15"},
			{series("crm-api", "server", "ok"), "0+1x15"}, {series("crm-api", "server", "error"), "0 1x14"},
			{series("shop-api", "server", "ok"), "0+60x15"}, {series("shop-api", "client", "error"), "0+60x15"},
		},
		Checks: []Check{
			{At: time.Minute, Rule: r},
			{At: 10 * time.Minute, Rule: r, Firing: []Firing{{
				Labels: map[string]string{"service": "mes-api"},
				Said: map[string]string{
					"{{ $labels.service }}": "mes-api", "{{ $labels.service | urlquery }}": "mes-api", "{{ $value | humanizePercentage }}": "10%",
				},
			}}},
		},
	}}}
}
