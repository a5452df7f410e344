package rbacauth

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/pprofile/pprofileotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	grpcmetadata "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ordertrace/ordertrace/internal/devca"
)

func TestKnownSenderGetsInAndItsTokenGoesNoFurther(t *testing.T) {
	f := newFixture(t)
	f.startExtension()
	grpcAddr, httpAddr := f.startReceiver(doors)
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
		resp := post(t, http.DefaultClient, "http://"+httpAddr+"/v1/traces", http.Header{"Authorization": {scheme + f.tokens["sender"]}, "X-Kept": {"yes"}, "Cookie": {"a=b"}})
		require.Equal(t, http.StatusOK, resp.StatusCode, scheme)
		info := <-f.infos
		assert.Equal(t, "sender", info.Auth.GetAttribute("subject"))
		assert.Equal(t, []string{"sender"}, info.Auth.GetAttribute("roles"))
		assert.Equal(t, []string{"yes"}, info.Metadata.Get("x-kept"))
		assert.Empty(t, info.Metadata.Get("authorization"))
		assert.Empty(t, info.Metadata.Get("cookie"))
	}
	ctx := grpcmetadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+f.tokens["sender"], "x-kept", "yes")
	_, err := dial(t, grpcAddr, plain()).Export(ctx, ptraceotlp.NewExportRequestFromTraces(spans()))
	require.NoError(t, err)
	info := <-f.infos
	assert.Equal(t, "sender", info.Auth.GetAttribute("subject"))
	assert.Equal(t, "token", info.Auth.GetAttribute("method"))
	assert.Equal(t, []string{"yes"}, info.Metadata.Get("x-kept"))
	assert.Empty(t, info.Metadata.Get("authorization"))
	assert.Empty(t, f.auditLines(), "admitted requests are not audited one by one")
}

