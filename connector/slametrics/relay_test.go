package slametrics_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/ordertrace/ordertrace/connector/slametrics"
)

// wire carries a gateway's order events to the judge; while it is cut they queue, as in a queue on disk.
type wire struct {
	mu     sync.Mutex
	to     func(plog.Logs)
	queue  []plog.Logs // owned by mu
	cut    bool        // owned by mu
	full   atomic.Bool // refuses
	passed int         // owned by mu
}

func (w *wire) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (w *wire) ConsumeLogs(_ context.Context, ld plog.Logs) error {
	if w.full.Load() {
		return errors.New("the queue is full")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	own := plog.NewLogs()
	ld.CopyTo(own)
	w.passed += ld.LogRecordCount()
	if w.cut {
		w.queue = append(w.queue, own)
		return nil
	}
	w.to(own)
	return nil
}

// mend sends what has queued, and no longer queues.
func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = false
	for _, ld := range w.queue {
		w.to(ld)
	}
	w.queue = nil
}

// newGatewayRig makes a connector that relays over the wire.
func newGatewayRig(t testing.TB, id, config string, w *wire) *rig {
	t.Helper()
	return newRigTo(t, loadConfig(t, fmt.Sprintf("role: relay\nrelay_id: %s\n%s", id, config)), nil, w)
}

// tier is some gateways in front of a judge.
type tier struct {
	judge    *rig
	gateways []*rig
	wires    []*wire
}

func newTier(t testing.TB, n int, config string) *tier {
	t.Helper()
	return newTierOn(t, n, config, newRig(t, config))
}

func newTierOn(t testing.TB, n int, config string, judge *rig) *tier {
	t.Helper()
	all := &tier{judge: judge}
	for i := range n {
		w := &wire{to: func(ld plog.Logs) { all.judge.sendLogs(ld) }}
		all.wires = append(all.wires, w)
		all.gateways = append(all.gateways, newGatewayRig(t, fmt.Sprintf("gw-%d", i+1), config, w))
	}
	return all
}

func (a *tier) stop() {
	for _, g := range a.gateways {
		g.stop()
	}
	a.judge.stop()
}

// live lets time pass while the gateways live; nobody else says anything.
func (a *tier) live(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

const behindGateways = `
flows:
  order:
    stages:
      submitted: {attributes: {order.status: SUBMITTED}}
      priced: {attributes: {order.status: PRICED}}
      closed: {attributes: {order.status: CLOSED}, end: good}
    transitions:
      - {from: submitted, to: priced, deadline: 10s, lost_after: 20s}
      - {from: priced, to: closed, deadline_attribute: promised_at, default: 30s}
messages: {deadline: 5s}
time: {allowed_lateness: 2s, path_silence: 12s, restore_grace: 15s, direct_silence: advance}
metrics_flush_interval: 1s
`

func TestAnOrderWhoseHalvesComeOverTwoGatewaysIsJudgedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTier(t, 2, behindGateways)
		a.live(1500 * time.Millisecond)
		a.gateways[0].stage("good", "SUBMITTED")
		a.gateways[0].stage("bad", "SUBMITTED")
		a.live(3 * time.Second)
		a.gateways[1].stage("good", "PRICED")
		a.live(60 * time.Second)
		a.gateways[0].stage("good", "CLOSED") // later than promised by default
		a.live(30 * time.Second)
		a.stop()
		require.ElementsMatch(t, []string{
			"bad submitted->priced breached", "bad submitted->priced lost", "good priced->closed breached", "good priced->closed late",
		}, a.judge.told())
		n := a.judge.numbers()
		require.Equal(t, 1.0, n["order.transitions{transition=submitted->priced,outcome=on_time}"])
		require.Equal(t, 2.0, n["order.started{}"])
		last := a.judge.verdicts()[0]
		require.Equal(t, pcommon.TraceID{7, 1}, last.TraceID(), "the order's last trace")
		for _, g := range a.gateways {
			require.Empty(t, g.verdicts())
			for name := range g.numbers() {
				require.Contains(t, name, "service.", "a gateway tells of services only")
			}
		}
	})
}

