package slametrics_test

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

const simple = `
flows:
  order:
    stages:
      submitted: {service: shop, attributes: {order.status: SUBMITTED}}
      priced: {service: shop, attributes: {order.status: PRICED}}
      closed: {service: shop, attributes: {order.status: CLOSED}, end: good}
      cancelled: {attributes: {order.status: CANCELLED}, end: neutral}
    transitions:
      - {from: submitted, to: priced, deadline: 10s, stuck_after: 5s, lost_after: 30s}
      - {from: priced, to: closed, deadline: 20s}
    end_to_end: {from: submitted, to: closed, deadline: 25s}
time: {allowed_lateness: 2s, path_silence: 10s, restore_grace: 15s}
metrics_flush_interval: 1s
`

func TestAnOrderInTimeIsCountedOnceAndToldNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		r.stage("A", "SUBMITTED")
		r.live(3 * time.Second)
		require.Equal(t, 1.0, r.numbers()["order.in_flight{stage=submitted}"])
		r.stage("A", "PRICED")
		r.live(3 * time.Second)
		r.stage("A", "CLOSED")
		r.live(5 * time.Second)
		r.stop()
		n := r.numbers()
		require.Equal(t, 1.0, n["order.transitions{transition=submitted->priced,outcome=on_time}"])
		require.Equal(t, 1.0, n["order.transitions{transition=priced->closed,outcome=on_time}"])
		require.Equal(t, 1.0, n["order.transitions{transition=submitted->closed,outcome=on_time}"])
		require.Equal(t, 1.0, n["order.finished{end=good}"])
		require.Equal(t, 1.0, n["order.started{}"])
		require.Equal(t, 1.0, n["order.duration{end=good}"])
		require.Equal(t, 0.0, n["order.in_flight{stage=priced}"])
		require.Equal(t, 0.0, n["order.transitions{transition=submitted->priced,outcome=lost}"], "known points exist at zero")
		require.Empty(t, r.told())
	})
}

func TestALostOrderIsStuckThenBreachedThenLostAndNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		r.stage("A", "SUBMITTED")
		trace := "07010000000000000000000000000000"
		r.live(9 * time.Second)
		require.Equal(t, 1.0, r.numbers()["order.stuck{stage=submitted}"])
		require.Contains(t, r.numbers(), "order.problem{transition=submitted->priced,outcome=stuck,order_id=A,trace_id="+trace+"}")
		require.Empty(t, r.told())
		r.live(5 * time.Second)
		require.Equal(t, []string{"A submitted->priced breached"}, r.told())
		require.Contains(t, r.numbers(), "order.problem{transition=submitted->priced,outcome=breached,order_id=A,trace_id="+trace+"}")
		r.live(22 * time.Second)
		require.Equal(t, []string{"A submitted->priced breached", "A submitted->closed breached", "A submitted->priced lost"}, r.told())
		require.InDelta(t, 36, r.numbers()["order.problem{transition=submitted->priced,outcome=lost,order_id=A,trace_id="+trace+"}"], 1)
		require.Equal(t, plog.SeverityNumberError, r.verdicts()[2].SeverityNumber())
		require.Equal(t, "order.verdict", r.verdicts()[2].EventName())
		require.Equal(t, trace, r.verdicts()[2].TraceID().String())
		r.stage("A", "PRICED")
		r.live(4 * time.Second)
		require.Contains(t, r.told(), "A submitted->priced late")
		require.NotContains(t, r.numbers(), "order.problem{transition=submitted->priced,outcome=lost,order_id=A,trace_id="+trace+"}")
		r.stop()
	})
}

func TestAnEndedProblemIsTakenBackOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		r.stage("A", "SUBMITTED")
		r.live(15 * time.Second)
		r.metrics.Reset()
		r.stage("A", "CANCELLED")
		r.live(8 * time.Second)
		gone := 0
		for _, md := range r.metrics.AllMetrics() {
			eachPoint(md, func(name string, a pcommon.Map, _ float64, g bool) {
				if o, _ := a.Get("outcome"); name == "order.problem" && g && o.Str() == "breached" {
					gone++
				}
			})
		}
		require.Equal(t, 1, gone)
		r.stop()
		require.Equal(t, 1.0, r.numbers()["order.finished{end=neutral}"])
	})
}

func TestTotalSilenceJudgesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		r.stage("A", "SUBMITTED")
		time.Sleep(30 * time.Minute)
		require.Empty(t, r.told())
		require.Equal(t, 1.0, r.numbers()["sla.watermark.stalled{path=direct}"])
		// What had been queued arrives after the first sign of life, and in time by its own clock.
		r.beat()
		r.live(5 * time.Second)
		r.send(point{service: "shop", name: "late telemetry", end: time.Now().Add(-30*time.Minute + 2*time.Second),
			attributes: map[string]string{"order.id": "A", "order.status": "CLOSED"}})
		r.live(time.Minute)
		require.Empty(t, r.told())
		require.Equal(t, 0.0, r.numbers()["sla.watermark.stalled{path=direct}"])
		r.stage("B", "SUBMITTED")
		r.live(40 * time.Second)
		require.Contains(t, r.told(), "B submitted->priced lost", "true losses are found after an outage")
		r.stop()
	})
}

func TestASilentServiceBehindALivingPathIsJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		for _, order := range []string{"A", "B"} {
			r.stage(order, "SUBMITTED")
		}
		r.stage("B", "PRICED")
		r.live(13500 * time.Millisecond)
		r.stop()
		require.Equal(t, []string{"A submitted->priced breached"}, r.told())
	})
}

func TestTelemetryThatWasLateRetractsABreach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		r.stage("A", "SUBMITTED")
		intime := time.Now().Add(9 * time.Second)
		r.live(15 * time.Second)
		r.send(point{service: "shop", name: "x", end: intime, attributes: map[string]string{"order.id": "A", "order.status": "PRICED"}})
		r.live(2 * time.Second)
		r.stop()
		require.Equal(t, []string{"A submitted->priced breached", "A submitted->priced retracted"}, r.told())
		require.Equal(t, 0.0, r.numbers()["order.transitions{transition=submitted->priced,outcome=on_time}"])
	})
}

func TestAFailedSpanReachesNoStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		r.send(point{service: "shop", name: "x", end: time.Now(), failed: true, attributes: map[string]string{"order.id": "A", "order.status": "SUBMITTED"}})
		r.live(2 * time.Second)
		r.stop()
		require.Equal(t, 0.0, r.numbers()["order.started{}"])
		require.Equal(t, 1.0, r.numbers()["service.requests{service=shop,span_name=x,span_kind=server,outcome=error}"])
	})
}

func TestALogRecordReachesAStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		ld := plog.NewLogs()
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", "shop")
		rec := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		rec.SetObservedTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		rec.Attributes().PutStr("order.id", "A")
		rec.Attributes().PutStr("order.status", "SUBMITTED")
		r.sendLogs(ld)
		r.live(3 * time.Second)
		r.stop()
		require.Equal(t, 1.0, r.numbers()["order.started{}"])
		require.Equal(t, 1.0, r.numbers()["order.in_flight{stage=submitted}"])
	})
}

func TestEachBatchIsCountedOnceThoughFourInstancesSeeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		for range 5 {
			r.beat()
		}
		r.stop()
		require.Equal(t, 5.0, r.numbers()["service.requests{service=idle,span_name=tick,span_kind=server,outcome=ok}"])
		require.Equal(t, 5.0, r.numbers()["service.duration{service=idle,span_name=tick,span_kind=server,outcome=ok}"])
	})
}

func TestStampsFromTheFarPastAndFutureOpenNoTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		at := func(order string, end time.Time) point {
			return point{service: "shop", name: "x", end: end, attributes: map[string]string{"order.id": order, "order.status": "SUBMITTED"}}
		}
		now := time.Now()
		r.send(at("old", now.AddDate(-1, 0, 0)), at("future", now.AddDate(74, 0, 0)), at("none", time.Unix(0, 0)), at("1948", time.Date(1948, 1, 1, 0, 0, 0, 0, time.UTC)))
		r.live(14 * time.Second)
		r.stop()
		told := r.told()
		slices.Sort(told)
		require.Equal(t, []string{"1948 submitted->priced breached", "future submitted->priced breached", "none submitted->priced breached"}, told,
			"a stamp that cannot be is replaced by the time of arrival; one that is too old is not judged")
	})
}