func TestHTTPStrangersAndTricksAreRefused(t *testing.T) {
	f := newFixture(t)
	f.config.Failures.Burst = 1000
	f.startExtension()
	_, addr := f.startReceiver(doors)
	good := "Authorization: Bearer " + f.tokens["sender"] + "\r\n"
	request := func(line, headers string) string {
		return line + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n" + headers + "\r\n"
	}
	id, secret, _ := strings.Cut(f.tokens["sender"], ".")
	for name, tc := range map[string]struct {
		request string
		status  int
		reason  string
	}{
		"nothing":                 {request("POST /v1/traces", ""), 401, "no_credential"},
		"empty value":             {request("POST /v1/traces", "Authorization:\r\n"), 401, "wrong_scheme"},
		"scheme only":             {request("POST /v1/traces", "Authorization: Bearer\r\n"), 401, "malformed_token"},
		"basic":                   {request("POST /v1/traces", "Authorization: Basic dTpw\r\n"), 401, "wrong_scheme"},
		"no scheme":               {request("POST /v1/traces", "Authorization: "+f.tokens["sender"]+"\r\n"), 401, "wrong_scheme"},
		"two spaces":              {request("POST /v1/traces", "Authorization: Bearer  "+f.tokens["sender"]+"\r\n"), 401, "malformed_token"},
		"two values":              {request("POST /v1/traces", good+good), 401, "several_authorization_values"},
		"two in one":              {request("POST /v1/traces", "Authorization: Bearer "+f.tokens["sender"]+", Bearer x\r\n"), 401, "malformed_token"},
		"folded":                  {request("POST /v1/traces", "Authorization: Bearer "+id+".\r\n "+secret+"\r\n"), 401, "malformed_token"},
		"upper id":                {request("POST /v1/traces", "Authorization: Bearer SENDER."+secret+"\r\n"), 401, "malformed_token"},
		"padding":                 {request("POST /v1/traces", "Authorization: Bearer "+f.tokens["sender"]+"=\r\n"), 401, "malformed_token"},
		"wrong secret":            {request("POST /v1/traces", "Authorization: Bearer "+id+"."+strings.Repeat("A", 43)+"\r\n"), 401, "unknown_token"},
		"another's secret":        {request("POST /v1/traces", "Authorization: Bearer reader."+secret+"\r\n"), 401, "unknown_token"},
		"unknown id":              {request("POST /v1/traces", "Authorization: Bearer nobody."+secret+"\r\n"), 401, "unknown_token"},
		"expired":                 {request("POST /v1/traces", "Authorization: Bearer "+f.tokens["expired"]+"\r\n"), 401, "expired_token"},
		"revoked":                 {request("POST /v1/traces", "Authorization: Bearer "+f.tokens["revoked"]+"\r\n"), 401, "revoked_token"},
		"huge":                    {request("POST /v1/traces", "Authorization: Bearer "+strings.Repeat("a", 9000)+"\r\n"), 401, "malformed_token"},
		"token in the query":      {request("POST /v1/traces?access_token="+f.tokens["sender"], ""), 401, "no_credential"},
		"token in both":           {request("POST /v1/traces?access_token="+f.tokens["sender"], good), 403, "query_given"},
		"empty query":             {request("POST /v1/traces?", good), 403, "query_given"},
		"proxy header":            {request("POST /v1/traces", "Proxy-Authorization: Bearer "+f.tokens["sender"]+"\r\n"), 401, "no_credential"},
		"forwarded user":          {request("POST /v1/traces", "X-Forwarded-User: sender\r\nX-Rbac-Role: sender\r\n"), 401, "no_credential"},
		"unknown path":            {request("POST /v1/everything", good), 403, "unknown_route"},
		"profiles":                {request("POST /v1development/profiles", good), 403, "unknown_route"},
		"root":                    {request("POST /", good), 403, "unknown_route"},
		"trailing slash":          {request("POST /v1/traces/", good), 403, "unknown_route"},
		"double slash":            {request("POST //v1/traces", good), 403, "unknown_route"},
		"dot segments":            {request("POST /v1/logs/../traces", good), 403, "unknown_route"},
		"escaped dots":            {request("POST /v1/%2e%2e/v1/traces", good), 403, "unknown_route"},
		"escaped slash":           {request("POST /v1%2ftraces", good), 403, "unknown_route"},
		"escaped letter":          {request("POST /v1/%74races", good), 403, "unknown_route"},
		"backslash":               {request(`POST /v1\traces`, good), 403, "unknown_route"},
		"semicolon":               {request("POST /v1/traces;x", good), 403, "unknown_route"},
		"upper case":              {request("POST /V1/TRACES", good), 403, "unknown_route"},
		"get":                     {request("GET /v1/traces", good), 403, "wrong_verb"},
		"put":                     {request("PUT /v1/traces", good), 403, "wrong_verb"},
		"invented verb":           {request("FROB /v1/traces", good), 403, "wrong_verb"},
		"overridden verb":         {request("GET /v1/traces", good+"X-HTTP-Method-Override: POST\r\n"), 403, "wrong_verb"},
		"reader writes":           {request("POST /v1/traces", "Authorization: Bearer "+f.tokens["reader"]+"\r\n"), 403, "not_permitted"},
		"metrics sender's traces": {request("POST /v1/traces", "Authorization: Bearer "+f.tokens["metrics"]+"\r\n"), 403, "not_permitted"},
		"metrics sender's logs":   {request("POST /v1/logs", "Authorization: Bearer "+f.tokens["metrics"]+"\r\n"), 403, "not_permitted"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.status, raw(t, addr, tc.request))
			assert.Empty(t, f.infos, "something reached the pipeline")
		})
		f.expect(tc.reason)
	}
	assert.Equal(t, 200, raw(t, addr, request("POST /v1/traces", good)), "the honest one still gets in")
	assert.Equal(t, 200, raw(t, addr, request("POST /v1/metrics", "Authorization: Bearer "+f.tokens["metrics"]+"\r\n")))
	f.checkExpected()
}

func (f *fixture) expect(reason string) { f.reasons = append(f.reasons, reason) }

func (f *fixture) checkExpected() {
	f.t.Helper()
	var reasons []string
	for _, r := range f.auditLines() {
		reasons = append(reasons, r.Reason)
		assert.Equal(f.t, "denied", r.Decision)
		assert.NotEmpty(f.t, r.Source)
	}
	assert.ElementsMatch(f.t, f.reasons, reasons)
}

