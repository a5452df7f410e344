package slametrics

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/handover"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/ledger"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/lifecycle"
	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

const (
	stateVersion = 1
	stateKey     = "state"
	pathsKey     = "paths"
	headerRoom   = 64 // at least what stands before the body of a checkpoint
)

// keeper keeps the state of all flows in a storage extension: a checkpoint before every flush of metrics, so that no
// counter is told that could step back, and a journal of the events, and of the time that decided verdicts, since: what
// was told is decided again in the same way. Events are a set: reading one twice, from the checkpoint and the journal or
// from a sender that repeats it, changes nothing.
type keeper struct {
	client storage.Client
	folder *handover.Folder // where orders change hands; nil without hand_over

	mu          sync.Mutex       // held while events are observed and journaled, and while a checkpoint is taken
	first, next uint64           // journal entries since the checkpoint; owned by mu
	taken       time.Time        // when the newest checkpoint was taken; owned by mu
	paths       map[string]int64 // how far each path had come, of the checkpoint that was loaded
	known       int              // how many paths were kept since; owned by mu
	incidents   []byte           // as of the checkpoint to be taken; owned by mu
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
	j.keeper = &keeper{client: client}
	if j.config.HandOver != "" {
		if j.keeper.folder, err = handover.Open(j.config.HandOver, strconv.FormatInt(j.started.UnixNano(), 36)); err != nil {
			return fmt.Errorf("hand_over: %w", err)
		}
	}
	return j.restore(ctx)
}

// restore loads the checkpoint and the journal. State that cannot be used is reported, counted and left behind.
func (j *judge) restore(ctx context.Context) error {
	if err := j.restoreIncidents(ctx); err != nil {
		return err
	}
	blob, err := j.keeper.client.Get(ctx, stateKey)
	if err != nil {
		return fmt.Errorf("read state from storage %q: %w", j.config.Storage, err)
	}
	now, whole := time.Now().UnixNano(), blob != nil
	if blob != nil {
		if err := j.load(ctx, blob, now); err != nil {
			j.stateFailed(ctx, "load", err)
			whole = false
		}
	}
	entries := 0
	for {
		entry, err := j.keeper.client.Get(ctx, journalKey(j.keeper.next))
		if err != nil {
			return fmt.Errorf("read the journal from storage %q: %w", j.config.Storage, err)
		}
		if entry == nil {
			break
		}
		if err := j.replay(ctx, entry, now); err != nil {
			j.stateFailed(ctx, "replay", err)
			whole = false
		}
		j.keeper.next++
		entries++
	}
	since, err := j.keeper.client.Get(ctx, pathsKey)
	if err != nil {
		return fmt.Errorf("read paths from storage %q: %w", j.config.Storage, err)
	}
	paths := readPaths(wire.NewReader(since))
	maps.Copy(paths, j.keeper.paths)
	taken, err := j.changeHands(ctx, now)
	if err != nil {
		return err
	}
	if blob != nil || entries > 0 || len(taken) > 0 {
		mark := int64(math.MaxInt64)
		for _, f := range j.flows {
			mark = min(mark, f.book.Mark())
			j.logger.Info("state restored", zap.String("flow", f.name), zap.Int("orders", f.book.Len()), zap.Int("journal_entries", entries))
		}
		j.clock.Restore(mark, now, paths)
	}
	if whole {
		return nil // it and its journal stand until the next checkpoint
	}
	return j.begin(ctx, taken)
}

// begin takes the first checkpoint: even a process that is killed at once leaves word that there was one, so that the
// next waits for what was queued meanwhile. Files that were taken over are no longer needed then.
func (j *judge) begin(ctx context.Context, taken []string) error {
	states := make([][]byte, len(j.flows))
	for i, f := range j.flows {
		states[i] = f.save()
	}
	if err := j.keeper.checkpoint(ctx, j.flows, states, j.clock.Released()); err != nil {
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
		if err := j.keeper.client.Set(ctx, pathsKey, appendPaths(nil, paths)); err != nil {
			j.stateFailed(ctx, "paths", err)
			return
		}
		j.keeper.known = len(paths)
	}
}

func appendPaths(to []byte, paths map[string]int64) []byte {
	to = wire.Uint(to, uint64(len(paths)))
	for name, released := range paths {
		to = wire.Int(wire.String(to, name), released)
	}
	return to
}

func readPaths(r *wire.Reader) map[string]int64 {
	paths := map[string]int64{}
	for range r.Len(2) {
		name := r.String()
		paths[name] = r.Int()
	}
	return paths
}

func (j *judge) stateFailed(ctx context.Context, what string, err error) {
	j.telemetry.SLAMetricsStateFailures.Add(ctx, 1, reason(what))
	j.logger.Error("state of orders", zap.String("step", what), zap.Error(err))
}

func journalKey(n uint64) string { return "journal/" + strconv.FormatUint(n, 10) }