func TestAnOrderWithTenThousandEventsIsStillJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		first := time.Now()
		for i := range 10_000 {
			r.send(point{service: "shop", name: "x", end: first.Add(time.Duration(i) * time.Microsecond), attributes: map[string]string{"order.id": "A", "order.status": "SUBMITTED"}})
		}
		r.live(14 * time.Second)
		r.stop()
		require.Equal(t, []string{"A submitted->priced breached"}, r.told())
		require.Equal(t, 1.0, r.numbers()["order.started{}"])
	})
}

func TestSeveralOrdersOnOneSpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		td := tracesWith(func(m pcommon.Map) {
			s := m.PutEmptySlice("order.id")
			s.AppendEmpty().SetStr("A")
			s.AppendEmpty().SetStr("B")
			m.PutStr("order.status", "SUBMITTED")
		})
		r.sendTraces(td)
		r.stop()
		require.Equal(t, 2.0, r.numbers()["order.started{}"])
	})
}

func TestEqualTimesFollowTheRankOfTheirStages(t *testing.T) {
	for ranks, onTime := range map[string]float64{
		"": 1, "rank: 3": 1, // b is mentioned first, and reached in time before the order ends
		"rank: 1": 0, // the end comes before b: nothing counts after it
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, `
flows:
  order:
    stages:
      a: {attributes: {st: a}}
      b: {attributes: {st: b}}
      cancelled: {attributes: {st: x}, end: neutral, `+ranks+`}
    transitions: [{from: a, to: b, deadline: 10s}]
time: {allowed_lateness: 2s, path_silence: 10s}
`)
			now := time.Now()
			for i, st := range []string{"a", "x", "b"} {
				r.send(point{service: "shop", name: "x", end: now.Add(time.Duration(min(i, 1)) * time.Second), attributes: map[string]string{"order.id": "A", "st": st}})
			}
			r.live(20 * time.Second)
			r.stop()
			require.Equal(t, onTime, r.numbers()["order.transitions{transition=a->b,outcome=on_time}"], ranks)
		})
	}
}

func TestAnOrderMayCarryItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `
flows:
  order:
    stages:
      a: {attributes: {st: a}}
      b: {attributes: {st: b}}
    transitions:
      - {from: a, to: b, deadline_attribute: order.promised_at, default: 10s, lost_after: 12s}
time: {allowed_lateness: 2s, path_silence: 10s}
`)
		now := time.Now()
		enter := func(order, promise string) {
			r.send(point{service: "shop", name: "x", end: now, attributes: map[string]string{"order.id": order, "st": "a", "order.promised_at": promise}})
		}
		enter("soon", now.Add(4*time.Second).Format(time.RFC3339Nano))
		enter("later", strconv.FormatInt(now.Add(20*time.Second).UnixMilli(), 10))
		enter("unreadable", "next week")
		r.live(7 * time.Second)
		require.Equal(t, []string{"soon a->b breached"}, r.told())
		r.send(point{service: "shop", name: "moved", end: now.Add(time.Second), attributes: map[string]string{"order.id": "soon", "st": "a", "order.promised_at": now.Add(time.Minute).Format(time.RFC3339)}})
		r.live(1500 * time.Millisecond)
		require.Equal(t, []string{"soon a->b breached", "soon a->b retracted"}, r.told(), "the newest promise holds")
		r.live(7 * time.Second)
		require.Equal(t, []string{"unreadable a->b breached", "unreadable a->b lost"}, r.told()[2:])
		r.live(8 * time.Second)
		require.Equal(t, []string{"later a->b breached", "later a->b lost"}, r.told()[4:], "lost_after is never before the promise")
		r.stop()
	})
}
