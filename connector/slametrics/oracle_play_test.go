package slametrics_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// oracleResult is what one seed, or all of them, came to.
type oracleResult struct {
	verdicts, retracted, differences, kills, outages, cuts, tiers, replays, wild, slow, moves, handed, refusals int
}

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
	r.moves += o.moves
	r.handed += o.handed
	r.refusals += o.refusals
}

// plan is what happens to the telemetry of a seed on its way.
type plan struct {
	second  int64    // how long a second is
	late    bool     // some telemetry is later than the allowed lateness
	outage  [2]int64 // nothing arrives between these
	cut     int      // the gateway whose events alone are cut off by it; -1: all are
	kill    int64    // when the judge is killed; 0: never
	gateway int      // how many gateways relay; 0: the judge sees the spans
	move    int64    // when shards 16 to 31 begin to move from the judge to a second one; 0: there is one judge
}

func invitePlan(rng *rand.Rand, seed uint64, start int64, result *oracleResult) plan {
	p := plan{second: second, late: seed/uint64(len(shapes))%4 == 3, cut: -1}
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
	} else if p.gateway > 0 && rng.IntN(2) == 0 {
		p.move = start + rng.Int64N(150*p.second)
		result.moves++
	}
	return p
}

// stageSet is who judges, and what stands in front of it.
type stageSet struct {
	plan
	judge    *rig
	other    *rig      // nil unless shards move
	folders  [2]string // hand_over of judge and other
	second0  int       // the first shard that is routed to other
	config   string
	moved    int // steps of the move taken
	handed   int // files
	refused  int // batches
	gateways []*rig
	wires    []*wire
	rng      *rand.Rand
	seen     []oracleEvent // as it was taken, wild stamps replaced
}

func raise(t *testing.T, rng *rand.Rand, p plan, config string) *stageSet {
	s := &stageSet{plan: p, rng: rng, config: config, second0: 32}
	if p.move == 0 {
		s.judge = newRigOn(t, config, newDisk())
	} else {
		s.folders = [2]string{t.TempDir(), t.TempDir()}
		s.judge, s.other = newRigOn(t, s.shards(0, "0-31"), newDisk()), newRigOn(t, s.shards(1, "32-63"), newDisk())
	}
	for i := range p.gateway {
		w := &wire{to: s.route}
		s.wires = append(s.wires, w)
		s.gateways = append(s.gateways, newGatewayRig(t, "gw-"+string(rune('1'+i)), config, w))
	}
	return s
}

func (s *stageSet) shards(judge int, shards string) string {
	return "shards: " + shards + "\nhand_over: " + s.folders[judge] + "\n" + s.config
}

// route sends order events to the judge of their shard, and what belongs to none to both.
func (s *stageSet) route(ld plog.Logs) {
	if s.other == nil {
		s.judge.sendLogs(ld)
		return
	}
	second := plog.NewLogs()
	ld.CopyTo(second)
	to := func(rl plog.ResourceLogs, judge bool) bool {
		shard, ok := rl.Resource().Attributes().Get("ordertrace.shard")
		return ok && (int(shard.Int()) < s.second0) != judge
	}
	ld.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool { return to(rl, true) })
	second.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool { return to(rl, false) })
	s.judge.sendLogs(ld)
	s.other.sendLogs(second)
}

// hand moves shards 16 to 31 from the judge to the other, in the order of the guide: the one that gives starts anew, then
// the routing changes, then the one that takes is brought the files and starts anew.
func (s *stageSet) hand(now int64) {
	if s.move == 0 || now < s.move {
		return
	}
	switch s.moved++; s.moved {
	case 1:
		s.judge = s.judge.killAs(s.shards(0, "0-15"))
	case 4:
		s.second0 = 16
	case 8:
		files, _ := filepath.Glob(filepath.Join(s.folders[0], "*"))
		for _, file := range files {
			require.NoError(s.judge.t, os.Rename(file, filepath.Join(s.folders[1], filepath.Base(file))))
		}
		s.handed = len(files)
		s.other = s.other.killAs(s.shards(1, "16-63"))
	}
}

