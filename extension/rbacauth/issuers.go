package rbacauth // import "github.com/ordertrace/ordertrace/extension/rbacauth"

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/jwt"
)

const maxSkew = 5 * time.Minute

// IssuerConfig is one OpenID provider.
type IssuerConfig struct {
	// Issuer is the iss claim, exactly. Required; https.
	Issuer string `mapstructure:"issuer"`
	// Audiences of which a token must name one. Required.
	Audiences []string `mapstructure:"audiences"`
	// RolesClaim is the path of the claim that holds the roles, one element a level. Required.
	RolesClaim []string `mapstructure:"roles_claim"`
	// RoleMap translates the provider's roles into the policy's; roles that are not in it count for nothing. Empty:
	// the names are the same.
	RoleMap map[string]string `mapstructure:"role_map"`
	// Parties are the clients (azp) that a token may have been made for. Empty: all.
	Parties []string `mapstructure:"authorized_parties"`
	// Algorithms that are allowed. RS256 and ES256 by default: what providers use.
	Algorithms []string `mapstructure:"algorithms"`
	// JWKSURL is where the keys are. Empty: by discovery at the issuer.
	JWKSURL string `mapstructure:"jwks_url"`
	// CAFile holds the authority of the provider's certificate. Empty: the system's.
	CAFile string `mapstructure:"ca_file"`
	// ClockSkew is how far the provider's clock may differ.
	ClockSkew time.Duration `mapstructure:"clock_skew"`
}

// Unmarshal gives a list element its defaults.
func (c *IssuerConfig) Unmarshal(conf *confmap.Conf) error {
	c.Algorithms = []string{"RS256", "ES256"}
	c.ClockSkew = 30 * time.Second
	return conf.Unmarshal(c)
}

func validateIssuers(issuers []IssuerConfig) error {
	var errs []error
	seen := map[string]bool{}
	for i, c := range issuers {
		fail := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("issuers[%d]::"+format, append([]any{i}, args...)...))
		}
		if !isHTTPS(c.Issuer) {
			fail("issuer: %q is not an https URL", c.Issuer)
		}
		if seen[c.Issuer] {
			fail("issuer: %q occurs twice", c.Issuer)
		}
		seen[c.Issuer] = true
		if len(c.Audiences) == 0 || slices.Contains(c.Audiences, "") {
			fail("audiences: name what a token for this collector must be made for")
		}
		if len(c.RolesClaim) == 0 || slices.Contains(c.RolesClaim, "") {
			fail("roles_claim: name the claim with the roles, for example [realm_access, roles]")
		}
		if c.JWKSURL != "" && !isHTTPS(c.JWKSURL) {
			fail("jwks_url: %q is not an https URL", c.JWKSURL)
		}
		for _, alg := range c.Algorithms {
			if !slices.Contains(jwt.Algorithms, alg) {
				fail("algorithms: %q is not one of %q", alg, jwt.Algorithms)
			}
		}
		if len(c.Algorithms) == 0 {
			fail("algorithms: is empty; no token could be believed")
		}
		if c.ClockSkew < 0 || c.ClockSkew > maxSkew {
			fail("clock_skew: %s is not between 0 and %s", c.ClockSkew, maxSkew)
		}
	}
	return errors.Join(errs...)
}

func isHTTPS(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.Fragment == "" && u.RawQuery == ""
}

func newVerifier(configs []IssuerConfig) *jwt.Verifier {
	if len(configs) == 0 {
		return nil
	}
	var issuers []jwt.Issuer
	for _, c := range configs {
		issuers = append(issuers, jwt.Issuer{
			Name: c.Issuer, Audiences: c.Audiences, Parties: c.Parties, Algorithms: c.Algorithms,
			RolesClaim: c.RolesClaim, RoleMap: c.RoleMap, Skew: c.ClockSkew,
		})
	}
	return jwt.New(issuers...)
}

// fetchKeys starts one fetcher an issuer. A provider that is away keeps nobody else out, and the collector starts.
func (r *rbacAuth) fetchKeys(ctx context.Context) error {
	for _, c := range r.cfg.Issuers {
		transport, err := providerTransport(c.CAFile)
		if err != nil {
			return fmt.Errorf("issuer %q: %w", c.Issuer, err)
		}
		healthy := true
		fetcher := r.jwts.NewFetcher(c.Issuer, c.JWKSURL, transport, func(err error) {
			if err != nil {
				r.logger.Warn("keys of an identity provider could not be fetched", zap.String("issuer", c.Issuer), zap.Error(err))
				r.report(componentstatus.NewRecoverableErrorEvent(err))
			} else if !healthy {
				r.report(componentstatus.NewEvent(componentstatus.StatusOK))
			}
			healthy = err == nil
		})
		r.watching.Go(func() {
			defer transport.CloseIdleConnections()
			fetcher.Run(ctx)
		})
	}
	return nil
}

func providerTransport(caFile string) (*http.Transport, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return transport, nil
	}
	pem, err := os.ReadFile(caFile) // #nosec G304 -- the operator's path
	if err != nil {
		return nil, fmt.Errorf("read ca_file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file %q holds no certificate", caFile)
	}
	transport.TLSClientConfig.RootCAs = roots
	return transport, nil
}
