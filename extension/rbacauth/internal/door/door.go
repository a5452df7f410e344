// Package door decides who gets in: it authenticates a request by what it carries, asks the policy, and bounds how
// fast somebody may fail. It performs no input or output, so that it can run inside a transport.
package door

import (
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/jwt"
	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/limit"
	"github.com/ordertrace/ordertrace/internal/access/policy"
	"github.com/ordertrace/ordertrace/internal/access/token"
)

// Outcome is what happens to a request.
type Outcome string

// The outcomes.
const (
	Allowed         Outcome = "allowed"
	Unauthenticated Outcome = "unauthenticated" // nobody we know
	Forbidden       Outcome = "forbidden"       // somebody we know, who may not do this
	Limited         Outcome = "limited"         // nobody we know, too often
)

// Reason says why, for the audit. The sender never learns it.
type Reason string

// The reasons.
const (
	Closed          Reason = "closed" // no policy is loaded
	NoCredential    Reason = "no_credential"
	SeveralValues   Reason = "several_authorization_values"
	WrongScheme     Reason = "wrong_scheme"
	Malformed       Reason = "malformed_token"
	Unknown         Reason = "unknown_token"
	Expired         Reason = "expired_token"
	Revoked         Reason = "revoked_token"
	NotACertificate Reason = "unknown_certificate"
	OldCertificate  Reason = "expired_certificate"
	UnknownRoute    Reason = "unknown_route"
	WrongVerb       Reason = "wrong_verb"
	QueryGiven      Reason = "query_given"
	NotPermitted    Reason = "not_permitted"
)

// The methods of authentication.
const (
	ByToken       = "token"
	ByJWT         = "jwt"
	ByCertificate = "certificate"
	ByNothing     = "none"
)

// maxHeader bounds the Authorization value that is looked at.
const maxHeader = 17 << 10

// Subject is somebody who proved who they are.
type Subject struct {
	Name   string
	Method string
	Roles  []string
}

// Request is what the door sees.
type Request struct {
	Authorization []string          // all values of the header
	Certificate   *x509.Certificate // the verified leaf, if any
	Peer          net.Addr          // either this
	Remote        string            // or this: "address:port"
	Permission    policy.Permission // empty when the route is refused
	Refusal       Reason            // why the route is refused
}

// Verdict is what the door decided. Claimed is a token's id that was not proved.
type Verdict struct {
	Outcome    Outcome
	Reason     Reason
	Subject    Subject
	Claimed    string
	Rule       string
	PolicyHash string
	Quiet      bool // failed too often: count it, write no line of its own
}

// Keys is a policy with its tokens. They are replaced together.
type Keys struct {
	Policy *policy.Policy
	Tokens *token.Set
}

// Door is safe for concurrent use. Without keys it is closed to everybody.
type Door struct {
	keys     atomic.Pointer[Keys]
	jwts     *jwt.Verifier // nil when no issuer is configured
	failures *limit.Limiter
}

// New returns a closed door. Without a verifier no JWT opens it.
func New(failures *limit.Limiter, jwts *jwt.Verifier) *Door {
	return &Door{failures: failures, jwts: jwts}
}

// Use replaces the keys; requests that come after it are judged by the new ones.
func (d *Door) Use(keys Keys) { d.keys.Store(&keys) }

// Decide authenticates and authorises one request.
func (d *Door) Decide(r Request, now time.Time) Verdict {
	keys := d.keys.Load()
	if keys == nil {
		return d.stranger(r, Verdict{Reason: Closed}, now)
	}
	subject, claimed, reason := d.authenticate(keys, r, now)
	verdict := Verdict{Subject: subject, Claimed: claimed, Reason: reason, PolicyHash: keys.Policy.Hash()}
	if reason != "" {
		return d.stranger(r, verdict, now)
	}
	switch {
	case r.Permission == "":
		verdict.Reason = r.Refusal
		verdict.Rule = "default deny: unknown route"
	case keys.Policy.Allows(subject.Roles, r.Permission):
		verdict.Outcome = Allowed
		return verdict
	default:
		verdict.Reason = NotPermitted
		verdict.Rule = keys.Policy.Explain(subject.Roles, r.Permission).Rule
	}
	verdict.Outcome = Forbidden
	verdict.Quiet = !d.failures.Fail(now, "subject "+subject.Name)
	return verdict
}