func TestGRPCStrangersAreRefusedBeforeTheMessage(t *testing.T) {
	f := newFixture(t)
	f.config.Failures.Burst = 1000
	f.startExtension()
	addr, _ := f.startReceiver(doors)
	traces := dial(t, addr, plain())
	for name, tc := range map[string]struct {
		headers []string
		code    codes.Code
		reason  string
	}{
		"nothing":      {nil, codes.Unauthenticated, "no_credential"},
		"two values":   {[]string{"authorization", "Bearer " + f.tokens["sender"], "authorization", "Bearer " + f.tokens["sender"]}, codes.Unauthenticated, "several_authorization_values"},
		"wrong scheme": {[]string{"authorization", "Token " + f.tokens["sender"]}, codes.Unauthenticated, "wrong_scheme"},
		"expired":      {[]string{"authorization", "Bearer " + f.tokens["expired"]}, codes.Unauthenticated, "expired_token"},
		"revoked":      {[]string{"authorization", "Bearer " + f.tokens["revoked"]}, codes.Unauthenticated, "revoked_token"},
		"reader":       {[]string{"authorization", "Bearer " + f.tokens["reader"]}, codes.PermissionDenied, "not_permitted"},
		"metrics":      {[]string{"authorization", "Bearer " + f.tokens["metrics"]}, codes.PermissionDenied, "not_permitted"},
	} {
		ctx := grpcmetadata.AppendToOutgoingContext(t.Context(), tc.headers...)
		_, err := traces.Export(ctx, ptraceotlp.NewExportRequestFromTraces(spans()))
		assert.Equal(t, tc.code, status.Code(err), name)
		assert.NotContains(t, err.Error(), tc.reason, "the sender learns no reason")
		f.expect(tc.reason)
	}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(plain()))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	known := grpcmetadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+f.tokens["sender"])
	for _, method := range []string{
		"/opentelemetry.proto.collector.trace.v1.TraceService/export", "/opentelemetry.proto.collector.trace.v1.TraceService/Export/",
		"//opentelemetry.proto.collector.trace.v1.TraceService/Export", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/x/y",
	} {
		assert.Equal(t, codes.PermissionDenied, status.Code(conn.Invoke(known, method, nil, nil, grpc.ForceCodec(noCodec{}))), method)
		f.expect("unknown_route")
	}
	_, err = pprofileotlp.NewGRPCClient(conn).Export(known, pprofileotlp.NewExportRequestFromProfiles(pprofile.NewProfiles()))
	assert.Equal(t, codes.PermissionDenied, status.Code(err), "profiles have no permission")
	f.expect("unknown_route")
	assert.Empty(t, f.infos)

	metricsCtx := grpcmetadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+f.tokens["metrics"])
	_, err = pmetricotlp.NewGRPCClient(conn).Export(metricsCtx, pmetricotlp.NewExportRequestFromMetrics(pmetric.NewMetrics()))
	assert.NoError(t, err)
	f.checkExpected()
}

// noCodec sends an empty message for methods that have no stub here.
type noCodec struct{}

func (noCodec) Marshal(any) ([]byte, error) { return nil, nil }
func (noCodec) Unmarshal([]byte, any) error { return nil }
func (noCodec) Name() string                { return "proto" }

