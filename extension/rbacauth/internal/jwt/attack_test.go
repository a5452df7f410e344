package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var now = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

const issuer = "https://id.example.com/realms/shop"

// provider signs what it is told to, also what no provider would.
type provider struct {
	rsa   *rsa.PrivateKey
	ec    *ecdsa.PrivateKey
	ec384 *ecdsa.PrivateKey
	ed    ed25519.PrivateKey
	weak  *rsa.PrivateKey
	old   *rsa.PrivateKey // not in the key set
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	p := &provider{}
	var err error
	p.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	p.old, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	p.weak, err = rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	p.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p.ec384, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	_, p.ed, err = ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return p
}

func jwk(t testing.TB, public any, kid string, extra map[string]any) map[string]any {
	t.Helper()
	data, err := json.Marshal(jose.JSONWebKey{Key: public, KeyID: kid})
	require.NoError(t, err)
	members := map[string]any{}
	require.NoError(t, json.Unmarshal(data, &members))
	maps.Copy(members, extra)
	return members
}

func (p *provider) keySet(t testing.TB) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{"keys": []any{
		jwk(t, &p.rsa.PublicKey, "rsa", map[string]any{"use": "sig"}),
		jwk(t, &p.rsa.PublicKey, "rs256", map[string]any{"alg": "RS256"}),
		jwk(t, &p.rsa.PublicKey, "enc", map[string]any{"use": "enc"}),
		jwk(t, &p.rsa.PublicKey, "ops", map[string]any{"key_ops": []string{"encrypt"}}),
		jwk(t, &p.rsa.PublicKey, "twice", nil), jwk(t, &p.ec.PublicKey, "twice", nil),
		jwk(t, &p.rsa.PublicKey, "", nil),
		jwk(t, &p.weak.PublicKey, "weak", nil),
		jwk(t, &p.ec.PublicKey, "ec", nil), jwk(t, &p.ec384.PublicKey, "ec384", nil),
		jwk(t, p.ed.Public(), "ed", nil),
		map[string]any{"kty": "oct", "kid": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte("secret-secret-secret-secret-secret"))},
		map[string]any{"kty": "rot13", "kid": "odd"},
	}})
	require.NoError(t, err)
	return data
}

func newVerifier(t testing.TB, p *provider) *Verifier {
	t.Helper()
	v := New(Issuer{
		Name: issuer, Audiences: []string{"ordertrace", "other"}, Algorithms: Algorithms,
		RolesClaim: []string{"realm_access", "roles"}, RoleMap: map[string]string{"telemetry-writer": "sender"}, Skew: 30 * time.Second,
	})
	keys, err := parseRing(p.keySet(t), now)
	require.NoError(t, err)
	v.use(v.sources[issuer], keys)
	return v
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// sign makes a token out of raw JSON.
func (p *provider) sign(t testing.TB, header, claims string, with any, hash crypto.Hash) string {
	t.Helper()
	input := b64([]byte(header)) + "." + b64([]byte(claims))
	digest := hash.New()
	digest.Write([]byte(input))
	var signature []byte
	var err error
	switch k := with.(type) {
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(rand.Reader, k, hash, digest.Sum(nil))
	case *ecdsa.PrivateKey:
		r, s, signErr := ecdsa.Sign(rand.Reader, k, digest.Sum(nil))
		err = signErr
		size := (k.Curve.Params().BitSize + 7) / 8
		signature = append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	case ed25519.PrivateKey:
		signature = ed25519.Sign(k, []byte(input))
	case []byte:
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte(input))
		signature = mac.Sum(nil)
	}
	require.NoError(t, err)
	return input + "." + b64(signature)
}

func goodClaims() map[string]any {
	return map[string]any{
		"iss": issuer, "sub": "agent-7", "aud": []string{"account", "ordertrace"}, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
		"typ": "Bearer", "realm_access": map[string]any{"roles": []string{"offline_access", "telemetry-writer"}},
	}
}

