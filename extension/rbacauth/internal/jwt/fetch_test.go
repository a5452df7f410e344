package jwt

import (
	"context"
	"crypto"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answers plays a provider without a network.
type answers struct {
	calls atomic.Int64
	reply func(call int64, url string) (int, string)
}

func (a *answers) RoundTrip(req *http.Request) (*http.Response, error) {
	status, body := a.reply(a.calls.Add(1), req.URL.String())
	if status == 0 {
		return nil, errors.New("no route to host")
	}
	header := http.Header{}
	if status == http.StatusFound {
		header.Set("Location", "https://evil.example.com/keys")
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: header, Request: req}, nil
}

func TestFloodOfUnknownKeysFetchesOnceInTenSeconds(t *testing.T) {
	p := newProvider(t)
	set := string(p.keySet(t))
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, p)
		provider := &answers{reply: func(int64, string) (int, string) { return 200, set }}
		f := v.NewFetcher(issuer, "https://id.example.com/keys", provider, func(err error) { assert.NoError(t, err) })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go f.Run(ctx)
		synctest.Wait()
		require.EqualValues(t, 1, provider.calls.Load(), "at start")
		stranger := p.sign(t, `{"alg":"RS256","kid":"new"}`, claimsWith(t, map[string]any{"exp": 4102444800, "iat": nil}), p.old, crypto.SHA256)
		forged := p.sign(t, `{"alg":"RS256","kid":"rsa"}`, claimsWith(t, map[string]any{"exp": 4102444800, "iat": nil}), p.old, crypto.SHA256)
		start := time.Now()
		for time.Since(start) < time.Minute {
			for range 5 {
				_, _ = v.Verify(stranger, time.Now())
				_, err := v.Verify(forged, time.Now())
				require.Equal(t, BadSignature, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		assert.LessOrEqual(t, provider.calls.Load(), int64(8), "6,000 bad tokens in a minute")
		assert.GreaterOrEqual(t, provider.calls.Load(), int64(5))
		time.Sleep(30 * time.Second)
		before := provider.calls.Load()
		for range 1000 {
			_, _ = v.Verify(forged, time.Now())
		}
		time.Sleep(time.Minute)
		assert.Equal(t, before, provider.calls.Load(), "a bad signature asks for nothing")
		time.Sleep(10 * time.Minute)
		assert.Greater(t, provider.calls.Load(), before, "keys are refreshed by themselves")
	})
}

func TestProviderMayBeAwayAtFirst(t *testing.T) {
	p := newProvider(t)
	set := string(p.keySet(t))
	synctest.Test(t, func(t *testing.T) {
		v := New(Issuer{Name: issuer, Audiences: []string{"ordertrace"}, Algorithms: Algorithms, RolesClaim: []string{"realm_access", "roles"}})
		provider := &answers{reply: func(call int64, url string) (int, string) {
			switch {
			case call < 4:
				return 0, ""
			case strings.HasSuffix(url, "/.well-known/openid-configuration"):
				return 200, `{"issuer":"` + issuer + `","jwks_uri":"https://id.example.com/keys"}`
			default:
				return 200, set
			}
		}}
		var failures, successes atomic.Int64
		f := v.NewFetcher(issuer, "", provider, func(err error) {
			if err != nil {
				failures.Add(1)
				return
			}
			successes.Add(1)
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go f.Run(ctx)
		token := p.sign(t, `{"alg":"RS256","kid":"rsa"}`, claimsWith(t, map[string]any{"exp": 4102444800, "iat": nil}), p.rsa, crypto.SHA256)
		synctest.Wait()
		_, err := v.Verify(token, time.Now())
		require.Equal(t, StaleKeys, err)
		time.Sleep(35 * time.Second)
		synctest.Wait()
		_, err = v.Verify(token, time.Now())
		assert.NoError(t, err)
		assert.EqualValues(t, 3, failures.Load())
		assert.EqualValues(t, 1, successes.Load())
	})
}

func TestOddProvidersAreNotBelieved(t *testing.T) {
	p := newProvider(t)
	for name, tc := range map[string]struct {
		keysURL string
		status  int
		body    string
	}{
		"plain http":     {"http://id.example.com/keys", 200, string(p.keySet(t))},
		"a redirect":     {"https://id.example.com/keys", 302, ""},
		"an error":       {"https://id.example.com/keys", 500, string(p.keySet(t))},
		"no JSON":        {"https://id.example.com/keys", 200, "<html>"},
		"no keys":        {"https://id.example.com/keys", 200, `{"keys":[]}`},
		"only weak keys": {"https://id.example.com/keys", 200, `{"keys":[{"kty":"oct","kid":"x","k":"AAAA"}]}`},
		"a flood":        {"https://id.example.com/keys", 200, strings.Repeat(" ", maxAnswer+1)},
		"another's name": {"", 200, `{"issuer":"https://evil.example.com","jwks_uri":"https://id.example.com/keys"}`},
		"keys in clear":  {"", 200, `{"issuer":"` + issuer + `","jwks_uri":"http://id.example.com/keys"}`},
		"keys in a file": {"", 200, `{"issuer":"` + issuer + `","jwks_uri":"file:///etc/passwd"}`},
	} {
		v := New(Issuer{Name: issuer})
		f := v.NewFetcher(issuer, tc.keysURL, &answers{reply: func(int64, string) (int, string) { return tc.status, tc.body }}, nil)
		assert.Error(t, f.fetch(t.Context()), name)
		assert.Nil(t, v.sources[issuer].keys.Load(), name)
	}
}