// load reads a checkpoint: version, checksum, journal position, then each flow by name.
func (j *judge) load(ctx context.Context, blob []byte, now int64) error {
	r := wire.NewReader(blob)
	if v := r.Uint(); v != stateVersion {
		return fmt.Errorf("checkpoint of version %d, this is version %d: orders in flight start anew", v, stateVersion)
	}
	sum, body := r.Uint(), r.String()
	if r.Err() != nil || uint64(crc32.ChecksumIEEE([]byte(body))) != sum {
		return errors.New("the checkpoint is damaged: orders in flight start anew")
	}
	r = wire.NewReader([]byte(body))
	j.keeper.first = r.Uint()
	j.keeper.next = j.keeper.first
	j.keeper.paths = readPaths(r)
	saved := map[string]string{}
	for range r.Len(2) {
		name := r.String()
		saved[name] = r.String()
	}
	errs := []error{r.Err()}
	for _, f := range j.flows {
		if state, ok := saved[f.name]; ok {
			if err := f.load([]byte(state)); err != nil {
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

func (f *flowJudge) load(state []byte) (err error) {
	r := wire.NewReader(state)
	f.started = time.Unix(0, r.Int())
	if f.facts, err = f.book.Load(r, f.facts[:0]); err != nil {
		return err
	}
	return f.ledger.Load(r)
}

// reset forgets a flow.
func (f *flowJudge) reset(config *Config) {
	flow := f.book.Flow()
	f.book, f.ledger, f.facts, f.started = newBook(flow, config), ledger.New(flow), f.facts[:0], time.Now()
}

// save returns the flow's state. The caller holds f.mu.
func (f *flowJudge) save() []byte {
	to := f.ledger.Save(f.book.Save(wire.Int(make([]byte, 0, f.saved+f.saved/8+256), f.started.UnixNano())))
	f.saved = len(to)
	return to
}

// checkpoint writes the state of all flows and drops the journal that it covers. The caller holds k.mu since before
// the state was saved.
func (k *keeper) checkpoint(ctx context.Context, flows []*flowJudge, states [][]byte, paths map[string]int64) error {
	size := headerRoom
	for _, state := range states {
		size += len(state) + headerRoom
	}
	room := make([]byte, headerRoom, size+64*len(paths)) // large, so copied no more than need be
	body := wire.Uint(room, k.next)
	body = appendPaths(body, paths)
	body = wire.Uint(body, uint64(len(flows)))
	for i, f := range flows {
		body = wire.String(body, f.name)
		body = append(wire.Uint(body, uint64(len(states[i]))), states[i]...)
	}
	header := wire.Uint(wire.Uint(nil, stateVersion), uint64(crc32.ChecksumIEEE(body[headerRoom:])))
	header = wire.Uint(header, uint64(len(body)-headerRoom))
	blob := body[headerRoom-len(header):]
	copy(blob, header)
	ops := []*storage.Operation{storage.SetOperation(stateKey, blob)}
	if k.incidents != nil {
		ops = append(ops, storage.SetOperation(incidentsKey, k.incidents))
	}
	for n := k.first; n < k.next; n++ {
		ops = append(ops, storage.DeleteOperation(journalKey(n)))
	}
	if err := k.client.Batch(ctx, ops...); err != nil {
		return err
	}
	k.first, k.taken = k.next, time.Now()
	return nil
}

// journal appends what a batch says of orders, and how far time had come before. The caller holds k.mu.
func (k *keeper) journal(ctx context.Context, mark int64, r *reading) error {
	entry := wire.Int(nil, mark)
	for f := range r.events {
		entry = wire.Uint(entry, uint64(len(r.events[f])))
		for i := range r.events[f] {
			entry = lifecycle.AppendEvent(wire.String(entry, r.events[f][i].key), &r.events[f][i].event)
		}
		entry = wire.Uint(entry, uint64(len(r.pledges[f])))
		for _, p := range r.pledges[f] {
			entry = wire.Int(wire.Int(wire.Uint(wire.String(entry, p.key), uint64(p.transition)), p.at), p.until)
		}
	}
	sum := wire.Uint(nil, uint64(crc32.ChecksumIEEE(entry)))
	err := k.client.Set(ctx, journalKey(k.next), append(sum, entry...))
	if err == nil {
		k.next++
	}
	return err
}

// mark is how far time has come for the books. The caller holds k.mu, under which alone they move.
func (j *judge) mark() int64 {
	if len(j.flows) == 0 {
		return math.MinInt64
	}
	j.flows[0].mu.Lock()
	defer j.flows[0].mu.Unlock()
	return j.flows[0].book.Mark()
}

// replay observes a journal entry again.
func (j *judge) replay(ctx context.Context, entry []byte, now int64) error {
	r := wire.NewReader(entry)
	if sum := r.Uint(); uint64(crc32.ChecksumIEEE(r.Rest())) != sum {
		return errors.New("a journal entry is damaged")
	}
	mark := r.Int()
	for _, f := range j.flows {
		f.mu.Lock()
		err := f.replay(r, mark)
		j.settle(ctx, f, now)
		f.mu.Unlock()
		if err != nil {
			return fmt.Errorf("flow %q: %w", f.name, err)
		}
	}
	return r.Err()
}

func (f *flowJudge) replay(r *wire.Reader, mark int64) error {
	f.facts = f.book.Advance(mark, f.facts[:0])
	for range r.Len(29) {
		key := r.String()
		e, err := f.book.Flow().ReadEvent(r)
		if err != nil {
			return err
		}
		f.facts = f.book.Observe(key, e, f.facts)
	}
	for range r.Len(4) {
		key, t, at, until := r.String(), r.Uint(), r.Int(), r.Int()
		if r.Err() == nil && t < uint64(len(f.book.Flow().Transitions)) {
			f.facts = f.book.Promise(key, int(t), at, until, f.facts)
		}
	}
	return r.Err()
}

func (k *keeper) shut(ctx context.Context) error {
	err := k.client.Close(ctx)
	if k.folder != nil {
		err = errors.Join(err, k.folder.Close())
	}
	return err
}
