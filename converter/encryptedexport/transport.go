package encryptedexport // import "github.com/ordertrace/ordertrace/converter/encryptedexport"

import (
	"crypto/tls"
	"net"
	"strings"

	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/confignet"
	"go.opentelemetry.io/collector/config/configtls"

	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/finding"
	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/policy"
	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/wire"
)

// judgeGRPC judges one gRPC endpoint with its client settings. Whether gRPC speaks TLS depends on `insecure` alone:
// the scheme is stripped, and with `insecure` even a ca_file makes a connection that nobody meant.
func (c *converter) judgeGRPC(key, endpointKey, endpoint string, client configgrpc.ClientConfig, findings *finding.List) {
	if strings.Contains(endpoint, "@") {
		findings.Refuse(finding.URLCredentials, endpointKey, wire.Safe(endpoint), "credentials in an endpoint end up in logs",
			"use `headers` or an authenticator")
	}
	if !client.TLS.Insecure {
		if strings.HasPrefix(endpoint, "http://") {
			findings.Warn(finding.Plaintext, endpointKey, wire.Safe(endpoint), "reads like plaintext, but is sent over TLS",
				"drop the scheme or write https://")
		}
		if wire.GRPC(endpoint).Place != wire.Loopback || !client.TLS.InsecureSkipVerify || c.policy.Loopback != policy.Allow {
			c.judgeClientTLS(key+"::tls", client.TLS, findings)
		}
		return
	}
	if c.exempt(endpointKey, wire.GRPC(endpoint), findings) {
		return
	}
	findings.Refuse(finding.Plaintext, key+"::tls::insecure", "true", "sends in clear to "+wire.Safe(endpoint),
		"remove it and add tls::ca_file, or send to 127.0.0.1; `localhost` is a name, not an address")
}

// judgeHTTP judges one URL with its client settings. Only the scheme decides whether HTTP is encrypted.
func (c *converter) judgeHTTP(key, urlKey, raw string, client confighttp.ClientConfig, findings *finding.List) {
	u := wire.HTTP(raw)
	if u.Credentials {
		findings.Refuse(finding.URLCredentials, urlKey, wire.Safe(raw), "credentials in a URL end up in logs",
			"use `headers` or an authenticator")
	}
	if client.ProxyURL != "" && wire.HTTP(client.ProxyURL).Credentials {
		findings.Refuse(finding.URLCredentials, key+"::proxy_url", wire.Safe(client.ProxyURL), "credentials in a URL end up in logs",
			"use a proxy that knows the host")
	}
	if u.Scheme == "https" {
		c.judgeHTTPSClient(key, client, findings)
		return
	}
	if u.Scheme == "http" && client.ProxyURL != "" {
		findings.Refuse(finding.Plaintext, key+"::proxy_url", wire.Safe(client.ProxyURL), "the proxy gets the telemetry in clear",
			"use https:// or no proxy")
		return
	}
	if u.Scheme == "http" && c.exempt(urlKey, u.Peer, findings) {
		return
	}
	findings.Refuse(finding.Plaintext, urlKey, wire.Safe(raw), "sends in clear, whatever the tls section says",
		"write https://, or send to 127.0.0.1; `localhost` is a name, not an address")
}

func (c *converter) judgeHTTPSClient(key string, client confighttp.ClientConfig, findings *finding.List) {
	settings := client.TLS
	if settings.Insecure {
		findings.Warn(finding.WeakTLS, key+"::tls::insecure", "true", "https stays encrypted, but without ca_file every other TLS setting is ignored",
			"remove it")
		if settings.CAFile == "" && settings.CAPem == "" {
			settings.MinVersion = "" // what is really used
		}
	}
	settings.Insecure = false
	c.judgeClientTLS(key+"::tls", settings, findings)
}

// judgeClientTLS judges a client's TLS settings on a connection that does use TLS.
func (c *converter) judgeClientTLS(key string, settings configtls.ClientConfig, findings *finding.List) {
	if settings.InsecureSkipVerify {
		findings.Refuse(finding.Unverified, key+"::insecure_skip_verify", "true", "encrypts to whoever answers",
			"remove it and name the back end's CA in ca_file")
	}
	c.judgeTLS(key, settings.Config, findings)
}

// judgeTLS judges what clients and servers have in common.
func (c *converter) judgeTLS(key string, settings configtls.Config, findings *finding.List) {
	required := c.policy.MinTLSVersion
	lowest := settings.MinVersion
	if lowest == "" {
		lowest = "1.2" // configtls' default
	}
	if lowest < required {
		findings.Refuse(finding.WeakTLS, key+"::min_version", settings.MinVersion, "lets the peer choose a TLS older than "+required,
			"write min_version: \""+required+"\"")
	}
	if settings.MaxVersion != "" && settings.MaxVersion < required {
		findings.Refuse(finding.WeakTLS, key+"::max_version", settings.MaxVersion, "forbids TLS "+required, "remove it")
	}
	if settings.IncludeInsecureCipherSuites {
		findings.Refuse(finding.WeakTLS, key+"::include_insecure_cipher_suites", "true", "lets broken cipher suites in", "remove it")
	}
	for _, name := range settings.CipherSuites {
		for _, weak := range tls.InsecureCipherSuites() {
			if weak.Name == name {
				findings.Refuse(finding.WeakTLS, key+"::cipher_suites", name, "is a broken cipher suite", "remove it")
			}
		}
	}
}

// exempt reports whether plaintext to this peer stays on this machine and the policy tolerates that.
func (c *converter) exempt(key string, peer wire.Peer, findings *finding.List) bool {
	if c.policy.Loopback != policy.Allow {
		return false
	}
	switch peer.Place {
	case wire.Loopback:
		return true
	case wire.Socket:
		if err := wire.PrivateSocket(peer.Path); err != nil {
			findings.Refuse(finding.Plaintext, key, peer.Path, "somebody else may answer on this socket: "+err.Error(),
				"use a directory that only root or the collector's user can write")
			return true // refused already, with the better reason
		}
		return true
	default:
		return false
	}
}

// listensInside reports whether a listener is reachable from this machine only. Here `localhost` counts: a listener
// can only be bound to an address of this machine, and the collector's own default is that name.
func (c *converter) listensInside(key string, addr confignet.AddrConfig, findings *finding.List) bool {
	if addr.Transport == confignet.TransportTypeUnix {
		return c.exempt(key, wire.Peer{Place: wire.Socket, Path: addr.Endpoint}, findings)
	}
	host, _, err := net.SplitHostPort(addr.Endpoint)
	if err != nil {
		return false
	}
	return c.policy.Loopback == policy.Allow && (host == "localhost" || wire.IsLoopback(host))
}
