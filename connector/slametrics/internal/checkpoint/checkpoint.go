// Package checkpoint keeps a large state in a store of keys, in parts of which none holds up for long whoever else writes
// there. Plain Go: no telemetry.
//
// There are two generations. The parts of a new one are written beside those of the one that counts, and one small write
// makes it the one that counts: a process that is killed at any point leaves one whole checkpoint.
package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

const (
	version = 3
	headKey = "state"
	// partSize and someKeys, how many keys one write deletes, bound how long others wait for the store: some milliseconds.
	partSize = 1 << 18
	someKeys = 100
)

// Store is what a checkpoint is kept in.
type Store interface {
	Get(ctx context.Context, key string) ([]byte, error)
	// Write sets keys, or deletes those whose value is nil, all or none of them.
	Write(ctx context.Context, changes ...Change) error
}

// Change is of one key. The value belongs to the store.
type Change struct {
	Key   string
	Value []byte
}

// File is a checkpoint. It is owned by its caller: one goroutine at a time.
type File struct {
	store Store
	gen   uint64 // the generation that counts
	parts uint64 // of it
}

// New is a file of which nothing is known before Load.
func New(store Store) *File { return &File{store: store} }

func partKey(gen, n uint64) string {
	return headKey + "/" + strconv.FormatUint(gen%2, 10) + "/" + strconv.FormatUint(n, 10)
}

// Load returns the newest whole checkpoint: what Commit was given, and what was written, by section. Both are nil if
// there is none. An error of the store comes as one of err; damage, or another version, as why.
func (f *File) Load(ctx context.Context) (head []byte, sections map[string][]byte, why, err error) {
	blob, err := f.store.Get(ctx, headKey)
	if err != nil || blob == nil {
		return nil, nil, nil, err
	}
	r := wire.NewReader(blob)
	if v := r.Uint(); v != version {
		return nil, nil, fmt.Errorf("checkpoint of version %d, this is version %d: orders in flight start anew", v, version), nil
	}
	if sum := r.Uint(); r.Err() != nil || uint64(crc32.ChecksumIEEE(r.Rest())) != sum {
		return nil, nil, errDamaged, nil
	}
	gen, parts, sum, size := r.Uint(), r.Uint(), r.Uint(), r.Uint()
	type section struct {
		name string
		from uint64
	}
	var table []section
	for range r.Len(2) {
		table = append(table, section{r.String(), r.Uint()})
	}
	if r.Err() != nil {
		return nil, nil, errDamaged, nil
	}
	f.gen, f.parts = gen, parts
	body, err := f.body(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	if uint64(len(body)) != size || uint64(crc32.ChecksumIEEE(body)) != sum {
		return nil, nil, errDamaged, nil
	}
	sections = map[string][]byte{}
	for i, s := range table {
		end := size
		if i+1 < len(table) {
			end = table[i+1].from
		}
		if s.from > end || end > size {
			return nil, nil, errDamaged, nil
		}
		sections[s.name] = body[s.from:end]
	}
	return r.Rest(), sections, nil, nil
}

func (f *File) body(ctx context.Context) ([]byte, error) {
	var body []byte
	for n := range f.parts {
		part, err := f.store.Get(ctx, partKey(f.gen, n))
		if err != nil {
			return nil, err
		}
		if part == nil {
			return nil, nil // it is damaged
		}
		if n == 0 && f.parts > 1 {
			body = make([]byte, 0, len(part)*int(min(f.parts, 1<<12)))
		}
		body = append(body, part...)
	}
	return body, nil
}

var errDamaged = errors.New("the checkpoint is damaged: orders in flight start anew")

// Sweep deletes what a process left behind that was killed while it wrote, or deleted, parts.
func (f *File) Sweep(ctx context.Context) error {
	gen, n := f.gen+1, uint64(0)
	for ; ; n++ {
		part, err := f.store.Get(ctx, partKey(gen, n))
		if err != nil {
			return err
		}
		if part == nil {
			return f.drop(ctx, gen, n)
		}
	}
}

// drop deletes the first n parts of a generation, the last first: what is left of them has no gap.
func (f *File) drop(ctx context.Context, gen, n uint64) error {
	for n > 0 {
		var changes []Change
		for range min(n, 16) {
			n--
			changes = append(changes, Change{Key: partKey(gen, n)})
		}
		if err := f.store.Write(ctx, changes...); err != nil {
			return err
		}
	}
	return nil
}

// Writer writes a new generation.
type Writer struct {
	file  *File
	gen   uint64
	parts uint64
	size  uint64
	sum   uint32
	part  []byte
	table []byte // names and ends of sections
	named uint64
}

// Begin starts a new generation, in the place of what one that was not committed left.
func (f *File) Begin() *Writer { return &Writer{file: f, gen: f.gen + 1} }

// Section begins a part of the state that Load returns by its name.
func (w *Writer) Section(name string) {
	w.table = wire.Uint(wire.String(w.table, name), w.size)
	w.named++
}

// Write appends p.
func (w *Writer) Write(ctx context.Context, p []byte) error {
	w.size += uint64(len(p))
	w.sum = crc32.Update(w.sum, crc32.IEEETable, p)
	for len(p) > 0 {
		if w.part == nil {
			w.part = make([]byte, 0, partSize)
		}
		n := min(len(p), partSize-len(w.part))
		w.part, p = append(w.part, p[:n]...), p[n:]
		if len(w.part) == partSize {
			if err := w.put(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *Writer) put(ctx context.Context) error {
	if len(w.part) == 0 {
		return nil
	}
	err := w.file.store.Write(ctx, Change{partKey(w.gen, w.parts), w.part})
	w.part = nil // the store may keep it
	w.parts++
	return err
}

// Commit makes the generation the one that counts, and deletes the one before. What it returns as left says that it counts,
// and that something is left behind, which the next Sweep deletes.
func (w *Writer) Commit(ctx context.Context, head []byte) (left, err error) {
	if err := w.put(ctx); err != nil {
		return nil, err
	}
	body := wire.Uint(wire.Uint(wire.Uint(wire.Uint(nil, w.gen), w.parts), uint64(w.sum)), w.size)
	body = append(append(wire.Uint(body, w.named), w.table...), head...)
	blob := wire.Uint(wire.Uint(nil, version), uint64(crc32.ChecksumIEEE(body)))
	if err := w.file.store.Write(ctx, Change{headKey, append(blob, body...)}); err != nil {
		return nil, err
	}
	f, old, parts := w.file, w.file.gen, w.file.parts
	f.gen, f.parts = w.gen, w.parts
	return f.drop(ctx, old, parts), nil
}
