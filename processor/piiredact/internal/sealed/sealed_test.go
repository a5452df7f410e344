package sealed

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/daead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
)

func keys(t *testing.T, template *tinkpb.KeyTemplate) []byte {
	h, err := keyset.NewHandle(template)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&out)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func box(t *testing.T) *Box {
	b := &Box{}
	if err := b.SetAEAD(keys(t, aead.AES256GCMKeyTemplate())); err != nil {
		t.Fatal(err)
	}
	if err := b.SetSIV(keys(t, daead.AESSIVKeyTemplate())); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatIsSealedOpensUnderItsKeyOnly(t *testing.T) {
	b := box(t)
	for _, v := range []string{"", "x", "ivan@example.com", strings.Repeat("я", 100)} {
		s, err := b.Encrypt("customer.phone", v)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := b.Open("customer.phone", s); !ok || got != v {
			t.Errorf("%q opened as %q, %v", v, got, ok)
		}
		if b.Ours("other.key", s) || box(t).Ours("customer.phone", s) {
			t.Error("opened under another key")
		}
	}
}

func TestEqualValuesHaveEqualTokensAndOtherCiphertexts(t *testing.T) {
	b := box(t)
	t1, _ := b.Token("email", "a@b.c")
	t2, _ := b.Token("email", "a@b.c")
	t3, _ := b.Token("phone", "a@b.c")
	if t1 != t2 || t1 == t3 {
		t.Errorf("%s %s %s", t1, t2, t3)
	}
	if got, ok := b.Open("", t1); !ok || got != "a@b.c" {
		t.Errorf("token opened as %q, %v", got, ok)
	}
	e1, _ := b.Encrypt("k", "a")
	e2, _ := b.Encrypt("k", "aaaaaaaa")
	if e1 == e2 || len(e1) != len(e2) {
		t.Error("short values of different lengths should differ in content only")
	}
}

func TestALookAlikeIsNotTrusted(t *testing.T) {
	b := box(t)
	for _, s := range []string{"enc:v1:", "enc:v1:AAAA", "tok:v1:AAAA", "enc:v1:4111111111111111", "tok:v1:%%%", "enc:v2:AAAA"} {
		if b.Ours("k", s) {
			t.Errorf("%q was trusted", s)
		}
	}
}

func TestKeysetsOfTheWrongKindAreRefusedWithoutTheirContent(t *testing.T) {
	b := &Box{}
	for _, err := range []error{b.SetAEAD(keys(t, daead.AESSIVKeyTemplate())), b.SetSIV(keys(t, aead.AES256GCMKeyTemplate())), b.SetAEAD([]byte(`{"secret": "geheim"}`))} {
		if err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%v", err)
		}
	}
	if _, err := b.Encrypt("k", "v"); err == nil {
		t.Error("encrypted without a key")
	}
}
