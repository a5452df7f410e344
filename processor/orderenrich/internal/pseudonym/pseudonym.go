// Package pseudonym replaces raw user ids by keyed pseudonyms: HMAC-SHA256 under a key from a file, cut to 128 bits and
// written as 32 hexadecimal digits. Without the key a pseudonym can neither be reversed nor guessed from a list of users.
//
// The key file is JSON, readable by its owner only (mode 0600 or 0400):
//
//	{"keys": [{"id": "k1", "key": "<base64 of at least 32 bytes>", "status": "primary"}]}
//
// Exactly one key is primary and makes the pseudonyms; the others are kept so that older pseudonyms can be recomputed.
package pseudonym

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

const (
	minKey  = 32      // bytes
	maxFile = 1 << 20 // bytes
)

// Maker makes the pseudonyms of one identifier; it is safe for concurrent use.
type Maker struct {
	key    []byte
	domain string
	keyID  string
}

// Load reads the primary key from a file. domain keeps equal ids of different identifiers apart.
func Load(path, domain string) (*Maker, error) {
	f, err := os.Open(path) // #nosec G304 -- the operator names the file
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open key file: %w: make one with `ordertrace keys new hmac`", err)
	}
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key file %q: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("key file %q is not a regular file", path)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return nil, fmt.Errorf("key file %q has mode %04o and others may read it; run: chmod 600 %s", path, perm, path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("read key file %q: %w", path, err)
	}
	id, key, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("key file %q: %w", path, err)
	}
	return &Maker{key: key, domain: domain, keyID: id}, nil
}

// processKey is shared by all Random makers, so that a user has one pseudonym in every signal.
var processKey = sync.OnceValue(func() []byte {
	key := make([]byte, minKey)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	return key
})

// Random makes a Maker with a key that ends with the process, and its pseudonyms with it.
func Random(domain string) *Maker {
	return &Maker{key: processKey(), domain: domain, keyID: "random"}
}

// KeyID names the key in use; it is not secret.
func (m *Maker) KeyID() string { return m.keyID }

// Make returns the pseudonym of a raw id.
func (m *Maker) Make(raw string) string {
	h := hmac.New(sha256.New, m.key)
	_, _ = io.WriteString(h, m.domain)
	_, _ = h.Write([]byte{0})
	_, _ = io.WriteString(h, raw)
	var sum [sha256.Size]byte
	return hex.EncodeToString(h.Sum(sum[:0])[:16])
}

// parse finds the primary key. Its errors name keys by id or place, never by content.
func parse(raw []byte) (id string, key []byte, err error) {
	var file struct {
		Keys []struct {
			ID     string `json:"id"`
			Key    string `json:"key"`
			Status string `json:"status"`
		} `json:"keys"`
		Tink *uint32 `json:"primaryKeyId"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return "", nil, errors.New(`is not JSON of the form {"keys": [{"id": "k1", "key": "<base64>", "status": "primary"}]}`)
	}
	if file.Tink != nil {
		return "", nil, errors.New("is a Tink keyset, as of aead and siv keys: this wants one of `ordertrace keys new hmac`")
	}
	for i, k := range file.Keys {
		b, err := base64.StdEncoding.DecodeString(k.Key)
		if err != nil {
			return "", nil, fmt.Errorf("key %d is not base64", i+1)
		}
		if len(b) < minKey {
			return "", nil, fmt.Errorf("key %d has %d bytes; at least %d are needed", i+1, len(b), minKey)
		}
		if k.Status != "primary" {
			continue
		}
		if key != nil {
			return "", nil, errors.New("two keys are primary; there must be one")
		}
		id, key = k.ID, b
	}
	if key == nil {
		return "", nil, errors.New(`no key has "status": "primary"`)
	}
	return id, key, nil
}
