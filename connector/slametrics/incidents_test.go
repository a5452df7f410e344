package slametrics_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const incidents = `
flows:
  order:
    stages:
      submitted: {attributes: {order.status: SUBMITTED}}
      priced: {attributes: {order.status: PRICE_CALCULATED}}
      approved: {attributes: {order.status: MANUFACTURING_APPROVED}, end: good}
    transitions:
      - {from: submitted, to: priced, deadline: 10s, stuck_after: 5s, lost_after: 20s}
      - {from: priced, to: approved, deadline: 60s}
messages: {deadline: 10s}
time: {allowed_lateness: 2s, path_silence: 60s, restore_grace: 2s}
incidents: {quiet: 30s}
metrics_flush_interval: 1s
`

// turns are the records of incidents so far, as "event subject".
func (r *rig) turns() []string {
	var all []string
	for _, rec := range r.verdicts() {
		if subject, ok := rec.Attributes().Get("subject"); ok {
			all = append(all, rec.EventName()+" "+subject.Str())
		}
	}
	return all
}

func (r *rig) turn(event string) plog.LogRecord {
	for _, rec := range r.verdicts() {
		if rec.EventName() == event {
			return rec
		}
	}
	r.t.Fatalf("no %s among %v", event, r.turns())
	return plog.LogRecord{}
}

func TestAnIncidentLastsFromTheFirstDeadlineToTheLastTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, incidents)
		defer r.stop()
		r.live(2 * time.Second)
		at := r.numbers()
		for _, zero := range []string{
			"incident.open{subject=submitted->priced}", "incidents{subject=submitted->priced,detected=true}", "incidents{subject=priced->approved,detected=false}",
			"incident.time_to_detect{subject=priced->approved}", "incident.notify_delay{subject=priced->approved}", "incident.time_to_restore{subject=priced->approved}",
		} {
			value, ok := at[zero]
			require.True(t, ok, "%s exists from the start: %v", zero, at)
			require.Zero(t, value, zero)
		}
		entered := time.Now()
		r.stage("O-1", "SUBMITTED")
		r.live(15 * time.Second)
		require.Equal(t, []string{"incident.opened submitted->priced"}, r.turns())
		onset, _ := r.turn("incident.opened").Attributes().Get("incident.onset")
		require.Equal(t, entered.Add(10*time.Second).UTC().Format(time.RFC3339Nano), onset.Str(), "when the deadline passed, not when it was noticed")
		require.Equal(t, 1.0, r.numbers()["incident.open{subject=submitted->priced}"])

		r.live(100 * time.Second)
		require.Len(t, r.turns(), 1, "the order is still lost")
		r.stage("O-1", "PRICE_CALCULATED") // 115 s after it was submitted
		r.stage("O-1", "MANUFACTURING_APPROVED")
		r.live(40 * time.Second)
		require.Equal(t, []string{"incident.opened submitted->priced", "incident.restored submitted->priced"}, r.turns())
		lasted, _ := r.turn("incident.restored").Attributes().Get("incident.time_to_restore_s")
		require.Equal(t, 105.0, lasted.Double(), "115 s less the deadline, by event time")
		now := r.numbers()
		require.Zero(t, now["incident.open{subject=submitted->priced}"])
		require.Equal(t, 1.0, now["incidents{subject=submitted->priced,detected=false}"])
		require.Equal(t, 1.0, now["incident.time_to_restore{subject=submitted->priced}"])
	})
}

func TestLostMessagesAreAnIncidentOfTheirDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, incidents)
		defer r.stop()
		td := tracesWith(func(m pcommon.Map) {
			m.PutStr("messaging.destination.name", "orders")
			m.PutStr("messaging.message.id", "m-1")
		})
		td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetKind(ptrace.SpanKindProducer)
		r.sendTraces(td)
		r.live(15 * time.Second)
		require.Equal(t, []string{"incident.opened messages:orders"}, r.turns())
		r.live(60 * time.Second)
		require.Equal(t, 1.0, r.numbers()["incidents{subject=messages:orders,detected=false}"])
	})
}

func TestAnIncidentOutlivesAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		r := newRigOn(t, incidents, d)
		r.live(time.Second)
		r.stage("O-1", "SUBMITTED")
		r.live(15 * time.Second)
		left := d.clone()
		r.stop()

		r = newRigOn(t, incidents, left)
		defer r.stop()
		r.live(5 * time.Second)
		require.Empty(t, r.turns(), "it was opened before")
		require.Equal(t, 1.0, r.numbers()["incident.open{subject=submitted->priced}"])
		r.stage("O-1", "PRICE_CALCULATED")
		r.live(40 * time.Second)
		require.Equal(t, []string{"incident.restored submitted->priced"}, r.turns())
		lasted, _ := r.turn("incident.restored").Attributes().Get("incident.time_to_restore_s")
		require.Greater(t, lasted.Double(), 9.0, "counted from before the kill")
	})
}