func TestAnOrdersOwnPromiseCrossesTheGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTier(t, 1, behindGateways)
		a.gateways[0].send(point{service: "mes", name: "x", end: time.Now(), trace: 3, attributes: map[string]string{
			"order.id": "A", "order.status": "PRICED", "promised_at": time.Now().Add(100 * time.Second).Format(time.RFC3339Nano)}})
		a.gateways[0].stage("B", "PRICED")
		a.live(time.Minute + 40*time.Second)
		require.Equal(t, []string{"B priced->closed breached"}, a.judge.told())
		a.live(time.Minute)
		require.Contains(t, a.judge.told(), "A priced->closed breached")
		a.stop()
	})
}

func TestMessagesAreJudgedAcrossGateways(t *testing.T) {
	for _, id := range []func(string) string{func(id string) string { return id }, func(string) string { return "" }} {
		synctest.Test(t, func(t *testing.T) {
			a := newTier(t, 2, behindGateways)
			a.live(1500 * time.Millisecond)
			for i, name := range []string{"fine", "lost", "twice"} {
				a.gateways[i%2].message(ptrace.SpanKindProducer, "shop", "orders", id(name), byte(i+1))
			}
			a.live(time.Second)
			of := func(n byte) func(ptrace.Span) { return func(s ptrace.Span) { s.SetParentSpanID([8]byte{n}) } }
			a.gateways[1].message(ptrace.SpanKindConsumer, "mes", "q", id("fine"), 20, of(1))
			a.gateways[0].message(ptrace.SpanKindConsumer, "mes", "q", id("fine"), 20, of(1)) // the same span by another way
			a.gateways[0].message(ptrace.SpanKindConsumer, "mes", "q", id("twice"), 21, of(3))
			a.live(time.Second)
			a.gateways[1].message(ptrace.SpanKindConsumer, "mes", "q", id("twice"), 22, of(3))
			a.live(20 * time.Second)
			a.stop()
			require.Equal(t, 2.0, a.judge.messageCount("orders", "on_time"))
			require.Equal(t, 1.0, a.judge.messageCount("orders", "lost"))
			require.Equal(t, 1.0, a.judge.messageCount("q", "duplicate"))
		})
	}
}

func TestAGatewayThatIsCutOffHoldsVerdictsBackAndIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTier(t, 2, behindGateways)
		a.live(1500 * time.Millisecond)
		a.gateways[0].stage("A", "SUBMITTED")
		a.gateways[0].stage("B", "SUBMITTED")
		a.live(time.Second)
		a.wires[1].mu.Lock()
		a.wires[1].cut = true
		a.wires[1].mu.Unlock()
		a.live(2 * time.Second)
		a.gateways[1].stage("A", "PRICED") // queues
		a.live(10 * time.Minute)
		require.Empty(t, a.judge.told())
		require.Equal(t, 1.0, a.judge.numbers()["sla.watermark.stalled{path=gw-2}"])
		require.Equal(t, 0.0, a.judge.numbers()["sla.watermark.stalled{path=gw-1}"])
		require.Equal(t, 0.0, a.judge.numbers()["sla.watermark.stalled{path=gw-1/direct}"])
		a.wires[1].mend()
		a.live(40 * time.Second)
		a.stop()
		require.ElementsMatch(t, []string{"B submitted->priced breached", "B submitted->priced lost", "A priced->closed breached"}, a.judge.told())
	})
}

func TestAnAgentThatIsSilentBehindALivingGatewayHoldsVerdictsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTier(t, 2, behindGateways)
		a.live(1500 * time.Millisecond)
		a.gateways[0].send(heart("factory"))
		a.gateways[1].send(heart("factory"))
		a.gateways[0].stage("A", "SUBMITTED")
		a.live(5 * time.Minute)
		require.Empty(t, a.judge.told())
		require.Equal(t, 1.0, a.judge.numbers()["sla.watermark.stalled{path=gw-1/factory}"])
		require.Equal(t, 1.0, a.judge.numbers()["sla.watermark.stalled{path=gw-2/factory}"])
		for range 60 {
			a.gateways[0].send(heart("factory"))
			a.live(time.Second)
		}
		require.Empty(t, a.judge.told(), "what it sends through the other gateway may be stuck")
		for range 60 {
			a.gateways[0].send(heart("factory"))
			a.gateways[1].send(heart("factory"))
			a.live(time.Second)
		}
		require.Contains(t, a.judge.told(), "A submitted->priced lost")
		a.stop()
	})
}

