// Package sealed writes values that a permitted reader can read back: encrypted (enc:v1:…, another text every
// time) or as tokens (tok:v1:…, equal for equal values). What merely looks like one is not trusted: Ours opens it.
package sealed

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/daead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	encrypted = "enc:v1:"
	token     = "tok:v1:"
	// block pads what is encrypted, so that its length says little.
	block = 32
	// maxSealed bounds how far before a finding the beginning of a sealed value is looked for.
	maxSealed = 8192
)

// Box seals with the primary keys of two keysets and opens with all of them. Safe for concurrent use; keysets may
// be replaced at any time.
type Box struct {
	aead atomic.Pointer[tink.AEAD]
	siv  atomic.Pointer[tink.DeterministicAEAD]
	era  atomic.Uint64
}

// Era changes with every change of keysets, when the new one is in use.
func (b *Box) Era() uint64 { return b.era.Load() }

// errNoKeyset hides Tink's error: it can quote the file.
var errNoKeyset = errors.New("not a Tink keyset in JSON of the right kind")

func handle(data []byte) (*keyset.Handle, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		return nil, errNoKeyset
	}
	return h, nil
}

// SetAEAD takes the keyset that encrypts.
func (b *Box) SetAEAD(data []byte) error {
	h, err := handle(data)
	if err != nil {
		return err
	}
	p, err := aead.New(h)
	if err != nil {
		return errNoKeyset
	}
	b.aead.Store(&p)
	b.era.Add(1)
	return nil
}

// SetSIV takes the keyset that makes tokens.
func (b *Box) SetSIV(data []byte) error {
	h, err := handle(data)
	if err != nil {
		return err
	}
	p, err := daead.New(h)
	if err != nil {
		return errNoKeyset
	}
	b.siv.Store(&p)
	b.era.Add(1)
	return nil
}

// Encrypt seals a value of the attribute key: under another key it does not open.
func (b *Box) Encrypt(key, value string) (string, error) {
	p := b.aead.Load()
	if p == nil {
		return "", errors.New("no key for encrypting")
	}
	ct, err := (*p).Encrypt(pad(value), []byte(key))
	if err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	return encrypted + base64.RawURLEncoding.EncodeToString(ct), nil
}

// Token seals a canonical value; label is its kind, so that equal texts of two kinds have two tokens.
func (b *Box) Token(label, canonical string) (string, error) {
	p := b.siv.Load()
	if p == nil {
		return "", errors.New("no key for tokens")
	}
	ct, err := (*p).EncryptDeterministically([]byte(label+"\x00"+canonical), nil)
	if err != nil {
		return "", fmt.Errorf("tokenise: %w", err)
	}
	return token + base64.RawURLEncoding.EncodeToString(ct), nil
}

// Open reads a sealed value back.
func (b *Box) Open(key, sealed string) (string, bool) {
	if body, ok := strings.CutPrefix(sealed, encrypted); ok {
		p := b.aead.Load()
		ct, err := base64.RawURLEncoding.DecodeString(body)
		if p == nil || err != nil {
			return "", false
		}
		plain, err := (*p).Decrypt(ct, []byte(key))
		if err != nil {
			return "", false
		}
		return unpad(plain)
	}
	body, ok := strings.CutPrefix(sealed, token)
	p := b.siv.Load()
	if !ok || p == nil {
		return "", false
	}
	ct, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return "", false
	}
	plain, err := (*p).DecryptDeterministically(ct, nil)
	if err != nil {
		return "", false
	}
	_, value, ok := strings.Cut(string(plain), "\x00")
	return value, ok
}

// Ours says that a value was sealed with one of our keys, under this attribute key.
func (b *Box) Ours(key, sealed string) bool {
	_, ok := b.Open(key, sealed)
	return ok
}

// Around is the sealed value of ours that holds bytes [lo, hi) of the text; ok is false without one.
func (b *Box) Around(key, s string, lo, hi int) (ok bool) {
	if b.aead.Load() == nil && b.siv.Load() == nil {
		return false
	}
	for _, p := range [...]string{encrypted, token} {
		from := max(0, lo-maxSealed)
		at := strings.LastIndex(s[from:min(len(s), lo+len(p))], p)
		if at < 0 || from+at > lo {
			continue
		}
		at += from
		end := at + len(p)
		for end < len(s) && (s[end] == '-' || s[end] == '_' || s[end]-'0' <= 9 || s[end]|0x20 >= 'a' && s[end]|0x20 <= 'z') {
			end++
		}
		if hi <= end && b.Ours(key, s[at:end]) {
			return true
		}
	}
	return false
}

// Marked says that a text may hold a sealed value, which opens under its own attribute only.
func Marked(s string) bool { return strings.Contains(s, encrypted) || strings.Contains(s, token) }

// pad writes the value's length, the value, and zeros up to the next block.
func pad(value string) []byte {
	n := 4 + len(value)
	out := make([]byte, (n+block-1)/block*block)
	binary.BigEndian.PutUint32(out, uint32(len(value))) //nolint:gosec // bounded by limits.max_value_bytes
	copy(out[4:], value)
	return out
}

func unpad(plain []byte) (string, bool) {
	if len(plain) < 4 {
		return "", false
	}
	n := int(binary.BigEndian.Uint32(plain))
	if n > len(plain)-4 {
		return "", false
	}
	return string(plain[4 : 4+n]), true
}
