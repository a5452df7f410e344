package orderindex

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/internal/binding"
)

// currentKey holds the number of the latest whole snapshot and of its segments. It is written last: a snapshot that was cut
// off is never read.
const currentKey = "current"

// keeper writes snapshots of the index to a storage extension, and reads the latest at the start. One goroutine owns
// number and the client; Shutdown takes over when it has ended.
type keeper struct {
	index  *binding.Index
	client storage.Client
	log    *zap.Logger
	every  time.Duration

	number, segments uint32 // of the snapshot that currentKey names
	stop             chan struct{}
	stopped          sync.WaitGroup
}

// openStorage finds the storage extension.
func openStorage(ctx context.Context, host component.Host, id, self component.ID) (storage.Client, error) {
	ext, ok := host.GetExtensions()[id]
	if !ok {
		return nil, fmt.Errorf("storage: there is no extension %q; list it under extensions and service::extensions", id)
	}
	s, ok := ext.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("storage: extension %q does not store", id)
	}
	client, err := s.GetClient(ctx, component.KindExtension, self, "")
	if err != nil {
		return nil, fmt.Errorf("storage: open %q: %w", id, err)
	}
	return client, nil
}

func startKeeper(index *binding.Index, client storage.Client, every time.Duration, log *zap.Logger) *keeper {
	k := &keeper{index: index, client: client, every: every, log: log, stop: make(chan struct{})}
	k.stopped.Go(k.run)
	return k
}

func (k *keeper) run() {
	ctx := context.Background()
	k.load(ctx)
	t := time.NewTicker(k.every)
	defer t.Stop()
	for {
		select {
		case <-k.stop:
			return
		case <-t.C:
			k.save(ctx)
		}
	}
}

// shutdown writes a last snapshot.
func (k *keeper) shutdown(ctx context.Context) error {
	close(k.stop)
	k.stopped.Wait()
	k.save(ctx)
	return k.client.Close(ctx)
}

// load merges the latest snapshot into the index, while the collector works already.
func (k *keeper) load(ctx context.Context) {
	raw, err := k.client.Get(ctx, currentKey)
	if err != nil || len(raw) != 8 {
		if err != nil {
			k.log.Error("The stored index cannot be read; traces are learnt anew.", zap.Error(err))
		}
		return
	}
	k.number, k.segments = binary.LittleEndian.Uint32(raw), binary.LittleEndian.Uint32(raw[4:])
	entries, damaged := 0, 0
	for i := range k.segments {
		select {
		case <-k.stop:
			return
		default:
		}
		seg, err := k.client.Get(ctx, segmentKey(k.number, i))
		if err == nil {
			var n int
			n, err = k.index.Restore(seg, time.Now())
			entries += n
		}
		if err != nil {
			damaged++
		}
	}
	k.log.Info("The stored index was read.", zap.Int("entries", entries), zap.Int("damaged_segments", damaged))
}

// save writes a whole snapshot, makes it the current one and deletes the one before.
func (k *keeper) save(ctx context.Context) {
	number, n := k.number+1, uint32(0)
	err := k.index.Snapshot(time.Now(), func(seg []byte) error {
		n++
		return k.client.Set(ctx, segmentKey(number, n-1), seg)
	})
	if err == nil {
		cur := binary.LittleEndian.AppendUint32(nil, number)
		err = k.client.Set(ctx, currentKey, binary.LittleEndian.AppendUint32(cur, n))
	}
	if err != nil {
		k.log.Error("The index cannot be stored; the snapshot before stays.", zap.Error(errors.Join(err, k.drop(ctx, number, n))))
		return
	}
	if err := k.drop(ctx, k.number, k.segments); err != nil {
		k.log.Warn("An old snapshot cannot be deleted.", zap.Error(err))
	}
	k.number, k.segments = number, n
}

func (k *keeper) drop(ctx context.Context, number, segments uint32) error {
	var errs []error
	for i := range segments {
		errs = append(errs, k.client.Delete(ctx, segmentKey(number, i)))
	}
	return errors.Join(errs...)
}

func segmentKey(number, i uint32) string { return fmt.Sprintf("snapshot/%d/%d", number, i) }
