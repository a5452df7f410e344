package journal

import "context"

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
		}
		rest := j.rest(ctx, from, values)
		if ctx.Err() != nil {
			return
		}
		size := 0
		for i, v := range values {
			v = append(v, rest[i]...)
			size += len(v)
			if !j.admit(from+uint64(i), v, give, bad) {
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

// rest reads what follows the first parts of records, all at once: a read may be as dear as a write. What cannot be read
// makes its record a damaged one.
func (j *Journal) rest(ctx context.Context, from uint64, firsts [][]byte) [][]byte {
	rest := make([][]byte, len(firsts))
	var keys []string
	var owner []int
	for i, first := range firsts {
		if n, err := total(first); err == nil {
			for part := 1; part < parts(n); part++ {
				keys, owner = append(keys, recordKey(from+uint64(i), part)), append(owner, i)
			}
		}
	}
	if keys == nil {
		return rest
	}
	values, err := j.store.Read(ctx, keys)
	if err != nil && ctx.Err() == nil {
		values = j.readEach(ctx, keys, func(string, error) {})
	}
	for k, v := range values {
		rest[owner[k]] = append(rest[owner[k]], v...)
	}
	return rest
}

// admit makes a record live again and gives it.
func (j *Journal) admit(seq uint64, value []byte, give func(*Record, []byte) bool, bad func(string, error)) bool {
	if value == nil {
		j.mu.Lock()
		j.unread = seq + 1
		j.mu.Unlock()
		return true
	}
	payload, items, err := decode(value)
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
