// Package finding names what the detectors look for and where they saw it.
package finding

import (
	"cmp"
	"slices"
)

// Fixed is the text that stands where a value was masked. It says nothing of the value, not even its length.
const Fixed = "REDACTED"

// Entity is a kind of personal or secret data.
type Entity uint8

// The built-in entities. Their order is the order of the reference and of the metrics.
const (
	None Entity = iota
	Email
	Phone
	Card
	IBAN
	IP
	MAC
	GPS
	INN
	SNILS
	OGRN
	Passport
	Account
	BirthDate
	Person
	Address
	JWT
	Authorization
	Password
	URLSecret
	PrivateKey
	APIKey
	Cookie
	Secret
	Statement
	Budget
	builtins
)

// FirstRule is the entity of the first user rule; rule n is FirstRule+n.
const FirstRule Entity = 64

// MaxRules bounds user rules: entities are one byte, and every rule costs time on every value.
const MaxRules = 128

var names = [builtins]string{
	"none", "email", "phone", "card", "iban", "ip", "mac", "gps", "inn", "snils", "ogrn", "ru_passport", "bank_account",
	"birth_date", "person", "address", "jwt", "authorization", "password", "url_secret", "private_key", "api_key", "cookie",
	"secret", "statement", "budget",
}

// String is the entity's name in configuration and metrics.
func (e Entity) String() string {
	if e < builtins {
		return names[e]
	}
	return "rule"
}

// Builtins lists the entities that have a detector of their own.
func Builtins() []Entity {
	all := make([]Entity, 0, builtins)
	for e := Email; e < Budget; e++ {
		all = append(all, e)
	}
	return all
}

// Named finds a built-in entity by its name.
func Named(name string) (Entity, bool) {
	for e := Email; e < Budget; e++ {
		if names[e] == name {
			return e, true
		}
	}
	return None, false
}

// Set is a set of built-in entities.
type Set uint64

// SetOf collects entities.
func SetOf(es ...Entity) Set {
	var s Set
	for _, e := range es {
		s |= 1 << e
	}
	return s
}

// Has says whether e is in the set.
func (s Set) Has(e Entity) bool { return e < builtins && s&(1<<e) != 0 }

// Finding is one occurrence: the bytes [Start, End) of the text that was scanned.
type Finding struct {
	Start, End int
	Entity     Entity
}

// Merge sorts findings and joins those that overlap, so that no byte of either survives;
// the longer one gives the entity. It works in place.
func Merge(fs []Finding) []Finding {
	if len(fs) < 2 {
		return fs
	}
	slices.SortFunc(fs, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	out := fs[:1]
	longest := fs[0].End - fs[0].Start
	for _, f := range fs[1:] {
		last := &out[len(out)-1]
		if f.Start >= last.End {
			out = append(out, f)
			longest = f.End - f.Start
			continue
		}
		if n := f.End - f.Start; n > longest {
			last.Entity, longest = f.Entity, n
		}
		last.End = max(last.End, f.End)
	}
	return out
}
