package piiredact

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/daead"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/metadata"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/pseudonym"
)

// keyed is a configuration with all three kinds of keys.
func keyed(t testing.TB) *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.Keys = KeysConfig{
		HMAC: write(t, "hmac.json", hmacFile("k2", "k1"), 0o600),
		AEAD: tinkFile(t, aead.AES256GCMKeyTemplate()), SIV: tinkFile(t, daead.AESSIVKeyTemplate()),
	}
	return cfg
}

func started(t testing.TB, cfg *Config, signal string) *redactor {
	must(t, cfg.Validate())
	r, err := newRedactor(processortest.NewNopSettings(metadata.Type), cfg, signal)
	must(t, err)
	must(t, r.start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() { must(t, r.shutdown(context.Background())) })
	return r
}

// value passes one attribute through the traces of cfg and returns the map.
func attributesAfter(t testing.TB, cfg *Config, kvs ...string) map[string]any {
	r, s := started(t, cfg, "traces"), blank()
	for i := 0; i < len(kvs); i += 2 {
		span(s.td).Attributes().PutStr(kvs[i], kvs[i+1])
	}
	_, err := r.traces(context.Background(), s.td)
	must(t, err)
	return span(s.td).Attributes().AsRaw()
}

func TestABlindIndexStandsBesideWhatWasEncryptedAndIsTheSameForThePerson(t *testing.T) {
	cfg := keyed(t)
	cfg.Detectors = map[string]DetectorConfig{"phone": {Action: "encrypt", Metrics: "hash", BlindIndex: true}}
	got := attributesAfter(t, cfg, "customer.phone", "+7 (999) 123-45-67", "phone", "8 999 123-45-67", "note", "call +79991234567 now", "customer.phone2", "89991234567")
	ring := pseudonym.NewKeyring(parsed(t, hmacFile("k2", "k1")))
	for _, key := range []string{"customer.phone", "phone", "customer.phone2"} {
		if want := ring.Index(key, "+79991234567"); got[key+".idx"] != want || !strings.HasPrefix(want, "anonidx_k2_") {
			t.Errorf("%s.idx is %v, want %s", key, got[key+".idx"], want)
		}
	}
	if _, ok := got["note.idx"]; ok || len(got) != 7 {
		t.Errorf("a text has an index: %v", got)
	}
	if fmt.Sprint(got["customer.phone.idx"]) == fmt.Sprint(got["phone.idx"]) {
		t.Error("indexes of two attributes can be compared")
	}
	kvs := []string{}
	for k, v := range got {
		kvs = append(kvs, k, v.(string))
	}
	for k, v := range attributesAfter(t, cfg, kvs...) {
		if v != got[k] {
			t.Errorf("a second pass made %v of %s=%v", v, k, got[k])
		}
	}
}

func parsed(t testing.TB, file string) []pseudonym.Key {
	keys, err := pseudonym.Parse([]byte(file))
	must(t, err)
	return keys
}

func TestAKeyCanHaveAnActionOfItsOwn(t *testing.T) {
	cfg := keyed(t)
	cfg.Attributes.Overrides = []OverrideConfig{
		{Keys: []string{"support.*"}, Detectors: map[string]DetectorConfig{"email": {Action: "keep"}, "phone": {Action: "mask"}}},
		{Keys: []string{"crm.mail"}, Detectors: map[string]DetectorConfig{"email": {Action: "drop"}}},
	}
	got := attributesAfter(t, cfg, "support.note", "ivan@example.com, +7 999 123-45-67, 4111 1111 1111 1111", "crm.mail", "ivan@example.com", "note", "ivan@example.com")
	if got["support.note"] != "ivan@example.com, REDACTED, ****1111" {
		t.Error(got["support.note"])
	}
	if _, ok := got["crm.mail"]; ok || !strings.HasPrefix(fmt.Sprint(got["note"]), "anonemail_k2_") {
		t.Error(got)
	}
}

func TestADetectorThatIsOffHidesNothingFromTheOthers(t *testing.T) {
	off := false
	cfg := createDefaultConfig().(*Config)
	cfg.Detectors = map[string]DetectorConfig{"address": {Enabled: &off}, "person": {Enabled: &off}}
	got := attributesAfter(t, cfg, "note", `shipping.address="Moscow, Lenina 1, ivan@example.com"`, "customer.name", "Ivan, password=hunter2", "log", "recipient: Ivan Bearer mF_9.B5f-4.1JqM")
	if s := fmt.Sprint(got); strings.Contains(s, "ivan@") || strings.Contains(s, "hunter2") || strings.Contains(s, "mF_9") || !strings.Contains(s, "Lenina") {
		t.Error(s)
	}
}

