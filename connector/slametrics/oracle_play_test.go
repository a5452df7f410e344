package slametrics_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

// oracleResult is what one seed, or all of them, came to.
type oracleResult struct{ verdicts, retracted, differences, kills, outages, cuts, tiers, replays, wild, slow int }

func (r *oracleResult) add(o oracleResult) {
	r.verdicts += o.verdicts
	r.retracted += o.retracted
	r.differences += o.differences
	r.kills += o.kills
	r.outages += o.outages
	r.cuts += o.cuts
	r.tiers += o.tiers
	r.replays += o.replays
	r.wild += o.wild
	r.slow += o.slow
}

// plan is what happens to the telemetry of a seed on its way.
type plan struct {
	second  int64    // how long a second is
	late    bool     // some telemetry is later than the allowed lateness
	outage  [2]int64 // nothing arrives between these
	cut     int      // the gateway whose events alone are cut off by it; -1: all are
	kill    int64    // when the judge is killed; 0: never
	gateway int      // how many gateways relay; 0: the judge sees the spans
}

func invitePlan(rng *rand.Rand, seed uint64, start int64, result *oracleResult) plan {
	p := plan{second: second, late: seed%4 == 3, cut: -1}
	if seed%250 == 100 {
		p.second *= 3600 // an order's life lasts for days, and all of it for a month
		result.slow++
	}
	if rng.IntN(2) == 0 {
		p.outage[0] = start + rng.Int64N(120*p.second)
		p.outage[1] = p.outage[0] + 11*p.second + rng.Int64N(300*p.second)
		result.outages++
	}
	if rng.IntN(2) == 0 {
		p.gateway = 2 + rng.IntN(2)
		result.tiers++
		if p.outage[0] != 0 && rng.IntN(2) == 0 {
			p.cut = rng.IntN(p.gateway)
			result.cuts++
		}
	}
	if rng.IntN(3) == 0 { // killed at some instant, and started again: what arrives meanwhile waits
		p.kill, p.cut = start+rng.Int64N(150*p.second), -1
		p.outage = [2]int64{p.kill, p.kill + rng.Int64N(4*p.second)} // all of the queue comes within restore_grace
		if rng.IntN(2) == 0 {
			p.outage[1] = p.kill + 12*p.second + rng.Int64N(50*p.second) // a silence of its own
		}
		result.kills++
	}
	return p
}

// stageSet is who judges, and what stands in front of it.
type stageSet struct {
	plan
	judge    *rig
	gateways []*rig
	wires    []*wire
	rng      *rand.Rand
	seen     []oracleEvent // as it was taken, wild stamps replaced
}

func raise(t *testing.T, rng *rand.Rand, p plan, config string) *stageSet {
	s := &stageSet{plan: p, rng: rng, judge: newRigOn(t, config, newDisk())}
	for i := range p.gateway {
		w := &wire{to: func(ld plog.Logs) { s.judge.sendLogs(ld) }}
		s.wires = append(s.wires, w)
		s.gateways = append(s.gateways, newGatewayRig(t, "gw-"+string(rune('1'+i)), config, w))
	}
	return s
}

// entrance is where the next batch goes.
func (s *stageSet) entrance() *rig {
	if len(s.gateways) == 0 {
		return s.judge
	}
	return s.gateways[s.rng.IntN(len(s.gateways))]
}

func (s *stageSet) beat() {
	if len(s.gateways) == 0 {
		s.judge.beat()
	}
	for _, g := range s.gateways {
		g.beat()
	}
}

// weather cuts wires and mends them: of the one gateway that is cut off, or of all while the judge is down.
func (s *stageSet) weather(now int64) {
	out := now >= s.outage[0] && now < s.outage[1]
	for i, w := range s.wires {
		switch w.mu.Lock(); {
		case out && (s.cut == i || s.kill != 0):
			w.cut = true
			w.mu.Unlock()
		case w.cut:
			w.mu.Unlock()
			w.mend()
		default:
			w.mu.Unlock()
		}
	}
}

// silent says that nothing arrives at the collectors now.
func (s *stageSet) silent(now int64) bool {
	atGateways := len(s.gateways) > 0 && (s.cut >= 0 || s.kill != 0)
	return !atGateways && now >= s.outage[0] && now < s.outage[1]
}

// playBack sends the log in the order of its arrival over paths that beat each second, outages aside, and returns the
// watermark that it ends with.
func (s *stageSet) playBack(log []delivery, until int64) int64 {
	maxAge := 86400 * s.second
	killed := s.kill == 0
	for now := time.Now(); now.UnixNano() < until || len(log) > 0; now = time.Now() {
		if !killed && now.UnixNano() >= s.kill {
			s.judge, killed = s.judge.kill(), true
		}
		s.weather(now.UnixNano())
		batches := map[*rig][]point{}
		for len(log) > 0 && log[0].arrival <= now.UnixNano() {
			e := log[0]
			log = log[1:]
			p := point{
				service: "shop", name: e.stage, start: time.Unix(0, e.start), end: time.Unix(0, e.end), trace: 1,
				attributes: map[string]string{"order.id": e.order, "st": e.stage},
			}
			if e.wild != 0 {
				p.start, p.end = time.Unix(0, e.wild), time.Unix(0, e.wild)
				if e.wild == none {
					p.start, p.end = time.Unix(0, 0), time.Unix(0, 0)
				}
				e.end = p.end.UnixNano()
				if e.old = e.end > 0 && e.end < now.UnixNano()-maxAge; !e.old {
					e.end = now.UnixNano()
				}
				e.start = e.end
			}
			s.seen = append(s.seen, e.oracleEvent)
			to := s.entrance()
			batches[to] = append(batches[to], p)
		}
		for to, batch := range batches {
			to.send(batch...)
		}
		if !s.silent(now.UnixNano()) {
			s.beat()
		}
		time.Sleep(time.Duration(s.second))
	}
	for range 25 { // the last grace period passes
		s.beat()
		time.Sleep(time.Duration(s.second))
	}
	last := time.Now()
	s.beat()
	for _, g := range s.gateways {
		g.stop()
	}
	s.judge.stop()
	return last.UnixNano() - 5*s.second
}

