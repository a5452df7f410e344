package rbacauth // import "github.com/ordertrace/ordertrace/extension/rbacauth"

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"math"
	"net/http"
	"slices"
	"strconv"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"

	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/audit"
	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/door"
)

const (
	transportGRPC = "grpc"
	transportHTTP = "http"
)

// GetHTTPHandler returns the middleware that authenticates and authorises over HTTP.
func (r *rbacAuth) GetHTTPHandler(context.Context) (extensionmiddleware.WrapHTTPHandlerFunc, error) {
	return func(_ context.Context, next http.Handler) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.serveHTTP(w, req, next) }), nil
	}, nil
}

func (r *rbacAuth) serveHTTP(w http.ResponseWriter, req *http.Request, next http.Handler) {
	request := r.httpRequest(req)
	verdict := r.decide(request, audit.Target{Transport: transportHTTP, Route: req.URL.Path, Verb: knownVerb(req.Method)})
	if verdict.Outcome != door.Allowed {
		r.refuse(w, verdict.Outcome)
		return
	}
	for _, name := range credentialHTTPHeaders {
		delete(req.Header, name)
	}
	next.ServeHTTP(w, req.WithContext(admit(req.Context(), verdict.Subject)))
}

// httpRequest takes from a request what the door wants to know. A route is an exact path, spelled without escapes,
// asked for by POST, without a query: OTLP knows nothing else, and a query is where tokens get logged.
func (r *rbacAuth) httpRequest(req *http.Request) door.Request {
	request := door.Request{Authorization: req.Header["Authorization"], Certificate: leaf(req.TLS), Remote: req.RemoteAddr}
	permission, known := r.paths[req.URL.Path]
	switch {
	case !known || req.URL.RawPath != "": // net/url keeps a RawPath when the spelling is not the plain one
		request.Refusal = door.UnknownRoute
	case req.Method != http.MethodPost:
		request.Refusal = door.WrongVerb
	case req.URL.RawQuery != "" || req.URL.ForceQuery:
		request.Refusal = door.QueryGiven
	default:
		request.Permission = permission
	}
	return request
}

// refuse answers without a reason: who guesses learns nothing.
func (r *rbacAuth) refuse(w http.ResponseWriter, outcome door.Outcome) {
	switch outcome {
	case door.Forbidden:
		http.Error(w, "forbidden", http.StatusForbidden)
	case door.Limited:
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(r.cfg.Failures.Every.Seconds()))))
		http.Error(w, "too many failures", http.StatusTooManyRequests)
	default:
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "unauthenticated", http.StatusUnauthorized)
	}
}

// leaf returns the client's certificate if the handshake verified it.
func leaf(state *tls.ConnectionState) *x509.Certificate {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return nil
	}
	return state.VerifiedChains[0][0]
}

// knownVerb keeps a stranger's inventions out of the audit.
func knownVerb(verb string) string {
	switch verb {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return verb
	default:
		return "_OTHER"
	}
}

var _ client.AuthData = authData{}

// authData tells later components who sent, never with what.
type authData struct{ subject door.Subject }

func (a authData) GetAttribute(name string) any {
	switch name {
	case "subject":
		return a.subject.Name
	case "method":
		return a.subject.Method
	case "roles":
		return slices.Clone(a.subject.Roles)
	default:
		return nil
	}
}

func (a authData) GetAttributeNames() []string { return []string{"subject", "method", "roles"} }

// credentialHeaders carry secrets by convention. In lower case.
var credentialHeaders = []string{"authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"}

// credentialHTTPHeaders are the same in net/http's spelling.
var credentialHTTPHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "X-Auth-Token"}

func isCredential(key string) bool { return slices.Contains(credentialHeaders, key) }

// admit puts the subject into the client information and takes the credentials out of it: the persistent queue
// writes client metadata to disk.
func admit(ctx context.Context, subject door.Subject) context.Context {
	info := client.FromContext(ctx)
	info.Auth = authData{subject}
	for key := range info.Metadata.Keys() {
		if isCredential(key) {
			info.Metadata = stripped(info.Metadata)
			break
		}
	}
	return client.NewContext(ctx, info)
}

func stripped(all client.Metadata) client.Metadata {
	kept := map[string][]string{}
	for key := range all.Keys() {
		if !isCredential(key) {
			kept[key] = all.Get(key)
		}
	}
	return client.NewMetadata(kept)
}