func claimsWith(t testing.TB, changes map[string]any) string {
	t.Helper()
	claims := goodClaims()
	for name, value := range changes {
		if value == nil {
			delete(claims, name)
			continue
		}
		claims[name] = value
	}
	data, err := json.Marshal(claims)
	require.NoError(t, err)
	return string(data)
}

func TestGoodTokensOfEveryKindAreBelieved(t *testing.T) {
	p := newProvider(t)
	v := newVerifier(t, p)
	for header, with := range map[string]any{
		`{"alg":"RS256","kid":"rsa","typ":"JWT"}`: p.rsa, `{"alg":"RS256","kid":"rs256","typ":"at+jwt"}`: p.rsa,
		`{"alg":"ES256","kid":"ec"}`: p.ec, `{"alg":"EdDSA","kid":"ed","typ":"application/at+jwt"}`: p.ed,
	} {
		got, err := v.Verify(p.sign(t, header, claimsWith(t, nil), with, crypto.SHA256), now)
		require.NoError(t, err, header)
		assert.Equal(t, Verified{Subject: issuer + "#agent-7", Roles: []string{"sender"}, Expires: now.Add(time.Hour).In(time.Local)}, got)
	}
	_, err := v.Verify(p.sign(t, `{"alg":"ES384","kid":"ec384"}`, claimsWith(t, nil), p.ec384, crypto.SHA384), now)
	assert.NoError(t, err)
}

