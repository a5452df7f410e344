package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Store is where a Journal writes.
type Store interface {
	// Commit makes all of it durable, in this order. Deleting what is not there is no error.
	Commit(ctx context.Context, ops []Op) error
	// Read returns the values of keys; nil for one that is not there.
	Read(ctx context.Context, keys []string) ([][]byte, error)
}

// Op sets a key, or deletes it if Value is nil.
type Op struct {
	Key   string
	Value []byte
}

const (
	// What one commit holds at most.
	commitBytes, commitRecords, commitDeletions = 8 << 20, 1024, 4096
	// idle is how long deletions wait for a commit to ride on.
	idle = 250 * time.Millisecond
	// closeTime bounds the last commit.
	closeTime = 5 * time.Second
	// maxDead bounds the numbers of records that are to be deleted.
	maxDead = 1 << 18
)

var (
	// ErrFull says that live records take all the bytes they may.
	ErrFull = errors.New("the journal is full")
	// ErrClosed says that the journal was closed before the record was written.
	ErrClosed = errors.New("the journal is closed")
)

// Journal is safe for concurrent use; the mutex owns all that is not atomic. One goroutine writes.
type Journal struct {
	store Store
	max   int64
	bytes atomic.Int64 // of live records and of those to be written

	mu     sync.Mutex
	next   uint64  // number of the next record
	oldest *Record // live records of this process, in the order of their numbers
	newest *Record
	queue  []*Record
	dead   []grave
	closed bool

	// What a former process left: the numbers from past[0] to past[1], of which those from unread on were not read yet, and of
	// the others so many are live.
	past     [2]uint64
	unread   uint64
	pastLive int

	wake   chan struct{}
	closes chan struct{}
	writer sync.WaitGroup
}

// grave is a record that is to be deleted.
type grave struct {
	seq   uint64
	parts int
}

// Record is a payload that is in the journal. The journal's mutex owns all that is not atomic.
type Record struct {
	j      *Journal
	seq    uint64
	bytes  int64
	left   atomic.Int64 // items that were not handed on yet
	value  []byte       // until it is written
	done   chan error
	gone   bool
	old    bool // of a former process
	before *Record
	after  *Record
}

// Open begins a journal where a former process left it. A head that is not what Open can use is kept under another key and
// told: found is what is wrong with it, and the journal begins anew. If the store does not even answer, it is an error: the
// head may well be intact, and the first commit would overwrite it.
func Open(ctx context.Context, store Store, maxBytes int64) (j *Journal, found, err error) {
	j = &Journal{store: store, max: maxBytes, wake: make(chan struct{}, 1), closes: make(chan struct{})}
	// Numbers of a new journal begin at the clock, so that no record of a lost one is ever overwritten.
	j.next = uint64(time.Now().UnixNano())
	old, err := store.Read(ctx, []string{headKey})
	if err != nil {
		return nil, nil, fmt.Errorf("read its head: %w", err)
	}
	if old[0] != nil {
		first, next, err := decodeHead(old[0])
		if err == nil {
			j.past, j.unread, j.next = [2]uint64{first, next}, first, next
		} else {
			aside := fmt.Sprintf("head/%016x", j.next)
			found = fmt.Errorf("its head is %w; it is kept as %q, its records as they are", err, aside)
			if err := store.Commit(ctx, []Op{{aside, old[0]}}); err != nil {
				return nil, found, fmt.Errorf("keep the old head: %w", err)
			}
		}
	}
	j.writer.Go(j.write)
	return j, found, nil
}

// Bytes is what live records take.
func (j *Journal) Bytes() int64 { return j.bytes.Load() }

// Append writes a payload of so many items and returns when it is durable. After an error it is not in the journal.
func (j *Journal) Append(ctx context.Context, payload []byte, items int) (*Record, error) {
	r := &Record{j: j, bytes: int64(recordHead + len(payload)), done: make(chan error, 1)}
	if j.bytes.Add(r.bytes) > j.max {
		j.bytes.Add(-r.bytes)
		return nil, ErrFull
	}
	r.value = encode(payload, items)
	r.left.Store(int64(items))
	if !j.enqueue(r) {
		j.bytes.Add(-r.bytes)
		return nil, ErrClosed
	}
	select {
	case err := <-r.done:
		if err != nil {
			return nil, err
		}
		return r, nil
	case <-ctx.Done():
		r.Done(items) // if it is written after all, it is deleted again
		return nil, ctx.Err()
	}
}

func (j *Journal) enqueue(r *Record) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return false
	}
	r.seq = j.next
	j.next++
	j.queue = append(j.queue, r)
	if r.before = j.newest; r.before != nil {
		r.before.after = r
	} else {
		j.oldest = r
	}
	j.newest = r
	select {
	case j.wake <- struct{}{}:
	default:
	}
	return true
}

// Done says that n items of the record were handed on. The last deletes it, with the next commit.
func (r *Record) Done(n int) {
	if r == nil || n == 0 || r.left.Add(-int64(n)) > 0 {
		return
	}
	r.j.mu.Lock()
	defer r.j.mu.Unlock()
	r.j.forget(r, true)
}

// Leave takes a record that cannot be used out of the journal and leaves it in the store.
func (r *Record) Leave() {
	r.j.mu.Lock()
	defer r.j.mu.Unlock()
	r.j.forget(r, false)
}

// forget takes a record out of the live ones. The caller holds mu.
func (j *Journal) forget(r *Record, remove bool) {
	if r.gone {
		return
	}
	r.gone = true
	j.bytes.Add(-r.bytes)
	if remove {
		j.bury(grave{r.seq, parts(r.bytes)})
	}
	if r.old {
		j.pastLive--
		return
	}
	if r.before != nil {
		r.before.after = r.after
	} else {
		j.oldest = r.after
	}
	if r.after != nil {
		r.after.before = r.before
	} else {
		j.newest = r.before
	}
	r.before, r.after = nil, nil
}

// bury remembers what is to be deleted. If the store fails for so long that there is no room for that, the record stays in
// the store and is never read again. The caller holds mu.
func (j *Journal) bury(graves ...grave) {
	if room := maxDead - len(j.dead); len(graves) > room {
		graves = graves[:room]
	}
	j.dead = append(j.dead, graves...)
}

// first is the lowest number that may be in use. The caller holds mu.
func (j *Journal) first() uint64 {
	switch {
	case j.unread < j.past[1] || j.pastLive > 0:
		return j.past[0]
	case j.oldest != nil:
		return j.oldest.seq
	}
	return j.next
}

// Close writes what is left to be deleted and stops. Live records stay for the next process.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	j.mu.Unlock()
	close(j.closes)
	j.writer.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	for {
		if _, err := j.commit(ctx); err != nil || !j.owing() {
			return err
		}
	}
}

// owing says that there is something to be written or deleted.
func (j *Journal) owing() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.queue)+len(j.dead) > 0
}
