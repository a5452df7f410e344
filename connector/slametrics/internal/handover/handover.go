// Package handover keeps, in a folder, the orders that one judge hands to another: for each shard that it no longer judges
// a file with its orders, and one with the events that came for them since. Who judges the shard now takes them from there.
package handover

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"
)

// MaxBytes bounds the events kept for other judges.
const MaxBytes = 256 << 20

// version of the files' format.
const version = 2

// ErrFull says that the folder holds MaxBytes of events that nobody has taken.
var ErrFull = errors.New("too many events wait for the judge of their shard: start it, or take them to it")

// Folder is where orders are handed over. Its methods may be called from several goroutines.
type Folder struct {
	path string
	mark string // of this process: files of several judges can lie in one folder

	mu    sync.Mutex
	files map[int]*os.File // events by shard; owned by mu
	size  int64            // owned by mu
}

// Open makes the folder if need be. The mark tells this process from all others.
func Open(path, mark string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	return &Folder{path: path, mark: mark, files: map[int]*os.File{}}, nil
}

func (f *Folder) name(shard int, kind string) string {
	return filepath.Join(f.path, fmt.Sprintf("shard-%d-%s.%s", shard, f.mark, kind))
}

// Put keeps the orders of a shard.
func (f *Folder) Put(shard int, orders []byte) error {
	part := f.name(shard, "part")
	if err := write(part, frame(nil, orders), os.O_TRUNC); err != nil {
		return err
	}
	return os.Rename(part, f.name(shard, "orders"))
}

// Append keeps an event of a shard, which has come after its orders were put.
func (f *Folder) Append(shard int, events []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	file := f.files[shard]
	if file == nil {
		var err error
		if file, err = os.OpenFile(f.name(shard, "events"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
			return err
		}
		f.files[shard] = file
	}
	framed := frame(nil, events)
	if f.size+int64(len(framed)) > MaxBytes {
		return ErrFull
	}
	if _, err := file.Write(framed); err != nil {
		return err
	}
	f.size += int64(len(framed))
	return file.Sync()
}

// Take returns what is kept of a shard, and the files that it lies in, to be removed once it is kept elsewhere.
func (f *Folder) Take(shard int) (orders, events [][]byte, files []string, err error) {
	prefix := filepath.Join(f.path, "shard-"+strconv.Itoa(shard)+"-*.")
	for kind, to := range map[string]*[][]byte{"orders": &orders, "events": &events} {
		found, err := filepath.Glob(prefix + kind)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, name := range found {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, nil, nil, err
			}
			frames, whole := unframe(text)
			if !whole && kind == "orders" {
				return nil, nil, nil, fmt.Errorf("%s is damaged: bring it again from where it was written", name)
			}
			*to = append(*to, frames...)
			files = append(files, name)
		}
	}
	return orders, events, files, nil
}

// Remove deletes files that were taken.
func Remove(files []string) error {
	var errs []error
	for _, name := range files {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Close closes the files.
func (f *Folder) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for shard, file := range f.files {
		errs = append(errs, file.Close())
		delete(f.files, shard)
	}
	return errors.Join(errs...)
}

func frame(to, body []byte) []byte {
	to = wire.Uint(wire.Uint(to, version), uint64(crc32.ChecksumIEEE(body)))
	return append(wire.Uint(to, uint64(len(body))), body...)
}

// unframe returns what is whole. An event that was being written when the process was killed was not acknowledged, and
// comes again.
func unframe(text []byte) (frames [][]byte, whole bool) {
	r := wire.NewReader(text)
	for !r.Empty() {
		v, sum, body := r.Uint(), r.Uint(), r.String()
		if r.Err() != nil || v != version || uint64(crc32.ChecksumIEEE([]byte(body))) != sum {
			return frames, false
		}
		frames = append(frames, []byte(body))
	}
	return frames, len(frames) > 0
}

func write(name string, text []byte, how int) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|how, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}
