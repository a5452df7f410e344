package slametrics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/checkpoint"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/handover"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/watermark"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

const (
	seenKey  = "seen"
	pathsKey = "paths"

	// pieceSize is how much of a flow is encoded before others get at it: about a millisecond's worth.
	pieceSize = 256 << 10
)

// keeper keeps the state of all flows in a storage extension: a journal of the events, and of the time that decided verdicts,
// so that what was told is decided again in the same way and no counter steps back; and now and then a checkpoint, which
// shortens the journal. Events are a set: reading one twice, from the journal or from a sender that repeats it, changes
// nothing.
type keeper struct {
	client storage.Client
	folder *handover.Folder // where orders change hands; nil without hand_over

	checkMu sync.Mutex       // held while a checkpoint is taken, and before mu
	file    *checkpoint.File // owned by checkMu

	mu    sync.Mutex         // held while events are observed and journaled, and while metrics are collected
	log   checkpoint.Journal // owned by mu
	told  uint64             // the verdicts of the entries before it were told; owned by mu
	paths map[string]int64   // how far each path had come, of the checkpoint that was loaded
	known int                // how many paths were kept since; owned by mu
	seen  seen               // of the process before
}

// seen says up to which entry of the journal things outside of the flows are kept, or were told, so that reading it again does
// not count them twice.
type seen struct{ incidents, told uint64 }

// again says, while the journal is read, that what comes of it is known already. Owned by the goroutine that restores.
type again struct{ incidents, told bool }

// shelf is a storage as a checkpoint sees it.
type shelf struct{ storage.Client }

func (s shelf) Write(ctx context.Context, changes ...checkpoint.Change) error {
	ops := make([]*storage.Operation, len(changes))
	for i, c := range changes {
		if ops[i] = storage.SetOperation(c.Key, c.Value); c.Value == nil {
			ops[i] = storage.DeleteOperation(c.Key)
		}
	}
	return s.Batch(ctx, ops...)
}

// openState restores what a former process kept. Without a storage there is nothing to do.
func (j *judge) openState(ctx context.Context, host component.Host) error {
	if j.config.Storage == nil {
		return nil
	}
	ext, ok := host.GetExtensions()[*j.config.Storage]
	if !ok {
		return fmt.Errorf("storage: no extension %q: name it under service::extensions", j.config.Storage)
	}
	store, ok := ext.(storage.Extension)
	if !ok {
		return fmt.Errorf("storage: extension %q keeps no state: name a storage extension, such as file_storage", j.config.Storage)
	}
	client, err := store.GetClient(ctx, component.KindConnector, j.id, "")
	if err != nil {
		return fmt.Errorf("open storage %q: %w", j.config.Storage, err)
	}
	j.keeper = &keeper{client: client, file: checkpoint.New(shelf{client}), log: checkpoint.Journal{Store: shelf{client}}}
	if j.config.HandOver != "" {
		if j.keeper.folder, err = handover.Open(j.config.HandOver, strconv.FormatInt(j.started.UnixNano(), 36)); err != nil {
			return fmt.Errorf("hand_over: %w", err)
		}
	}
	return j.restore(ctx)
}

