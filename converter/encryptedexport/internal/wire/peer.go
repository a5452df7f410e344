// Package wire tells where bytes go that are sent to an endpoint, from its text alone: it resolves no names.
package wire

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Place is where an endpoint lies.
type Place int

const (
	// Remote is everything that is not provably on this machine. Names are remote, `localhost` too: what a name
	// means is decided by a resolver when it is dialled, long after this check.
	Remote Place = iota
	// Loopback is a literal address in 127.0.0.0/8, ::1, or one of them mapped into IPv6.
	Loopback
	// Socket is a unix domain socket with a path.
	Socket
)

// Peer is a judged endpoint.
type Peer struct {
	Place Place
	Path  string // of a Socket
}

// IsLoopback reports whether host is a literal loopback address. Decimal, octal, hexadecimal and shortened forms
// are not: libraries disagree about them. Neither is an address with a zone.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Zone() == "" && addr.Unmap().IsLoopback()
}

// HostPort judges a plain "host:port".
func HostPort(endpoint string) Peer {
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil || !isPort(port) || !IsLoopback(host) {
		return Peer{}
	}
	return Peer{Place: Loopback}
}

// GRPC judges a gRPC target as the collector dials it: http:// and https:// are stripped, the resolver schemes that
// keep an address as it stands (dns:///, passthrough:///) are looked through, every other scheme is remote.
func GRPC(target string) Peer {
	for _, prefix := range []string{"http://", "https://", "dns:///", "passthrough:///"} {
		if rest, ok := strings.CutPrefix(target, prefix); ok {
			return HostPort(rest)
		}
	}
	if rest, ok := strings.CutPrefix(target, "unix://"); ok {
		if strings.HasPrefix(rest, "/") {
			return Peer{Place: Socket, Path: rest}
		}
		return Peer{}
	}
	if rest, ok := strings.CutPrefix(target, "unix:"); ok && rest != "" {
		return Peer{Place: Socket, Path: rest}
	}
	return HostPort(target)
}

// URL is a judged URL.
type URL struct {
	Peer
	Scheme      string // lower case; empty when the text is no URL
	Credentials bool   // user and password, or a secret in the query
}

// HTTP judges a URL as net/http dials it.
func HTTP(raw string) URL {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return URL{}
	}
	judged := URL{Scheme: u.Scheme, Credentials: u.User != nil || secretInQuery(u)}
	if port := u.Port(); IsLoopback(u.Hostname()) && (port == "" || isPort(port)) {
		judged.Place = Loopback
	}
	return judged
}

// secretKeys are query parameters that carry credentials by convention.
var secretKeys = []string{"token", "access_token", "api_key", "apikey", "api-key", "key", "password", "passwd", "pwd",
	"secret", "auth", "authorization", "sig", "signature"}

func secretInQuery(u *url.URL) bool {
	for key := range u.Query() {
		for _, secret := range secretKeys {
			if strings.EqualFold(key, secret) {
				return true
			}
		}
	}
	return false
}

// Safe returns an endpoint without what could be a credential in it, fit for an error message.
func Safe(endpoint string) string {
	endpoint, _, _ = strings.Cut(endpoint, "?")
	if at := strings.LastIndexByte(endpoint, '@'); at >= 0 {
		scheme := ""
		if i := strings.Index(endpoint, "://"); i >= 0 && i < at {
			scheme = endpoint[:i+len("://")]
		}
		endpoint = scheme + "…@" + endpoint[at+1:]
	}
	if len(endpoint) > 200 {
		endpoint = strings.ToValidUTF8(endpoint[:200], "") + "…"
	}
	return endpoint
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}
