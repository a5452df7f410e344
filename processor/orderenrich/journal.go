package orderenrich

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/journal"
)

// diary keeps what waits in a storage extension.
type diary struct {
	e       *enricher
	client  storage.Client
	journal *journal.Journal
	failing sync.Once // the log says it once
}

// clientStore lets a journal write to a storage client, one batch a commit.
type clientStore struct{ client storage.Client }

var _ journal.Store = clientStore{}

func (s clientStore) Commit(ctx context.Context, ops []journal.Op) error {
	batch := make([]*storage.Operation, len(ops))
	for i, o := range ops {
		if o.Value == nil {
			batch[i] = storage.DeleteOperation(o.Key)
		} else {
			batch[i] = storage.SetOperation(o.Key, o.Value)
		}
	}
	return s.client.Batch(ctx, batch...)
}

func (s clientStore) Read(ctx context.Context, keys []string) ([][]byte, error) {
	batch := make([]*storage.Operation, len(keys))
	for i, k := range keys {
		batch[i] = storage.GetOperation(k)
	}
	if err := s.client.Batch(ctx, batch...); err != nil {
		return nil, err
	}
	values := make([][]byte, len(keys))
	for i := range batch {
		values[i] = batch[i].Value
	}
	return values, nil
}

// openDiary finds the storage and what a former process left there; nil if none is asked for.
func openDiary(ctx context.Context, e *enricher, host component.Host) (*diary, error) {
	id := e.cfg.Hold.Journal
	if id == nil {
		return nil, nil
	}
	ext, ok := host.GetExtensions()[*id]
	if !ok {
		return nil, fmt.Errorf("hold::journal: there is no extension %q; list it under extensions and service::extensions", id)
	}
	store, ok := ext.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("hold::journal: extension %q does not store; name a storage extension, such as file_storage", id)
	}
	client, err := store.GetClient(ctx, component.KindProcessor, e.set.ID, "hold")
	if err != nil {
		return nil, fmt.Errorf("hold::journal: open %q: %w; if %q stands in two traces pipelines, give it another name in one", id, err, e.set.ID)
	}
	j, found, err := journal.Open(ctx, clientStore{client}, int64(e.cfg.Hold.MaxBytes))
	if found != nil {
		e.meters.journal(ctx, damaged)
		e.set.Logger.Error("The journal of waiting spans cannot be read and begins anew: what it held is not sent.", zap.Error(found))
	}
	if err != nil {
		err = fmt.Errorf("hold::journal: %w; what it holds would be overwritten: make %q work again, or name another storage", err, id)
		return nil, errors.Join(err, client.Close(ctx))
	}
	return &diary{e: e, client: client, journal: j}, nil
}

var encoder ptrace.ProtoMarshaler

// write puts a payload into the journal and returns when it is on disk; nil if it could not be written.
func (d *diary) write(ctx context.Context, td ptrace.Traces, spans int) *journal.Record {
	var record *journal.Record
	raw, err := encoder.MarshalTraces(td)
	if err == nil {
		record, err = d.journal.Append(ctx, raw, spans)
	}
	switch {
	case err == nil:
		d.e.meters.journal(ctx, written)
	case errors.Is(err, journal.ErrFull):
		d.e.meters.journal(ctx, full)
	default:
		d.e.meters.journal(ctx, failed)
		d.failing.Do(func() {
			d.e.set.Logger.Error("The journal cannot be written: spans pass without waiting. This is said once; otelcol_order_enrich_journal_payloads counts.", zap.Error(err))
		})
	}
	return record
}

func (d *diary) close(ctx context.Context) error {
	if d == nil {
		return nil
	}
	return errors.Join(d.journal.Close(), d.client.Close(ctx))
}

// replay accepts again what a former process had not passed on when it was killed, as fast as there is room for it.
func (h *holder) replay() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-h.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	spans, payloads := 0, 0
	bad := func(key string, err error) {
		if errors.Is(err, journal.ErrUnread) {
			h.e.meters.journal(ctx, unread)
			h.e.set.Logger.Error("A payload in the journal of waiting spans was not read. It stays there for the next start.", zap.String("key", key), zap.Error(err))
			return
		}
		h.e.meters.journal(ctx, damaged)
		h.e.set.Logger.Error("A payload in the journal of waiting spans cannot be read. It is not sent, and stays where it is.", zap.String("key", key), zap.Error(err))
	}
	h.diary.journal.Replay(ctx, func(r *journal.Record, payload []byte) bool {
		if !h.roomy(ctx) {
			return false
		}
		var decoder ptrace.ProtoUnmarshaler
		td, err := decoder.UnmarshalTraces(payload)
		if err == nil && td.SpanCount() != r.Items() {
			err = fmt.Errorf("%d spans instead of %d", td.SpanCount(), r.Items())
		}
		if err != nil {
			bad(r.Key(), err)
			r.Leave()
			return true
		}
		payloads, spans = payloads+1, spans+r.Items()
		h.e.meters.journal(ctx, replayed)
		if err := h.accept(h.sending, td, r); err != nil {
			h.e.set.Logger.Error("The next component refused spans for good.", zap.Error(err))
		}
		return true
	}, bad)
	if payloads > 0 {
		h.e.set.Logger.Info("Spans that had waited when the collector ended were read from the journal.", zap.Int("payloads", payloads), zap.Int("spans", spans))
	}
}

// roomy waits until the room can hold what is replayed and the next component takes what is pending; false if the collector
// stops.
func (h *holder) roomy(ctx context.Context) bool {
	for h.room.Degraded() || h.refusing.Load() && h.behind() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(tick):
		}
	}
	return ctx.Err() == nil
}

// behind says that released spans are still to be sent: if they are not, nothing but new ones can find out whether the next
// component refuses.
func (h *holder) behind() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.pending) > 0
}
