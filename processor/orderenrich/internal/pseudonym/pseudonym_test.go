package pseudonym

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var good = base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

func write(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hmac.json")
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPseudonymIsStableAndKeptApart(t *testing.T) {
	path := write(t, `{"keys":[{"id":"k0","key":"`+good+`","status":"active"},{"id":"k1","key":"`+good+`","status":"primary"}]}`, 0o600)
	a, err := Load(path, "enduser.pseudo.id")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Load(path, "customer.id")
	if err != nil {
		t.Fatal(err)
	}
	// The value is pinned: a change would cut every user's history in two.
	if got := a.Make("alice@example.com"); got != "ea07fd17f3e335bc269d88ac8c0ec119" {
		t.Errorf("pseudonym %q", got)
	}
	if a.Make("x") == b.Make("x") {
		t.Error("two identifiers share pseudonyms")
	}
	if a.KeyID() != "k1" {
		t.Errorf("key %q", a.KeyID())
	}
	r := Random("enduser.pseudo.id")
	if r.Make("x") != Random("enduser.pseudo.id").Make("x") {
		t.Error("two instances of one process disagree")
	}
	if r.Make("x") == a.Make("x") || r.Make("x") == Random("customer.id").Make("x") {
		t.Error("the random key is not random, or two identifiers share pseudonyms")
	}
}

func TestBadKeyFilesAreRefusedWithoutShowingTheKey(t *testing.T) {
	secret := "c2VjcmV0" // "secret"
	tests := []struct {
		name, content string
		mode          os.FileMode
		want          string
	}{
		{"readable by others", `{"keys":[{"id":"k1","key":"` + good + `","status":"primary"}]}`, 0o644, "chmod 600"},
		{"no JSON", secret, 0o600, "not JSON"},
		{"short", `{"keys":[{"id":"k1","key":"` + secret + `","status":"primary"}]}`, 0o600, "at least 32"},
		{"no base64", `{"keys":[{"id":"k1","key":"!` + secret + `","status":"primary"}]}`, 0o600, "not base64"},
		{"no primary", `{"keys":[{"id":"k1","key":"` + good + `","status":"retired"}]}`, 0o600, "primary"},
		{"two primaries", `{"keys":[{"key":"` + good + `","status":"primary"},{"key":"` + good + `","status":"primary"}]}`, 0o600, "two keys"},
		{"a Tink keyset", `{"primaryKeyId":7,"key":[{"keyId":7,"status":"ENABLED"}]}`, 0o600, "ordertrace keys new hmac"},
		{"empty", `{}`, 0o600, "primary"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(write(t, tt.content, tt.mode), "d")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), good) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none"), "d"); err == nil {
		t.Error("a missing file was accepted")
	}
	if _, err := Load(t.TempDir(), "d"); err == nil {
		t.Error("a folder was accepted")
	}
}