func TestForgedTokensAreRefused(t *testing.T) {
	p := newProvider(t)
	v := newVerifier(t, p)
	good := claimsWith(t, nil)
	token := p.sign(t, `{"alg":"RS256","kid":"rsa"}`, good, p.rsa, crypto.SHA256)
	parts := strings.Split(token, ".")
	publicDER, err := x509.MarshalPKIXPublicKey(&p.rsa.PublicKey)
	require.NoError(t, err)
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	sig[10] ^= 1
	for name, tc := range map[string]struct {
		text string
		want Reason
	}{
		"empty":                {"", Malformed},
		"two parts":            {parts[0] + "." + parts[1], Malformed},
		"four parts":           {token + ".x", Malformed},
		"no signature":         {parts[0] + "." + parts[1] + ".", Malformed},
		"padded":               {parts[0] + "=." + parts[1] + "." + parts[2], Malformed},
		"white space":          {parts[0] + ".\n" + parts[1] + "." + parts[2], Malformed},
		"standard alphabet":    {parts[0] + "." + parts[1] + "." + strings.Repeat("+/", 171), Malformed},
		"too long":             {token + strings.Repeat("A", maxToken), Malformed},
		"alg none":             {b64([]byte(`{"alg":"none","kid":"rsa"}`)) + "." + parts[1] + "." + parts[2], BadAlgorithm},
		"alg None":             {b64([]byte(`{"alg":"None","kid":"rsa"}`)) + "." + parts[1] + "." + parts[2], BadAlgorithm},
		"HMAC with public key": {p.sign(t, `{"alg":"HS256","kid":"rsa"}`, good, publicDER, crypto.SHA256), BadAlgorithm},
		"HMAC with the set's":  {p.sign(t, `{"alg":"HS256","kid":"oct"}`, good, []byte("secret-secret-secret-secret-secret"), crypto.SHA256), BadAlgorithm},
		"no alg":               {p.sign(t, `{"kid":"rsa"}`, good, p.rsa, crypto.SHA256), BadAlgorithm},
		"alg of another key":   {p.sign(t, `{"alg":"ES256","kid":"rsa"}`, good, p.ec, crypto.SHA256), BadAlgorithm},
		"alg the key forbids":  {p.sign(t, `{"alg":"RS384","kid":"rs256"}`, good, p.rsa, crypto.SHA384), BadAlgorithm},
		"alg of another curve": {p.sign(t, `{"alg":"ES256","kid":"ec384"}`, good, p.ec384, crypto.SHA256), BadAlgorithm},
		"another hash":         {p.sign(t, `{"alg":"RS512","kid":"rsa"}`, good, p.rsa, crypto.SHA256), BadSignature},
		"PKCS1 as PSS":         {p.sign(t, `{"alg":"PS256","kid":"rsa"}`, good, p.rsa, crypto.SHA256), BadSignature},
		"flipped bit":          {parts[0] + "." + parts[1] + "." + b64(sig), BadSignature},
		"zero signature":       {b64([]byte(`{"alg":"ES256","kid":"ec"}`)) + "." + parts[1] + "." + b64(make([]byte, 64)), BadSignature},
		"other claims":         {parts[0] + "." + b64([]byte(claimsWith(t, map[string]any{"sub": "root"}))) + "." + parts[2], BadSignature},
		"foreign key":          {p.sign(t, `{"alg":"RS256","kid":"rsa"}`, good, p.old, crypto.SHA256), BadSignature},
		"unknown kid":          {p.sign(t, `{"alg":"RS256","kid":"old"}`, good, p.old, crypto.SHA256), NoKey},
		"no kid":               {p.sign(t, `{"alg":"RS256"}`, good, p.rsa, crypto.SHA256), NoKey},
		"encryption key":       {p.sign(t, `{"alg":"RS256","kid":"enc"}`, good, p.rsa, crypto.SHA256), NoKey},
		"key for other work":   {p.sign(t, `{"alg":"RS256","kid":"ops"}`, good, p.rsa, crypto.SHA256), NoKey},
		"ambiguous kid":        {p.sign(t, `{"alg":"RS256","kid":"twice"}`, good, p.rsa, crypto.SHA256), NoKey},
		"weak key":             {p.sign(t, `{"alg":"RS256","kid":"weak"}`, good, p.weak, crypto.SHA256), NoKey},
		"kid is a path":        {p.sign(t, `{"alg":"RS256","kid":"../../dev/null"}`, good, p.rsa, crypto.SHA256), NoKey},
		"crit":                 {p.sign(t, `{"alg":"RS256","kid":"rsa","crit":["exp"]}`, good, p.rsa, crypto.SHA256), BadHeader},
		"b64":                  {p.sign(t, `{"alg":"RS256","kid":"rsa","b64":false}`, good, p.rsa, crypto.SHA256), BadHeader},
		"jku":                  {p.sign(t, `{"alg":"RS256","kid":"rsa","jku":"https://evil"}`, good, p.rsa, crypto.SHA256), BadHeader},
		"x5u":                  {p.sign(t, `{"alg":"RS256","kid":"rsa","x5u":"https://evil"}`, good, p.rsa, crypto.SHA256), BadHeader},
		"x5c":                  {p.sign(t, `{"alg":"RS256","kid":"rsa","x5c":["x"]}`, good, p.rsa, crypto.SHA256), BadHeader},
		"own key":              {p.sign(t, `{"alg":"RS256","kid":"rsa","jwk":{"kty":"RSA"}}`, good, p.old, crypto.SHA256), BadHeader},
		"zip":                  {p.sign(t, `{"alg":"RS256","kid":"rsa","zip":"DEF"}`, good, p.rsa, crypto.SHA256), BadHeader},
		"alg is a number":      {p.sign(t, `{"alg":1,"kid":"rsa"}`, good, p.rsa, crypto.SHA256), BadHeader},
		"alg twice":            {p.sign(t, `{"alg":"none","alg":"RS256","kid":"rsa"}`, good, p.rsa, crypto.SHA256), Malformed},
		"Alg in capitals":      {p.sign(t, `{"ALG":"RS256","kid":"rsa"}`, good, p.rsa, crypto.SHA256), BadHeader},
		"header is a list":     {p.sign(t, `["RS256"]`, good, p.rsa, crypto.SHA256), Malformed},
		"claims are a text":    {p.sign(t, `{"alg":"RS256","kid":"rsa"}`, `"x"`, p.rsa, crypto.SHA256), Malformed},
		"claims and more":      {p.sign(t, `{"alg":"RS256","kid":"rsa"}`, good+`{}`, p.rsa, crypto.SHA256), Malformed},
		"claim twice":          {p.sign(t, `{"alg":"RS256","kid":"rsa"}`, `{"sub":"x",`+good[1:], p.rsa, crypto.SHA256), Malformed},
		"claim twice, deep":    {p.sign(t, `{"alg":"RS256","kid":"rsa"}`, `{"x":{"a":1,"a":2},`+good[1:], p.rsa, crypto.SHA256), Malformed},
		"claim twice, escaped": {p.sign(t, `{"alg":"RS256","kid":"rsa"}`, `{"s\u0075b":"x",`+good[1:], p.rsa, crypto.SHA256), Malformed},
		"nested without end":   {p.sign(t, `{"alg":"RS256","kid":"rsa"}`, `{"x":`+strings.Repeat("[", 3000)+strings.Repeat("]", 3000)+`}`, p.rsa, crypto.SHA256), Malformed},
	} {
		_, err := v.Verify(tc.text, now)
		assert.Equal(t, tc.want, err, name)
	}
}

