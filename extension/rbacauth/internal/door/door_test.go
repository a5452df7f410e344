package door

import (
	"crypto/x509"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/limit"
	"github.com/ordertrace/ordertrace/internal/access/policy"
	"github.com/ordertrace/ordertrace/internal/access/token"
)

var now = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

func newDoor(t testing.TB, burst int) (*Door, string) {
	t.Helper()
	p, err := policy.Parse([]byte(`{roles: {sender: {allow: [traces.write]}}, certificates: [{uri: "spiffe://x/agent", roles: [sender]}, {dns: gw.example.com, roles: [sender]}]}`))
	require.NoError(t, err)
	text, entry, err := token.New("shop", []string{"sender"}, now.Add(time.Hour))
	require.NoError(t, err)
	tokens, err := token.Parse([]byte("tokens: [{id: shop, sha256: "+entry.SHA256+", roles: [sender], expires: 2026-11-23T06:00:00Z}]"), p.HasRole)
	require.NoError(t, err)
	d := New(limit.New(burst, time.Hour, 100), nil)
	d.Use(Keys{Policy: p, Tokens: tokens})
	return d, text
}

func TestClosedDoorLetsNobodyIn(t *testing.T) {
	v := New(limit.New(10, time.Hour, 10), nil).Decide(Request{Permission: policy.TracesWrite}, now)
	assert.Equal(t, Unauthenticated, v.Outcome)
	assert.Equal(t, Closed, v.Reason)
}

func TestTokenEndsAtItsMoment(t *testing.T) {
	d, text := newDoor(t, 10)
	r := Request{Authorization: []string{"Bearer " + text}, Permission: policy.TracesWrite}
	assert.Equal(t, Allowed, d.Decide(r, now.Add(time.Hour-time.Nanosecond)).Outcome)
	v := d.Decide(r, now.Add(time.Hour))
	assert.Equal(t, Expired, v.Reason)
	assert.Equal(t, "shop", v.Claimed)
	assert.Empty(t, v.Subject.Name, "an expired token proves nobody")
}

func TestCertificateEndsWhileTheConnectionLives(t *testing.T) {
	d, _ := newDoor(t, 10)
	uri, _ := url.Parse("spiffe://x/agent")
	leaf := &x509.Certificate{URIs: []*url.URL{uri}, NotBefore: now, NotAfter: now.Add(time.Minute)}
	r := Request{Certificate: leaf, Permission: policy.TracesWrite}
	assert.Equal(t, Allowed, d.Decide(r, now).Outcome)
	assert.Equal(t, OldCertificate, d.Decide(r, now.Add(2*time.Minute)).Reason)
	assert.Equal(t, OldCertificate, d.Decide(r, now.Add(-time.Second)).Reason)
	assert.Equal(t, Allowed, d.Decide(Request{Certificate: &x509.Certificate{DNSNames: []string{"GW.example.com"}, NotAfter: now.Add(time.Hour)}, Permission: policy.TracesWrite}, now).Outcome)
	assert.Equal(t, NotACertificate, d.Decide(Request{Certificate: &x509.Certificate{DNSNames: []string{"*.example.com"}, NotAfter: now.Add(time.Hour)}, Permission: policy.TracesWrite}, now).Reason)
}

func TestOneClaimedIDIsLimitedFromEveryAddress(t *testing.T) {
	d, text := newDoor(t, 2)
	bad := Request{Authorization: []string{"Bearer shop." + strings.Repeat("A", 43)}, Permission: policy.TracesWrite}
	for i, want := range []Outcome{Unauthenticated, Unauthenticated, Limited} {
		bad.Remote = "192.0.2." + string(rune('1'+i)) + ":1"
		assert.Equal(t, want, d.Decide(bad, now).Outcome)
	}
	assert.Equal(t, Allowed, d.Decide(Request{Authorization: []string{"Bearer " + text}, Permission: policy.TracesWrite, Remote: "192.0.2.1:1"}, now).Outcome)
}

func TestForbiddenSubjectIsToldSoHoweverOften(t *testing.T) {
	d, text := newDoor(t, 2)
	r := Request{Authorization: []string{"Bearer " + text}, Permission: policy.LogsWrite}
	quiet := 0
	for range 5 {
		v := d.Decide(r, now)
		assert.Equal(t, Forbidden, v.Outcome)
		assert.Contains(t, v.Rule, "default deny")
		if v.Quiet {
			quiet++
		}
	}
	assert.Equal(t, 3, quiet, "the audit is spared")
}

// FuzzAuthorization: only the one true token opens, however a header is bent.
func FuzzAuthorization(f *testing.F) {
	d, text := newDoor(f, 1<<30)
	f.Add("Bearer " + text)
	f.Add("bearer " + text + " ")
	f.Add("Bearer shop.")
	f.Fuzz(func(t *testing.T, header string) {
		v := d.Decide(Request{Authorization: []string{header}, Permission: policy.TracesWrite}, now)
		if v.Outcome == Allowed && !strings.EqualFold(header, "bearer "+text) {
			t.Fatalf("%q was let in", header)
		}
	})
}
