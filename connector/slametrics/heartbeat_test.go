package slametrics_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// heart is what the heartbeat receiver of an agent sends.
func heart(agent string) point {
	return point{service: "ordertrace.heartbeat", name: "ordertrace.heartbeat", path: agent, end: time.Now()}
}

// agents lets time pass: the shop's agent is busy, the factory's is idle and beats every three seconds, if it lives.
func (r *rig) agents(d time.Duration, factoryLives bool) {
	for i := range int(d / time.Second) {
		time.Sleep(250 * time.Millisecond) // ticks and telemetry never meet
		r.send(point{service: "shop", name: "list", path: "shop", end: time.Now()})
		if factoryLives && i%3 == 0 {
			r.send(heart("factory"))
		}
		time.Sleep(750 * time.Millisecond)
	}
	synctest.Wait()
}

func (r *rig) submit(order string) {
	r.send(point{service: "shop", name: "submit", path: "shop", end: time.Now(), trace: 7,
		attributes: map[string]string{"order.id": order, "order.status": "SUBMITTED"}})
}

func TestAnIdleAgentThatBeatsHoldsUpNoVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		r.send(heart("factory"))
		r.submit("A")
		r.agents(12*time.Second, true)
		require.Empty(t, r.told(), "the last beat may be three seconds old, and lateness is two")
		r.agents(5*time.Second, true)
		require.Equal(t, []string{"A submitted->priced breached"}, r.told())
		r.agents(20*time.Second, true)
		require.Contains(t, r.told(), "A submitted->priced lost")
		require.Equal(t, 0.0, r.numbers()["sla.watermark.stalled{path=factory}"])
		require.Equal(t, 0.0, r.numbers()["sla.watermark.stalled{path=shop}"])
		r.stop()
	})
}

func TestADeadAgentHoldsVerdictsBackAndIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple)
		r.send(heart("factory"))
		r.submit("A")
		r.agents(4*time.Second, true)
		r.agents(10*time.Minute, false)
		require.Empty(t, r.told(), "what the factory did for the order may lie in its agent's queue")
		require.Equal(t, 1.0, r.numbers()["sla.watermark.stalled{path=factory}"])
		require.Equal(t, 0.0, r.numbers()["sla.watermark.stalled{path=shop}"], "the alert names the one that is silent")
		r.agents(14*time.Second, true)
		require.Empty(t, r.told(), "it beats again: what it had queued is waited for")
		require.Equal(t, 0.0, r.numbers()["sla.watermark.stalled{path=factory}"])
		r.agents(10*time.Second, true)
		require.Contains(t, r.told(), "A submitted->priced lost")
		r.stop()
	})
}

func TestABeatIsNobodysRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, simple+"messages: {deadline: 1s}\n")
		r.send(heart("factory"), point{service: "shop", name: "list", path: "factory", end: time.Now()}, heart("factory"))
		r.agents(5*time.Second, true)
		r.stop()
		services := 0
		for name := range r.numbers() {
			require.NotContains(t, name, "ordertrace.heartbeat")
			if strings.HasPrefix(name, "service.requests{") {
				services++
			}
		}
		require.Equal(t, 1, services, "the other resources of a batch with beats are counted")
	})
}
