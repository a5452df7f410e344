package redact

import (
	"strings"
	"testing"
	"time"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// TestHostileTextsCostNoMoreThanTheirLength: a quadratic finder would need minutes for a mebibyte of its anchor.
func TestHostileTextsCostNoMoreThanTheirLength(t *testing.T) {
	e := testEngine(policy.Strict)
	for _, unit := range []string{
		"@", "a@", "a@b.", "a@b.co", ":", "::", "a:", "=", "a=", "(", "1 ", "1-", "4111 ", "4111111111111111 ", "+7", "+7 999 123 45 67 ", "-", "--a ", "{", "[", "\"", "'", "<a>",
		"eyJ", "eyJhbGciOiJIUzI1NiJ9.", "://", "a://b:", "a://b:c@", "%40", "%2540", `\u0040`, `\`, "select ", "select 'a' from ", "1.2.3.4.", "a:b:c:", "DE89", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----",
		"password=", "password: a ", "Bearer ", "я", "４", "\u200b", "\xff", "{\"a\":", "[1,", "cvv ", "паспорт ", "enc:v1:AAAA ", "anonemail_k1_", "x-amz-signature=&", "tel ", "eyJ-", "A3-", "basic=", "sk-", "ghp_", "a>", "http://a:b/", "h://a:",
	} {
		text := strings.Repeat(unit, (64<<10)/len(unit))
		se := e.Session()
		start := time.Now()
		se.Text(se.Key("", "note"), text, 0)
		se.Text(se.Key("", "db.query.text"), text, 0)
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("%q repeated took %v", unit, took)
		} else if took > 300*time.Millisecond {
			t.Logf("%q repeated took %v", unit, took)
		}
		se.Release()
	}
}
