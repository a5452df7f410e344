package audit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func openLog(t *testing.T, path string, maxBytes int64) *Log {
	t.Helper()
	l, err := Open(path, maxBytes, "test", func(err error) { t.Errorf("audit: %v", err) })
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func verifyFile(t *testing.T, path string) Summary {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	s, err := Verify(bytes.NewReader(data))
	require.NoError(t, err, string(data))
	return s
}

func denial(reason string) Record {
	return Record{Category: "send", Decision: "denied", Reason: reason, Source: "192.0.2.7:1", Target: Target{Transport: "http", Route: `/v1/traces","hash":"x`}}
}

func TestChainGoesOnOverRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "audit.jsonl")
	for range 3 {
		l := openLog(t, path, 1<<20)
		l.Add(denial("unknown"))
		l.Add(denial("expired"))
		require.NoError(t, l.Close())
		require.NoError(t, l.Close(), "twice")
	}
	s := verifyFile(t, path)
	assert.Equal(t, 9, s.Lines)
	assert.EqualValues(t, 9, s.Last)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm())
}

func TestFlippedBitInAnyByteAndMissingLineAreFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := openLog(t, path, 1<<20)
	for i := range 4 {
		l.Add(denial(fmt.Sprint("r", i)))
	}
	require.NoError(t, l.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range whole {
		broken := bytes.Clone(whole)
		broken[i] ^= 1 << (i % 8)
		if s, err := Verify(bytes.NewReader(broken)); err == nil && s.Lines == 5 && s.Torn == 0 {
			t.Fatalf("bit %d of byte %d (%q) flipped unseen", i%8, i, whole[i])
		}
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for i := 1; i < 4; i++ {
		cut := bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil)
		_, err := Verify(bytes.NewReader(cut))
		assert.Error(t, err, "line %d removed", i)
	}
	swapped := bytes.Join([][]byte{lines[0], lines[2], lines[1], lines[3], lines[4]}, nil)
	_, err = Verify(bytes.NewReader(swapped))
	assert.Error(t, err)
}

func TestTornLineIsKeptAndResumedBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.jsonl")
	l := openLog(t, path, 1<<20)
	l.Add(denial("one"))
	l.Add(denial("two"))
	require.NoError(t, l.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for cut := 1; cut < len(whole)-bytes.IndexByte(whole, '\n')-1; cut += 7 {
		require.NoError(t, os.WriteFile(path, whole[:len(whole)-cut], 0o600))
		l := openLog(t, path, 1<<20)
		l.Add(denial("three"))
		require.NoError(t, l.Close())
		s := verifyFile(t, path)
		assert.GreaterOrEqual(t, s.Lines, 3, cut)
		assert.LessOrEqual(t, s.Torn, 1, cut)
	}
}

func TestFullFileIsMovedAsideAndNothingIsLost(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.jsonl")
	for range 10 {
		l := openLog(t, path, 4096)
		for i := range 20 {
			l.Add(denial(fmt.Sprint(i)))
		}
		require.NoError(t, l.Close())
	}
	parts, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	require.Greater(t, len(parts), 2)
	parts = append(parts[1:], parts[0]) // the current one last
	var all []byte
	for _, part := range parts {
		data, err := os.ReadFile(part)
		require.NoError(t, err)
		all = append(all, data...)
	}
	s, err := Verify(bytes.NewReader(all))
	require.NoError(t, err)
	assert.Equal(t, 210, s.Lines)
}

func TestAddNeverBlocksAndNamesWhatWasLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := openLog(t, path, 1<<30)
	const senders, each = 8, 2000
	var wait sync.WaitGroup
	for range senders {
		wait.Go(func() {
			for range each {
				l.Add(denial("flood"))
			}
		})
	}
	wait.Wait()
	l.Suppress()
	require.NoError(t, l.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = Verify(bytes.NewReader(data))
	require.NoError(t, err)
	var lost, suppressed, lines uint64
	for line := range bytes.Lines(data) {
		r, _, err := open(line)
		require.NoError(t, err)
		lost += r.Lost
		suppressed += r.Suppressed
		if r.Decision == "denied" {
			lines++
		}
	}
	assert.EqualValues(t, senders*each, lines+lost, "every event has a line or is counted as lost")
	assert.EqualValues(t, 1, suppressed)
}

func TestAuditRefusesAFileThatOthersCanRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Chmod(path, 0o644)) // #nosec G302 -- on purpose
	_, err := Open(path, 1<<20, "", func(error) {})
	assert.ErrorContains(t, err, "chmod 600")
	require.NoError(t, os.WriteFile(path, []byte("not an audit\n"), 0o600))
	require.NoError(t, os.Chmod(path, 0o600))
	_, err = Open(path, 1<<20, "", func(error) {})
	assert.ErrorContains(t, err, "no whole line")
}

func FuzzVerify(f *testing.F) {
	line, _, _ := seal(Record{Sequence: 1, Time: time.Unix(0, 0).UTC(), Category: "send"})
	f.Add(string(line))
	f.Add(strings.Repeat(hashKey, 3))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Verify(strings.NewReader(text))
		if err == nil && s.Lines > 0 && s.Hash == "" {
			t.Fatal("lines without a hash")
		}
	})
}