// restore loads the checkpoint and the journal. State that cannot be used is reported, counted and left behind.
func (j *judge) restore(ctx context.Context) error {
	word, err := j.keeper.client.Get(ctx, seenKey)
	if err != nil {
		return fmt.Errorf("read state from storage %q: %w", j.config.Storage, err)
	}
	r := wire.NewReader(word)
	j.keeper.seen = seen{r.Uint(), r.Uint()}
	if err := j.restoreIncidents(ctx); err != nil {
		return err
	}
	head, states, damage, err := j.keeper.file.Load(ctx)
	if err != nil {
		return fmt.Errorf("read state from storage %q: %w", j.config.Storage, err)
	}
	now, whole := time.Now().UnixNano(), head != nil
	if whole {
		damage = j.load(ctx, head, states, now)
	}
	if damage != nil {
		j.stateFailed(ctx, "load", damage)
		whole = false
	}
	if err := j.keeper.file.Sweep(ctx); err != nil {
		return fmt.Errorf("sweep storage %q: %w", j.config.Storage, err)
	}
	entries := 0
	for {
		n := j.keeper.log.Next
		entry, err := j.keeper.log.Read(ctx)
		if err != nil {
			return fmt.Errorf("read the journal from storage %q: %w", j.config.Storage, err)
		}
		if entry == nil {
			break
		}
		j.again = again{n < j.keeper.seen.incidents, n < j.keeper.seen.told}
		if err := j.replay(ctx, entry, now); err != nil {
			j.stateFailed(ctx, "replay", err)
			whole = false
		}
		entries++
	}
	j.again = again{}
	j.keeper.told = min(j.keeper.seen.told, j.keeper.log.Next) // after damage the journal begins anew
	since, err := j.keeper.client.Get(ctx, pathsKey)
	if err != nil {
		return fmt.Errorf("read paths from storage %q: %w", j.config.Storage, err)
	}
	paths := watermark.ReadPaths(wire.NewReader(since))
	maps.Copy(paths, j.keeper.paths)
	taken, err := j.changeHands(ctx, now)
	if err != nil {
		return err
	}
	if head != nil || damage != nil || entries > 0 || len(taken) > 0 {
		mark := int64(math.MaxInt64)
		for _, f := range j.flows {
			mark = min(mark, f.book.Mark())
			j.logger.Info("state restored", zap.String("flow", f.name), zap.Int("orders", f.book.Len()), zap.Int("journal_entries", entries))
		}
		j.clock.Restore(mark, now, paths)
	}
	if whole && len(taken) == 0 {
		j.keeper.log.Taken = time.Now()
		return nil // it and its journal stand until the next checkpoint
	}
	return j.begin(ctx, taken)
}

// begin takes the first checkpoint: even a process that is killed at once leaves word that there was one, so that the
// next waits for what was queued meanwhile. Files that were taken over are no longer needed then.
func (j *judge) begin(ctx context.Context, taken []string) error {
	if err := j.checkpoint(ctx); err != nil {
		return fmt.Errorf("write state to storage %q: %w", j.config.Storage, err)
	}
	if err := handover.Remove(taken); err != nil { // they hold nothing that is not known when they are taken again
		j.stateFailed(ctx, "hand_over", err)
	}
	return nil
}

// keepPaths keeps the names of paths between two checkpoints: one that is not known is not waited for.
func (j *judge) keepPaths(ctx context.Context) {
	j.clockMu.Lock()
	paths := j.clock.Released()
	j.clockMu.Unlock()
	j.keeper.mu.Lock()
	defer j.keeper.mu.Unlock()
	if len(paths) != j.keeper.known {
		if err := j.keeper.client.Set(ctx, pathsKey, watermark.AppendPaths(nil, paths)); err != nil {
			j.stateFailed(ctx, "paths", err)
			return
		}
		j.keeper.known = len(paths)
	}
}

func (j *judge) stateFailed(ctx context.Context, what string, err error) {
	j.telemetry.SLAMetricsStateFailures.Add(ctx, 1, reason(what))
	j.logger.Error("state of orders", zap.String("step", what), zap.Error(err))
}

// load reads a checkpoint: the journal's position, and paths, then each flow by name.
func (j *judge) load(ctx context.Context, head []byte, states map[string][]byte, now int64) error {
	r := wire.NewReader(head)
	oldest := r.Uint()
	log := &j.keeper.log
	log.First = r.Uint()
	log.Next = log.First
	if err := log.Forget(ctx, oldest, log.First); err != nil {
		j.stateFailed(ctx, "checkpoint", err)
	}
	j.keeper.paths = watermark.ReadPaths(r)
	errs := []error{r.Err()}
	for _, f := range j.flows {
		if state, ok := states[f.name]; ok {
			if err := f.load(state); err != nil {
				errs = append(errs, fmt.Errorf("flow %q starts anew: %w", f.name, err))
				f.reset(j.config)
			}
			f.mu.Lock()
			j.settle(ctx, f, now)
			f.mu.Unlock()
		}
	}
	return errors.Join(errs...)
}

