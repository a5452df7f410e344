package pseudonym

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

const (
	// letters spell four bits each. Without digits, no other detector sees a number in a pseudonym; without
	// vowels it spells no words.
	letters = "bcdfghjklmnpqrst"
	// bodyLen and tagLen: 96 bits name the person, 32 prove that we made the name.
	bodyLen = 24
	tagLen  = 8
	// Prefix begins every pseudonym: anonemail_k1_…; glued to the entity's name, so that this is no context word.
	Prefix = "anon"
)

// Keyring makes and recognises pseudonyms. It is safe for concurrent use; keys may be replaced at any time.
type Keyring struct {
	state atomic.Pointer[ring]
	era   atomic.Uint64
}

// Era changes with every change of keys, when the new ones are in use.
func (k *Keyring) Era() uint64 { return k.era.Load() }

type ring struct {
	primary *signer
	all     []*signer
}

// signer pools hashes that have their key already: five times cheaper than a new one.
type signer struct {
	id   string
	pool sync.Pool
}

// NewKeyring makes a keyring of the keys.
func NewKeyring(keys []Key) *Keyring {
	k := &Keyring{}
	k.Replace(keys)
	return k
}

// Replace swaps the keys. Values in work keep those that they began with.
func (k *Keyring) Replace(keys []Key) {
	r := &ring{}
	for _, key := range keys {
		s := &signer{id: key.ID}
		raw := key.raw
		s.pool.New = func() any { return &mac{h: hmac.New(sha256.New, raw)} }
		r.all = append(r.all, s)
		if key.Status == "primary" {
			r.primary = s
		}
	}
	k.state.Store(r)
	k.era.Add(1)
}

// mac is a keyed hash and a buffer for its sum.
type mac struct {
	h   hash.Hash
	sum [sha256.Size]byte
}

func (s *signer) sum(parts ...string) [sha256.Size]byte {
	m := s.pool.Get().(*mac)
	m.h.Reset()
	for _, p := range parts {
		m.h.Write([]byte(p))
		m.h.Write([]byte{0})
	}
	m.h.Sum(m.sum[:0])
	out := m.sum
	s.pool.Put(m)
	return out
}

func spell(sum []byte, n int) string {
	var b [bodyLen]byte
	for i := range n {
		b[i] = letters[sum[i/2]>>(4*(1-i%2))&15]
	}
	return string(b[:n])
}

// Name is the pseudonym of a canonical value. label is the entity's name, or the rule's.
func (k *Keyring) Name(label, canonical string) string {
	return k.state.Load().primary.name(label, "name", label, canonical)
}

func (s *signer) name(label string, parts ...string) string {
	body := s.sum(parts...)
	head := Prefix + label + "_" + s.id + "_" + spell(body[:], bodyLen)
	tag := s.sum("tag", head)
	return head + spell(tag[:], tagLen)
}

// Index is the blind index of a canonical value under an attribute's key: equal for equal values there. It has a
// pseudonym's form, so that it is recognised as ours; a searcher computes it for every key of the file.
func (k *Keyring) Index(attribute, canonical string) string {
	return k.state.Load().primary.name("idx", "index", attribute, canonical)
}

// Ours says that a value is a pseudonym that one of the keys made: a look-alike is not trusted.
func (k *Keyring) Ours(value string) bool {
	if !strings.HasPrefix(value, Prefix) || len(value) < len(Prefix)+bodyLen+tagLen+3 || len(value) > 128 {
		return false
	}
	head, tag := value[:len(value)-tagLen], value[len(value)-tagLen:]
	for _, s := range k.state.Load().all {
		if !strings.HasSuffix(head[:len(head)-bodyLen], "_"+s.id+"_") {
			continue
		}
		sum := s.sum("tag", head)
		if subtle.ConstantTimeCompare([]byte(spell(sum[:], tagLen)), []byte(tag)) == 1 {
			return true
		}
	}
	return false
}

// Canonical is the one form of a value that is written in many ways: the same person, the same pseudonym.
func Canonical(e finding.Entity, v string) string {
	switch e {
	case finding.Email:
		return strings.ToLower(strings.Trim(v, " <>\"'"))
	case finding.Phone:
		return phone(v)
	case finding.Card, finding.INN, finding.SNILS, finding.OGRN, finding.Passport, finding.Account:
		return digits(v)
	case finding.IBAN, finding.MAC:
		return strings.ToUpper(strings.NewReplacer(" ", "", "-", "", ":", "", ".", "").Replace(v))
	case finding.Person, finding.Address:
		return strings.Join(strings.Fields(strings.ToLower(v)), " ")
	}
	return v
}

func digits(v string) string {
	var b strings.Builder
	for i := range len(v) {
		if v[i] >= '0' && v[i] <= '9' {
			b.WriteByte(v[i])
		}
	}
	return b.String()
}

// phone is E.164 as far as the number says its country: 8 and bare Russian forms are +7, a bare American one +1.
func phone(v string) string {
	plus := strings.Contains(v, "+")
	d := digits(strings.Replace(v, "(0)", "", 1))
	switch {
	case plus:
	case len(d) == 11 && d[0] == '8':
		d = "7" + d[1:]
	case len(d) == 10 && d[0] == '9' && !strings.HasPrefix(v, "("):
		d = "7" + d
	case len(d) == 10 && d[0] == '4' && strings.Count(v, "-") == 2 && len(v) > 2 && v[len(v)-3] == '-':
		d = "7" + d
	case len(d) == 10 && d[0] >= '2':
		d = "1" + d
	case len(d) > 11 && strings.HasPrefix(d, "00"):
		d = d[2:]
	}
	return "+" + d
}
