//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ordertrace/ordertrace/extension/orderindex"
	"github.com/ordertrace/ordertrace/internal/backend"
	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/internal/devca"
)

// gatewayIndex is a real order_index that broadcasts over a real server.
type gatewayIndex struct {
	*binding.Index
	order binding.Name
	tel   *componenttest.Telemetry
}

func newGatewayIndex(t *testing.T, broadcast map[string]any) *gatewayIndex {
	t.Helper()
	f := orderindex.NewFactory()
	cfg := f.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"broadcast": broadcast}).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	g := &gatewayIndex{tel: componenttest.NewTelemetry()}
	set := extensiontest.NewNopSettings(f.Type())
	set.TelemetrySettings = g.tel.NewTelemetrySettings()
	ext, err := f.Create(t.Context(), set, cfg)
	require.NoError(t, err)
	g.Index = ext.(interface{ Index() *binding.Index }).Index()
	g.order, err = g.Name("order.id", binding.Joins(0).With(binding.Message))
	require.NoError(t, err)
	require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, ext.(extensioncapabilities.PipelineWatcher).Ready())
	t.Cleanup(func() { require.NoError(t, ext.Shutdown(context.Background())) })
	return g
}

func (g *gatewayIndex) teach(message int) {
	g.Tell(binding.MessageOf(binding.Message, fmt.Sprint(message)),
		binding.Binding{Name: g.order, Source: binding.Message, Value: fmt.Sprintf("ORD-%08d", message)}, time.Now())
}

func (g *gatewayIndex) knows(message int) error {
	found := g.Lookup(binding.MessageOf(binding.Message, fmt.Sprint(message)), time.Now(), nil)
	if len(found) != 1 || found[0].Value != fmt.Sprintf("ORD-%08d", message) {
		return fmt.Errorf("message %d: %+v", message, found)
	}
	return nil
}

// value is a metric, of one reason if that is not "".
func (g *gatewayIndex) value(t *testing.T, name, reason string) float64 {
	t.Helper()
	m, err := g.tel.GetMetric("otelcol_order_index_broadcast_" + name)
	require.NoError(t, err)
	switch data := m.Data.(type) {
	case metricdata.Gauge[float64]:
		return data.DataPoints[0].Value
	case metricdata.Sum[int64]:
		for _, dp := range data.DataPoints {
			if v, ok := dp.Attributes.Value("reason"); !ok || v.AsString() == reason {
				return float64(dp.Value)
			}
		}
	}
	require.Fail(t, "no such metric", "%s %s", name, reason)
	return 0
}

func TestGatewaysLearnFromEachOtherOverRedis(t *testing.T) {
	site := newSite(t)
	r, err := site.Redis(t.Context(), backend.RedisOptions{})
	require.NoError(t, err)
	a, b := newGatewayIndex(t, map[string]any{"redis": r.URL}), newGatewayIndex(t, map[string]any{"redis": r.URL})
	a.teach(1)
	b.teach(2)
	eventually(t, 10*time.Second, func() error { return firstError(a.knows(2), b.knows(1)) })
	require.EqualValues(t, 1, a.value(t, "sent", ""))
	require.EqualValues(t, 1, a.value(t, "applied", ""))

	// One that starts later reads what there is.
	c := newGatewayIndex(t, map[string]any{"redis": r.URL})
	eventually(t, 10*time.Second, func() error { return firstError(c.knows(1), c.knows(2)) })

	// What somebody else writes into the stream is counted, and stops nobody.
	client := redis.NewClient(&redis.Options{Addr: r.Addr})
	defer func() { require.NoError(t, client.Close()) }()
	for _, e := range []map[string]any{
		{"b": "\x02from the future"}, {"b": "\x01cut"}, {"b": ""}, {"other": "field"}, {"b": strings.Repeat("\x01", 1<<20)},
	} {
		require.NoError(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: "ordertrace:bindings", Values: e}).Err())
	}
	a.teach(3)
	eventually(t, 10*time.Second, func() error { return firstError(b.knows(3), c.knows(3)) })
	require.EqualValues(t, 1, b.value(t, "rejected", "version"))
	require.EqualValues(t, 4, b.value(t, "rejected", "damaged"))

	// A stream that begins anew, with lower numbers, is followed though no connection broke.
	require.NoError(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: "ordertrace:bindings", ID: "99999999999999-1", Values: map[string]any{"b": ""}}).Err())
	a.teach(4)
	eventually(t, 10*time.Second, func() error { return firstError(b.knows(4), c.knows(4)) })
	require.NoError(t, client.Del(t.Context(), "ordertrace:bindings").Err())
	a.teach(5)
	eventually(t, 10*time.Second, func() error { return firstError(b.knows(5), c.knows(5)) })

	// The server dies. Everybody works on; what is learnt meanwhile comes later, also from a server that forgot everything.
	_, port, _ := strings.Cut(r.Addr, ":")
	r.Kill()
	for i := 10; i < 20; i++ {
		a.teach(i)
	}
	eventually(t, 10*time.Second, func() error {
		if b.value(t, "lag", "") == 0 || a.value(t, "failures", "") == 0 {
			return fmt.Errorf("lag %v, failures %v", b.value(t, "lag", ""), a.value(t, "failures", ""))
		}
		return nil
	})
	require.Error(t, b.knows(10))
	number := 0
	_, err = fmt.Sscan(port, &number)
	require.NoError(t, err)
	_, err = site.Redis(t.Context(), backend.RedisOptions{Port: number})
	require.NoError(t, err)
	for i := 10; i < 20; i++ {
		eventually(t, 20*time.Second, func() error { return firstError(b.knows(i), c.knows(i)) })
	}
	eventually(t, 10*time.Second, func() error { return want(0.0, b.value(t, "lag", ""), "lag when all was read") })
	require.Zero(t, a.value(t, "lost", "queue_full"))
}