// checkpoint writes the state of one instant, and then drops the journal that it covers. Meanwhile orders are judged, and
// journaled: they are encoded piece by piece, and those about to change before they do.
func (j *judge) checkpoint(ctx context.Context) error {
	k := j.keeper
	k.checkMu.Lock()
	defer k.checkMu.Unlock()
	begun, err := j.freeze(ctx)
	defer func() {
		for _, f := range j.flows {
			f.mu.Lock()
			f.book.Melt()
			f.mu.Unlock()
		}
	}()
	if err != nil {
		return err
	}
	w, piece := k.file.Begin(), []byte(nil)
	for i, f := range j.flows {
		w.Section(f.name)
		err := w.Write(ctx, begun.heads[i])
		for more := true; more && err == nil; {
			f.mu.Lock()
			piece, more = f.book.Thaw(piece[:0], pieceSize)
			f.mu.Unlock()
			err = w.Write(ctx, piece)
		}
		if err = errors.Join(err, w.Write(ctx, begun.tails[i])); err != nil {
			return err
		}
	}
	left, err := w.Commit(ctx, watermark.AppendPaths(wire.Uint(wire.Uint(nil, begun.First), begun.Next), begun.paths))
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.log.Covered(begun.Journal)
	log := k.log
	k.mu.Unlock()
	// What is left behind is no harm: the next start deletes it.
	return errors.Join(left, log.Forget(ctx, begun.First, begun.Next))
}

// begun is a checkpoint that was begun: the instant of which it is.
type begun struct {
	checkpoint.Journal
	heads, tails [][]byte // of each flow, before and behind its orders
	paths        map[string]int64
}

func (j *judge) freeze(ctx context.Context) (begun, error) {
	k, n := j.keeper, len(j.flows)
	k.mu.Lock()
	defer k.mu.Unlock()
	b := begun{k.log.Begin(time.Now()), make([][]byte, n), make([][]byte, n), nil}
	for i, f := range j.flows {
		f.mu.Lock()
		b.heads[i] = f.book.Freeze(wire.Int(nil, f.started.UnixNano()))
		b.tails[i] = f.ledger.Save(nil)
		f.mu.Unlock()
	}
	j.clockMu.Lock()
	b.paths = j.clock.Released()
	j.clockMu.Unlock()
	return b, k.keepSeen(ctx, j.incidents.Save())
}

// keepSeen keeps what is outside of the flows, and up to where the journal is in it. The caller holds k.mu.
func (k *keeper) keepSeen(ctx context.Context, incidents []byte) error {
	ops := []*storage.Operation{storage.SetOperation(seenKey, wire.Uint(wire.Uint(nil, k.log.Next), k.told))}
	if incidents != nil {
		ops = append(ops, storage.SetOperation(incidentsKey, incidents))
	}
	return k.client.Batch(ctx, ops...)
}

// keepState takes checkpoints, until stop closes. Owned by run.
func (j *judge) keepState(ctx context.Context, stop chan struct{}) {
	tick := time.NewTicker(maxTick)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			if j.checkpointDue() {
				if err := j.checkpoint(ctx); err != nil {
					j.stateFailed(ctx, "checkpoint", err)
				}
			}
		}
	}
}

func (j *judge) checkpointDue() bool {
	j.keeper.mu.Lock()
	defer j.keeper.mu.Unlock()
	return j.keeper.log.Due(time.Now())
}

// closeState takes the last checkpoint.
func (j *judge) closeState(ctx context.Context) error {
	j.flushMu.Lock()
	j.keeper.mu.Lock()
	j.markTold()
	j.keeper.mu.Unlock()
	j.flushMu.Unlock()
	if err := j.checkpoint(ctx); err != nil {
		j.stateFailed(ctx, "checkpoint", err)
	}
	return j.keeper.shut(ctx)
}

func (k *keeper) shut(ctx context.Context) error {
	err := k.client.Close(ctx)
	if k.folder != nil {
		err = errors.Join(err, k.folder.Close())
	}
	return err
}
