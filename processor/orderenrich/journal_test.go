package orderenrich

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/metadata"
)

// memDisk is a storage extension and its only client, in memory.
type memDisk struct {
	component.StartFunc
	component.ShutdownFunc
	mu    sync.Mutex
	m     map[string][]byte
	sets  int
	err   error
	deaf  string // keys that begin with it are not given
	takes time.Duration
}

var diskID = component.MustNewID("file_storage")

func (s *memDisk) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return s, nil
}

func (s *memDisk) Get(context.Context, string) ([]byte, error) { return nil, errors.ErrUnsupported }
func (s *memDisk) Set(context.Context, string, []byte) error   { return errors.ErrUnsupported }
func (s *memDisk) Delete(context.Context, string) error        { return errors.ErrUnsupported }
func (s *memDisk) Close(context.Context) error                 { return nil }

func (s *memDisk) Batch(_ context.Context, ops ...*storage.Operation) error {
	time.Sleep(s.takes)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range ops {
		switch o.Type {
		case storage.Get:
			if s.deaf != "" && strings.HasPrefix(o.Key, s.deaf) {
				return errors.New("input/output error")
			}
			o.Value = s.m[o.Key]
			continue
		case storage.Set:
			s.m[o.Key] = o.Value
		case storage.Delete:
			delete(s.m, o.Key)
		}
		if s.err != nil {
			return s.err
		}
		s.sets++
	}
	return nil
}

// after is what a process finds after the one that writes to s was killed.
func (s *memDisk) after() *memDisk {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &memDisk{m: maps.Clone(s.m)}
}

func (s *memDisk) records() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.m {
		if strings.HasPrefix(k, "record/") && strings.HasSuffix(k, "/0000") {
			n++
		}
	}
	return n
}

func (s *memDisk) operations() int { s.mu.Lock(); defer s.mu.Unlock(); return s.sets }

func (s *memDisk) fail(err error) { s.mu.Lock(); defer s.mu.Unlock(); s.err = err }

type diskHost struct {
	component.Host
	disk component.Component
}

func (h diskHost) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{diskID: h.disk}
}

func journaling(t testing.TB, disk component.Component, next consumer.Traces) (*tracesProcessor, *sdk.ManualReader) {
	t.Helper()
	return journalingUpTo(t, "1MiB", disk, next)
}

func journalingUpTo(t testing.TB, most string, disk component.Component, next consumer.Traces) (*tracesProcessor, *sdk.ManualReader) {
	t.Helper()
	cfg := loadConfig(t, "identifiers: {order.id: {attributes: [orderId]}}\nhold: {max_wait: 3s, max_bytes: "+most+", journal: file_storage}")
	require.NoError(t, cfg.Validate())
	reader := sdk.NewManualReader()
	set := processortest.NewNopSettings(metadata.Type)
	set.MeterProvider = sdk.NewMeterProvider(sdk.WithReader(reader))
	p, err := NewFactory().CreateTraces(context.Background(), set, cfg, next)
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), diskHost{componenttest.NewNopHost(), disk}))
	return p.(*tracesProcessor), reader
}

// counted reads a counter's points by the value of one attribute.
func counted(t *testing.T, reader *sdk.ManualReader, name, by string) map[string]int64 {
	t.Helper()
	var rm metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.Background(), &rm))
	out := map[string]int64{}
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == name {
				for _, p := range sum.DataPoints {
					v, _ := p.Attributes.Value(attribute.Key(by))
					out[v.AsString()] = p.Value
				}
			}
		}
	}
	return out
}

func TestWhatWaitsSurvivesAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		before, after := &consumertest.TracesSink{}, &consumertest.TracesSink{}
		p, _ := journaling(t, disk, before)
		consume(t, p, sp{1, 1, 0, ""}, sp{1, 2, 1, "A"}, sp{2, 1, 0, ""})
		consume(t, p, sp{3, 1, 0, ""}, sp{3, 2, 0, "C"})
		require.Len(t, orders(before), 2, "the teachers pass")
		disk = disk.after()

		p2, reader := journaling(t, disk, after)
		consume(t, p2, sp{2, 2, 0, "B"}, sp{4, 1, 0, ""})
		time.Sleep(4 * time.Second)
		got := orders(after)
		delete(got, "1/2") // may come twice
		delete(got, "3/2")
		require.Equal(t, map[string]string{"1/1": "A", "2/1": "B", "2/2": "B", "3/1": "C", "4/1": ""}, got)
		require.EqualValues(t, 2, counted(t, reader, "otelcol_order_enrich_journal_payloads", "event")["replayed"])
		time.Sleep(time.Second)
		require.Zero(t, disk.records(), "what was passed on is deleted")
		require.Zero(t, p2.hold.diary.journal.Bytes())
		require.NoError(t, p2.Shutdown(context.Background()))
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestOnlyWhatWaitsIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		p, _ := journaling(t, disk, consumertest.NewNop())
		consume(t, p, sp{1, 1, 0, "A"})
		time.Sleep(4 * time.Second)
		before := disk.operations()
		for i := range 100 {
			consume(t, p, sp{1, i + 2, 1, ""})
		}
		time.Sleep(time.Second)
		require.Equal(t, before, disk.operations())
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestSendersShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}, takes: 5 * time.Millisecond}
		p, _ := journaling(t, disk, consumertest.NewNop())
		var senders sync.WaitGroup
		began := time.Now()
		for i := range 200 {
			senders.Go(func() { consume(t, p, sp{i, 1, 0, ""}) })
		}
		senders.Wait()
		require.LessOrEqual(t, time.Since(began), 10*time.Millisecond)
		require.NoError(t, p.Shutdown(context.Background()))
		require.Zero(t, disk.records())
	})
}

func TestSpansPassWhenTheJournalCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		sink := &consumertest.TracesSink{}
		p, reader := journaling(t, disk, sink)
		disk.fail(errors.New("no space left on device"))
		consume(t, p, sp{1, 1, 0, ""}, sp{1, 2, 1, "A"}, sp{2, 1, 0, ""})
		require.Equal(t, map[string]string{"1/1": "A", "1/2": "A", "2/1": ""}, orders(sink))
		require.EqualValues(t, 1, counted(t, reader, "otelcol_order_enrich_journal_payloads", "event")["failed"])
		require.EqualValues(t, 3, counted(t, reader, "otelcol_order_enrich_released", "reason")["journal"])
		disk.fail(nil)
		consume(t, p, sp{3, 1, 0, ""})
		require.Len(t, orders(sink), 3, "it waits again as soon as the disk works")
		require.NoError(t, p.Shutdown(context.Background()))
		require.Len(t, orders(sink), 4)
		require.Zero(t, disk.records())
	})
}

func TestFullJournalLetsSpansPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		sink := &consumertest.TracesSink{}
		p, reader := journaling(t, disk, sink)
		big := payloadOf(sp{1, 1, 0, ""})
		big.ResourceSpans().At(0).Resource().Attributes().PutStr("big", strings.Repeat("x", 2<<20))
		require.NoError(t, p.ConsumeTraces(context.Background(), big))
		require.Len(t, orders(sink), 1)
		require.EqualValues(t, 1, counted(t, reader, "otelcol_order_enrich_journal_payloads", "event")["full"])
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestWhatShutdownCouldNotSendIsSentAfterTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		sink := &moody{}
		p, reader := journaling(t, disk, sink)
		consume(t, p, sp{1, 1, 0, ""})
		sink.say(errors.New("queue is full"))
		consume(t, p, sp{2, 1, 0, ""}, sp{2, 2, 1, "B"}) // a part is refused
		require.Error(t, p.Shutdown(context.Background()))
		require.Empty(t, counted(t, reader, "otelcol_order_enrich_lost", "signal"))
		after := &consumertest.TracesSink{}
		p, _ = journaling(t, disk.after(), after)
		time.Sleep(4 * time.Second)
		require.Equal(t, map[string]string{"1/1": "", "2/1": "B", "2/2": "B"}, orders(after))
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestReplayWaitsForRoomAndForTheNextComponent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		sink := &moody{err: errors.New("queue is full")}
		p, _ := journaling(t, disk, consumertest.NewNop())
		filler := strings.Repeat("x", 50_000)
		for i := range 12 {
			td := payloadOf(sp{i, 1, 0, ""}, sp{i, 2, 0, "O"})
			td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("filler", filler)
			require.NoError(t, p.ConsumeTraces(context.Background(), td))
		}
		disk = disk.after()
		require.NoError(t, p.Shutdown(context.Background()))
		require.Equal(t, 12, disk.records())
		p, _ = journaling(t, disk, sink)
		time.Sleep(time.Minute)
		require.LessOrEqual(t, p.hold.room.Stats().Bytes, int64(1<<20))
		require.Equal(t, 12, disk.records(), "nothing is passed on yet")
		sink.say(nil)
		time.Sleep(time.Minute)
		require.Len(t, orders(&sink.TracesSink), 24)
		require.Zero(t, disk.records())
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestDamagedJournalDoesNotKeepTheCollectorFromStarting(t *testing.T) {
	for _, key := range []string{"head", "record", "payload"} {
		t.Run(key, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := &memDisk{m: map[string][]byte{}}
				p, _ := journaling(t, disk, consumertest.NewNop())
				consume(t, p, sp{1, 1, 0, ""})
				if key == "payload" { // intact, but not what it says
					_, err := p.hold.diary.journal.Append(context.Background(), []byte("no spans"), 1)
					require.NoError(t, err)
				}
				disk = disk.after()
				require.NoError(t, p.Shutdown(context.Background()))
				for k, v := range disk.m {
					if strings.HasPrefix(k, key) {
						disk.m[k] = append([]byte{v[0]}, "damaged"...)
					}
				}
				sink := &consumertest.TracesSink{}
				p, reader := journaling(t, disk, sink)
				consume(t, p, sp{2, 1, 0, ""})
				time.Sleep(4 * time.Second)
				require.Contains(t, orders(sink), "2/1")
				require.EqualValues(t, 1, counted(t, reader, "otelcol_order_enrich_journal_payloads", "event")["damaged"])
				require.NoError(t, p.Shutdown(context.Background()))
			})
		})
	}
}

func TestStorageThatDoesNotAnswerLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &memDisk{m: map[string][]byte{}}
		p, _ := journaling(t, disk, consumertest.NewNop())
		consume(t, p, sp{1, 1, 0, ""})
		disk = disk.after()
		require.NoError(t, p.Shutdown(context.Background()))

		disk.deaf = "head"
		cfg := loadConfig(t, "hold: {max_wait: 3s, journal: file_storage}")
		next, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
		require.NoError(t, err)
		err = next.Start(context.Background(), diskHost{componenttest.NewNopHost(), disk})
		require.EqualError(t, err, `hold::journal: read its head: input/output error; what it holds would be overwritten: make "file_storage" work again, or name another storage`)
		require.NoError(t, next.Shutdown(context.Background()))

		disk.deaf = "record"
		sink := &consumertest.TracesSink{}
		p, reader := journaling(t, disk, sink)
		consume(t, p, sp{2, 1, 0, ""})
		time.Sleep(4 * time.Second)
		require.EqualValues(t, 1, counted(t, reader, "otelcol_order_enrich_journal_payloads", "event")["unread"])
		require.NoError(t, p.Shutdown(context.Background()))
		require.NotContains(t, orders(sink), "1/1")

		disk.deaf = ""
		p, _ = journaling(t, disk, sink)
		synctest.Wait() // until it was read
		require.NoError(t, p.Shutdown(context.Background()))
		require.Contains(t, orders(sink), "1/1")
	})
}

func TestJournalNeedsAStorageExtension(t *testing.T) {
	cfg := loadConfig(t, "hold: {max_wait: 3s, journal: file_storage/hold}")
	for want, host := range map[string]component.Host{
		`hold::journal: there is no extension "file_storage/hold"; list it under extensions and service::extensions`: componenttest.NewNopHost(),
	} {
		p, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
		require.NoError(t, err)
		require.EqualError(t, p.Start(context.Background(), host), want)
		require.NoError(t, p.Shutdown(context.Background()))
	}
	cfg = loadConfig(t, "hold: {max_wait: 3s, journal: file_storage}")
	p, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(t, err)
	wrong := diskHost{componenttest.NewNopHost(), struct{ component.Component }{}}
	require.ErrorContains(t, p.Start(context.Background(), wrong), `extension "file_storage" does not store`)
	require.NoError(t, p.Shutdown(context.Background()))
}
