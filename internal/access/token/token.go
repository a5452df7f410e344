// Package token makes and checks the static tokens of machines that send telemetry.
//
// A token is `id.secret`: the id is public and names the sender, the secret is 256 random bits. Files hold only the
// SHA-256 of the whole token; with 256 random bits a slow hash would add nothing.
package token

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

const (
	secretBytes = 32
	secretChars = 43 // base64url without padding
	maxID       = 64
	// MaxFile bounds a tokens file in bytes.
	MaxFile = 8 << 20
)

// The reasons why a token is not accepted. The sender never learns which one.
var (
	ErrMalformed = errors.New("malformed")
	ErrUnknown   = errors.New("unknown")
	ErrExpired   = errors.New("expired")
	ErrRevoked   = errors.New("revoked")
)

// Entry is one token as the file keeps it.
type Entry struct {
	ID      string    `yaml:"id"`
	SHA256  string    `yaml:"sha256"`            // of the whole token, 64 hex digits
	Roles   []string  `yaml:"roles,flow"`        // names of the policy's roles
	Expires time.Time `yaml:"expires"`           // from this moment on it is refused
	Revoked bool      `yaml:"revoked,omitempty"` // refused at once, and kept for the audit
}

// Set is a checked tokens file. It is immutable and safe for concurrent use.
type Set struct {
	entries map[string]hashed
	decoy   hashed // compared with when the id is unknown, so that both take the same time
}

type hashed struct {
	Entry
	sum [sha256.Size]byte
}

// New makes a token for id and the entry to keep of it. The token itself is not stored anywhere.
func New(id string, roles []string, expires time.Time) (string, Entry, error) {
	if !validID(id) {
		return "", Entry{}, fmt.Errorf("id %q: use 1 to %d of a-z, 0-9, - and _", id, maxID)
	}
	secret := make([]byte, secretBytes)
	if _, err := rand.Read(secret); err != nil {
		return "", Entry{}, fmt.Errorf("read random bytes: %w", err)
	}
	text := id + "." + base64.RawURLEncoding.EncodeToString(secret)
	sum := sha256.Sum256([]byte(text))
	return text, Entry{ID: id, SHA256: hex.EncodeToString(sum[:]), Roles: roles, Expires: expires.UTC().Truncate(time.Second)}, nil
}

// Parse reads a tokens file; knownRole says which roles the policy has. All mistakes are named at once.
func Parse(data []byte, knownRole func(string) bool) (*Set, error) {
	entries, err := Decode(data)
	if err != nil {
		return nil, err
	}
	set := &Set{entries: make(map[string]hashed, len(entries))}
	_, _ = rand.Read(set.decoy.sum[:])
	var errs []error
	for i, e := range entries {
		sum, err := hex.DecodeString(e.SHA256)
		switch {
		case !validID(e.ID):
			errs = append(errs, fmt.Errorf("tokens[%d]: id %q: use 1 to %d of a-z, 0-9, - and _", i, e.ID, maxID))
		case err != nil || len(sum) != sha256.Size:
			errs = append(errs, fmt.Errorf("tokens[%d] %q: sha256 is not 64 hex digits; make it with `ordertrace token new`", i, e.ID))
		case e.Expires.IsZero():
			errs = append(errs, fmt.Errorf("tokens[%d] %q: expires is missing; every token ends", i, e.ID))
		case len(e.Roles) == 0:
			errs = append(errs, fmt.Errorf("tokens[%d] %q: roles is empty", i, e.ID))
		case set.has(e.ID):
			errs = append(errs, fmt.Errorf("tokens[%d] %q: the id occurs twice", i, e.ID))
		}
		for _, role := range e.Roles {
			if knownRole != nil && !knownRole(role) {
				errs = append(errs, fmt.Errorf("tokens[%d] %q: role %q is not in the policy", i, e.ID, role))
			}
		}
		h := hashed{Entry: e}
		copy(h.sum[:], sum)
		set.entries[e.ID] = h
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return set, nil
}

// Decode reads the entries without judging them; unknown keys are errors.
func Decode(data []byte) ([]Entry, error) {
	var file struct {
		Tokens []Entry `yaml:"tokens"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("parse tokens: %w", err)
	}
	return file.Tokens, nil
}

func (s *Set) has(id string) bool {
	_, ok := s.entries[id]
	return ok
}

// Len returns how many tokens the set holds, whatever their state. A nil set is empty.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.entries)
}

// Get returns an entry by its id.
func (s *Set) Get(id string) (Entry, bool) {
	if s == nil {
		return Entry{}, false
	}
	h, ok := s.entries[id]
	return h.Entry, ok
}

// Check returns the entry of a token, or why there is none. Unknown ids cost as much as wrong secrets.
func (s *Set) Check(text string, now time.Time) (Entry, error) {
	id, ok := Split(text)
	if !ok {
		return Entry{}, ErrMalformed
	}
	if s == nil {
		return Entry{}, ErrUnknown
	}
	known, found := s.entries[id]
	if !found {
		known = s.decoy
	}
	sum := sha256.Sum256([]byte(text))
	if subtle.ConstantTimeCompare(sum[:], known.sum[:]) != 1 || !found {
		return Entry{}, ErrUnknown
	}
	if known.Revoked {
		return known.Entry, ErrRevoked
	}
	if !now.Before(known.Expires) {
		return known.Entry, ErrExpired
	}
	return known.Entry, nil
}

// Split returns the id of a well-formed token. The id is a claim until the token is checked.
func Split(text string) (id string, ok bool) {
	id, secret, found := strings.Cut(text, ".")
	if !found || !validID(id) || len(secret) != secretChars {
		return "", false
	}
	for i := range len(secret) {
		if c := secret[i]; !isAlnum(c) && c != '-' && c != '_' {
			return "", false
		}
	}
	return id, true
}

func validID(id string) bool {
	return id != "" && len(id) <= maxID && !slices.ContainsFunc([]byte(id), func(c byte) bool {
		return !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_'
	})
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
