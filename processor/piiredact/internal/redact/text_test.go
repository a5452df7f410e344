package redact

import (
	"strings"
	"testing"
	"time"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/pseudonym"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/sealed"
)

func testEngine(profile policy.Profile) *Engine {
	return New(Options{
		Table: profile.Table(), Keys: pseudonym.NewKeyring(pseudonym.Random()), Loose: profile.Loose(), Box: &sealed.Box{},
		Allow: []string{"order.id"}, Secret: []string{"*.token"},
		Limits: Limits{Bytes: 1 << 20, Depth: 32, Findings: 1000, Time: 10 * time.Second, Keys: 1024},
	})
}

// found: key, value, and the part of it that must be gone.
var found = [][3]string{
	{"k", "contact ivan.petrov@example.com now", "ivan.petrov"},
	{"k", "иван@почта.рф", "иван"},
	{"k", "mailto:john%40example.com", "john"},
	{"k", "john%2540example.com", "john"},
	{"k", `{"a":"john\u0040example.com"}`, "john"},
	{"k", `"john doe"@example.com`, "john"},
	{"k", "O'Brien@example.co.uk", "Brien"},
	{"k", "user@shop.example", "user@"},
	{"k", "+7 (999) 123-45-67", "123-45-67"},
	{"k", "+79991234567", "9991234567"},
	{"k", "8 (999) 123-45-67", "123-45-67"},
	{"k", "8-800-555-35-35", "555-35"},
	{"k", "89991234567", "9991234567"},
	{"k", "tel:+1-202-555-0143", "555"},
	{"k", "(202) 555-0143", "555"},
	{"k", "+44 20 7946 0958", "7946"},
	{"k", "+49 (0) 30 123456", "123456"},
	{"k", "%2B79991234567", "9991234567"},
	{"phone", "4951234567", "4951234567"},
	{"k", "телефон 4951234567", "4951234567"},
	{"k", "call +7 999 123 45 67.", "123 45 67"},
	{"k", "４１１１ １１１１ １１１１ １１１１", "１１１１ １１１１ １１１１"},
	{"k", "+7 ９９９ 123‑45‑67", "45"},
	{"k", "4111 1111 1111 1111", "4111 1111"},
	{"k", "4111-1111-1111-1111 12/25 123", "4111-1111"},
	{"k", "card4111111111111111", "411111111111"},
	{"k", "pay 5500005555555559!", "550000555555"},
	{"k", "378282246310005", "37828224631"},
	{"k", "3782 822463 10005", "822463"},
	{"k", "2200 1234 5678 9019", "2200 1234"},
	{"k", "6200000000000005", "620000000000"},
	{"k", "GB82 WEST 1234 5698 7654 32", "WEST 1234"},
	{"k", "DE89370400440532013000", "37040044053201"},
	{"k", "ИНН 7707083893", "7707083893"},
	{"k", "500100732259", "500100732259"},
	{"k", "СНИЛС 112-233-445 95", "112-233-445"},
	{"k", "112-233-445 95", "112-233-445"},
	{"k", "паспорт 4510 № 123456", "123456"},
	{"k", "паспорт серия 45 10 номер 123456", "123456"},
	{"k", "р/с 40817810099910004312", "40817810099910"},
	{"ogrn", "1027700132195", "1027700132195"},
	{"k", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "eyJhbG"},
	{"k", "Authorization: Bearer abcdef123456", "abcdef"},
	{"k", "got Bearer mF_9.B5f-4.1JqM today", "mF_9"},
	{"k", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "QWxhZG"},
	{"authorization", "Token 12", "12"},
	{"http.request.header.authorization", "Bearer x", "x"},
	{"k", "postgres://shop:s3cr3t@db:5432/shop", "s3cr3t"},
	{"k", "postgres://shop:p@ss/w0rd@db:5432/shop", "w0rd"},
	{"k", "amqp://guest:guest@rabbit/", "guest"},
	{"k", "shop:s3cr3t@tcp(127.0.0.1:3306)/db", "s3cr3t"},
	{"k", "host=db user=shop password=s3cr3t dbname=x", "s3cr3t"},
	{"k", "Server=db;User Id=sa;Password=Pa$$w0rd;", "Pa$$"},
	{"url.full", "https://x.io/cb?code=abcdefgh12&state=1", "abcdefgh12"},
	{"url.full", "https://s3/x?X-Amz-Signature=deadbeef&a=1", "deadbeef"},
	{"k", "https://x.io/?access_token=tok123&order=ORD-12345678", "tok123"},
	{"k", `{"user":{"password":"hunter2","name":"x"}}`, "hunter2"},
	{"k", `payload={"password":"hunter2"}`, "hunter2"},
	{"k", `body {\"password\":\"hunter2\"}`, "hunter2"},
	{"k", "пароль: qwerty", "qwerty"},
	{"k", "mysql --password hunter2 -h x", "hunter2"},
	{"k", "<password>hunter2</password>", "hunter2"},
	{"db.password", "x", "x"},
	{"cvv", "123", "123"},
	{"k", "cvv 123", "123"},
	{"k", "AKIAIOSFODNN7EXAMPLE", "IOSFODNN"},
	{"k", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42F"},
	{"k", "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIB\n-----END RSA PRIVATE KEY-----", "MIIE"},
	{"k", "-----BEGIN PRIVATE KEY----- MIIEpAIB", "MIIE"},
	{"k", "Cookie: session=abc; theme=dark", "abc"},
	{"k", "Set-Cookie: SID=31d4d96e407aad42; Path=/", "31d4d96e"},
	{"http.request.header.cookie", "a=b", "a=b"},
	{"customer.name", "Иван Петров", "Иван"},
	{"customerFullName", "Ivan Petrov", "Ivan"},
	{"user.full_name", "Ivan", "Ivan"},
	{"enduser.name", "Ivan", "Ivan"},
	{"shipping.address", "Moscow, Lenina 1", "Lenina"},
	{"client.address", "203.0.113.77", ".77"},
	{"birth_date", "1990-01-01", "1990"},
	{"k", "дата рождения: 01.02.1990", "1990"},
	{"k", `customer.name="Ivan Petrov" status=ok`, "Ivan"},
	{"k", "customer name: Ivan Petrov, ordered", "Petrov"},
	{"db.query.text", "SELECT * FROM users WHERE email='ivan@x.ru' AND id = 12345", "12345"},
	{"db.statement", `INSERT INTO t (name) VALUES ('O''Brien', "Ivan")`, "Ivan"},
	{"db.statement", `select * from t where a = 'it\'s secret' and b = 'x'`, "secret"},
	{"db.statement", `select 'unterminated secret`, "secret"},
	{"db.query.text", "SET user:1 ivan", "ivan"},
	{"db.query.text", `{"find":"users","filter":{"email":"x@y.z","age":33}}`, "33"},
	{"k", "slow query: SELECT * FROM users WHERE name = 'Ivan' LIMIT 1", "Ivan"},
	{"k", `Key (email)=(ivan@x.ru) already exists.`, "ivan"},
	{"k", "12345678:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1 bot", "AAHdq"},
	{"geo.lat", "55.751244", "1244"},
	{"process.command_args", `["mysql","--password","hunter2"]`, "hunter2"},
	{"log", "адрес доставки: г. Москва, ул. Ленина, д. 1; код 5", "Ленина"},
}

func TestWhatIsPersonalOrSecretIsGone(t *testing.T) {
	for _, profile := range []policy.Profile{policy.Balanced, policy.Strict} {
		e := testEngine(profile)
		for _, c := range found {
			se := e.Session()
			out, _ := se.Text(se.Key("", c[0]), c[1], 0)
			if strings.Contains(out, c[2]) {
				t.Errorf("%s: %s=%q: %q is still in %q", profile, c[0], c[1], c[2], out)
			}
			again, v := se.Text(se.Key("", c[0]), out, 0)
			if v != Same {
				t.Errorf("%s: %s=%q: a second pass made %q of %q", profile, c[0], c[1], again, out)
			}
			se.Release()
		}
	}
}

// ordinary values pass untouched, whatever they look like.
var ordinary = [][2]string{
	{"order.id", "ORD-12345678"}, {"k", "ORD-12345678"}, {"k", "order ORD-10000042 created"}, {"order.id", "4111111111111111"},
	{"trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"}, {"k", "4bf92f3577b34da6a3ce929d0e0e4736"}, {"k", "00f067aa0ba902b7"},
	{"k", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, {"k", "550e8400-e29b-41d4-a716-446655440000"},
	{"k", "12345678-1234-1234-1234-123456789012"}, {"k", "2026-11-23T04:18:53Z"}, {"k", "2026-11-23 04:18:53.123456789 +0300"},
	{"k", "1763871533"}, {"k", "1763871533123"}, {"k", "1763871533123456"}, {"k", "1763871533123456789"}, {"k", "took 1763871533123 ms"},
	{"k", "1.2.3"}, {"k", "v1.64.0"}, {"k", "10.15.7"}, {"k", "127.0.0.1:8080"}, {"server.address", "10.0.0.12"}, {"k", "GET /api/orders/{id}"},
	{"k", "1999.99"}, {"k", "price 129 999,00 RUB"}, {"k", "ISBN 978-3-16-148410-0"}, {"k", "4006381333931"}, {"k", "EAN 4006381333931"},
	{"k", "356938035643809"}, {"k", "IMEI 356938035643809"}, {"k", "SELECT"}, {"k", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"},
	{"service.name", "shop-api"}, {"host.name", "web-01.example.com"}, {"k8s.pod.name", "shop-api-5d4f6c7b8d-x2x4z"},
	{"thread.name", "http-nio-8080-exec-1"}, {"user_agent.name", "Chrome"}, {"gen_ai.usage.input_tokens", "100"},
	{"messaging.message.id", "452a7c7c7c7048c2f887f61572b18fc2"}, {"url.full", "https://example.com/a/b?c=1&d=2#x"}, {"k", "git@github.com:o/r.git"},
	{"k", "image@2x.png"}, {"k", "lodash@4.17.21"}, {"k", "password: required"}, {"k", "max_tokens=100"}, {"k", "next_page_token=abc"},
	{"k", "PN-4532-1234"}, {"k", "com.example.Foo@7a81197d"}, {"k", "std::vector<int>"}, {"k", "{\"a\": 1, \"b\": [\"x\", 12345]}"},
	{"code.function.name", "com.example.Shop.create"}, {"db.query.text", "SELECT * FROM t WHERE id = $1"}, {"db.query.text", "SELECT a.b FROM \"t\" a WHERE a.x = ?"},
	{"http.request.method", "GET"}, {"network.peer.address", "10.1.2.80"}, {"k", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
	{"k", "0.4111111111111111"}, {"duration_ns", "79991234567"}, {"k", "PARTNER-2026-000123"}, {"k", "SHIPPED"}, {"k", "Заказ 12345678 отправлен 23.11.2026"},
	{"k", "12:34:56"}, {"k", "{uuid}"}, {"k", "retry in 5s (attempt 3/10)"}, {"k", "100%"}, {"k", "C:\\new\\table"},
	{"memory.address", "0x7ffee4c0a1b8"}, {"client.address", "10.0.0.5"}, {"process.command_line", "/usr/bin/java -Xmx512m -jar shop.jar"},
	{"k", "Select your favourite \"item\" from the list"}, {"session.id", "00112233-4455-6677-8899-aabbccddeeff"},
}

func TestOrdinaryValuesPassUntouched(t *testing.T) {
	e := testEngine(policy.Balanced)
	for _, c := range ordinary {
		se := e.Session()
		if out, v := se.Text(se.Key("", c[0]), c[1], 0); v != Same {
			t.Errorf("%s=%q became %q", c[0], c[1], out)
		}
		se.Release()
	}
}

// TestAPasswordThatIsKeptHidesNobody: what is kept is no reason to overlook a mail address inside it.
func TestAPasswordThatIsKeptHidesNobody(t *testing.T) {
	opt := testEngine(policy.Balanced).opt
	table := *opt.Table
	table.Set(finding.Password, policy.Rule{Action: policy.Keep})
	opt.Table = &table
	e := New(opt)
	for _, value := range []string{
		"https://ivan.petrov@mail.ru:geheim@host/x", "GET users/ivan.petrov@mail.ru:8080/orders", "ivan.petrov@mail.ru:geheim@db:5432/shop",
	} {
		if out, v := through(t, e, "note", value); v != Changed || strings.Contains(out, "ivan") {
			t.Errorf("%q became %q", value, out)
		}
	}
}
