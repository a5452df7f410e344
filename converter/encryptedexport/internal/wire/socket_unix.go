//go:build unix

package wire

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	writableByOthers = 0o022
	stickyBit        = fs.ModeSticky
)

// PrivateSocket returns nil when nobody but root and this process' user can put a socket of that name in its place:
// the socket's own directory is writable by its owner only, and no directory above lets others swap it.
func PrivateSocket(path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("resolve %q: %w", path, err)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return fmt.Errorf("the directory of the socket cannot be looked at: %w", err)
	}
	for first := true; ; first = false {
		if err := private(dir, first); err != nil {
			return err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir = parent
	}
}

// private checks one directory. Above the socket's own one a sticky directory is fine: others can add to it, but
// not rename what is not theirs.
func private(dir string, own bool) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at %q: %w", dir, err)
	}
	if info.Mode().Perm()&writableByOthers != 0 && (own || info.Mode()&stickyBit == 0) {
		return fmt.Errorf("directory %q is writable by others (mode %04o)", dir, info.Mode().Perm())
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("directory %q belongs to another user (uid %d)", dir, stat.Uid)
	}
	return nil
}
