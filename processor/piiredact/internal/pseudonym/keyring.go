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

// mac is a keyed hash, with room for what goes in and what comes out.
type mac struct {
	h   hash.Hash
	in  []byte
	sum [sha256.Size]byte
}

// roomy is the most that a pooled mac keeps of what went in.
const roomy = 1 << 10

// part appends a part of what is hashed; its end is marked, so that parts do not run into each other.
func part[T string | []byte](in []byte, p T) []byte { return append(append(in, p...), 0) }

// of is the keyed hash of m.in; it is valid until the next.
func (m *mac) of(in []byte) []byte {
	m.in = in
	m.h.Reset()
	m.h.Write(in)
	return m.h.Sum(m.sum[:0])
}

func (s *signer) get() *mac { return s.pool.Get().(*mac) }

func (s *signer) put(m *mac) {
	clear(m.in[:cap(m.in)])
	if cap(m.in) > roomy {
		m.in = nil
	}
	s.pool.Put(m)
}

func spell(dst, sum []byte, n int) []byte {
	for i := range n {
		dst = append(dst, letters[sum[i/2]>>(4*(1-i%2))&15])
	}
	return dst
}

// Name is the pseudonym of a canonical value. label is the entity's name, or the rule's.
func (k *Keyring) Name(label, canonical string) string {
	return string(k.AppendName(nil, label, canonical))
}

// AppendName appends the pseudonym.
func (k *Keyring) AppendName(dst []byte, label, canonical string) []byte {
	return k.state.Load().primary.name(dst, label, "name", label, canonical)
}

func (s *signer) name(dst []byte, label string, parts ...string) []byte {
	m := s.get()
	in := m.in[:0]
	for _, p := range parts {
		in = part(in, p)
	}
	from := len(dst)
	for _, p := range [...]string{Prefix, label, "_", s.id, "_"} {
		dst = append(dst, p...)
	}
	dst = spell(dst, m.of(in), bodyLen)
	dst = spell(dst, m.of(part(part(m.in[:0], "tag"), dst[from:])), tagLen)
	s.put(m)
	return dst
}

// Index is the blind index of a canonical value under an attribute's key: equal for equal values there. It has a
// pseudonym's form, so that it is recognised as ours; a searcher computes it for every key of the file.
func (k *Keyring) Index(attribute, canonical string) string {
	return string(k.state.Load().primary.name(nil, "idx", "index", attribute, canonical))
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
		m := s.get()
		var room [tagLen]byte
		made := spell(room[:0], m.of(part(part(m.in[:0], "tag"), head)), tagLen)
		s.put(m)
		if subtle.ConstantTimeCompare(made, []byte(tag)) == 1 {
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
	var room [32]byte
	return string(appendDigits(room[:0], v))
}

func appendDigits(b []byte, v string) []byte {
	for i := range len(v) {
		if v[i]-'0' <= 9 {
			b = append(b, v[i])
		}
	}
	return b
}

// phone is E.164 as far as the number says its country: 8 and bare Russian forms are +7, a bare American one +1.
func phone(v string) string {
	var room [34]byte // with places for a sign and a country in front
	b := appendDigits(room[:2], strings.Replace(v, "(0)", "", 1))
	d := b[2:]
	switch {
	case strings.Contains(v, "+"):
	case len(d) == 11 && d[0] == '8':
		d[0] = '7'
	case len(d) == 10 && (d[0] == '9' && !strings.HasPrefix(v, "(") || d[0] == '4' && strings.Count(v, "-") == 2 && v[len(v)-3] == '-'):
		b[1], d = '7', b[1:]
	case len(d) == 10 && d[0] >= '2':
		b[1], d = '1', b[1:]
	case len(d) > 11 && d[0] == '0' && d[1] == '0':
		d = d[2:]
	}
	at := len(b) - len(d) - 1
	b[at] = '+'
	return string(b[at:])
}
