package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// idleLog is a log without its goroutine, so that a test decides when it writes.
func idleLog(t *testing.T) (l *Log, failures *int) {
	t.Helper()
	failures = new(int)
	l = &Log{path: filepath.Join(t.TempDir(), "audit.jsonl"), maxBytes: 1 << 20, onError: func(error) { *failures++ }}
	require.NoError(t, l.openFile())
	t.Cleanup(func() { _ = l.file.Close() })
	return l, failures
}

func TestWhatCouldNotBeWrittenIsNamedByTheNextLine(t *testing.T) {
	l, failures := idleLog(t)
	l.flush([]Record{denial("one")})
	writable := l.file
	readOnly, err := os.Open(l.path)
	require.NoError(t, err)
	l.file = readOnly
	l.flush([]Record{denial("two"), denial("three")})
	l.suppressed.Add(5)
	l.flush([]Record{denial("four")})
	assert.Equal(t, 2, *failures)
	require.NoError(t, readOnly.Close())
	l.file = writable
	l.flush([]Record{denial("five")})
	s := verifyFile(t, l.path)
	assert.Equal(t, 2, s.Lines, "sequence numbers are not used up by failures")
	last := lastRecord(t, l.path)
	assert.EqualValues(t, 3, last.Lost)
	assert.EqualValues(t, 5, last.Suppressed)
	assert.Equal(t, "five", last.Reason)
}

func TestWriteThatWasCutShortIsResumedBehind(t *testing.T) {
	for cut := 1; cut < 700; cut += 13 {
		l, _ := idleLog(t)
		l.flush([]Record{denial("one")})
		text, err := l.encode([]Record{denial("two"), denial("three")})
		require.NoError(t, err)
		cut := min(cut, len(text))
		_, err = l.file.Write(text[:cut]) // the disk was full after these
		require.NoError(t, err)
		l.advance(text[:cut])
		l.flush([]Record{denial("four")})
		verifyFile(t, l.path)
		assert.Equal(t, "four", lastRecord(t, l.path).Reason)
	}
}

func lastRecord(t *testing.T, path string) Record {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := bytes.SplitAfter(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
	r, _, err := open(lines[len(lines)-1])
	require.NoError(t, err)
	return r
}