func TestContextCanBeDemandedOrWaived(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Detectors = map[string]DetectorConfig{"card": {Context: Required}, "ip": {Context: Optional, Action: "mask"}}
	got := attributesAfter(t, cfg, "a", "4111111111111111", "b", "card 4111111111111111", "card.number", "4111111111111111", "d", "8.8.4.4 answered")
	if got["a"] != "4111111111111111" || got["b"] != "card ****1111" || got["card.number"] != "****1111" || got["d"] != "REDACTED answered" {
		t.Error(got)
	}
}

func TestARuleThatKeepsExemptsItsMatchOnly(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Rules = []RuleConfig{{Name: "ours", Pattern: `[a-z]+@shop\.example`, Action: "keep"}}
	got := attributesAfter(t, cfg, "note", "from help@shop.example to ivan@example.com", "to", "help@shop.example")
	if s := fmt.Sprint(got["note"]); got["to"] != "help@shop.example" || !strings.HasPrefix(s, "from help@shop.example to anonemail_") {
		t.Error(got)
	}
}

func TestProfilesDifferAsTheManPageSays(t *testing.T) {
	rows := map[string][4]string{ // balanced, strict, secrets_only, ru_152fz: how the value begins, or itself
		"email=ivan@example.com":                      {"anonemail_", "REDACTED", "ivan@", "anonemail_"},
		"card=4111111111111111":                       {"****1111", "REDACTED", "4111111111111111", "****1111"},
		"client.address=203.0.113.77":                 {"203.0.113.0", "203.0.113.0", "203.0.113.77", "203.0.113.0"},
		"note=8.8.4.4":                                {"8.8.4.4", "8.8.4.0", "8.8.4.4", "8.8.4.0"},
		"geo.lat=55.751244":                           {"55.75", "REDACTED", "55.751244", "55.75"},
		"customer.name=Ivan":                          {"anonperson_", "REDACTED", "Ivan", "anonperson_"},
		"birth_date=1990-01-31":                       {"REDACTED", "REDACTED", "1990-01-31", "REDACTED"},
		"password=hunter2":                            {"REDACTED", "REDACTED", "REDACTED", "REDACTED"},
		"db.query.text=SELECT * FROM t WHERE a = 'x'": {"SELECT * FROM t WHERE a = ?", "SELECT * FROM t WHERE a = ?", "SELECT * FROM t WHERE a = ?", "SELECT * FROM t WHERE a = ?"},
	}
	for i, p := range []policy.Profile{policy.Balanced, policy.Strict, policy.SecretsOnly, policy.RU152FZ} {
		cfg := createDefaultConfig().(*Config)
		cfg.Profile = p
		for in, want := range rows {
			k, v, _ := strings.Cut(in, "=")
			if got := fmt.Sprint(attributesAfter(t, cfg, k, v)[k]); !strings.HasPrefix(got, want[i]) {
				t.Errorf("%s: %s became %s, want %s", p, in, got, want[i])
			}
		}
	}
}

// TestASecondPassChangesNothingWhateverTheAction: every detector that can do it, every action, every profile.
func TestASecondPassChangesNothingWhateverTheAction(t *testing.T) {
	for _, p := range policy.Profiles {
		for _, action := range policy.Actions {
			cfg := keyed(t)
			cfg.Profile = p
			cfg.Detectors = map[string]DetectorConfig{}
			for _, e := range finding.Builtins() {
				if e == finding.Statement || action == policy.Truncate && e != finding.IP && e != finding.GPS {
					continue
				}
				cfg.Detectors[e.String()] = DetectorConfig{Action: action, Metrics: policy.Mask, BlindIndex: action == policy.Encrypt}
			}
			r, s := started(t, cfg, "traces"), blank()
			for _, c := range canaries {
				span(s.td).Attributes().PutStr(c.key+"_"+c.detector, c.value)
				span(s.td).Attributes().PutStr(c.key, c.value)
				span(s.td).Events().AppendEmpty().SetName(c.text)
				span(s.td).Attributes().PutEmptyMap("m."+c.detector).PutStr(c.key, c.text)
				span(s.td).Attributes().PutStr("j."+c.detector, fmt.Sprintf("{%q: [%q]}", c.key, c.value))
			}
			_, err := r.traces(context.Background(), s.td)
			must(t, err)
			once, before := marshal(t, s), span(s.td).Attributes().AsRaw()
			_, err = r.traces(context.Background(), s.td)
			must(t, err)
			if !bytes.Equal(once, marshal(t, s)) {
				t.Errorf("%s, %s: a second pass changed the batch", p, action)
				for k, v := range span(s.td).Attributes().AsRaw() {
					if fmt.Sprint(before[k]) != fmt.Sprint(v) {
						t.Logf("%s: %v became %v", k, before[k], v)
					}
				}
			}
		}
	}
}