func TestClientCertificateIsJudgedByItsExactNames(t *testing.T) {
	f := newFixture(t)
	f.startExtension()
	ca := f.tlsFiles()
	tlsSection := `{cert_file: "` + f.dir + `/tls.pem", key_file: "` + f.dir + `/tls.key", client_ca_file: "` + f.dir + `/ca.pem"}`
	grpcAddr, httpAddr := f.startReceiver(`{grpc: {endpoint: "127.0.0.1:0", tls: ` + tlsSection + `, middlewares: [{id: rbac_auth}]},
		http: {endpoint: "127.0.0.1:0", tls: ` + tlsSection + `, middlewares: [{id: rbac_auth}]}}`)
	for name, tc := range map[string]struct {
		leaf    devca.Leaf
		allowed bool
	}{
		"exact":            {devca.Leaf{URIs: []string{"spiffe://ordertrace/agent"}, Client: true}, true},
		"among others":     {devca.Leaf{URIs: []string{"spiffe://ordertrace/x", "spiffe://ordertrace/agent"}, Client: true}, true},
		"longer":           {devca.Leaf{URIs: []string{"spiffe://ordertrace/agent/x"}, Client: true}, false},
		"other trust":      {devca.Leaf{URIs: []string{"spiffe://ordertrace.evil/agent"}, Client: true}, false},
		"query":            {devca.Leaf{URIs: []string{"spiffe://ordertrace/agent?x"}, Client: true}, false},
		"common name only": {devca.Leaf{Name: "spiffe://ordertrace/agent", Client: true}, false},
		"as a DNS name":    {devca.Leaf{Hosts: []string{"ordertrace"}, Client: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			config := f.clientTLS(ca, &tc.leaf)
			_, err := dial(t, grpcAddr, credentials.NewTLS(config)).Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(spans()))
			httpClient := &http.Client{Transport: &http.Transport{TLSClientConfig: config.Clone()}}
			defer httpClient.CloseIdleConnections()
			resp := post(t, httpClient, "https://"+httpAddr+"/v1/traces", nil)
			if tc.allowed {
				assert.NoError(t, err)
				assert.Equal(t, 200, resp.StatusCode)
				return
			}
			assert.Equal(t, codes.Unauthenticated, status.Code(err))
			assert.Equal(t, 401, resp.StatusCode)
		})
	}
	config := f.clientTLS(ca, &devca.Leaf{URIs: []string{"spiffe://ordertrace/agent"}, Client: true})
	ctx := grpcmetadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer wrong")
	_, err := dial(t, grpcAddr, credentials.NewTLS(config)).Export(ctx, ptraceotlp.NewExportRequestFromTraces(spans()))
	assert.Equal(t, codes.Unauthenticated, status.Code(err), "a good certificate does not excuse a bad token")

	_, err = dial(t, grpcAddr, credentials.NewTLS(f.clientTLS(ca, nil))).Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(spans()))
	assert.Equal(t, codes.Unavailable, status.Code(err), "without a certificate there is no connection")
	other, err := devca.New("other", time.Now(), time.Hour)
	require.NoError(t, err)
	foreign := f.clientTLS(other, &devca.Leaf{URIs: []string{"spiffe://ordertrace/agent"}, Client: true})
	foreign.RootCAs = config.RootCAs
	_, err = dial(t, grpcAddr, credentials.NewTLS(foreign)).Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(spans()))
	assert.Equal(t, codes.Unavailable, status.Code(err), "another CA's certificate")
}

func TestAuthenticatorWithMiddlewareGivesOneVerdict(t *testing.T) {
	f := newFixture(t)
	f.startExtension()
	both := `{endpoint: "127.0.0.1:0", middlewares: [{id: rbac_auth}], auth: {authenticator: rbac_auth}}`
	grpcAddr, httpAddr := f.startReceiver(`{grpc: ` + both + `, http: ` + both + `}`)
	ctx := grpcmetadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+f.tokens["sender"])
	_, err := dial(t, grpcAddr, plain()).Export(ctx, ptraceotlp.NewExportRequestFromTraces(spans()))
	require.NoError(t, err)
	assert.Equal(t, 200, post(t, http.DefaultClient, "http://"+httpAddr+"/v1/traces", http.Header{"Authorization": {"Bearer " + f.tokens["sender"]}}).StatusCode)
	assert.Equal(t, 403, post(t, http.DefaultClient, "http://"+httpAddr+"/v1/traces", http.Header{"Authorization": {"Bearer " + f.tokens["reader"]}}).StatusCode)
	assert.Equal(t, 401, post(t, http.DefaultClient, "http://"+httpAddr+"/v1/traces", nil).StatusCode)
	_, err = dial(t, grpcAddr, plain()).Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(spans()))
	assert.Equal(t, codes.Unauthenticated, status.Code(err))
}

func TestAuthenticatorAloneOverGRPCDecidesWhole(t *testing.T) {
	f := newFixture(t)
	f.startExtension()
	addr, _ := f.startReceiver(`{grpc: {endpoint: "127.0.0.1:0", auth: {authenticator: rbac_auth}}}`)
	for id, code := range map[string]codes.Code{"sender": codes.OK, "reader": codes.PermissionDenied, "expired": codes.Unauthenticated} {
		ctx := grpcmetadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+f.tokens[id])
		_, err := dial(t, addr, plain()).Export(ctx, ptraceotlp.NewExportRequestFromTraces(spans()))
		assert.Equal(t, code, status.Code(err), id)
	}
}

