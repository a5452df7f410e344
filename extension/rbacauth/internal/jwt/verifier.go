package jwt

import (
	"crypto/sha256"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	keysLive  = time.Hour        // without a fetch that worked
	cacheLive = 60 * time.Second // of a verdict, at most
	cacheSize = 10000
)

// Verifier checks the tokens of several issuers. Verify performs no input or output.
type Verifier struct {
	sources map[string]*source

	mu    sync.Mutex
	cache map[[sha256.Size]byte]cached // guarded by mu
}

type cached struct {
	Verified
	until time.Time
}

// source is an issuer with its keys, which a Fetcher replaces.
type source struct {
	Issuer
	keys atomic.Pointer[ring] // nil until the first fetch worked
	want chan struct{}        // asks the Fetcher for newer keys
}

// New returns a verifier without keys: until a Fetcher brings some, every token is refused.
func New(issuers ...Issuer) *Verifier {
	v := &Verifier{sources: map[string]*source{}, cache: map[[sha256.Size]byte]cached{}}
	for _, issuer := range issuers {
		v.sources[issuer.Name] = &source{Issuer: issuer, want: make(chan struct{}, 1)}
	}
	return v
}

// Verify returns whose token it is, or a Reason.
func (v *Verifier) Verify(text string, now time.Time) (Verified, error) {
	if len(text) > maxToken {
		return Verified{}, Malformed
	}
	sum := sha256.Sum256([]byte(text))
	if hit, ok := v.cached(sum, now); ok {
		return hit, nil
	}
	u, err := parse(text)
	if err != nil {
		return Verified{}, err
	}
	name, _ := u.claims["iss"].(string)
	s, ok := v.sources[name]
	if !ok {
		return Verified{}, BadIssuer
	}
	if err := s.checkSignature(u, now); err != nil {
		return Verified{}, err
	}
	verified, err := s.check(u, now)
	if err != nil {
		return Verified{}, err
	}
	v.keep(sum, verified, now)
	return verified, nil
}

// checkSignature finds the one key that the token names. Only an unknown key id asks for a fetch: a bad signature
// would let everybody make us fetch.
func (s *source) checkSignature(u unverified, now time.Time) error {
	if !slices.Contains(s.Algorithms, u.alg) || !slices.Contains(Algorithms, u.alg) {
		return BadAlgorithm
	}
	keys := s.keys.Load()
	if keys == nil || now.Sub(keys.fetched) > keysLive {
		return StaleKeys
	}
	k, ok := keys.keys[u.kid]
	if !ok {
		s.ask()
		return NoKey
	}
	if !k.fits(u.alg) {
		return BadAlgorithm
	}
	signed, err := jose.ParseSignedCompact(u.text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(u.alg)})
	if err != nil {
		return Malformed
	}
	if _, err := signed.Verify(k.public); err != nil {
		return BadSignature
	}
	return nil
}

// ask never waits: one request that is not served yet is as good as many.
func (s *source) ask() {
	select {
	case s.want <- struct{}{}:
	default:
	}
}

func (v *Verifier) cached(sum [sha256.Size]byte, now time.Time) (Verified, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	hit, ok := v.cache[sum]
	return hit.Verified, ok && now.Before(hit.until)
}

// keep remembers a verdict for a minute, and never past the token's own end. A full cache is emptied: that costs a
// signature each, once.
func (v *Verifier) keep(sum [sha256.Size]byte, verified Verified, now time.Time) {
	until := now.Add(cacheLive)
	if verified.Expires.Before(until) {
		until = verified.Expires
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.cache) >= cacheSize {
		clear(v.cache)
	}
	v.cache[sum] = cached{verified, until}
}

// use puts new keys in force, and forgets every verdict that older ones gave.
func (v *Verifier) use(s *source, keys *ring) {
	s.keys.Store(keys)
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.cache)
}
