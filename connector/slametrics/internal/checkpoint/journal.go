package checkpoint

import (
	"context"
	"errors"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

// Journal is what has happened since the checkpoint, in numbered entries. It is owned by its caller's lock.
type Journal struct {
	Store       Store
	First, Next uint64    // since the newest checkpoint
	Size        int       // bytes of the entries
	Missed      int       // entries that could not be written: only a checkpoint makes up for them
	Taken       time.Time // when the newest checkpoint was taken
	tried       time.Time // when one was last begun
}

const (
	// every and most bound what a restart reads again.
	every = time.Minute
	most  = 64 << 20 // bytes
	// retry is how long a checkpoint that did not work is left alone.
	retry = 5 * time.Second
)

// Due says whether it is time for a checkpoint.
func (l *Journal) Due(now time.Time) bool {
	return now.Sub(l.tried) >= retry && (l.Missed > 0 || l.Size >= most || now.Sub(l.Taken) >= every)
}

// Begin returns what a checkpoint of this instant will cover.
func (l *Journal) Begin(now time.Time) Journal {
	l.tried = now
	return *l
}

// Covered says that there is a checkpoint of the instant of Begin.
func (l *Journal) Covered(by Journal) {
	l.First, l.Taken = by.Next, by.tried
	l.Size -= by.Size
	l.Missed -= by.Missed
}

// ErrEntry says that an entry of the journal is not what was written.
var ErrEntry = errors.New("a journal entry is damaged")

func entryKey(n uint64) string { return "journal/" + strconv.FormatUint(n, 10) }

// Append writes an entry.
func (l *Journal) Append(ctx context.Context, entry []byte) error {
	sum := wire.Uint(nil, uint64(crc32.ChecksumIEEE(entry)))
	if err := l.Store.Write(ctx, Change{entryKey(l.Next), append(sum, entry...)}); err != nil {
		l.Missed++
		return err
	}
	l.Next++
	l.Size += len(entry)
	return nil
}

// Read returns the next entry, with its sum, and moves behind it; nil behind the last.
func (l *Journal) Read(ctx context.Context) ([]byte, error) {
	entry, err := l.Store.Get(ctx, entryKey(l.Next))
	if err != nil || entry == nil {
		return nil, err
	}
	l.Next++
	l.Size += len(entry)
	return entry, nil
}

// Open reads what Append was given.
func Open(entry []byte) (*wire.Reader, error) {
	r := wire.NewReader(entry)
	if sum := r.Uint(); r.Err() != nil || uint64(crc32.ChecksumIEEE(r.Rest())) != sum {
		return nil, ErrEntry
	}
	return r, nil
}

// Forget deletes the entries from first up to, and without, end.
func (l *Journal) Forget(ctx context.Context, first, end uint64) error {
	for first < end {
		var changes []Change
		for range min(end-first, someKeys) {
			changes = append(changes, Change{Key: entryKey(first)})
			first++
		}
		if err := l.Store.Write(ctx, changes...); err != nil {
			return err
		}
	}
	return nil
}