func TestFailuresAreLimitedAndSuccessesAreNot(t *testing.T) {
	f := newFixture(t)
	f.config.Failures = FailuresConfig{Burst: 5, Every: time.Hour, Sources: 100}
	f.startExtension()
	_, addr := f.startReceiver(doors)
	codes := map[int]int{}
	for range 50 {
		resp := post(t, http.DefaultClient, "http://"+addr+"/v1/traces", nil)
		codes[resp.StatusCode]++
		if resp.StatusCode == 429 {
			assert.Equal(t, "3600", resp.Header.Get("Retry-After"))
		}
	}
	assert.Equal(t, map[int]int{401: 5, 429: 45}, codes)
	assert.Equal(t, 200, post(t, http.DefaultClient, "http://"+addr+"/v1/traces", http.Header{"Authorization": {"Bearer " + f.tokens["sender"]}}).StatusCode,
		"the neighbour of an attacker gets in")
	lines := f.auditLines()
	var suppressed uint64
	denials := 0
	for _, line := range lines {
		suppressed += line.Suppressed
		if line.Reason != "aggregate" {
			denials++
		}
	}
	assert.Equal(t, 5, denials)
	assert.LessOrEqual(t, len(lines), 6, "what is suppressed goes with the next line, or has one of its own")
	assert.EqualValues(t, 45, suppressed)
}

func TestChangedFilesAreTakenOverAndWrongOnesAreNot(t *testing.T) {
	f := newFixture(t)
	f.startExtension()
	_, addr := f.startReceiver(doors)
	url := "http://" + addr + "/v1/traces"
	send := func(text string) int {
		return post(t, http.DefaultClient, url, http.Header{"Authorization": {"Bearer " + text}}).StatusCode
	}
	old := f.tokens["sender"]
	require.Equal(t, 200, send(old))

	f.writeTokens(map[string]string{"sender": "sender"})
	require.Eventually(t, func() bool { return send(f.tokens["sender"]) == 200 }, 10*time.Second, 20*time.Millisecond)
	assert.Equal(t, 401, send(old), "the replaced token is dead")

	require.NoError(t, os.WriteFile(f.config.Policy, []byte("roles: {sender: {allow: [traces.wirte]}}"), 0o600))
	require.Eventually(t, func() bool { return f.logs.FilterMessageSnippet("old ones stay in force").Len() == 1 }, 10*time.Second, 20*time.Millisecond)
	assert.Equal(t, 200, send(f.tokens["sender"]), "the old policy stays in force")
	stale, err := f.telemetry.GetMetric("otelcol_rbac_auth_policy_stale")
	require.NoError(t, err)
	assert.Contains(t, stale.Name, "policy_stale")

	require.NoError(t, os.WriteFile(f.config.Policy, []byte("roles: {sender: {allow: [logs.write]}}"), 0o600))
	require.Eventually(t, func() bool { return send(f.tokens["sender"]) == 403 }, 10*time.Second, 20*time.Millisecond)
	require.NoError(t, os.Remove(f.config.Tokens))
	require.Eventually(t, func() bool { return f.logs.FilterMessageSnippet("old ones stay in force").Len() == 2 }, 10*time.Second, 20*time.Millisecond)
	assert.Equal(t, 403, send(f.tokens["sender"]))
}

func TestDoorIsClosedBeforeStart(t *testing.T) {
	f := newFixture(t)
	fresh, err := newExtension(f.config, nopSettings())
	require.NoError(t, err)
	_, err = fresh.Authenticate(context.Background(), map[string][]string{"Authorization": {"Bearer " + f.tokens["sender"]}})
	assert.Equal(t, codes.Unauthenticated, status.Code(err))
	assert.NoError(t, fresh.Shutdown(context.Background()))
}

func TestStartFailsOnAWrongPolicy(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "policy.yaml"), []byte("roles: {x: {alow: []}}"), 0o600))
	ext, err := newExtension(f.config, nopSettings())
	require.NoError(t, err)
	assert.ErrorContains(t, ext.Start(context.Background(), componenttest.NewNopHost()), "alow")
	assert.NoError(t, ext.Shutdown(context.Background()))
	assert.ErrorContains(t, f.config.Validate(), "alow", "validate sees it too")
}
