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
