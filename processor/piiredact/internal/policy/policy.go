// Package policy says what happens to each kind of finding: profiles, and what a configuration changes in them.
package policy

import (
	"slices"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

// Action is what happens to a finding.
type Action string

// The actions, weakest first.
const (
	Keep     Action = "keep"
	Truncate Action = "truncate"
	Hash     Action = "hash"
	Token    Action = "token"
	Encrypt  Action = "encrypt"
	Mask     Action = "mask"
	Drop     Action = "drop"
)

// Actions in the order of the reference.
var Actions = []Action{Keep, Truncate, Hash, Token, Encrypt, Mask, Drop}

// MaxActions is how many there are.
const MaxActions = 7

// Index is the action's place in Actions.
func (a Action) Index() int { return slices.Index(Actions, a) }

// Known says whether there is such an action.
func (a Action) Known() bool { return a.Index() >= 0 }

// Rule is what happens to one entity.
type Rule struct {
	Action   Action
	KeepLast int  // mask: so many of the last digits or letters stay
	Domain   bool // mask: the mail's domain stays
	Blind    bool // encrypt: a blind index beside the value
	index    uint8
}

// Index is the action's place in Actions, computed once.
func (r Rule) Index() int { return int(r.index) }

// Table is the rule of every entity, user rules included.
type Table [int(finding.FirstRule) + finding.MaxRules]Rule

// Set changes one entity's rule.
func (t *Table) Set(e finding.Entity, r Rule) {
	r.index = uint8(r.Action.Index()) //nolint:gosec // seven actions
	t[e] = r
}

// Those are the built-in entities about which one of the actions is done.
func (t *Table) Those(actions ...Action) finding.Set {
	var s finding.Set
	for _, e := range finding.Builtins() {
		if slices.Contains(actions, t[e].Action) {
			s |= finding.SetOf(e)
		}
	}
	return s
}

// Profile is a ready-made table.
type Profile string

// The profiles.
const (
	Strict      Profile = "strict"
	Balanced    Profile = "balanced"
	SecretsOnly Profile = "secrets_only"
	RU152FZ     Profile = "ru_152fz"
)

// Profiles in the order of the reference.
var Profiles = []Profile{Strict, Balanced, SecretsOnly, RU152FZ}

var secrets = []finding.Entity{
	finding.JWT, finding.Authorization, finding.Password, finding.URLSecret, finding.PrivateKey, finding.APIKey, finding.Cookie,
	finding.Secret, finding.Statement, finding.Budget,
}

var numbers = []finding.Entity{finding.Card, finding.IBAN, finding.Account}

// Loose says that addresses of machines count without context.
func (p Profile) Loose() bool { return p == Strict || p == RU152FZ }

// Table is the profile's table.
func (p Profile) Table() *Table {
	t := &Table{}
	for e := range t {
		t.Set(finding.Entity(e), Rule{Action: Keep}) //nolint:gosec // at most 192
	}
	for _, e := range secrets {
		t.Set(e, Rule{Action: Mask})
	}
	if p == SecretsOnly {
		return t
	}
	person := Hash
	if p == Strict {
		person = Mask
	}
	for _, e := range []finding.Entity{finding.Email, finding.Phone, finding.Person, finding.INN, finding.SNILS, finding.MAC, finding.Passport} {
		t.Set(e, Rule{Action: person})
	}
	for _, e := range numbers {
		r := Rule{Action: Mask, KeepLast: 4}
		if p == Strict {
			r.KeepLast = 0
		}
		t.Set(e, r)
	}
	for _, e := range []finding.Entity{finding.OGRN, finding.Address, finding.BirthDate} {
		t.Set(e, Rule{Action: Mask})
	}
	for _, e := range []finding.Entity{finding.IP, finding.GPS} {
		t.Set(e, Rule{Action: Truncate})
	}
	if p == Strict {
		t.Set(finding.GPS, Rule{Action: Mask})
	}
	return t
}