func TestClaimsMustSayWhatIsExpected(t *testing.T) {
	p := newProvider(t)
	v := newVerifier(t, p)
	for name, tc := range map[string]struct {
		change map[string]any
		want   Reason
	}{
		"foreign issuer":     {map[string]any{"iss": "https://evil.example.com"}, BadIssuer},
		"issuer with slash":  {map[string]any{"iss": issuer + "/"}, BadIssuer},
		"issuer as list":     {map[string]any{"iss": []string{issuer}}, BadIssuer},
		"no issuer":          {map[string]any{"iss": nil}, BadIssuer},
		"other audience":     {map[string]any{"aud": "account"}, BadAudience},
		"audience prefix":    {map[string]any{"aud": "ordertrace2"}, BadAudience},
		"no audience":        {map[string]any{"aud": nil}, BadAudience},
		"mixed audience":     {map[string]any{"aud": []any{"ordertrace", 1}}, BadAudience},
		"expired":            {map[string]any{"exp": now.Add(-31 * time.Second).Unix()}, Expired},
		"no expiry":          {map[string]any{"exp": nil}, BadTime},
		"expiry as text":     {map[string]any{"exp": "4102444800"}, BadTime},
		"expiry never":       {map[string]any{"exp": 1e300}, BadTime},
		"negative expiry":    {map[string]any{"exp": -1}, BadTime},
		"not yet":            {map[string]any{"nbf": now.Add(31 * time.Second).Unix()}, BadTime},
		"from the future":    {map[string]any{"iat": now.Add(31 * time.Second).Unix()}, BadTime},
		"iat as text":        {map[string]any{"iat": "now"}, BadTime},
		"no subject":         {map[string]any{"sub": nil}, NoSubject},
		"empty subject":      {map[string]any{"sub": " "}, NoSubject},
		"subject as number":  {map[string]any{"sub": 7}, NoSubject},
		"refresh token":      {map[string]any{"typ": "Refresh"}, BadPurpose},
		"ID token":           {map[string]any{"typ": "ID"}, BadPurpose},
		"ID token by nonce":  {map[string]any{"nonce": "x"}, BadPurpose},
		"ID token by hash":   {map[string]any{"at_hash": "x"}, BadPurpose},
		"logout token":       {map[string]any{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}, BadPurpose},
		"Cognito's ID token": {map[string]any{"token_use": "id"}, BadPurpose},
		"azp as list":        {map[string]any{"azp": []string{"x"}}, BadParty},
		"no roles":           {map[string]any{"realm_access": nil}, NoRoles},
		"roles elsewhere":    {map[string]any{"realm_access": nil, "roles": []string{"telemetry-writer"}}, NoRoles},
		"unmapped role":      {map[string]any{"realm_access": map[string]any{"roles": []string{"sender"}}}, NoRoles},
		"role's other case":  {map[string]any{"realm_access": map[string]any{"roles": []string{"Telemetry-Writer"}}}, NoRoles},
		"roles in one text":  {map[string]any{"realm_access": map[string]any{"roles": "a telemetry-writer"}}, NoRoles},
		"group overage":      {map[string]any{"_claim_names": map[string]any{"groups": "src1"}}, NoRoles},
	} {
		_, err := v.Verify(p.sign(t, `{"alg":"RS256","kid":"rsa"}`, claimsWith(t, tc.change), p.rsa, crypto.SHA256), now)
		assert.Equal(t, tc.want, err, name)
	}
	for name, change := range map[string]map[string]any{
		"one audience as text": {"aud": "other"}, "just expired": {"exp": now.Add(-29 * time.Second).Unix()},
		"a fraction": {"exp": float64(now.Unix()) + 0.5}, "one role as text": {"realm_access": map[string]any{"roles": "telemetry-writer"}}, "azp": {"azp": "cli"},
	} {
		_, err := v.Verify(p.sign(t, `{"alg":"RS256","kid":"rsa"}`, claimsWith(t, change), p.rsa, crypto.SHA256), now)
		assert.NoError(t, err, name)
	}
	_, err := v.Verify(p.sign(t, `{"alg":"RS256","kid":"rsa","typ":"logout+jwt"}`, claimsWith(t, nil), p.rsa, crypto.SHA256), now)
	assert.Equal(t, BadPurpose, err)

	v.sources[issuer].Parties = []string{"agent"}
	for azp, want := range map[string]error{"agent": nil, "evil": BadParty, "": BadParty} {
		_, err := v.Verify(p.sign(t, `{"alg":"RS256","kid":"rsa"}`, claimsWith(t, map[string]any{"azp": azp}), p.rsa, crypto.SHA256), now)
		assert.Equal(t, want, err, azp)
	}
	v.sources[issuer].Algorithms = []string{"ES256"}
	_, err = v.Verify(p.sign(t, `{"alg":"RS256","kid":"rsa","typ":"JWT"}`, claimsWith(t, nil), p.rsa, crypto.SHA256), now)
	assert.Equal(t, BadAlgorithm, err)
}

