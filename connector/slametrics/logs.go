package slametrics

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// readLogs collects order events from log records, and then lets the batch move time.
func (j *judge) readLogs(ctx context.Context, ld plog.Logs) {
	r := j.newReading()
	for i := range ld.ResourceLogs().Len() {
		rl := ld.ResourceLogs().At(i)
		resource := rl.Resource().Attributes()
		service := textOf(resource, serviceName)
		for f := range j.flows {
			r.stages[f] = j.flows[f].match.stages(service)
		}
		for k := range rl.ScopeLogs().Len() {
			records := rl.ScopeLogs().At(k).LogRecords()
			r.items += int64(records.Len())
			for n := range records.Len() {
				j.sightLog(r, records.At(n), resource)
			}
		}
	}
	j.observe(ctx, r)
	for i := range ld.ResourceLogs().Len() {
		rl := ld.ResourceLogs().At(i)
		newest := int64(0)
		for k := range rl.ScopeLogs().Len() {
			records := rl.ScopeLogs().At(k).LogRecords()
			for n := range records.Len() {
				newest = max(newest, j.sane(logTime(records.At(n)), r.now))
			}
		}
		j.moveTime(rl.Resource(), newest, r.now)
	}
	j.telemetry.SLAMetricsItems.Add(ctx, r.items, signalLogs)
	j.release(r)
}

func (j *judge) sightLog(r *reading, record plog.LogRecord, resource pcommon.Map) {
	own, at := record.Attributes(), logTime(record)
	sight := func(f int, stage *stageMatch) {
		if stage.logs && stage.holds(own, resource) {
			j.add(r, f, stage.stage, own, resource, stamps{at, at}, record.TraceID(), record.SpanID())
		}
	}
	for f, among := range r.stages {
		if among == nil {
			continue
		}
		for i := range among.probes {
			for _, stage := range among.probes[i].find(own, resource) {
				sight(f, stage)
			}
		}
		for _, stage := range among.plain {
			sight(f, stage)
		}
	}
}

func logTime(record plog.LogRecord) int64 {
	if t := record.Timestamp(); t != 0 {
		return int64(t)
	}
	return int64(record.ObservedTimestamp())
}
