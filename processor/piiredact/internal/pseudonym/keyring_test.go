package pseudonym

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

// TestAPseudonymIsWhatItsDefinitionSays: written down once more with the standard library alone, since pseudonyms of
// years ago must still be those of today.
func TestAPseudonymIsWhatItsDefinitionSays(t *testing.T) {
	keys := Random()
	ring := NewKeyring(keys)
	sum := func(parts ...string) (out string) {
		h := hmac.New(sha256.New, keys[0].raw)
		h.Write([]byte(strings.Join(parts, "\x00") + "\x00"))
		for _, b := range h.Sum(nil) {
			out += string(letters[b>>4]) + string(letters[b&15])
		}
		return out
	}
	want := func(head string, parts ...string) string {
		head += sum(parts...)[:24]
		return head + sum("tag", head)[:8]
	}
	for _, v := range []string{"", "a", "ivan@example.com", strings.Repeat("long ", 1000), "\x00\xff"} {
		if got, w := ring.Name("email", v), want("anonemail_tmp_", "name", "email", v); got != w || !ring.Ours(got) {
			t.Errorf("%.20q is %s, not %s", v, got, w)
		}
		if got, w := ring.Index("customer.mail", v), want("anonidx_tmp_", "index", "customer.mail", v); got != w || !ring.Ours(got) {
			t.Errorf("%.20q is indexed as %s, not %s", v, got, w)
		}
	}
	if ring.Ours(want("anonemail_tmp_", "x")[:44]) || NewKeyring(Random()).Ours(ring.Name("email", "a")) {
		t.Error("a look-alike is ours")
	}
}

func TestAPersonHasOneCanonicalPhone(t *testing.T) {
	for in, want := range map[string]string{
		"+7 (999) 123-45-67": "+79991234567", "8 999 123-45-67": "+79991234567", "9991234567": "+79991234567", "+49 (0) 30 123456": "+4930123456",
		"(999) 123-4567": "+19991234567", "495 123-45-67": "+74951234567", "495-123-4567": "+14951234567", "202-555-0143": "+12025550143",
		"007 999 123-45-67": "+79991234567", "112": "+112", "": "+", "00": "+00", strings.Repeat("12", 40): "+" + strings.Repeat("12", 40),
		"0012025550143": "+12025550143", "1234567890": "+1234567890",
	} {
		if got := Canonical(finding.Phone, in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	if got := Canonical(finding.Card, "4111 1111-1111 1111"); got != "4111111111111111" {
		t.Error(got)
	}
}
