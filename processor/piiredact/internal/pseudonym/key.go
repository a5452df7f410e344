// Package pseudonym replaces a person's data by a name that is always the same for the same person and that
// nobody without the key can lead back: a keyed hash of the canonical form, separated by entity.
package pseudonym

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
)

// keyBytes is the length of a key: as long as the hash.
const keyBytes = 32

// Key is one of a file's keys.
type Key struct {
	ID     string `json:"id"`
	Key    string `json:"key"`
	Status string `json:"status"`
	raw    []byte
}

var idForm = regexp.MustCompile(`^[a-z0-9]{1,12}$`)

// Parse reads a key file's content: {"keys": [{"id": "k1", "key": "<base64 of 32 bytes>", "status": "primary"}]}.
// The primary key makes new pseudonyms; those of the others ("active") are still recognised.
// Errors never hold any of the content.
func Parse(data []byte) ([]Key, error) {
	var file struct {
		Keys []Key `json:"keys"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return nil, errors.New(`not JSON of the form {"keys": [{"id": "k1", "key": "<base64 of 32 bytes>", "status": "primary"}]}`)
	}
	primaries, seen := 0, map[string]bool{}
	for i := range file.Keys {
		k := &file.Keys[i]
		raw, err := base64.StdEncoding.DecodeString(k.Key)
		switch {
		case !idForm.MatchString(k.ID):
			return nil, fmt.Errorf("key %d: its id must be 1 to 12 of a-z and 0-9", i+1)
		case seen[k.ID]:
			return nil, fmt.Errorf("key id %q stands twice", k.ID)
		case err != nil || len(raw) != keyBytes:
			return nil, fmt.Errorf("key %q is not %d bytes in base64", k.ID, keyBytes)
		case k.Status != "primary" && k.Status != "active":
			return nil, fmt.Errorf("key %q: its status must be primary or active", k.ID)
		}
		if k.Status == "primary" {
			primaries++
		}
		seen[k.ID] = true
		k.raw = raw
	}
	if primaries != 1 {
		return nil, fmt.Errorf("%d primary keys: there must be exactly one", primaries)
	}
	return file.Keys, nil
}

// Random is a key of this start only.
func Random() []Key {
	raw := make([]byte, keyBytes)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the process instead
	return []Key{{ID: "tmp", Status: "primary", raw: raw}}
}
