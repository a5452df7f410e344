package sla

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// TestCheckpointTable prints how long a batch of 1,000 spans takes, fsynced journal included, while a checkpoint of a million
// orders is written, and while none is.
func TestCheckpointTable(t *testing.T) {
	watch := &watched{}
	factory := filestorage.NewFactory()
	cfg := factory.CreateDefaultConfig()
	dir, err := os.MkdirTemp(".", "checkpoint")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"directory": dir, "fsync": true}).Unmarshal(cfg))
	ext, err := factory.Create(context.Background(), extensiontest.NewNopSettings(factory.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, ext.Start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, ext.Shutdown(context.Background())) })
	watch.Component, watch.storage = ext, ext.(storage.Extension)
	config := with(with(orders, "storage", "file_storage"), "metrics_flush_interval", "15s")
	ctx := context.Background()
	c := startInto(t, contenders[0].factory, config, consumertest.NewNop(), hostWith{component.MustNewID("file_storage"): watch})
	for n := 0; n < inFlight; n += td1000 {
		require.NoError(t, c.ConsumeTraces(ctx, submitted(n)))
	}
	runtime.GC()
	time.Sleep(time.Second)
	full := watch.done.Load()
	var quiet, during []time.Duration
	td := batch()
	for end := time.Now().Add(3 * time.Minute); watch.done.Load() < full+2 || watch.writing.Load(); {
		require.True(t, time.Now().Before(end), "two checkpoints take two minutes")
		writing, began := watch.writing.Load(), time.Now()
		require.NoError(t, c.ConsumeTraces(ctx, td))
		if took := time.Since(began); writing || watch.writing.Load() {
			during = append(during, took)
		} else {
			quiet = append(quiet, took)
		}
		time.Sleep(time.Millisecond)
	}
	for name, took := range map[string][]time.Duration{"without a checkpoint": quiet, "during one": during} {
		require.NotEmpty(t, took, name)
		slices.Sort(took)
		t.Logf("%d orders, %s: %d batches, median %s, p99 %s, longest %s", inFlight, name, len(took), took[len(took)/2].Round(time.Microsecond),
			took[len(took)*99/100].Round(time.Microsecond), took[len(took)-1].Round(time.Microsecond))
	}
	watch.mu.Lock()
	t.Logf("a checkpoint: %d MiB, written in %s beside all that", watch.bytes>>20, watch.took.Round(time.Millisecond))
	watch.mu.Unlock()
	require.NoError(t, c.Shutdown(ctx))
}

// watched is a storage that sees when checkpoints are written.
type watched struct {
	component.Component
	storage storage.Extension
	writing atomic.Bool
	done    atomic.Int64
	mu      sync.Mutex
	began   time.Time
	bytes   int
	sum     int
	took    time.Duration
}

func (w *watched) GetClient(ctx context.Context, kind component.Kind, id component.ID, name string) (storage.Client, error) {
	c, err := w.storage.GetClient(ctx, kind, id, name)
	return &watchedClient{c, w}, err
}

type watchedClient struct {
	storage.Client
	w *watched
}

func (c *watchedClient) Batch(ctx context.Context, ops ...*storage.Operation) error {
	w := c.w
	part := strings.HasPrefix(ops[0].Key, "state/") && ops[0].Type == storage.Set
	if part || ops[0].Key == "state" {
		w.mu.Lock()
		if w.writing.CompareAndSwap(false, true) {
			w.began, w.sum = time.Now(), 0
		}
		w.sum += len(ops[0].Value)
		w.mu.Unlock()
	}
	err := c.Client.Batch(ctx, ops...)
	if ops[0].Key == "state" {
		w.mu.Lock()
		w.bytes, w.took = w.sum, time.Since(w.began)
		w.mu.Unlock()
		w.done.Add(1)
		w.writing.Store(false)
	}
	return err
}

var _ storage.Extension = (*watched)(nil)
