package policy

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const example = "../../../extension/rbacauth/policy.example.yaml"

func TestSupportAloneReadsTracesInTheShippedPolicy(t *testing.T) {
	data, err := os.ReadFile(example)
	require.NoError(t, err)
	p, err := Parse(data)
	require.NoError(t, err)
	for name := range p.roles {
		for _, permission := range readsTraces {
			if p.Allows([]string{name}, permission) {
				assert.Equal(t, SupportRole, name)
			}
		}
	}
	assert.True(t, p.Allows([]string{"support"}, TracesRead))
	assert.False(t, p.Allows([]string{"operator", "auditor", "sender"}, TracesRead))
	assert.False(t, p.Allows([]string{"support"}, PIIRead))
}

func TestExplicitDenyWinsInEveryOrder(t *testing.T) {
	p, err := Parse([]byte(`roles: {yes: {allow: [logs.write]}, no: {deny: [logs.write]}, both: {allow: [logs.write], deny: [logs.write]}}`))
	require.NoError(t, err)
	for _, roles := range [][]string{{"yes", "no"}, {"no", "yes"}, {"both"}, {}, {"absent"}, nil} {
		assert.False(t, p.Allows(roles, LogsWrite), roles)
		assert.False(t, p.Explain(roles, LogsWrite).Allowed, roles)
	}
	assert.True(t, p.Allows([]string{"absent", "yes"}, LogsWrite))
	assert.Contains(t, p.Explain([]string{"yes"}, LogsWrite).Rule, `role "yes" allows`)
	assert.False(t, p.Allows([]string{"yes"}, Permission("")))
}

func TestPolicyNamesEveryMistake(t *testing.T) {
	_, err := Parse([]byte(`
roles:
  a: {allow: [traces.wirte, traces.read]}
  b: {deny: [nonsense]}
certificates:
  - {uri: "spiffe://x/a", dns: x, roles: [a]}
  - {roles: [a]}
  - {uri: "agent", roles: [a]}
  - {dns: "*.example.com", roles: [a]}
  - {dns: one.example.com, roles: [ghost]}
  - {dns: ONE.example.com, roles: []}
`))
	for _, part := range []string{"traces.wirte", "allow_other_readers", "nonsense", "certificates[0]", "certificates[1]", "certificates[2]", "patterns", "ghost", "occurs twice", "certificates[5]: roles is empty"} {
		assert.ErrorContains(t, err, part)
	}
	for _, text := range []string{"", "roles: {}", "[]", "roles: {a: {alow: []}}", "rolls: {}", "roles: {a: {}}\n---\nroles: {b: {}}", "roles: {a: {}, a: {}}"} {
		_, err := Parse([]byte(text))
		assert.Error(t, err, text)
	}
}

func TestSecondReaderMustBeAskedFor(t *testing.T) {
	text := "roles: {support: {allow: [traces.read]}, dev: {allow: [traces.search]}}"
	_, err := Parse([]byte(text))
	assert.ErrorContains(t, err, "allow_other_readers: true")
	_, err = Parse([]byte(text + "\nallow_other_readers: true"))
	assert.NoError(t, err)
}

func TestCertificateNamesMatchWhole(t *testing.T) {
	p, err := Parse([]byte(`{roles: {a: {}, b: {}}, certificates: [{uri: "spiffe://x/a", roles: [a]}, {dns: h.example.com, roles: [b]}]}`))
	require.NoError(t, err)
	uri := func(text string) []*url.URL { u, _ := url.Parse(text); return []*url.URL{u} }
	subject, roles := p.CertificateRoles(uri("spiffe://x/a"), []string{"H.EXAMPLE.COM"})
	assert.Equal(t, "spiffe://x/a", subject)
	assert.Equal(t, []string{"a", "b"}, roles)
	for _, text := range []string{"spiffe://x/a/", "spiffe://x/a/b", "spiffe://y/a", "spiffe://x/a#f", "spiffe://u@x/a"} {
		subject, _ := p.CertificateRoles(uri(text), nil)
		assert.Empty(t, subject, text)
	}
}

func TestLoadTakesBothFilesOrNone(t *testing.T) {
	dir := t.TempDir()
	policyPath, tokensPath := filepath.Join(dir, "p.yaml"), filepath.Join(dir, "t.yaml")
	require.NoError(t, os.WriteFile(policyPath, []byte("roles: {sender: {allow: [logs.write]}}"), 0o600))
	_, _, err := Load(policyPath, "", false)
	assert.ErrorContains(t, err, "nobody could send")
	_, _, err = Load(policyPath, "", true)
	assert.NoError(t, err, "an identity provider admits somebody")
	require.NoError(t, os.WriteFile(tokensPath, []byte("tokens: [{id: a, sha256: 0000000000000000000000000000000000000000000000000000000000000000, roles: [ghost], expires: 2027-01-01T00:00:00Z}]"), 0o600))
	_, _, err = Load(policyPath, tokensPath, false)
	assert.ErrorContains(t, err, "ghost")
	require.NoError(t, os.Chmod(policyPath, 0o666)) // #nosec G302 -- on purpose
	_, _, err = Load(policyPath, tokensPath, false)
	assert.ErrorContains(t, err, "writable by others")
	_, _, err = Load(filepath.Join(dir, "absent"), "", false)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("roles: {support: {allow: [traces.read]}}"))
	f.Add([]byte("roles: {a: {allow: [traces.read]}}\nallow_other_readers: yes"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			return
		}
		if p.Allows(nil, TracesRead) {
			t.Fatal("nobody reads traces")
		}
	})
}
