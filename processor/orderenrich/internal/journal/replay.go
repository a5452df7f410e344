package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

const (
	// chunkBytes is about how much is read at once.
	chunkBytes = 4 << 20
	// maxFailures in a row end a replay: it is not the records, it is the store.
	maxFailures = 8
)

// ErrUnread says that the store did not give a record, which may be intact.
var ErrUnread = errors.New("the storage did not give it")

// Past is how many numbers a former process may have left, most of them deleted.
func (j *Journal) Past() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.past[1] - j.past[0]
}

// Replay gives what a former process left, in order. It ends when all was read, or give says false, or ctx ends, or the
// store does not answer any more; bad is told of what cannot be read, which is left under its key, and is read again by the
// next process if it is ErrUnread. It must not be called twice.
func (j *Journal) Replay(ctx context.Context, give func(r *Record, payload []byte) bool, bad func(key string, err error)) {
	chunk, failures := 4, 0
	for ctx.Err() == nil {
		j.mu.Lock()
		from, to := j.unread, min(j.unread+uint64(chunk), j.past[1])
		j.mu.Unlock()
		if from == to {
			return
		}
		values, errs := j.read(ctx, from, to)
		if ctx.Err() != nil {
			return
		}
		size := 0
		for i, v := range values {
			if failures++; !errors.Is(errs[i], ErrUnread) {
				failures = 0
			}
			size += len(v)
			if !j.admit(from+uint64(i), v, errs[i], give, bad) || failures == maxFailures {
				return
			}
		}
		switch {
		case size > chunkBytes:
			chunk = max(1, chunk/2)
		case size < chunkBytes/4:
			chunk = min(256, chunk*2)
		}
	}
}

// read gives whole records. What follows their first parts is read all at once: a read may be as dear as a write.
func (j *Journal) read(ctx context.Context, from, to uint64) (values [][]byte, errs []error) {
	var keys []string
	for seq := from; seq < to; seq++ {
		keys = append(keys, recordKey(seq, 0))
	}
	values, errs = j.fetch(ctx, keys)
	keys = nil
	var owner []int
	for i, first := range values {
		if n, err := total(first); err == nil {
			values[i] = slices.Clip(first) // what is behind it belongs to the store
			for part := 1; part < parts(n); part++ {
				keys, owner = append(keys, recordKey(from+uint64(i), part)), append(owner, i)
			}
		}
	}
	if keys == nil || ctx.Err() != nil {
		return values, errs
	}
	rest, failed := j.fetch(ctx, keys)
	for k, i := range owner {
		values[i] = append(values[i], rest[k]...)
		errs[i] = cmp.Or(errs[i], failed[k])
	}
	return values, errs
}

// fetch reads keys. If the store does not give all of them, it is asked for one after the other.
func (j *Journal) fetch(ctx context.Context, keys []string) (values [][]byte, errs []error) {
	errs = make([]error, len(keys))
	values, err := j.store.Read(ctx, keys)
	if err == nil {
		return values, errs
	}
	values = make([][]byte, len(keys))
	for i := range keys {
		v, err := j.store.Read(ctx, keys[i:i+1])
		if err != nil {
			errs[i] = fmt.Errorf("%w: %w", ErrUnread, err)
			continue
		}
		values[i] = v[0]
	}
	return values, errs
}

// admit makes a record live again and gives it.
func (j *Journal) admit(seq uint64, value []byte, err error, give func(*Record, []byte) bool, bad func(string, error)) bool {
	var payload []byte
	var items int
	if err == nil && value != nil {
		payload, items, err = decode(value)
	}
	r := &Record{j: j, seq: seq, bytes: int64(len(value)), old: true}
	r.left.Store(int64(items))
	j.mu.Lock()
	j.unread = seq + 1
	switch {
	case errors.Is(err, ErrUnread):
		j.pastLive++ // until this process ends: the next one begins where this one did
	case err == nil && value != nil:
		j.pastLive++
		j.bytes.Add(r.bytes)
	}
	j.mu.Unlock()
	switch {
	case err != nil:
		bad(recordKey(seq, 0), err)
		return true
	case value == nil:
		return true
	}
	return give(r, payload)
}

// Items is how many of its items were not handed on yet.
func (r *Record) Items() int { return int(r.left.Load()) }

// Key is where the record is in the store.
func (r *Record) Key() string { return recordKey(r.seq, 0) }
