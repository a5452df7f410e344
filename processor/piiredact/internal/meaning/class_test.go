package meaning

import (
	"fmt"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

func TestKeysAreReadAsWords(t *testing.T) {
	for e, keys := range map[finding.Entity][]string{
		finding.Secret:    {"password", "db.password", "userPassword", "PGPASSWORD", "client_secret", "x-api-key", "aws_secret_access_key", "token", "refreshToken", "пароль", "cvv", "card.pin"},
		finding.Person:    {"customer.name", "customerFullName", "user.full_name", "enduser.name", "first_name", "lastName", "cardholder", "фио", "recipient.name", "customer.name.first"},
		finding.Address:   {"shipping.address", "billingAddress", "customer.address", "street", "postal_code", "zip", "адрес"},
		finding.BirthDate: {"birth_date", "dateOfBirth", "dob", "дата рождения"}, finding.Cookie: {"cookie", "http.request.header.cookie", "Set-Cookie", "JSESSIONID"},
		finding.Authorization: {"authorization", "http.request.header.proxy-authorization"}, finding.Statement: {"db.query.parameter.0"},
		finding.None: {"", "order.id", "service.name", "host.name", "thread.name", "span.name", "user_agent.name", "token_type", "gen_ai.usage.input_tokens",
			"next_page_token", "password_reset", "k8s.pod.name", "messaging.destination.name", "http.request.method", "display_name", "secret_name"},
	} {
		for _, key := range keys {
			if got := Of(key).Whole; got != e {
				t.Errorf("%q is %s, want %s", key, got, e)
			}
		}
	}
	if !Of("db.query.text").Statement || Of("url.query").Statement || !Of("geo.location.lat").Coordinate || !Of("duration_ns").Quantity {
		t.Error("statements, coordinates or quantities")
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	c := NewCache(100, func(k string) *Class { v := Of(k); return &v })
	for i := range 1000 {
		if c.Get(fmt.Sprint("key", i, ".password")).Whole != finding.Secret {
			t.Fatal("wrong class")
		}
	}
	if n := len(*c.read.Load()) + len(c.pending); n > 100 || c.Full() < 900 {
		t.Errorf("%d keys kept, %d not", n, c.Full())
	}
}

func FuzzIdsInANameDoNotChangeItsMeaning(f *testing.F) {
	for _, s := range []string{"order ORD-10000042", "password-12345", "token2024", "card 4111", "4bf92f3577b34da6 secret", "user.12345678abcdef.name", "cc12345678", "b64", "телефон 1234", "12345Name", "pin 0000 code", "a1b2c3d4e5f6", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if general := string(General(nil, name)); Of(general) != Of(name) {
			t.Errorf("%q means %+v, and %q %+v", name, Of(name), general, Of(general))
		}
	})
}

func TestNamesWithIdsHaveOneGeneralForm(t *testing.T) {
	for name, want := range map[string]string{"order ORD-10000042": "order ORD-0", "4bf92f3577b34da6:id": "0:id", "sha256": "sha256", "page 2": "page 2", "deadbeef": "deadbeef"} {
		if got := string(General(nil, name)); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
}
