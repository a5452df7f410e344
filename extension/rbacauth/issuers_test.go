package rbacauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	grpcmetadata "google.golang.org/grpc/metadata"
)

// startProvider serves discovery and one key over TLS and returns its issuer and a signer of tokens.
func (f *fixture) startProvider() (issuer string, sign func(claims map[string]any) string) {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(f.t, err)
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	f.t.Cleanup(server.Close)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Use: "sig", Algorithm: "ES256"}}})
	})
	caFile := filepath.Join(f.dir, "provider.pem")
	require.NoError(f.t, os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	raw := confmap.NewFromStringMap(map[string]any{"issuers": []any{map[string]any{
		"issuer": server.URL, "audiences": []any{"ordertrace"}, "roles_claim": []any{"roles"}, "ca_file": caFile,
	}}})
	require.NoError(f.t, raw.Unmarshal(f.config))
	require.NoError(f.t, f.config.Validate())
	assert.Equal(f.t, 30*time.Second, f.config.Issuers[0].ClockSkew, "a list element has its defaults")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	require.NoError(f.t, err)
	return server.URL, func(claims map[string]any) string {
		data, err := json.Marshal(claims)
		require.NoError(f.t, err)
		signed, err := signer.Sign(data)
		require.NoError(f.t, err)
		text, err := signed.CompactSerialize()
		require.NoError(f.t, err)
		return text
	}
}

func TestProvidersTokenOpensWhatItsRolesAllow(t *testing.T) {
	f := newFixture(t)
	issuer, sign := f.startProvider()
	f.startExtension()
	grpcAddr, httpAddr := f.startReceiver(doors)
	claims := func(role string) map[string]any {
		return map[string]any{"iss": issuer, "aud": "ordertrace", "sub": "svc", "exp": time.Now().Add(time.Minute).Unix(), "roles": []string{role}}
	}
	send := func(path, token string) int {
		return post(t, http.DefaultClient, "http://"+httpAddr+path, http.Header{"Authorization": {"Bearer " + token}}).StatusCode
	}
	good := sign(claims("sender"))
	require.Eventually(t, func() bool { return send("/v1/traces", good) == 200 }, 10*time.Second, 20*time.Millisecond)
	info := <-f.infos
	assert.Equal(t, issuer+"#svc", info.Auth.GetAttribute("subject"))
	assert.Equal(t, "jwt", info.Auth.GetAttribute("method"))
	ctx := grpcmetadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+good)
	_, err := dial(t, grpcAddr, plain()).Export(ctx, ptraceotlp.NewExportRequestFromTraces(spans()))
	assert.NoError(t, err)
	assert.Equal(t, 403, send("/v1/traces", sign(claims("metrics_sender"))))
	assert.Equal(t, 403, send("/v1/traces", sign(claims("no-role-of-the-policy"))))
	old := claims("sender")
	old["exp"] = time.Now().Add(-time.Hour).Unix()
	assert.Equal(t, 401, send("/v1/traces", sign(old)))
	assert.Equal(t, 401, send("/v1/traces", good+"A"))
	assert.Equal(t, 200, post(t, http.DefaultClient, "http://"+httpAddr+"/v1/traces", http.Header{"Authorization": {"Bearer " + f.tokens["sender"]}}).StatusCode, "static tokens go on")
	reasons := map[string]bool{}
	for _, line := range f.auditLines() {
		reasons[line.Reason] = true
	}
	assert.True(t, reasons["jwt_expired"])
	assert.True(t, reasons["not_permitted"])
}

func TestIssuerMistakesAreNamed(t *testing.T) {
	config := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"issuers": []any{
		map[string]any{"issuer": "http://id.example.com", "algorithms": []any{"HS256", "none"}, "clock_skew": "1h", "jwks_url": "file:///x"},
		map[string]any{"issuer": "http://id.example.com", "audiences": []any{"a"}, "roles_claim": []any{"r"}, "algorithms": []any{}},
	}}).Unmarshal(config))
	err := config.Validate()
	for _, part := range []string{"issuers[0]::issuer", "issuers[0]::audiences", "issuers[0]::roles_claim", `"HS256"`, `"none"`, "clock_skew", "jwks_url", "occurs twice", "issuers[1]::algorithms"} {
		assert.ErrorContains(t, err, part)
	}
}
