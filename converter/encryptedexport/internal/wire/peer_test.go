package wire

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOnlyLiteralLoopbackIsLoopback(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1"} {
		assert.True(t, IsLoopback(host), host)
	}
	for _, host := range []string{"", "localhost", "localhost.", "LOCALHOST", "localhost.evil", "127.0.0.1.evil", "127.1", "127.0.1", "127.0.0.01",
		"0177.0.0.1", "0x7f.0.0.1", "2130706433", "0.0.0.0", "::", "::ffff:0.0.0.0", "128.0.0.1", "10.0.0.1", "::1%lo", "fe80::1%lo", "1", "127.0.0.1 ", "１２７.0.0.1"} {
		assert.False(t, IsLoopback(host), host)
	}
}

func TestGRPCTargetsAreJudgedAsTheyAreDialled(t *testing.T) {
	for target, want := range map[string]Peer{
		"127.0.0.1:1":                {Place: Loopback},
		"https://127.0.0.1:1":        {Place: Loopback},
		"passthrough:///127.0.0.1:1": {Place: Loopback},
		"unix:/run/x/s":              {Place: Socket, Path: "/run/x/s"},
		"unix:s":                     {Place: Socket, Path: "s"},
		"unix:///run/x/s":            {Place: Socket, Path: "/run/x/s"},
		"unix://run/x/s":             {},
		"unix:":                      {},
		"unix-abstract:s":            {},
		"vsock:1:1":                  {},
		"127.0.0.1":                  {},
		"127.0.0.1:":                 {},
		"127.0.0.1:http":             {},
		"127.0.0.1:0":                {},
		"127.0.0.1:99999":            {},
		"127.0.0.1:1/x":              {},
		"HTTP://127.0.0.1:1":         {},
		"dns://8.8.8.8/127.0.0.1:1":  {},
		"http://https://127.0.0.1:1": {},
	} {
		assert.Equal(t, want, GRPC(target), target)
	}
}

func TestSafeShowsNoCredential(t *testing.T) {
	for in, want := range map[string]string{
		"https://u:hunter2@h/x?token=hunter2": "https://…@h/x",
		"u:hunter2@h:1":                       "…@h:1",
		"https://hunter2@a@h":                 "https://…@h",
		"h:1":                                 "h:1",
	} {
		assert.Equal(t, want, Safe(in))
	}
	assert.Less(t, len(Safe(strings.Repeat("é", 5000))), 210)
}

func TestSocketNeedsADirectoryOfOurOwn(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	require.NoError(t, os.Mkdir(open, 0o700))
	require.NoError(t, PrivateSocket(filepath.Join(open, "s")))
	require.NoError(t, os.Chmod(open, 0o770)) // #nosec G302 -- on purpose
	assert.ErrorContains(t, PrivateSocket(filepath.Join(open, "s")), "writable by others")
	below := filepath.Join(open, "below")
	require.NoError(t, os.Mkdir(below, 0o700))
	assert.ErrorContains(t, PrivateSocket(filepath.Join(below, "s")), "writable by others", "others could swap the directory")
	require.NoError(t, os.Symlink(open, filepath.Join(dir, "link")))
	assert.Error(t, PrivateSocket(filepath.Join(dir, "link", "s")), "a link is looked through")
	assert.Error(t, PrivateSocket(filepath.Join(dir, "missing", "s")))
	assert.Error(t, PrivateSocket("/tmp/s"))
}
