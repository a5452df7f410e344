package journal

import (
	"context"
	"slices"
)

// chunkBytes is about how much is read at once.
const chunkBytes = 4 << 20

// Past is how many numbers a former process may have left, most of them deleted.
func (j *Journal) Past() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.past[1] - j.past[0]
}

// Replay gives what a former process left, in order. It ends when all was read, or give says false, or ctx ends; bad is
// told of what cannot be read, which is left under its key. It must not be called twice.
func (j *Journal) Replay(ctx context.Context, give func(r *Record, payload []byte) bool, bad func(key string, err error)) {
	chunk := 4
	for ctx.Err() == nil {
		j.mu.Lock()
		from, to := j.unread, min(j.unread+uint64(chunk), j.past[1])
		j.mu.Unlock()
		if from == to {
			return
		}
		keys := make([]string, 0, chunk)
		for seq := from; seq < to; seq++ {
			keys = append(keys, recordKey(seq, 0))
		}
		values, err := j.store.Read(ctx, keys)
		if err != nil {
			if ctx.Err() == nil {
				values = j.readEach(ctx, keys, bad)
			}
			if ctx.Err() != nil {
				return
			}
			err = nil
		}
		size := 0
		for i, v := range values {
			seq := from + uint64(i)
			if v != nil {
				if v, err = j.whole(ctx, seq, v); ctx.Err() != nil {
					return
				}
			}
			size += len(v)
			if !j.admit(seq, v, err, give, bad) {
				return
			}
			err = nil
		}
		switch {
		case size > chunkBytes:
			chunk = max(1, chunk/2)
		case size < chunkBytes/4:
			chunk = min(256, chunk*2)
		}
	}
}

// readEach finds out which of several records it is that cannot be read.
func (j *Journal) readEach(ctx context.Context, keys []string, bad func(string, error)) [][]byte {
	values := make([][]byte, len(keys))
	for i := range keys {
		v, err := j.store.Read(ctx, keys[i:i+1])
		if err != nil {
			bad(keys[i], err)
			continue
		}
		values[i] = v[0]
	}
	return values
}

// whole reads what follows the first part of a record.
func (j *Journal) whole(ctx context.Context, seq uint64, first []byte) ([]byte, error) {
	n, err := total(first)
	if err != nil {
		return first, err
	}
	var keys []string
	for part := 1; part < parts(n); part++ {
		keys = append(keys, recordKey(seq, part))
	}
	if keys == nil {
		return first, nil
	}
	rest, err := j.store.Read(ctx, keys)
	return slices.Concat(append([][]byte{first}, rest...)...), err
}

// admit makes a record live again and gives it.
func (j *Journal) admit(seq uint64, value []byte, err error, give func(*Record, []byte) bool, bad func(string, error)) bool {
	if value == nil {
		j.mu.Lock()
		j.unread = seq + 1
		j.mu.Unlock()
		return true
	}
	var payload []byte
	var items int
	if err == nil {
		payload, items, err = decode(value)
	}
	r := &Record{j: j, seq: seq, bytes: int64(len(value)), old: true}
	r.left.Store(int64(items))
	j.mu.Lock()
	j.unread = seq + 1
	if err == nil {
		j.pastLive++
		j.bytes.Add(r.bytes)
	}
	j.mu.Unlock()
	if err != nil {
		bad(recordKey(seq, 0), err)
		return true
	}
	return give(r, payload)
}

// Items is how many of its items were not handed on yet.
func (r *Record) Items() int { return int(r.left.Load()) }

// Key is where the record is in the store.
func (r *Record) Key() string { return recordKey(r.seq, 0) }
