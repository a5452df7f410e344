package orderindex

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/ordertrace/ordertrace/extension/orderindex/internal/metadata"
	"github.com/ordertrace/ordertrace/internal/binding"
)

// disk is a storage extension in memory that outlives the index.
type disk struct {
	component.StartFunc
	component.ShutdownFunc
	mu    sync.Mutex
	files map[string][]byte
	full  error                 // of Set
	deaf  error                 // of Get
	hang  func(context.Context) // in Set
}

func (d *disk) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return d, nil
}

func (d *disk) Get(_ context.Context, key string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.deaf != nil {
		return nil, d.deaf
	}
	return d.files[key], nil
}

func (d *disk) Set(ctx context.Context, key string, value []byte) error {
	d.mu.Lock()
	hang := d.hang
	d.mu.Unlock()
	if hang != nil {
		hang(ctx)
		return ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full != nil {
		return d.full
	}
	d.files[key] = value
	return nil
}

func (d *disk) Delete(_ context.Context, key string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, key)
	return nil
}

func (d *disk) Batch(context.Context, ...*storage.Operation) error { return nil }

func (d *disk) Close(context.Context) error { return nil }

type fakeHost struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h fakeHost) GetExtensions() map[component.ID]component.Component { return h.extensions }

var storageID = component.MustNewID("file_storage")

func open(t *testing.T, store component.Component) *orderIndex {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.Storage = &storageID
	set := extensiontest.NewNopSettings(metadata.Type)
	set.ID = component.NewID(metadata.Type) // the same after a restart
	ext, err := NewFactory().Create(context.Background(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, ext.Start(context.Background(), fakeHost{componenttest.NewNopHost(), map[component.ID]component.Component{storageID: store}}))
	return ext.(*orderIndex)
}

func teach(o *orderIndex, n int) {
	o.index.Bind(binding.Trace([16]byte{1, byte(n)}), binding.Binding{Source: binding.URL, Value: fmt.Sprint("ORD-", n)}, time.Now())
}

func knows(o *orderIndex, n int) bool {
	return len(o.index.Lookup(binding.Trace([16]byte{1, byte(n)}), time.Now(), nil)) == 1
}

func TestIndexSurvivesARestartAndAKillUpToTheLastSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{files: map[string][]byte{}}
		o := open(t, d)
		_, err := o.index.Name("order.id", 0)
		require.NoError(t, err)
		teach(o, 1)
		time.Sleep(61 * time.Second)
		teach(o, 2) // after the snapshot
		killed := &disk{files: maps.Clone(d.files)}
		require.NoError(t, o.Shutdown(context.Background()))
		require.Len(t, d.files, 2, "one snapshot is kept")

		o = open(t, d)
		synctest.Wait()
		require.True(t, knows(o, 1) && knows(o, 2), "after a restart")
		require.NoError(t, o.Shutdown(context.Background()))

		o = open(t, killed)
		synctest.Wait()
		require.True(t, knows(o, 1), "after a kill")
		require.False(t, knows(o, 2))
		require.NoError(t, o.Shutdown(context.Background()))
	})
}

func TestFullOrDamagedDiskStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{files: map[string][]byte{}}
		o := open(t, d)
		_, err := o.index.Name("order.id", 0)
		require.NoError(t, err)
		teach(o, 1)
		time.Sleep(61 * time.Second)
		d.mu.Lock()
		d.full = fmt.Errorf("disk full")
		d.mu.Unlock()
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		d.mu.Lock()
		require.Len(t, d.files, 2, "the snapshot before stays")
		d.full = nil
		d.mu.Unlock()
		require.NoError(t, o.Shutdown(context.Background()))
		for key, v := range d.files {
			if key != currentKey {
				d.files[key] = v[:len(v)-3]
			}
		}
		o = open(t, d)
		synctest.Wait()
		teach(o, 5)
		require.True(t, knows(o, 5))
		require.NoError(t, o.Shutdown(context.Background()))
	})
}

