package policy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAbsentPolicyIsStrict(t *testing.T) {
	p, err := Parse(nil)
	require.NoError(t, err)
	assert.Equal(t, Strict(), p)
	assert.Equal(t, Allow, p.Loopback)
	assert.Equal(t, Refuse, p.KafkaLoopback)
}

func TestPolicyNamesEveryMistake(t *testing.T) {
	_, err := Parse([]byte("loopback: maybe\nmin_tls_version: \"1.1\"\nfile: no\nexceptions: [{exporter: x, rule: nonsense}]\n"))
	for _, part := range []string{"loopback", "min_tls_version", "file", "exceptions[0]", "nonsense"} {
		assert.ErrorContains(t, err, part)
	}
	for _, text := range []string{"unknown: 1", "loopback: allow\n---\nfile: allow", "[1]", "exceptions: [{exporter: x, rule: plaintext, reason: r, until: soon}]", "loopback: allow\nloopback: allow"} {
		_, err := Parse([]byte(text))
		assert.Error(t, err, text)
	}
}

func TestLoadRefusesWhatOthersCanWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.yaml")
	env := func(string) string { return path }
	_, err := Load(env)
	assert.ErrorContains(t, err, PathVariable, "a file that was named must exist")
	require.NoError(t, os.WriteFile(path, []byte("file: refuse\n"), 0o600))
	p, err := Load(env)
	require.NoError(t, err)
	assert.Equal(t, Refuse, p.File)
	require.NoError(t, os.Chmod(path, 0o666)) // #nosec G302 -- on purpose
	_, err = Load(env)
	assert.ErrorContains(t, err, "writable by others")
	path = filepath.Dir(path)
	_, err = Load(env)
	assert.ErrorContains(t, err, "regular file")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("loopback: refuse\nexceptions: [{exporter: x, rule: plaintext, reason: r, until: 2030-01-01}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := Parse(data); err == nil && (p.Loopback == "" || p.MinTLSVersion == "") {
			t.Fatalf("accepted a policy without answers: %+v", p)
		}
	})
}

func TestShippedExampleParses(t *testing.T) {
	data, err := os.ReadFile("../../testdata/export-policy.yaml")
	require.NoError(t, err)
	p, err := Parse(data)
	require.NoError(t, err)
	assert.Equal(t, "1.3", p.MinTLSVersion)
	assert.Len(t, p.Exceptions, 1)
}
