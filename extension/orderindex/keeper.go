package orderindex

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/internal/binding"
)

// currentKey holds the number of the latest whole snapshot and of its segments. It is written last: a snapshot that was cut
// off is never read.
const currentKey = "current"

// lastSave bounds the last snapshot: the collector itself sets no deadline, and whoever stops it kills it some time later.
const lastSave = 10 * time.Second

// keeper writes snapshots of the index to a storage extension, and reads the latest at the start. One goroutine owns
// number, segments and the client until it has ended.
type keeper struct {
	index  *binding.Index
	client storage.Client
	log    *zap.Logger
	every  time.Duration

	number, segments uint32 // of the snapshot that currentKey names
	ctx              context.Context
	cut              context.CancelFunc // ends what the storage is asked for
	stop, stopped    chan struct{}
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
	k := &keeper{index: index, client: client, every: every, log: log, stop: make(chan struct{}), stopped: make(chan struct{})}
	k.ctx, k.cut = context.WithCancel(context.Background())
	go k.run()
	return k
}

// run writes no snapshot before it has read the one that is there: what was not read would be gone.
func (k *keeper) run() {
	defer close(k.stopped)
	loaded := k.load()
	t := time.NewTicker(k.every)
	defer t.Stop()
	for {
		select {
		case <-k.stop:
			if loaded {
				k.save()
			}
			return
		case <-t.C:
			if loaded {
				k.save()
			} else {
				loaded = k.load()
			}
		}
	}
}

// shutdown lets run write a last snapshot, until ctx ends or lastSave is over.
func (k *keeper) shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lastSave)
	defer cancel()
	close(k.stop)
	select {
	case <-k.stopped:
	case <-ctx.Done():
		k.cut()
		select {
		case <-k.stopped:
		case <-time.After(time.Second): // a storage that does not even hear that
			return fmt.Errorf("store the index: %w", ctx.Err())
		}
	}
	k.cut()
	return k.client.Close(context.WithoutCancel(ctx))
}

// load merges the latest snapshot into the index, while the collector works already. It is false if that has to be done again.
func (k *keeper) load() bool {
	raw, err := k.client.Get(k.ctx, currentKey)
	if err != nil {
		k.log.Error("The storage does not give the index; it is asked again, and nothing is stored before.", zap.Duration("after", k.every), zap.Error(err))
		return false
	}
	if raw == nil {
		return true
	}
	var ok bool
	if k.number, k.segments, ok = parseHead(raw); !ok {
		k.log.Error("The stored index is damaged or of another version; traces are learnt anew.")
		return true
	}
	entries, damaged := 0, 0
	for i := range k.segments {
		select {
		case <-k.stop:
			return false
		default:
		}
		seg, err := k.client.Get(k.ctx, segmentKey(k.number, i))
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
	return true
}

// head is what currentKey holds: number and segments of a snapshot, and a checksum, since a wrong number of segments is asked
// for one by one.
func head(number, segments uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, number)
	b = binary.LittleEndian.AppendUint32(b, segments)
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func parseHead(raw []byte) (number, segments uint32, ok bool) {
	if len(raw) != 12 || crc32.ChecksumIEEE(raw[:8]) != binary.LittleEndian.Uint32(raw[8:]) {
		return 0, 0, false
	}
	return binary.LittleEndian.Uint32(raw), binary.LittleEndian.Uint32(raw[4:]), true
}

// save writes a whole snapshot, makes it the current one and deletes the one before.
func (k *keeper) save() {
	ctx := k.ctx
	number, n := k.number+1, uint32(0)
	err := k.index.Snapshot(time.Now(), func(seg []byte) error {
		n++
		return k.client.Set(ctx, segmentKey(number, n-1), seg)
	})
	if err == nil {
		err = k.client.Set(ctx, currentKey, head(number, n))
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
