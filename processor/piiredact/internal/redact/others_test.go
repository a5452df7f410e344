package redact

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

func (m maker) from(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[m.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	lowers = "abcdefghijklmnopqrstuvwxyz"
	uppers = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	tens   = "0123456789"
	alnums = lowers + uppers + tens
)

// named puts a value behind a name, as programs write pairs.
func (m maker) named(name, v string) string {
	if strings.Contains(name, " ") { // nobody calls an element or a parameter so
		return fmt.Sprintf(m.pick("%s: %s", `{"%s": "%s", "n": 1}`, `{\"%s\":\"%s\"}`, "Заказ 5, %s: %s"), name, v)
	}
	return fmt.Sprintf(m.pick("%s=%s", "%s: %s", `%s="%s"`, `{"%s": "%s", "n": 1}`, "level=info %s=%s took=3ms", "req failed; %s: %s", "<%[1]s>%[2]s</%[1]s>", `{\"%s\":\"%s\"}`, "{%s='%s'}", "%s => %s", "?a=1&%s=%s&b=2"), name, v)
}

// drawn is a case: the key, the value, and what of it must be gone.
type drawn func() (key, value, secret string)

// others are the entities that are no numbers, each drawn under a key, or in a text that says what it is.
func (m maker) others() map[finding.Entity]drawn {
	byKey := func(keys []string, names []string, draw func() string) drawn {
		return func() (string, string, string) {
			v := draw()
			if m.IntN(2) == 0 {
				return m.pick(keys...), v, v
			}
			return "note", m.named(m.pick(names...), v), v
		}
	}
	name := func() string {
		return m.pick("Ivan", "Olga", "Иван", "Ольга", "John", "Anna-Maria", "Пётр") + m.pick(" Petrov", " Иванова", " Smith", " O'Neil", " Müller")
	}
	return map[finding.Entity]drawn{
		finding.IP: m.ip, finding.MAC: m.mac, finding.GPS: m.gps, finding.JWT: m.jwt, finding.Authorization: m.authorization, finding.Password: m.dsn,
		finding.URLSecret: m.urlSecret, finding.PrivateKey: m.pem, finding.APIKey: m.apiKey, finding.Cookie: m.cookie,
		finding.BirthDate: byKey([]string{"birth_date", "birthDate", "date_of_birth", "dob", "user.birthday", "customer.birthdate", "дата_рождения"}, []string{"birth_date", "dob", "birthDate", "dateOfBirth", "дата рождения"},
			func() string {
				return m.pick("19"+m.pick("5", "7", "9")+m.digits(1)+"-0"+m.pick("1", "9")+"-1"+m.digits(1), "1"+m.digits(1)+".0"+m.pick("2", "7")+".19"+m.pick("6", "8")+m.digits(1))
			}),
		finding.Person: byKey([]string{"customer.name", "customer_name", "customerFullName", "user.full_name", "recipient.name", "fio", "cardholder", "shipping.first_name", "contact-name", "lastName"}, []string{"customer.name", "fullName", "last_name", "ФИО", "recipientName", "first_name"}, name),
		finding.Address: byKey([]string{"shipping.address", "delivery_address", "billingAddress", "customer.address", "street", "home_address", "адрес"}, []string{"shipping_address", "deliveryAddress", "billing.address", "адрес доставки"},
			func() string {
				return m.pick("Москва", "Казань", "London", "Berlin") + " " + m.pick("Lenina", "Ленина", "Main Street", "Hauptstr") + " " + m.pick("1", "2") + m.digits(1)
			}),
		finding.Secret: byKey([]string{"password", "db.password", "clientSecret", "user.pin_code", "x-api-key", "refresh_token", "SPRING_DATASOURCE_PASSWORD", "app.encryption-key", "otp"},
			[]string{"password", "passwd", "client_secret", "api_key", "accessToken", "пароль", "secretKey", "db_password"}, func() string { return "x" + m.from(alnums+"!#%*+-.:@^_~", 8+m.IntN(20)) + "z" }),
	}
}

func (m maker) ip() (string, string, string) {
	b := func() string { return fmt.Sprint(1 + m.IntN(250)) }
	v := m.pick("5", "77", "95", "178", "203") + "." + b() + "." + b() + "." + b()
	if m.IntN(4) == 0 {
		v = "2a02:6b8:" + m.pick("1", "2") + m.hex(3) + "::" + m.pick("a", "b") + m.hex(2) + ":" + m.pick("c", "d") + m.hex(3)
		return m.pick("client.address", "client_ip", "http.request.header.x-forwarded-for"), v, v
	}
	key := m.pick("client.address", "http.client_ip", "clientIp", "user.ip", "remote_addr", "http.request.header.x-real-ip", "note")
	if key == "note" {
		return key, m.pick("client "+v+" came", "Failed login from "+v+" port 22", v+` - - [10/Oct/2000:13:55:36] "GET /"`, "X-Forwarded-For: "+v+", 10.0.0.1", `{"clientIp":"`+v+`"}`, "remote="+v+":5123"), v
	}
	return key, v + m.pick("", "", ":443"), v
}

func (m maker) mac() (string, string, string) {
	h := func() string { return m.pick("a", "c", "f") + m.hex(1) }
	sep := m.pick(":", "-")
	v := strings.Join([]string{h(), m.hex(2), h(), m.hex(2), h(), m.hex(2)}, sep)
	if m.IntN(4) == 0 {
		v = "3c" + m.hex(2) + "." + m.hex(4) + "." + "fb" + m.hex(2)
	}
	if m.IntN(6) == 0 {
		v = m.digits(3) + "c." + m.hex(4) + "." + m.hex(4)
	}
	if m.IntN(2) == 0 {
		v = strings.ToUpper(v)
	}
	return m.pick("note", "host.mac", "device"), m.pick("%", "device % joined", `{"mac":"%"}`, "mac=%", "[%]")[:0] + strings.ReplaceAll(m.pick("%", "device % joined", `{"mac":"%"}`, "mac=%", "[%]"), "%", v), v
}

func (m maker) gps() (string, string, string) {
	lat, lon := m.pick("5", "4")+m.digits(1)+"."+m.digits(5)+"7", m.pick("3", "1")+m.digits(1)+"."+m.digits(5)+"3"
	switch m.IntN(5) {
	case 0:
		return m.pick("geo.lat", "latitude", "geo.location.lon", "coords.lng"), lat, lat
	case 1:
		return m.pick("coordinates", "gps", "location"), lat + m.pick(", ", ",") + lon, lon
	case 2:
		return "note", fmt.Sprintf(`{"lat":%s,"lon":%s}`, lat, lon), lon
	case 3:
		return "url.full", "https://x/near?lat=" + lat + "&lng=" + lon, lat
	}
	return "note", "moved to lat=" + lat + " lon=" + lon, lon
}

func (m maker) jwt() (string, string, string) {
	enc := base64.RawURLEncoding.EncodeToString
	v := enc([]byte(`{"alg":"`+m.pick("HS256", "RS256", "ES256")+`","typ":"JWT"}`)) + "." + enc([]byte(`{"sub":"`+m.digits(8)+`","iat":17`+m.digits(8)+`}`)) + "." + m.from(alnums+"-_", 43)
	return "note", strings.ReplaceAll(m.pick("%", "token %", "got % from", `{"t":"%"}`, "/reset/%", "a=%;b", "jwt:%"), "%", v), v[20:60]
}

func (m maker) authorization() (string, string, string) {
	tok := m.from(alnums, 24+m.IntN(20))
	basic := base64.StdEncoding.EncodeToString([]byte(m.pick("ivan", "shop", "admin") + ":" + m.from(alnums, 12)))
	switch m.IntN(4) {
	case 0:
		return m.pick("http.request.header.authorization", "authorization", "rpc.request.metadata.authorization"), m.pick("Bearer ", "Token ", "") + tok, tok
	case 1:
		return "note", m.pick("Authorization: Basic ", "Basic ", "proxy-authorization: basic ") + basic, basic
	case 2:
		return "note", `{"headers":{"Authorization":["Bearer ` + tok + `"]}}`, tok
	}
	return "note", m.pick("Authorization: Bearer ", "-H 'Authorization: Bearer ", "authorization=Bearer ", "got Bearer ") + tok, tok
}

func (m maker) dsn() (string, string, string) {
	p := "p" + m.from(alnums, 9+m.IntN(8))
	text := strings.ReplaceAll(m.pick("postgres://shop:%@db:5432/shop", "mysql://root:%@db/shop", "amqp://guest:%@rabbit:5672/", "amqps://u:%@r/vh?x=1", "redis://:%@redis:6379/0", "mongodb+srv://shop:%@c0.mongodb.net/x",
		"jdbc:postgresql://db/shop?user=shop&password=%", "jdbc:sqlserver://db:1433;user=sa;password=%;encrypt=true", "Server=db;User Id=sa;Password=%;", "host=db user=shop password=% dbname=shop", "root:%@tcp(db:3306)/shop",
		"https://ivan:%@git.example.com/x.git", "ftp://ivan:%@ftp.example.com/", "AccountName=x;AccountKey=%==;EndpointSuffix=y", "jdbc:oracle:thin:shop/%@//db:1521/ORCL", "PGPASSWORD=% psql -h db", "mysql -uroot -p% shop", "curl -u ivan:% https://x"), "%", p)
	return m.pick("note", "note", "db.connection_string"), m.pick("", "connect to ", "dsn=") + text, p
}

func (m maker) urlSecret() (string, string, string) {
	v := m.from(alnums, 16+m.IntN(24))
	name := m.pick("sig", "X-Amz-Signature", "X-Amz-Security-Token", "X-Goog-Signature", "Signature", "access_token", "token", "api_key", "apikey", "key", "code", "auth", "password", "client_secret", "id_token", "refresh_token", "session")
	url := m.pick("https://x.io/a?b=1&", "https://x.io/cb?", "/path/x?page=2&") + name + "=" + v + m.pick("", "&state=1", "&z=2#top")
	return m.pick("url.full", "http.url", "note"), m.pick("", "GET ") + url, v
}

func (m maker) pem() (string, string, string) {
	kind := m.pick("", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ")
	body := m.from(alnums+"+/", 64)
	nl := m.pick("\n", `\n`, " ")
	return "note", m.pick("", "key: ", `{"private_key":"`)[:0] + "-----BEGIN " + kind + "PRIVATE KEY-----" + nl + body + nl + m.pick("-----END "+kind+"PRIVATE KEY-----"+nl, ""), body
}

func (m maker) apiKey() (string, string, string) {
	a := func(n int) string { return m.from(alnums, n) }
	up := func(n int) string { return m.from(uppers+"234567", n) }
	v := m.pick(m.pick("AKIA", "ASIA")+up(16), "ghp_"+a(36), "gho_"+a(36), "github_pat_"+a(22)+"_"+a(59), "glpat-"+a(20), "xoxb-"+m.digits(12)+"-"+m.digits(12)+"-"+a(24), "sk_live_"+a(24), "rk_test_"+a(24), "whsec_"+a(32),
		"AIza"+a(35), "npm_"+a(36), "pypi-AgEIcHlwaS5vcmc"+a(60), "SG."+a(22)+"."+a(43), "SK"+m.hex(32), m.digits(9)+":AA"+a(33), "sk-proj-"+a(48), "sk-ant-api03-"+a(93), "dop_v1_"+m.hex(64), "hf_"+a(34), "hvs."+a(24),
		"shpat_"+m.hex(32), "dckr_pat_"+a(27), "AQVN"+a(36), "YCAJE"+a(20), "vk1.a."+a(80), "glsa_"+a(32)+"_"+m.hex(8), "ya29."+a(60), "GOCSPX-"+a(28), m.hex(32)+"-us"+m.digits(1), "LTAI"+a(20),
		"xsmtpsib-"+m.hex(64)+"-"+a(16), "CLOJARS_"+m.hex(60), "CFPAT-"+a(43), "EAAM"+a(120), "pat."+a(22)+"."+m.hex(24)+"."+a(20), "pat"+a(14)+"."+m.hex(64), "AKCp"+a(69), "cmVmd"+a(59),
		"API-"+strings.ToUpper(m.hex(26)), "pnu_"+a(36), "rzp_live_"+a(14), "rdme_"+m.hex(70), "sgp_"+m.hex(40), "sha256~"+a(43), "glrtr-"+a(20), "discord.com/api/webhooks/"+m.digits(18)+"/"+a(68))
	return "note", strings.ReplaceAll(m.pick("%", "key %", "use % now", `{"k":"%"}`, "export X=%", "(%)", "a,%,b"), "%", v), v[len(v)-12:]
}

func (m maker) cookie() (string, string, string) {
	v := m.from(alnums, 20+m.IntN(20))
	switch m.IntN(4) {
	case 0:
		return m.pick("http.request.header.cookie", "cookie", "http.response.header.set-cookie"), "sid=" + v + "; Path=/", v
	case 1:
		return "note", m.pick("Cookie: a=b; sid=", "Set-Cookie: sid=", "cookie: session=") + v + "; HttpOnly", v
	case 2:
		return "note", `{"headers":{"Cookie":"sid=` + v + `"}}`, v
	}
	return "note", m.pick("JSESSIONID=", "PHPSESSID=", "ASP.NET_SessionId=", "connect.sid=", "laravel_session=") + v, v
}