func TestAFloodBeyondTheStreamsBoundIsCounted(t *testing.T) {
	site := newSite(t)
	r, err := site.Redis(t.Context(), backend.RedisOptions{})
	require.NoError(t, err)
	small := map[string]any{"redis": r.URL, "max_entries": 100}
	a, b := newGatewayIndex(t, small), newGatewayIndex(t, small)
	a.teach(0)
	eventually(t, 10*time.Second, func() error { return b.knows(0) })
	// b's connections stand still while a floods.
	client := redis.NewClient(&redis.Options{Addr: r.Addr})
	defer func() { require.NoError(t, client.Close()) }()
	const flood = 400_000
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 1; i <= flood; i++ {
			a.teach(i)
			if i%20_000 == 0 {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}()
	<-done
	eventually(t, 30*time.Second, func() error {
		if w := a.value(t, "sent", "") + a.value(t, "lost", "queue_full"); w != flood+1 {
			return fmt.Errorf("sent or counted as lost: %v of %d", w, flood+1)
		}
		return nil
	})
	eventually(t, 30*time.Second, func() error {
		got := b.value(t, "applied", "") + b.value(t, "lost", "missed") + a.value(t, "lost", "queue_full")
		return want(float64(flood+1), got, "applied, missed or lost")
	})
	n, err := client.XLen(t.Context(), "ordertrace:bindings").Result()
	require.NoError(t, err)
	require.LessOrEqual(t, n, int64(100+100)) // the server trims whole nodes of 100
	t.Logf("%d told: sent %v, no room %v, applied by the other %v, missed by it %v", flood+1,
		a.value(t, "sent", ""), a.value(t, "lost", "queue_full"), b.value(t, "applied", ""), b.value(t, "lost", "missed"))
	require.NoError(t, b.knows(0))
}

func TestBroadcastIsEncryptedAndAsksForAPassword(t *testing.T) {
	ca, err := devca.New("test", time.Now(), time.Hour)
	require.NoError(t, err)
	pair, err := ca.Issue(devca.Leaf{Name: "redis", Hosts: []string{"127.0.0.1"}, Server: true}, time.Now(), time.Hour)
	require.NoError(t, err)
	caFile := writeFile(t, "ca.pem", string(ca.PEM))
	site := newSite(t)
	r, err := site.Redis(t.Context(), backend.RedisOptions{
		Password: "correct horse", Cert: writeFile(t, "cert.pem", string(pair.Cert)), Key: writeFile(t, "key.pem", string(pair.Key)),
	})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(r.URL, "rediss://"))
	good := map[string]any{"redis": r.URL, "password": "correct horse", "tls": map[string]any{"ca_file": caFile}}
	a, b := newGatewayIndex(t, good), newGatewayIndex(t, good)
	a.teach(1)
	eventually(t, 10*time.Second, func() error { return b.knows(1) })
	for name, bad := range map[string]map[string]any{
		"no authority": {"redis": r.URL, "password": "correct horse"},
		"no password":  {"redis": r.URL, "tls": map[string]any{"ca_file": caFile}},
		"in clear":     {"redis": "redis://" + r.Addr, "password": "correct horse"},
	} {
		c := newGatewayIndex(t, bad)
		c.teach(2)
		eventually(t, 10*time.Second, func() error {
			if c.value(t, "failures", "") < 2 {
				return fmt.Errorf("%s: %v failures", name, c.value(t, "failures", ""))
			}
			return nil
		})
		require.Error(t, c.knows(1), name)
		require.Error(t, b.knows(2), name)
	}
}

