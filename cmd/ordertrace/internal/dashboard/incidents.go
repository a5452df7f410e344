package dashboard

import "fmt"

// incidents: since when, when people were told, when it was over.
func incidents(o Options) *Dashboard {
	const of = `{flow=~"$flow", subject=~"$subject"}`
	mean := func(metric, by string) string {
		return fmt.Sprintf("histogram_avg(sum%s (increase(%s%s[$__range])))", by, metric, of)
	}
	long := func(metric string) query {
		return query{fmt.Sprintf("histogram_quantile(0.9, sum by (flow, subject) (rate(%s%s[$__rate_interval])))", metric, of), "{{flow}}: {{subject}}"}
	}
	count := func(match string) string {
		return `sum(increase(incidents_total{flow=~"$flow", subject=~"$subject"` + match + `}[$__range]))`
	}
	var b page
	b.row("In the time shown")
	b.add(4, 5,
		stat("Open", "Subjects in trouble now.", "", "sum(incident_open"+of+")").alarming("orange", 1),
		stat("Over", "Incidents that ended.", "", count("")),
		stat("Undetected", "Of those that ended: nobody was told.", "", count(`, detected="false"`)).alarming("red", 0.5),
		stat("MTTD", "Mean time from the first impact to the alert's arrival.", "s", mean("incident_time_to_detect_seconds", "")),
		stat("MTTR", "Mean time from the first impact to the last.", "s", mean("incident_time_to_restore_seconds", "")),
		stat("Notification", "Mean time from the alert's start to its arrival.", "s", mean("incident_notify_delay_seconds", "")))
	b.row("By subject")
	b.add(12, 9,
		lines("Open", "1 while a transition, a destination or a service is in trouble.", "", query{"max by (flow, subject) (incident_open" + of + ") > 0 or 0 * max by (flow) (incident_open" + of + ")", "{{flow}}: {{subject}}"}),
		table("Mean times", "From the first impact: until people were told.", "sort_desc("+mean("incident_time_to_detect_seconds", " by (flow, subject)")+")",
			[]column{{label: "flow", name: "flow"}, {label: "subject", name: "subject"}, {label: "Value", name: "MTTD", unit: "s"}}, "MTTD"))
	b.add(8, 8,
		lines("Time to detect, 90th percentile", "", "s", long("incident_time_to_detect_seconds")),
		lines("Time to restore, 90th percentile", "", "s", long("incident_time_to_restore_seconds")),
		lines("Delay of the notification, 90th percentile", "", "s", long("incident_notify_delay_seconds")))
	return dashboard("incidents", "Incidents", "How long it took until people were told of trouble, and until it was over.", o, &b,
		choice("flow", "Flow", "incident_open"), choice("subject", "Subject", `incident_open{flow=~"$flow"}`))
}