func TestVerdictIsForgottenWithItsKey(t *testing.T) {
	p := newProvider(t)
	v := newVerifier(t, p)
	token := p.sign(t, `{"alg":"RS256","kid":"rsa"}`, claimsWith(t, nil), p.rsa, crypto.SHA256)
	_, err := v.Verify(token, now)
	require.NoError(t, err)
	require.Len(t, v.cache, 1)
	v.use(v.sources[issuer], &ring{keys: map[string]key{}, fetched: now})
	_, err = v.Verify(token, now)
	assert.Equal(t, NoKey, err, "a key that left the set is not trusted")
}

func TestCacheNeverOutlivesTheToken(t *testing.T) {
	p := newProvider(t)
	v := newVerifier(t, p)
	v.sources[issuer].Skew = 0
	token := p.sign(t, `{"alg":"RS256","kid":"rsa"}`, claimsWith(t, map[string]any{"exp": now.Add(10 * time.Second).Unix()}), p.rsa, crypto.SHA256)
	_, err := v.Verify(token, now)
	require.NoError(t, err)
	_, err = v.Verify(token, now.Add(10*time.Second))
	assert.Equal(t, Expired, err)
	_, err = v.Verify(token, now.Add(2*time.Hour))
	assert.Equal(t, StaleKeys, err, "old keys hold an hour at most")
}

// FuzzVerify: no bytes are believed but the one token that was signed.
func FuzzVerify(f *testing.F) {
	p := newProvider(f)
	v := newVerifier(f, p)
	good := p.sign(f, `{"alg":"ES256","kid":"ec"}`, claimsWith(f, nil), p.ec, crypto.SHA256)
	f.Add(good)
	f.Add("e30.e30.e30")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := v.Verify(text, now); err == nil && text != good {
			t.Fatalf("%q was believed", text)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	p := newProvider(b)
	v := newVerifier(b, p)
	good := p.sign(b, `{"alg":"ES256","kid":"ec"}`, claimsWith(b, nil), p.ec, crypto.SHA256)
	for name, forget := range map[string]bool{"warm": false, "cold": true} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if forget {
					clear(v.cache)
				}
				if _, err := v.Verify(good, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