// send sends a batch to a gateway, or to the judge if there is none. What is refused is to be sent again.
func (s *stageSet) send(to int, batch []delivery, now time.Time) (again []delivery) {
	if len(batch) == 0 {
		return nil
	}
	td, taken := ptrace.NewTraces(), make([]oracleEvent, len(batch))
	for i, e := range batch {
		taken[i] = s.asTaken(e.oracleEvent, now.UnixNano())
		attributes := map[string]string{"order.id": e.order, "st": e.stage}
		if e.until != 0 {
			attributes["until"] = strconv.FormatInt(e.until, 10)
		}
		point{
			service: "shop", name: e.stage, start: time.Unix(0, e.start), end: time.Unix(0, e.end), trace: 1,
			attributes: attributes,
		}.wildly(e.wild).append(td)
	}
	entrance := s.judge
	if len(s.gateways) > 0 {
		entrance = s.gateways[to]
		s.wires[to].full.Store(s.rng.IntN(10) == 0)
		defer s.wires[to].full.Store(false)
	}
	for _, c := range entrance.traces {
		if err := c.ConsumeTraces(context.Background(), td); err != nil {
			s.refused++
			return batch
		}
	}
	s.seen = append(s.seen, taken...)
	return nil
}

// asTaken is the event as the connector must take it: wild stamps are replaced by the time of arrival.
func (s *stageSet) asTaken(e oracleEvent, now int64) oracleEvent {
	if e.wild == 0 {
		return e
	}
	e.end = e.wild
	if e.old = e.wild > none && e.wild < now-86400*s.second; !e.old {
		e.end = now
	}
	e.start = e.end
	return e
}

// wildly replaces the stamps of a point.
func (p point) wildly(stamp int64) point {
	switch stamp {
	case 0:
	case none:
		p.start, p.end = time.Unix(0, 0), time.Unix(0, 0)
	default:
		p.start, p.end = time.Unix(0, stamp), time.Unix(0, stamp)
	}
	return p
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
	killed := s.kill == 0
	for now := time.Now(); now.UnixNano() < until || len(log) > 0 || s.move != 0 && s.moved < 8; now = time.Now() {
		if !killed && now.UnixNano() >= s.kill {
			s.judge, killed = s.judge.kill(), true
		}
		s.hand(now.UnixNano())
		s.weather(now.UnixNano())
		batches := map[int][]delivery{}
		for len(log) > 0 && log[0].arrival <= now.UnixNano() {
			to := s.rng.IntN(max(1, len(s.gateways)))
			batches[to] = append(batches[to], log[0])
			log = log[1:]
		}
		for to := range max(1, len(s.gateways)) {
			if again := s.send(to, batches[to], now); len(again) > 0 {
				log = append(again, log...) // the sender tries again, maybe elsewhere
			}
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
	if s.other != nil {
		s.other.stop()
	}
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
	result.refusals += s.refused
	result.handed += s.handed
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
	told, counted := s.judge.outcomes(), s.judge.numbers()
	if s.other != nil {
		told = append(told, s.other.outcomes()...)
		for name, n := range s.other.numbers() {
			counted[name] += n
		}
	}
	for _, line := range told {
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
		if got := counted[name]; got != float64(n) {
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
	t.Logf("perturbed: all shuffled; %d replays, %d wild stamps, %d outages, %d kills, %d tiers of gateways, %d with one of them cut off, %d that last a month, %d with shards that move between judges (%d files), %d batches refused by a gateway",
		total.replays, total.wild, total.outages, total.kills, total.tiers, total.cuts, total.slow, total.moves, total.handed, total.refusals)
	require.Zero(t, total.differences)
	require.Greater(t, total.verdicts, *seeds*30, "the generator must give the oracle something to judge")
	for what, n := range map[string]int{"replays": total.replays, "wild stamps": total.wild, "outages": total.outages, "kills": total.kills, "tiers": total.tiers, "cuts": total.cuts, "moves": total.moves, "files handed over": total.handed, "refusals": total.refusals} {
		require.Greater(t, n, *seeds/20, "the generator must perturb often: %s", what)
	}
}