// Authenticate is Decide without the question what somebody may do.
func (d *Door) Authenticate(r Request, now time.Time) Verdict {
	keys := d.keys.Load()
	if keys == nil {
		return d.stranger(r, Verdict{Reason: Closed}, now)
	}
	subject, claimed, reason := d.authenticate(keys, r, now)
	verdict := Verdict{Outcome: Allowed, Subject: subject, Claimed: claimed, Reason: reason, PolicyHash: keys.Policy.Hash()}
	if reason != "" {
		return d.stranger(r, verdict, now)
	}
	return verdict
}

// stranger accounts for a failure under the source and under the id that was claimed.
func (d *Door) stranger(r Request, v Verdict, now time.Time) Verdict {
	keys := [2]string{"source " + limit.Source(r.address().Addr())}
	if v.Claimed != "" {
		keys[1] = "claimed " + v.Claimed
	}
	v.Outcome = Unauthenticated
	v.Subject = Subject{Method: v.Subject.Method}
	if !d.failures.Fail(now, keys[:]...) {
		v.Outcome, v.Quiet = Limited, true
	}
	return v
}

// From returns the peer's address as text.
func (r Request) From() string {
	if r.Peer != nil {
		return r.Peer.String()
	}
	return r.Remote
}

func (r Request) address() netip.AddrPort {
	addr, err := netip.ParseAddrPort(r.From())
	if err != nil {
		if ip, ipErr := netip.ParseAddr(r.From()); ipErr == nil {
			return netip.AddrPortFrom(ip, 0)
		}
	}
	return addr
}

// authenticate judges a token whenever one is given: a good certificate does not excuse a bad token.
func (d *Door) authenticate(k *Keys, r Request, now time.Time) (subject Subject, claimed string, reason Reason) {
	switch {
	case len(r.Authorization) > 1:
		return Subject{Method: ByToken}, "", SeveralValues
	case len(r.Authorization) == 1:
		return d.byBearer(k, r.Authorization[0], now)
	case r.Certificate != nil:
		return k.byCertificate(r.Certificate, now)
	default:
		return Subject{Method: ByNothing}, "", NoCredential
	}
}

func (d *Door) byBearer(k *Keys, header string, now time.Time) (subject Subject, claimed string, reason Reason) {
	subject.Method = ByToken
	if len(header) > maxHeader {
		return subject, "", Malformed
	}
	scheme, text, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "bearer") {
		return subject, "", WrongScheme
	}
	if d.jwts != nil && jwt.LooksLike(text) {
		return d.byJWT(text, now)
	}
	return k.byToken(text, now)
}

func (d *Door) byJWT(text string, now time.Time) (subject Subject, claimed string, reason Reason) {
	verified, err := d.jwts.Verify(text, now)
	if err != nil {
		reason = Malformed
		var why jwt.Reason
		if errors.As(err, &why) {
			reason = Reason(why)
		}
		return Subject{Method: ByJWT}, "", reason
	}
	return Subject{Name: verified.Subject, Method: ByJWT, Roles: verified.Roles}, "", ""
}

func (k *Keys) byToken(text string, now time.Time) (subject Subject, claimed string, reason Reason) {
	subject.Method = ByToken
	claimed, ok := token.Split(text)
	if !ok {
		return subject, "", Malformed
	}
	entry, err := k.Tokens.Check(text, now)
	switch {
	case err == nil:
		return Subject{Name: entry.ID, Method: ByToken, Roles: entry.Roles}, "", ""
	case errors.Is(err, token.ErrExpired):
		return subject, claimed, Expired
	case errors.Is(err, token.ErrRevoked):
		return subject, claimed, Revoked
	default:
		return subject, claimed, Unknown
	}
}

// byCertificate looks at a leaf that the TLS handshake verified. The end of its life is looked at again, because a
// connection may outlive it.
func (k *Keys) byCertificate(leaf *x509.Certificate, now time.Time) (subject Subject, claimed string, reason Reason) {
	subject.Method = ByCertificate
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return subject, "", OldCertificate
	}
	name, roles := k.Policy.CertificateRoles(leaf.URIs, leaf.DNSNames)
	if name == "" {
		return subject, "", NotACertificate
	}
	return Subject{Name: name, Method: ByCertificate, Roles: roles}, "", ""
}
