// Package keyfile reads files that hold keys, and tells when one has changed.
package keyfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// maxBytes bounds a key file.
const maxBytes = 64 << 10

// ErrOpenToOthers is what Read says of a file that others than its owner can read.
var ErrOpenToOthers = errors.New("readable by others than its owner: chmod 600 it")

// Stamp tells one state of a file from another; a file that is not there has the zero stamp.
type Stamp struct {
	at   time.Time
	size int64
}

// Read returns the file's content. Errors never hold any of it.
func Read(path string) ([]byte, Stamp, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, Stamp{}, fmt.Errorf("key file: %w: make one with `ordertrace keys new`", err)
	}
	if !st.Mode().IsRegular() || st.Size() > maxBytes {
		return nil, Stamp{}, fmt.Errorf("key file %q: no regular file of at most %d bytes", path, maxBytes)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, Stamp{}, &fs.PathError{Op: "key file", Path: path, Err: ErrOpenToOthers}
	}
	data, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, Stamp{}, fmt.Errorf("key file: %w", err)
	}
	return data, stamp(st), nil
}

// Look returns the file's stamp. It follows links, so that a swapped secret volume shows.
func Look(path string) Stamp {
	st, err := os.Stat(path)
	if err != nil {
		return Stamp{}
	}
	return stamp(st)
}

func stamp(st fs.FileInfo) Stamp { return Stamp{st.ModTime(), st.Size()} }
