// Package people invents customers: names, addresses, mail, phones, cards and
// IBANs that are valid by their checksums and belong to nobody. The same seed
// gives the same people.
package people

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Person is one customer with everything a careless shop asks for.
type Person struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	Phone   string `json:"phone"`
	Address string `json:"address"`
	Card    string `json:"card"`
	IBAN    string `json:"iban"`
	Token   string `json:"-"` // a JWT, sent as Authorization header
	Session string `json:"-"`
	Account string `json:"-"` // the customer's number, no secret by itself
}

// Planted is one value that must not be readable behind the collector.
type Planted struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// Planted lists the personal values of p.
func (p Person) Planted() []Planted {
	return []Planted{
		{"name", p.Name}, {"email", p.Email}, {"phone", p.Phone}, {"address", p.Address},
		{"card", p.Card}, {"iban", p.IBAN}, {"jwt", p.Token},
	}
}

// Syllables rather than a list of names: an invented name is in no dictionary,
// so that a search for it finds the leak and nothing else.
var (
	starts  = []string{"Bel", "Cor", "Dru", "Fenn", "Gwil", "Hal", "Jor", "Kest", "Lun", "Mar", "Nev", "Ost", "Quil", "Ros", "Syl", "Tam", "Vey", "Wyn", "Yel", "Zor"}
	middles = []string{"and", "eb", "iv", "om", "ul", "ar", "en", "is", "ok", "yr"}
	ends    = []string{"a", "ix", "or", "en", "ette", "ius", "y", "o", "elle", "ard"}
	family  = []string{"O'Brannick", "Vandermeer", "Kowalzik", "Petrunin", "Aldersley", "Braithwell", "Lindqvistad", "Moreauval", "Tanakura", "Oyelowari"}
	streets = []string{"Goldsmith Lane", "Ringstrasse", "Rue des Orfevres", "Amber Row", "Silbergasse", "Topaz Way"}
	hosts   = []string{"example.com", "example.org", "example.net", "mail.example", "post.example"}
)

// New invents a person.
func New(r *rand.Rand) Person {
	first := pick(r, starts) + pick(r, middles) + pick(r, ends)
	last := pick(r, family)
	p := Person{
		Name:    first + " " + last,
		Email:   fmt.Sprintf("%s.%s%d@%s", strings.ToLower(first), plain(last), 100+r.IntN(900_000), pick(r, hosts)),
		Phone:   phone(r),
		Address: fmt.Sprintf("%d %s, %05d %shaven", 1+r.IntN(199), pick(r, streets), 1000+r.IntN(98_000), pick(r, starts)),
		Card:    card(r),
		IBAN:    iban(r),
		Session: fmt.Sprintf("s-%016x", r.Uint64()),
		Account: fmt.Sprintf("cust-%06d", r.IntN(1_000_000)),
	}
	p.Token = token(r, p)
	return p
}

// Secret invents a password that no text contains by chance.
func Secret(r *rand.Rand) string { return fmt.Sprintf("pw%012xZq", r.Uint64()&0xffff_ffff_ffff) }

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

func plain(s string) string { return strings.ToLower(strings.ReplaceAll(s, "'", "")) }

func digits(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + r.IntN(10))
	}
	return string(b)
}

// phone is a mobile number in international form, with and without blanks.
func phone(r *rand.Rand) string {
	switch r.IntN(4) {
	case 0:
		return "+4915" + digits(r, 9)
	case 1:
		return "+79" + digits(r, 9)
	case 2:
		return "+44 7" + digits(r, 3) + " " + digits(r, 6)
	default:
		return "+336" + digits(r, 8)
	}
}

// card has a network's prefix and length and passes Luhn; every other one is
// written in groups, as people do.
func card(r *rand.Rand) string {
	networks := []struct {
		prefix string
		length int
	}{{"4", 16}, {"51", 16}, {"55", 16}, {"2200", 16}, {"2204", 16}, {"37", 15}}
	n := networks[r.IntN(len(networks))]
	number := n.prefix + digits(r, n.length-len(n.prefix)-1)
	number += string(luhn(number))
	if n.length == 16 && r.IntN(2) == 0 {
		return number[:4] + " " + number[4:8] + " " + number[8:12] + " " + number[12:]
	}
	return number
}

// luhn returns the digit that completes a card number.
func luhn(number string) byte {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

// iban is a German one: its 18 digits need no further check than mod 97.
func iban(r *rand.Rand) string {
	account := "1" + digits(r, 17)
	remainder := 0
	for _, c := range account + "131400" { // D=13, E=14, and 00 for the check digits
		remainder = (remainder*10 + int(c-'0')) % 97
	}
	return fmt.Sprintf("DE%02d%s", 98-remainder, account)
}

// token is a JWT, signed with a key that nobody keeps.
func token(r *rand.Rand, p Person) string {
	part := func(v any) string {
		b, _ := json.Marshal(v) // maps of strings marshal
		return base64.RawURLEncoding.EncodeToString(b)
	}
	body := part(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." +
		part(map[string]string{"sub": p.Session, "email": p.Email})
	mac := hmac.New(sha256.New, []byte(hex.EncodeToString([]byte(digits(r, 16)))))
	mac.Write([]byte(body))
	return body + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
