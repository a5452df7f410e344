package main

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/internal/access/token"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ordertrace": main})
}

func TestScripts(t *testing.T) {
	example, err := filepath.Abs("../../extension/rbacauth/policy.example.yaml")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("POLICY", example)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"mode": mode},
	})
}

// mode 0600 FILE…: fails unless each file has the mode.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, path := range args[1:] {
		info, err := os.Stat(ts.MkAbs(path))
		ts.Check(err)
		if info.Mode().Perm() != fs.FileMode(want) {
			ts.Fatalf("%s has mode %04o", path, info.Mode().Perm())
		}
	}
}

func TestPrintedTokenIsTheOneInTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	now := time.Now()
	made := map[string]string{}
	for _, id := range []string{"a", "b", "c"} {
		text, _, err := tokenOptions{id: id, file: file, roles: []string{"sender"}, days: 1}.make(now)
		require.NoError(t, err)
		made[id] = text
	}
	old := made["b"]
	text, _, err := tokenOptions{id: "b", file: file, roles: []string{"sender"}, days: 1, rotate: true}.make(now)
	require.NoError(t, err)
	made["b"] = text
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	set, err := token.Parse(data, nil)
	require.NoError(t, err)
	assert.Equal(t, 3, set.Len())
	for id, text := range made {
		entry, err := set.Check(text, now)
		require.NoError(t, err)
		assert.Equal(t, id, entry.ID)
		assert.NotContains(t, string(data), text)
	}
	_, err = set.Check(old, now)
	assert.ErrorIs(t, err, token.ErrUnknown)
}

func TestDevelopmentCertificatesVerifyForTheirUse(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	require.NoError(t, makeCerts(dir, []string{"gw.lan", "192.0.2.7"}, now, day))
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	require.NoError(t, err)
	require.True(t, roots.AppendCertsFromPEM(pem))
	verify := func(name, host string, use x509.ExtKeyUsage) error {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
		require.NoError(t, err)
		_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{use}, CurrentTime: now})
		return err
	}
	for _, name := range []string{"gateway", "judge", "jaeger", "prometheus"} {
		for _, host := range []string{name, "localhost", "127.0.0.1", "gw.lan", "192.0.2.7"} {
			assert.NoError(t, verify(name, host, x509.ExtKeyUsageServerAuth), name)
		}
		assert.Error(t, verify(name, "evil.lan", x509.ExtKeyUsageServerAuth), name)
	}
	assert.NoError(t, verify("agent", "", x509.ExtKeyUsageClientAuth))
	assert.NoError(t, verify("gateway", "", x509.ExtKeyUsageClientAuth))
	assert.NoError(t, verify("judge", "", x509.ExtKeyUsageClientAuth))
	assert.Error(t, verify("agent", "", x509.ExtKeyUsageServerAuth))
	assert.Error(t, verify("jaeger", "", x509.ExtKeyUsageClientAuth))

	require.NoError(t, makeCerts(dir, nil, now, day), "a second run uses the same authority")
	again, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	require.NoError(t, err)
	assert.Equal(t, pem, again)
	require.NoError(t, os.Remove(filepath.Join(dir, "ca.key")))
	assert.ErrorContains(t, makeCerts(dir, nil, now, day), "half of an authority")
}