const gatewayWithBroadcast = `
extensions:
  healthcheckv2: {use_v2: true, http: {endpoint: "${env:ORDERTRACE_HEALTH_ENDPOINT}", status: {enabled: true, path: /}}}
  order_index: {broadcast: {redis: "${env:REDIS}"}}
receivers:
  otlp: {protocols: {grpc: {endpoint: "${env:ORDERTRACE_OTLP_GRPC_ENDPOINT}"}}}
processors:
  order_enrich: {index: order_index, hold: {max_wait: 2s}}
exporters:
  file: {path: "${env:OUT}", flush_interval: 100ms}
service:
  extensions: [healthcheckv2, order_index]
  pipelines:
    traces: {receivers: [otlp], processors: [order_enrich], exporters: [file]}
  telemetry: {metrics: {level: none}}
`

// A trace is cut at a queue: the producer's half goes to one gateway, the consumer's to the other. Whichever names the
// order, both halves get it.
func TestATraceCutAtAQueueIsJoinedAcrossTwoGateways(t *testing.T) {
	site := newSite(t)
	r, err := site.Redis(t.Context(), backend.RedisOptions{})
	require.NoError(t, err)
	config := writeFile(t, "gateway.yaml", gatewayWithBroadcast)
	var senders [3]*sender
	var outs [3]string
	begin := func(i int) {
		outs[i] = filepath.Join(t.TempDir(), "out.jsonl")
		c := prepare(t, []string{config}, "REDIS="+r.URL, "OUT="+outs[i])
		c.start(t, site, fmt.Sprint("gateway-", i))
		senders[i] = newSender(t, c.grpc, nil)
	}
	begin(0)
	begin(1)
	carries := func(i int, order, who string) {
		eventually(t, 15*time.Second, func() error {
			text, err := os.ReadFile(outs[i])
			if err != nil {
				return err
			}
			return want(3, strings.Count(string(text), `"order.id","value":{"stringValue":"`+order), who+fmt.Sprint(": spans with the order at gateway ", i))
		})
	}
	for n, who := range []string{"the producer names it", "the consumer names it", "a link joins them"} {
		order := fmt.Sprintf("ORD-%08d", n+1)
		half := func(names bool) ptrace.Traces {
			attrs := map[string]string{"side": "x"}
			if names {
				attrs["orderId"] = order
			}
			if n < 2 {
				attrs["messaging.message.id"] = fmt.Sprint("m-", n)
			}
			td, _ := oneTrace("s", 3, attrs)
			return td
		}
		producer, consumer := half(n != 1), half(n == 1)
		if n == 2 {
			from := producer.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
			link := consumer.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Links().AppendEmpty()
			link.SetTraceID(from.TraceID())
			link.SetSpanID(from.SpanID())
		}
		require.NoError(t, senders[0].send(t.Context(), producer))
		require.NoError(t, senders[1].send(t.Context(), consumer))
		carries(0, order, who)
		carries(1, order, who)
	}

	// A gateway that is started later hears what was told before.
	begin(2)
	late, _ := oneTrace("s", 3, map[string]string{"messaging.message.id": "m-0"})
	require.NoError(t, senders[2].send(t.Context(), late))
	carries(2, "ORD-00000001", "told before it was started")
}
