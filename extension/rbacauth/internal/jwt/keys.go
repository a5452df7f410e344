package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	minRSA  = 2048
	maxKeys = 100
)

// Algorithms are those that can be allowed: signatures by a private key only. none and HS* are not among them: with
// HS* whoever knows the public key could sign.
var Algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// ring is the provider's keys as of one fetch. It is immutable.
type ring struct {
	keys    map[string]key
	fetched time.Time
}

type key struct {
	public any
	alg    string // what the provider says the key is for; empty when it says nothing
}

// parseRing keeps the keys that may verify a signature: with a kid of their own, for signing, strong enough. The
// others are left out, as if they were not there.
func parseRing(data []byte, now time.Time) (*ring, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("parse key set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("key set has more than %d keys", maxKeys)
	}
	r := &ring{keys: map[string]key{}, fetched: now}
	seen := map[string]int{}
	for _, raw := range set.Keys {
		kid, k, ok := parseKey(raw)
		seen[kid]++
		if ok {
			r.keys[kid] = k
		}
	}
	for kid, times := range seen {
		if kid == "" || times > 1 { // which of two is meant?
			delete(r.keys, kid)
		}
	}
	return r, nil
}

func parseKey(raw []byte) (string, key, bool) {
	var hints struct {
		Use    string   `json:"use"`
		KeyOps []string `json:"key_ops"`
	}
	var parsed jose.JSONWebKey
	if json.Unmarshal(raw, &hints) != nil || json.Unmarshal(raw, &parsed) != nil {
		return parsed.KeyID, key{}, false
	}
	forSigning := (hints.Use == "" || hints.Use == "sig") && (len(hints.KeyOps) == 0 || slices.Contains(hints.KeyOps, "verify"))
	if !forSigning || !parsed.Valid() || !parsed.IsPublic() || !strong(parsed.Key) {
		return parsed.KeyID, key{}, false
	}
	return parsed.KeyID, key{public: parsed.Key, alg: parsed.Algorithm}, true
}

func strong(public any) bool {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSA && k.E >= 65537
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	default:
		return false
	}
}

// fits reports whether a key may verify an algorithm: the kind and the curve must match, and what the provider said.
func (k key) fits(alg string) bool {
	if k.alg != "" && k.alg != alg {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return alg[0] == 'R' || alg[0] == 'P'
	case *ecdsa.PublicKey:
		return alg == map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[public.Curve.Params().BitSize]
	case ed25519.PublicKey:
		return alg == "EdDSA"
	default:
		return false
	}
}