func TestFailedRequestsAreToldToTheJudge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{cut: true}
		gateway := newGatewayRig(t, "gw", behindGateways+"incidents: {quiet: 1m}\n", w)
		at := time.Now()
		gateway.send(point{service: "mes", name: "price", end: at, trace: 9, failed: true})
		gateway.stop()
		first := w.queue[0].ResourceLogs().At(0)
		service, _ := first.Resource().Attributes().Get("ordertrace.service")
		require.Equal(t, "mes", service.Str())
		record := first.ScopeLogs().At(0).LogRecords().At(0)
		require.Equal(t, "service.failed", record.EventName())
		require.Equal(t, at.UTC(), record.Timestamp().AsTime())
		since, _ := record.Attributes().Get("first")
		require.Equal(t, at.UnixNano(), since.Int())
	})
}

// A full queue in front of the judge pushes back to the sender, who repeats; nothing is counted twice.
func TestAGatewayThatCannotReachItsQueueRefusesTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTier(t, 1, behindGateways)
		a.live(1500 * time.Millisecond)
		a.wires[0].full.Store(true)
		td := tracesWith(func(m pcommon.Map) { m.PutStr("order.id", "A"); m.PutStr("order.status", "SUBMITTED") })
		require.ErrorContains(t, a.gateways[0].traces[0].ConsumeTraces(t.Context(), td), "send order events to the judge: the queue is full")
		a.live(3 * time.Second)
		a.wires[0].full.Store(false)
		require.NoError(t, a.gateways[0].traces[0].ConsumeTraces(t.Context(), td))
		a.live(5 * time.Second)
		a.stop()
		require.Equal(t, 1.0, a.judge.numbers()["order.started{}"])
		for name, v := range a.gateways[0].numbers() {
			if len(name) > 17 && name[:17] == "service.requests{" {
				require.Equal(t, 1.0, v, name)
			}
		}
	})
}

// Whoever may send logs to a gateway that judges must not be able to stall it, or to vouch for an agent that was cut off.
func TestOrderEventsOfAStrangerJudgeNothing(t *testing.T) {
	for name, relays := range map[string][]string{"nobody is believed": nil, "others are believed": {"gw-2"}} {
		synctest.Test(t, func(t *testing.T) {
			cfg := loadConfig(t, behindGateways)
			cfg.(*slametrics.Config).Relays = relays
			judge := newRigFrom(t, cfg, nil)
			w := &wire{to: judge.sendLogs}
			gateway := newGatewayRig(t, "gw", behindGateways, w)
			gateway.stage("ORD-1", "SUBMITTED")
			time.Sleep(time.Minute)
			gateway.stop()
			synctest.Wait()
			judge.stop()
			require.Positive(t, w.passed, name)
			for series, v := range judge.numbers() {
				require.False(t, strings.Contains(series, "path=gw") && v != 0, "%s: %s", name, series)
				require.False(t, strings.HasPrefix(series, "order.in_flight") && v != 0, "%s: %s", name, series)
			}
		})
	}
}

