package piiredact

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// TestTheSameBatchAgainIsRedactedAndCountedAsTheFirst: metrics bring the same labels every few seconds. Whatever is
// remembered of them, every batch is what the first was, for every action, enforced and in a dry run.
func TestTheSameBatchAgainIsRedactedAndCountedAsTheFirst(t *testing.T) {
	for _, mode := range []Mode{Enforce, DryRun} {
		for _, action := range policy.Actions {
			var before int64
			r, tel := limited(t, func(c *Config) {
				c.Mode, c.Keys, c.Detectors = mode, keyed(t).Keys, map[string]DetectorConfig{}
				for _, e := range finding.Builtins() {
					if e != finding.Statement && (action != policy.Truncate || e == finding.IP || e == finding.GPS) {
						c.Detectors[e.String()] = DetectorConfig{Action: action, Metrics: policy.Mask}
					}
				}
			})
			must(t, r.start(context.Background(), nil))
			var first []byte
			for n := range 5 {
				s := canaryBatch()
				raw := marshal(t, s)
				walkTraces(r, s)
				out := marshal(t, s)
				if n == 0 {
					first = out
				}
				if action != policy.Encrypt && !bytes.Equal(first, out) || mode == DryRun && !bytes.Equal(raw, out) {
					t.Errorf("%s, %s: batch %d is not what the first was", mode, action, n+1)
				}
				total := counted(t, tel, "pii_redact_findings", "", "")
				if each := total / int64(n+1); total-before != each || each == 0 {
					t.Errorf("%s, %s: batch %d has %d findings, %d in all", mode, action, n+1, total-before, total)
				}
				before = total
			}
			if counted(t, tel, "pii_redact_known_values", "", "") == 0 {
				t.Errorf("%s, %s: nothing was remembered", mode, action)
			}
			must(t, r.shutdown(context.Background()))
		}
	}
}

// TestAnEncryptedValueIsAnotherTextEveryTime, however often it was met, and one that was moved to another attribute is
// sealed again there.
func TestAnEncryptedValueIsAnotherTextEveryTime(t *testing.T) {
	cfg := keyed(t)
	cfg.Detectors = map[string]DetectorConfig{"phone": {Action: "encrypt", Metrics: "hash"}, "person": {Action: "encrypt", Metrics: "hash"}}
	r := started(t, cfg, "traces")
	pass := func(key, value string) string {
		s := blank()
		span(s.td).Attributes().PutStr(key, value)
		walkTraces(r, s)
		v, _ := span(s.td).Attributes().Get(key)
		return v.Str()
	}
	seen := map[string]bool{}
	for range 6 {
		out := pass("contact", "call +7 999 123-45-67 now")
		if seen[out] || !strings.HasPrefix(out, "call enc:v1:") {
			t.Errorf("again %s", out)
		}
		seen[out] = true
	}
	sealed := pass("customer.name", "Ivan Petrov")
	for range 4 {
		if out := pass("customer.name", sealed); out != sealed {
			t.Errorf("a second pass made %s of %s", out, sealed)
		}
		if out := pass("recipient.name", sealed); out == sealed || !strings.HasPrefix(out, "enc:v1:") {
			t.Errorf("what was sealed under customer.name passed under recipient.name: %s", out)
		}
	}
	moved := pass("recipient.name", "Ivan Petrov")
	for range 4 { // the other way round: first where it does not open
		pass("customer.name", moved)
		if out := pass("recipient.name", moved); out != moved {
			t.Errorf("under its own attribute it became %s", out)
		}
	}
}

// TestASealedValueIsNotRememberedForOtherAttributes: nested under the same key, it opens under one attribute only.
func TestASealedValueIsNotRememberedForOtherAttributes(t *testing.T) {
	r := started(t, keyed(t), "traces") // names are hashed here; another collector sealed this one
	sealed, err := r.keys.box.Encrypt("crm", "Ivan Petrov")
	must(t, err)
	pass := func(attribute string) string {
		s := blank()
		span(s.td).Attributes().PutEmptyMap(attribute).PutStr("customer.name", sealed)
		walkTraces(r, s)
		v, _ := span(s.td).Attributes().Get(attribute)
		out, _ := v.Map().Get("customer.name")
		return out.Str()
	}
	for range 4 {
		if out := pass("crm"); out != sealed {
			t.Errorf("under its own attribute it became %s", out)
		}
	}
	for range 4 {
		if out := pass("other"); !strings.HasPrefix(out, "anonperson_") {
			t.Errorf("under another attribute it is %s", out)
		}
	}
}