func TestFileStorageKeepsTheIndex(t *testing.T) {
	dir := t.TempDir()
	for round := range 2 {
		f := filestorage.NewFactory()
		cfg := f.CreateDefaultConfig().(*filestorage.Config)
		cfg.Directory = dir
		store, err := f.Create(context.Background(), extension.Settings{ID: storageID, TelemetrySettings: componenttest.NewNopTelemetrySettings()}, cfg)
		require.NoError(t, err)
		require.NoError(t, store.Start(context.Background(), componenttest.NewNopHost()))
		o := open(t, store)
		require.Equal(t, []component.ID{storageID}, o.Dependencies())
		if round == 0 {
			_, err := o.index.Name("order.id", 0)
			require.NoError(t, err)
			teach(o, 1)
		} else {
			require.Eventually(t, func() bool { return knows(o, 1) }, 10*time.Second, 10*time.Millisecond)
		}
		require.NoError(t, o.Shutdown(context.Background()))
		require.NoError(t, store.Shutdown(context.Background()))
	}
}

func TestStorageMustBeThere(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Storage = &storageID
	for want, extensions := range map[string]map[component.ID]component.Component{
		"list it under extensions": nil,
		"does not store": {storageID: struct {
			component.StartFunc
			component.ShutdownFunc
		}{}},
	} {
		ext, err := NewFactory().Create(context.Background(), extensiontest.NewNopSettings(metadata.Type), cfg)
		require.NoError(t, err)
		require.ErrorContains(t, ext.Start(context.Background(), fakeHost{componenttest.NewNopHost(), extensions}), want)
		require.NoError(t, ext.Shutdown(context.Background()))
	}
	cfg.SnapshotInterval = 0
	require.ErrorContains(t, cfg.Validate(), "snapshot_interval")
}

func TestADamagedHeadIsNoEndlessSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, raw := range []string{"", "x", "\xff\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
			d := &disk{files: map[string][]byte{currentKey: []byte(raw)}}
			o := open(t, d)
			synctest.Wait()
			_, err := o.index.Name("order.id", 0)
			require.NoError(t, err)
			teach(o, 1)
			require.NoError(t, o.Shutdown(context.Background()))
			o = open(t, d)
			synctest.Wait()
			require.True(t, knows(o, 1), "what was stored since")
			require.NoError(t, o.Shutdown(context.Background()))
		}
	})
}

func TestADiskThatHangsDoesNotHoldTheShutdown(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := &disk{files: map[string][]byte{}}
			o := open(t, d)
			synctest.Wait()
			free := make(chan struct{})
			d.mu.Lock()
			d.hang = func(ctx context.Context) {
				if deaf {
					<-free
					return
				}
				<-ctx.Done()
			}
			d.mu.Unlock()
			time.Sleep(61 * time.Second) // it is being stored
			synctest.Wait()
			began := time.Now()
			err := o.Shutdown(context.Background())
			require.Less(t, time.Since(began), 15*time.Second)
			if deaf {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			} else {
				require.NoError(t, err)
			}
			close(free)
			synctest.Wait()
		})
	}
}

func TestWhatWasNotReadIsNotOverwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{files: map[string][]byte{}}
		o := open(t, d)
		_, err := o.index.Name("order.id", 0)
		require.NoError(t, err)
		teach(o, 1)
		require.NoError(t, o.Shutdown(context.Background()))
		away := fmt.Errorf("input/output error")
		d.mu.Lock()
		d.deaf = away
		d.mu.Unlock()
		o = open(t, d)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		require.False(t, knows(o, 1))
		require.NoError(t, o.Shutdown(context.Background()))
		o = open(t, d)
		synctest.Wait()
		d.mu.Lock()
		d.deaf = nil
		d.mu.Unlock()
		time.Sleep(61 * time.Second)
		synctest.Wait()
		require.True(t, knows(o, 1), "it was asked again")
		require.NoError(t, o.Shutdown(context.Background()))
	})
}
