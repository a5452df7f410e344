package orderjoins

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"regexp"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/internal/binding"
	"github.com/ordertrace/ordertrace/receiver/orderjoins/internal/metadata"
)

// shared stands in for the order_index extension.
type shared struct {
	component.StartFunc
	component.ShutdownFunc
	index *binding.Index
}

func (s *shared) Index() *binding.Index { return s.index }

type host struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h host) GetExtensions() map[component.ID]component.Component { return h.extensions }

// moody takes logs, unless it has an error to give. Its mood may change while the receiver sends.
type moody struct {
	*consumertest.LogsSink
	err atomic.Pointer[error]
}

func (m *moody) answer(err error) { m.err.Store(&err) }

func (m *moody) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	if err := m.err.Load(); err != nil && *err != nil {
		return *err
	}
	return m.LogsSink.ConsumeLogs(ctx, ld)
}

type rig struct {
	*teller
	out   *moody
	tel   *componenttest.Telemetry
	host  host
	order binding.Name
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{out: &moody{LogsSink: &consumertest.LogsSink{}}, tel: componenttest.NewTelemetry()}
	x := binding.New(binding.Options{})
	r.host = host{componenttest.NewNopHost(), map[component.ID]component.Component{component.MustNewID("order_index"): &shared{index: x}}}
	r.teller = r.another(t)
	require.NoError(t, r.Start(context.Background(), r.host))
	var err error
	r.order, err = x.Name("order.id", binding.Joins(0).With(binding.Message))
	require.NoError(t, err)
	return r
}

func (r *rig) another(t *testing.T) *teller {
	t.Helper()
	set := receivertest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = r.tel.NewTelemetrySettings()
	c, err := NewFactory().CreateLogs(context.Background(), set, createDefaultConfig(), r.out)
	require.NoError(t, err)
	return c.(*teller)
}

func (r *rig) end(t *testing.T) {
	t.Helper()
	require.NoError(t, r.Shutdown(context.Background()))
	require.NoError(t, r.Shutdown(context.Background()), "twice")
	require.NoError(t, r.tel.Shutdown(context.Background()))
}

func id(n int) (trace [16]byte) {
	binary.BigEndian.PutUint64(trace[8:], uint64(n)+1)
	return trace
}

func (r *rig) learn(n int, order string) {
	r.index.Bind(binding.Trace(id(n)), binding.Binding{Name: r.order, Source: binding.URL, Value: order}, time.Now())
}

func (r *rig) count(t *testing.T, name, reason string) (n int64) {
	t.Helper()
	m, err := r.tel.GetMetric("otelcol_order_joins_" + name)
	require.NoError(t, err)
	for _, dp := range m.Data.(metricdata.Sum[int64]).DataPoints {
		if v, ok := dp.Attributes.Value("reason"); !ok || v.AsString() == reason {
			n += dp.Value
		}
	}
	return n
}

func TestATraceThatPassedWithoutItsOrderIsToldOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		session, err := r.index.Name("session.id", 0)
		require.NoError(t, err)
		now := time.Now()
		r.index.Miss(id(1), now)
		r.index.Miss(id(1), now)
		r.index.Miss(id(2), now)      // never learnt
		r.learn(3, "ORD-3")           // never missed
		r.learn(4, "ORD-4")           // learnt just before the span that misses it is noted
		r.index.Miss(id(4), now)      //
		r.index.Miss([16]byte{}, now) // no trace
		r.index.Miss(id(5), now)      // learnt over a message
		m := binding.MessageOf(binding.Message, "m")
		r.index.Connect(binding.Trace(id(5)), m, binding.Message, now)
		r.learn(1, "ORD-1")
		r.learn(1, "ORD-1")
		r.index.Bind(m, binding.Binding{Name: r.order, Source: binding.Message, Value: "ORD-5"}, now)
		r.index.Bind(binding.Trace(id(1)), binding.Binding{Name: session, Source: binding.Header, Value: "s-1"}, now) // just after
		r.index.Bind(binding.ValueOf("order.id", "ORD-5"), binding.Binding{Name: session, Source: binding.Order, Value: "s-5"}, now)
		time.Sleep(3 * time.Second)
		r.end(t)
		got := map[[16]byte]map[string]any{}
		require.Equal(t, 3, r.out.LogRecordCount())
		for _, ld := range r.out.AllLogs() {
			list := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
			for i := range list.Len() {
				require.Equal(t, "order.join", list.At(i).EventName())
				got[list.At(i).TraceID()] = list.At(i).Attributes().AsRaw()
			}
		}
		require.Equal(t, map[[16]byte]map[string]any{
			id(1): {"order.id": "ORD-1", "session.id": "s-1"},
			id(4): {"order.id": "ORD-4"},
			id(5): {"order.id": "ORD-5", "session.id": "s-5"},
		}, got)
	})
}

func TestRecordsWaitForTheNextComponentWithinABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.out.answer(errors.New("not now"))
		for n := range maxWaiting + 7 {
			r.index.Miss(id(n), time.Now())
			r.learn(n, "ORD-1")
		}
		time.Sleep(5 * time.Second)
		require.Zero(t, r.out.LogRecordCount())
		require.EqualValues(t, 7, r.count(t, "lost", "queue_full"))
		r.out.answer(nil)
		time.Sleep(2 * time.Second)
		require.Equal(t, maxWaiting, r.out.LogRecordCount())
		require.EqualValues(t, maxWaiting, r.count(t, "sent", ""))

		r.out.answer(consumererror.NewPermanent(errors.New("never")))
		r.index.Miss(id(1<<20), time.Now())
		r.learn(1<<20, "ORD-1")
		time.Sleep(3 * time.Second)
		require.EqualValues(t, 1, r.count(t, "lost", "refused"))
		r.out.answer(errors.New("not now"))
		r.index.Miss(id(1<<21), time.Now())
		r.learn(1<<21, "ORD-1")
		require.NoError(t, r.Shutdown(context.Background()))
		require.EqualValues(t, 1, r.count(t, "lost", "shutdown"))
		r.end(t)
	})
}

func TestAnIndexHasOneWatcherAtATime(t *testing.T) {
	r := newRig(t)
	second := r.another(t)
	require.ErrorContains(t, second.Start(context.Background(), r.host), "somebody else watches")
	require.NoError(t, r.Shutdown(context.Background()))
	require.NoError(t, second.Start(context.Background(), r.host))
	require.NoError(t, second.Shutdown(context.Background()))
	none := host{componenttest.NewNopHost(), nil}
	require.ErrorContains(t, second.Start(context.Background(), none), "list it under extensions")
	require.NoError(t, r.tel.Shutdown(context.Background()))
}

func TestConfigNamesEveryMistake(t *testing.T) {
	err := confmap.Validate(&Config{With: []string{"", "a"}})
	require.ErrorContains(t, err, "identifier: name one")
	require.ErrorContains(t, err, "with: name other identifiers")
	require.NoError(t, confmap.Validate(createDefaultConfig()))
}

var fence = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestEveryExampleInTheReadmeLoads(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	require.NoError(t, err)
	fences := fence.FindAllStringSubmatch(string(raw), -1)
	require.NotEmpty(t, fences)
	for _, f := range fences {
		var m struct {
			Receivers map[string]map[string]any `yaml:"receivers"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(f[1]), &m))
		cfg := createDefaultConfig()
		require.NoError(t, confmap.NewFromStringMap(m.Receivers["order_joins"]).Unmarshal(cfg))
		require.NoError(t, confmap.Validate(cfg))
	}
}
