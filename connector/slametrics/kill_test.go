package slametrics_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Between two checkpoints lie a minute, a journal, and many writes. Whichever of them is the last, no counter that was told
// steps back, and none counts twice.
func TestAKillAtAnyWriteTakesNoCounterBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type instant struct {
			left *disk
			told map[string]float64
		}
		var past []instant
		d := newDisk()
		r := newRigOn(t, incidents, d)
		d.mu.Lock()
		d.written = func() {
			past = append(past, instant{&disk{data: maps.Clone(d.data)}, r.numbers()})
		}
		d.mu.Unlock()
		for n := range 140 {
			r.stage(fmt.Sprintf("ORD-%d", n), "SUBMITTED")
			if n%3 == 0 {
				r.stage(fmt.Sprintf("ORD-%d", n), "PRICE_CALCULATED")
			}
			r.live(time.Second)
		}
		d.mu.Lock()
		d.written = nil
		d.mu.Unlock()
		r.stop()
		require.Greater(t, len(past), 300)
		checkpoints := map[string]bool{}
		for i := 0; i < len(past); i += 1 + len(past)/80 {
			at := past[i]
			checkpoints[string(at.left.data["state"])] = true
			again := newRigOn(t, incidents, at.left)
			again.live(2 * time.Second)
			for name, v := range at.told {
				if strings.HasPrefix(name, "order.started") || strings.HasPrefix(name, "order.transitions{") || strings.HasPrefix(name, "incidents{") || strings.HasPrefix(name, "incident.time") {
					require.GreaterOrEqual(t, again.numbers()[name], v, "%s after write %d", name, i)
				}
			}
			again.live(2 * time.Minute)
			again.stop()
			n := again.numbers()
			require.Equal(t, n["order.started{}"], n["order.transitions{transition=submitted->priced,outcome=on_time}"]+n["order.transitions{transition=submitted->priced,outcome=breached}"], "after write %d", i)
			require.LessOrEqual(t, n["incidents{subject=submitted->priced,detected=false}"], 1.0, "trouble never paused; after write %d", i)
		}
		require.Greater(t, len(checkpoints), 2)
	})
}

// What the journal brings again was told before the kill.
func TestAKilledJudgeTellsNoVerdictTwiceThatItHadToldBeforeItsLastMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRigOn(t, incidents, newDisk())
		for _, id := range []string{"A", "B", "C"} {
			r.stage(id, "SUBMITTED")
		}
		r.live(40 * time.Second)
		said := func(r *rig) (all []string) {
			for _, rec := range r.verdicts() {
				a := rec.Attributes()
				all = append(all, fmt.Sprint(rec.EventName(), a.AsRaw()["order.id"], a.AsRaw()["transition"], a.AsRaw()["outcome"], a.AsRaw()["subject"]))
			}
			return all
		}
		before := said(r)
		require.Contains(t, fmt.Sprint(before), "incident.opened")
		require.Contains(t, fmt.Sprint(before), "order.verdict")
		left := r.disk.clone()
		r.stop()
		r = newRigOn(t, incidents, left)
		r.live(time.Minute)
		r.stop()
		for _, line := range said(r) {
			require.NotContains(t, before, line)
		}
	})
}

// The journal that tells of an incident's beginning may be read again after the incident was over.
func TestAnIncidentThatWasOverBeforeAKillDoesNotBeginAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRigOn(t, incidents, newDisk())
		r.stage("A", "SUBMITTED")
		r.live(14 * time.Second)
		r.stage("A", "PRICE_CALCULATED")
		r.stage("A", "MANUFACTURING_APPROVED")
		r.live(42 * time.Second)
		const over = "incidents{subject=submitted->priced,detected=false}"
		require.Equal(t, 1.0, r.numbers()[over])
		left := r.disk.clone()
		require.Contains(t, left.data, "journal/0", "there has been no checkpoint since")
		r.stop()
		r = newRigOn(t, incidents, left)
		r.live(2 * time.Minute)
		r.stop()
		require.Equal(t, 1.0, r.numbers()[over])
		require.Empty(t, r.verdicts(), "all was told")
	})
}
