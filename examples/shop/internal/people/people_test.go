package people

import (
	"math/big"
	"math/rand/v2"
	"net/mail"
	"reflect"
	"strings"
	"testing"
)

func TestTheSameSeedGivesTheSamePeople(t *testing.T) {
	a, b := rand.New(rand.NewPCG(7, 0)), rand.New(rand.NewPCG(7, 0))
	for range 50 {
		if p, q := New(a), New(b); !reflect.DeepEqual(p, q) {
			t.Fatalf("%+v and %+v", p, q)
		}
	}
}

func TestEverythingIsValidByItsChecksum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	for range 500 {
		p := New(r)
		number := strings.ReplaceAll(p.Card, " ", "")
		if luhn(number[:len(number)-1]) != number[len(number)-1] {
			t.Errorf("card %s fails Luhn", p.Card)
		}
		if !ibanHolds(p.IBAN) {
			t.Errorf("IBAN %s fails mod 97", p.IBAN)
		}
		if _, err := mail.ParseAddress(p.Email); err != nil {
			t.Errorf("%s: %v", p.Email, err)
		}
		if n := len(strings.ReplaceAll(p.Phone, " ", "")); n < 12 || n > 14 {
			t.Errorf("phone %s has %d characters", p.Phone, n)
		}
		if strings.Count(p.Token, ".") != 2 {
			t.Errorf("token %s", p.Token)
		}
	}
}

func TestKnownCardNumbersPassLuhn(t *testing.T) {
	for _, number := range []string{"4111111111111111", "378282246310005", "5555555555554444"} {
		if luhn(number[:len(number)-1]) != number[len(number)-1] {
			t.Errorf("%s fails", number)
		}
	}
}

// ibanHolds is the check of ISO 13616 with big numbers, another way than iban's.
func ibanHolds(s string) bool {
	var digits strings.Builder
	for _, c := range s[4:] + s[:4] {
		if c >= 'A' {
			digits.WriteString(big.NewInt(int64(c - 'A' + 10)).String())
		} else {
			digits.WriteRune(c)
		}
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && new(big.Int).Mod(n, big.NewInt(97)).Int64() == 1
}

func TestEveryPlantedValueIsListed(t *testing.T) {
	for _, planted := range New(rand.New(rand.NewPCG(1, 0))).Planted() {
		if len(planted.Value) < 8 {
			t.Errorf("%s %q is too short to search for", planted.Kind, planted.Value)
		}
	}
}