// play runs one seed through the connector and compares every outcome of every order.
func play(t *testing.T, seed uint64) (result oracleResult) {
	rng := rand.New(rand.NewPCG(seed, 11))
	start := time.Now().UnixNano() + 5*second
	p := invitePlan(rng, seed, start, &result)
	shape := shapes[seed%uint64(len(shapes))].slower(p.second / second)
	log, replayed := deliver(rng, histories(rng, &shape.flow, start, p.second, p.late, 30), p.second, p.late, p.sourceOutage())
	result.replays += replayed
	s := raise(t, rng, p, "flows:\n  order:"+shape.config+stretch(oracleTail, p.second/second))
	horizon := s.playBack(log, start+(400+rng.Int64N(300))*p.second)
	s.compare(t, seed, &shape.flow, horizon, &result)
	return result
}

// sourceOutage is when nothing leaves the senders: their telemetry comes after it, in any order.
func (p *plan) sourceOutage() [2]int64 {
	if p.gateway > 0 && (p.cut >= 0 || p.kill != 0) {
		return [2]int64{}
	}
	return p.outage
}

func (s *stageSet) compare(t *testing.T, seed uint64, flow *oracleFlow, horizon int64, result *oracleResult) {
	orders := map[string][]oracleEvent{}
	for _, e := range s.seen {
		orders[e.order] = append(orders[e.order], e)
		if e.wild != 0 {
			result.wild++
		}
	}
	want, onTime := map[string]int{}, map[string]int{}
	for id, events := range orders {
		for transition, sum := range flow.verdicts(events, horizon) {
			onTime[transition] += sum.onTime
			want[id+" "+transition+" breached"] += sum.breached
			want[id+" "+transition+" late"] += sum.late
			want[id+" "+transition+" lost"] += sum.lost
			result.verdicts += sum.onTime + sum.breached
		}
	}
	got := map[string]int{}
	for _, line := range s.judge.outcomes() {
		if base, ok := strings.CutSuffix(line, " retracted"); ok {
			got[base+" breached"]--
			result.retracted++
			continue
		}
		got[line]++
	}
	for key, n := range want {
		if s.late && !strings.HasSuffix(key, "breached") {
			continue // a step that was taken back may have been counted on the way
		}
		if got[key] != n {
			result.differences++
			events := orders[strings.Fields(key)[0]]
			slices.SortFunc(events, func(a, b oracleEvent) int { return cmp.Compare(a.end, b.end) })
			t.Errorf("seed %d %+v: %s: %d, want %d; log %v", seed, s.plan, key, got[key], n, events)
		}
	}
	if s.late {
		return
	}
	if result.retracted > 0 {
		t.Errorf("seed %d %+v: %d retracted within the allowed lateness", seed, s.plan, result.retracted)
	}
	for transition, n := range onTime {
		name := "order.transitions{transition=" + transition + ",outcome=on_time}"
		if got := s.judge.numbers()[name]; got != float64(n) {
			result.differences++
			t.Errorf("seed %d %+v: %s: %v, want %d", seed, s.plan, name, got, n)
		}
	}
}

// outcomes are the verdict records without those that were told again at once after a kill.
func (r *rig) outcomes() []string {
	var all []string
	before := map[string]int{}
	for _, line := range r.before {
		before[line]++
		all = append(all, line[:strings.LastIndexByte(line, ' ')])
	}
	records := r.verdicts()
	for i, line := range r.toldAt() {
		if before[line] > 0 && records[i].Timestamp().AsTime().Equal(r.born) {
			before[line]--
			continue
		}
		all = append(all, line[:strings.LastIndexByte(line, ' ')])
	}
	return all
}

func TestOracle(t *testing.T) {
	var total oracleResult
	var mu sync.Mutex
	for seed := range uint64(*seeds) {
		synctest.Test(t, func(t *testing.T) {
			one := play(t, seed)
			mu.Lock()
			defer mu.Unlock()
			total.add(one)
		})
		if total.differences > 20 {
			break
		}
	}
	t.Logf("oracle: %d seeds, %d verdicts, %d differences; %d retracted, in seeds with telemetry later than the allowed lateness", *seeds, total.verdicts, total.differences, total.retracted)
	t.Logf("perturbed: all shuffled; %d replays, %d wild stamps, %d outages, %d kills, %d tiers of gateways, %d with one of them cut off, %d that last a month",
		total.replays, total.wild, total.outages, total.kills, total.tiers, total.cuts, total.slow)
	require.Zero(t, total.differences)
	require.Greater(t, total.verdicts, *seeds*30, "the generator must give the oracle something to judge")
	for what, n := range map[string]int{"replays": total.replays, "wild stamps": total.wild, "outages": total.outages, "kills": total.kills, "tiers": total.tiers, "cuts": total.cuts} {
		require.Greater(t, n, *seeds/20, "the generator must perturb often: %s", what)
	}
}