func TestARelayWithoutAJudgeDoesNotStart(t *testing.T) {
	factory := slametrics.NewFactory()
	cfg := loadConfig(t, "role: relay\nrelay_id: gw\n"+behindGateways)
	c, err := factory.CreateTracesToMetrics(context.Background(), connectortest.NewNopSettings(factory.Type()), cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.ErrorContains(t, c.Start(context.Background(), componenttest.NewNopHost()), "order events go nowhere")
	require.NoError(t, c.Shutdown(context.Background()))
}

// What is not an order event of this version is counted, and judges nothing.
func TestOrderEventsThatCannotBeReadJudgeNothing(t *testing.T) {
	spoil := map[string]func(rl plog.ResourceLogs, record plog.LogRecord){
		"a later version": func(rl plog.ResourceLogs, _ plog.LogRecord) { rl.ScopeLogs().At(0).Scope().SetVersion("2") },
		"no gateway":      func(rl plog.ResourceLogs, _ plog.LogRecord) { rl.Resource().Attributes().Remove("ordertrace.relay") },
		"no order":        func(rl plog.ResourceLogs, _ plog.LogRecord) { rl.Resource().Attributes().Remove("order.id") },
		"no time":         func(_ plog.ResourceLogs, r plog.LogRecord) { r.SetTimestamp(0) },
		"no name":         func(_ plog.ResourceLogs, r plog.LogRecord) { r.SetEventName("") },
		"another name":    func(_ plog.ResourceLogs, r plog.LogRecord) { r.SetEventName("order.stolen") },
		"unknown stage":   func(_ plog.ResourceLogs, r plog.LogRecord) { r.Attributes().PutStr("stage", "melted") },
		"unknown flow":    func(_ plog.ResourceLogs, r plog.LogRecord) { r.Attributes().PutStr("flow", "refunds") },
		"no stage":        func(_ plog.ResourceLogs, r plog.LogRecord) { r.Attributes().Remove("stage") },
		"a message without a key": func(_ plog.ResourceLogs, r plog.LogRecord) {
			r.SetEventName("message.seen")
		},
		"a name of a megabyte": func(rl plog.ResourceLogs, _ plog.LogRecord) {
			rl.Resource().Attributes().PutStr("order.id", strings.Repeat("x", 1<<20))
		},
		"a message's key of a megabyte": func(rl plog.ResourceLogs, r plog.LogRecord) {
			rl.Resource().Attributes().PutStr("message.key", strings.Repeat("ab", 1<<20))
			r.SetEventName("message.seen")
			r.Attributes().PutBool("taken", false)
		},
		"a key that is none": func(rl plog.ResourceLogs, _ plog.LogRecord) {
			rl.Resource().Attributes().PutStr("message.key", "xyz")
		},
	}
	for _, name := range slices.Sorted(maps.Keys(spoil)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				judge := newRig(t, behindGateways)
				w := &wire{cut: true}
				gateway := newGatewayRig(t, "gw", behindGateways, w)
				gateway.stage("A", "SUBMITTED")
				gateway.stop()
				spoiled := 0
				for _, ld := range w.queue {
					for i := range ld.ResourceLogs().Len() {
						rl := ld.ResourceLogs().At(i)
						for n := range rl.ScopeLogs().At(0).LogRecords().Len() {
							if record := rl.ScopeLogs().At(0).LogRecords().At(n); record.EventName() == "order.stage" {
								spoil[name](rl, record)
								spoiled++
							}
						}
					}
					judge.sendLogs(ld)
				}
				judge.live(5 * time.Second)
				judge.stop()
				require.Equal(t, 1, spoiled)
				require.Zero(t, judge.numbers()["order.started{}"])
			})
		})
	}
}

// An order of another judge's shards is counted, not judged here as well.
func TestAMisroutedOrderIsNotJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		low, high := newRig(t, "shards: 0-31\n"+behindGateways), newRig(t, "shards: 32-63\n"+behindGateways)
		w := &wire{to: func(ld plog.Logs) { low.sendLogs(ld); high.sendLogs(ld) }}
		gateway := newGatewayRig(t, "gw", behindGateways, w)
		const orders = 200
		for n := range orders {
			gateway.stage(fmt.Sprintf("ORD-%08d", n), "SUBMITTED")
		}
		time.Sleep(time.Minute)
		gateway.stop()
		low.stop()
		high.stop()
		judged := map[string]int{}
		for _, line := range append(low.told(), high.told()...) {
			judged[line]++
		}
		require.Len(t, judged, 2*orders, "breached and lost")
		for line, n := range judged {
			require.Equal(t, 1, n, line)
		}
		require.Greater(t, len(low.told()), orders/2)
		require.Greater(t, len(high.told()), orders/2)
	})
}

// Orders of other judges are not judged, nor forgotten because nobody said where to put them.
func TestAJudgeDoesNotStartOnOrdersOfOthersWithoutAFolderForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRigOn(t, behindGateways, newDisk())
		for n := range 200 {
			r.stage(fmt.Sprintf("ORD-%08d", n), "SUBMITTED")
		}
		r.stop()
		start := func(more string) error {
			factory := slametrics.NewFactory()
			cfg := loadConfig(t, "storage: disk\nshards: 0-31\n"+more+behindGateways)
			c, err := factory.CreateTracesToMetrics(context.Background(), connectortest.NewNopSettings(factory.Type()), cfg, consumertest.NewNop())
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Shutdown(context.Background())) }()
			return c.Start(context.Background(), host{r.disk})
		}
		require.ErrorContains(t, start(""), "orders of others than 0-31: set hand_over to a folder")
		folder := t.TempDir()
		require.NoError(t, start("hand_over: "+folder+"\n"))
		files, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Greater(t, len(files), 25)
		require.NoError(t, start(""), "they have been handed over")
	})
}
