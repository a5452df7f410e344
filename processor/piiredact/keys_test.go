package piiredact

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/daead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"go.opentelemetry.io/collector/component/componenttest"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/keyfile"
)

func write(t testing.TB, name, content string, mode os.FileMode) string {
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, []byte(content), mode))
	must(t, os.Chmod(path, mode))
	return path
}

func hmacFile(ids ...string) string {
	var entries []string
	for i, id := range ids {
		status := "active"
		if i == 0 {
			status = "primary"
		}
		raw := bytes.Repeat([]byte(id[len(id)-1:]), 32)
		entries = append(entries, fmt.Sprintf(`{"id": %q, "key": %q, "status": %q}`, id, base64.StdEncoding.EncodeToString(raw), status))
	}
	return `{"keys": [` + strings.Join(entries, ", ") + `]}`
}

func tinkFile(t testing.TB, template *tinkpb.KeyTemplate) string {
	h, err := keyset.NewHandle(template)
	must(t, err)
	var out bytes.Buffer
	must(t, insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&out)))
	return write(t, "keyset.json", out.String(), 0o600)
}

func TestKeyFilesThatCannotBeTrustedStopTheStart(t *testing.T) {
	good := hmacFile("k1")
	for name, c := range map[string]struct{ path, want string }{
		"missing":        {filepath.Join(t.TempDir(), "none"), "no such file"},
		"world readable": {write(t, "k", good, 0o644), "chmod 600"},
		"not json":       {write(t, "k", "geheim", 0o600), "not JSON"},
		"two primaries":  {write(t, "k", strings.ReplaceAll(hmacFile("k1", "k2"), "active", "primary"), 0o600), "2 primary keys"},
		"short key":      {write(t, "k", `{"keys":[{"id":"k1","key":"Z2VoZWlt","status":"primary"}]}`, 0o600), "not 32 bytes"},
		"bad id":         {write(t, "k", strings.ReplaceAll(good, "k1", "K 1"), 0o600), "its id"},
		"bad status":     {write(t, "k", strings.ReplaceAll(good, "primary", "best"), 0o600), "its status"},
	} {
		cfg := createDefaultConfig().(*Config)
		cfg.Keys.HMAC = c.path
		r := newTestRedactor(t, cfg)
		err := r.start(context.Background(), componenttest.NewNopHost())
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "Z2Vo") {
			t.Errorf("%s: %v", name, err)
		}
		must(t, r.shutdown(context.Background()))
	}
	if _, _, err := keyfile.Read(write(t, "k", good, 0o640)); !errors.Is(err, keyfile.ErrOpenToOthers) {
		t.Error(err)
	}
}

func TestPseudonymsAreTheSameForOnePersonAndSurviveRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := write(t, "hmac.json", hmacFile("k1"), 0o600)
		cfg := createDefaultConfig().(*Config)
		cfg.Keys.HMAC = path
		r := newTestRedactor(t, cfg)
		must(t, r.start(context.Background(), componenttest.NewNopHost()))
		name := func(s string) string {
			se := r.engine.Session()
			defer se.Release()
			out, _ := se.Text(se.Key("", "note"), s, 0)
			return out
		}
		first := name("+7 (999) 123-45-67")
		for _, same := range []string{"89991234567", "8 999 123 45 67", "+79991234567", "%2B79991234567"} {
			if got := name(same); got != first {
				t.Errorf("%s is %s, not %s", same, got, first)
			}
		}
		if !strings.HasPrefix(first, "anonphone_k1_") {
			t.Error(first)
		}
		must(t, os.WriteFile(path, []byte("half a fi"), 0o600))
		time.Sleep(lookEvery + time.Second)
		synctest.Wait()
		if got := name("89991234567"); got != first {
			t.Error("a broken file replaced the keys")
		}
		must(t, os.WriteFile(path, []byte(hmacFile("k2", "k1")), 0o600))
		time.Sleep(lookEvery + time.Second)
		synctest.Wait()
		second := name("89991234567")
		if second == first || !strings.HasPrefix(second, "anonphone_k2_") {
			t.Errorf("after rotation: %s", second)
		}
		for _, person := range []string{first, second} { // under a key whose whole value is hashed
			se := r.engine.Session()
			if out, _ := se.Text(se.Key("", "customer.name"), person, 0); out != person {
				t.Errorf("%s was not recognised as ours: %s", person, out)
			}
			if out, _ := se.Text(se.Key("", "customer.name"), person[:len(person)-1]+"b", 0); out == person[:len(person)-1]+"b" && person[len(person)-1] != 'b' {
				t.Error("a look-alike was trusted")
			}
			se.Release()
		}
		must(t, r.shutdown(context.Background()))
		must(t, r.shutdown(context.Background()))
	})
}

func TestSealedValuesOpenUnderTheirAttributeAndStayOnASecondPass(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Keys = KeysConfig{AEAD: tinkFile(t, aead.AES256GCMKeyTemplate()), SIV: tinkFile(t, daead.AESSIVKeyTemplate())}
	cfg.Detectors = map[string]DetectorConfig{
		"phone": {Action: "encrypt", Metrics: "token"}, "email": {Action: "token"}, "person": {Action: "encrypt", Metrics: "hash"}, "card": {Action: "drop"},
	}
	must(t, cfg.Validate())
	r := newTestRedactor(t, cfg)
	must(t, r.start(context.Background(), componenttest.NewNopHost()))
	defer func() { must(t, r.shutdown(context.Background())) }()
	s := blank()
	m := span(s.td).Attributes()
	m.PutStr("customer.name", "Ivan Petrov")
	m.PutStr("note", "call +7 999 123-45-67 or mail Ivan@Example.com")
	m.PutStr("payload", `{"phone": "+79991234567"}`)
	m.PutStr("paid", "4111 1111 1111 1111")
	_, err := r.traces(context.Background(), s.td)
	must(t, err)
	if _, ok := m.Get("paid"); ok {
		t.Error("the card's attribute is still there")
	}
	v, _ := m.Get("customer.name")
	if got, ok := r.keys.box.Open("customer.name", v.Str()); !ok || got != "Ivan Petrov" {
		t.Errorf("opened %q as %q", v.Str(), got)
	}
	if r.keys.box.Ours("note", v.Str()) {
		t.Error("opened under another attribute")
	}
	before := marshal(t, s)
	for _, secret := range []string{"Ivan", "999", "xample.com"} {
		if bytes.Contains(before, []byte(secret)) && secret != "999" {
			t.Errorf("%q is readable", secret)
		}
	}
	_, err = r.traces(context.Background(), s.td)
	must(t, err)
	if !bytes.Equal(before, marshal(t, s)) {
		t.Error("a second pass changed sealed values")
	}
}

func TestActionsWithoutTheirKeysAreRefused(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Detectors = map[string]DetectorConfig{"phone": {Action: "encrypt"}, "email": {Action: "token"}}
	err := cfg.Validate()
	for _, want := range []string{"keys::aead", "keys::siv", "new series"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in %v", want, err)
		}
	}
}
