package piiredact

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/metadata"
)

// limited is a redactor whose metrics can be read.
func limited(t *testing.T, change func(*Config)) (*redactor, *componenttest.Telemetry) {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	change(cfg)
	must(t, cfg.Validate())
	tel := componenttest.NewTelemetry()
	t.Cleanup(func() { must(t, tel.Shutdown(context.Background())) })
	set := processortest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = tel.NewTelemetrySettings()
	r, err := newRedactor(set, cfg, "traces")
	must(t, err)
	return r, tel
}

// counted is the sum of a counter's points with that attribute, or of all.
func counted(t *testing.T, tel *componenttest.Telemetry, name, key, value string) (n int64) {
	t.Helper()
	m, err := tel.GetMetric("otelcol_" + name)
	if err != nil {
		return 0
	}
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		if v, ok := p.Attributes.Value(attribute.Key(key)); key == "" || ok && v.AsString() == value {
			n += p.Value
		}
	}
	return n
}

func TestWhatIsOverABudgetIsMaskedAsAWholeAndCounted(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 100) + `"ivan@example.com"` + strings.Repeat("}", 100)
	for reason, c := range map[string]struct {
		change func(*Config)
		value  func(pcommon.Map)
	}{
		"bytes": {func(*Config) {}, func(m pcommon.Map) { m.PutStr("note", strings.Repeat("ivan@example.com ", 1<<17)) }},
		"depth": {func(*Config) {}, func(m pcommon.Map) { m.PutStr("note", deep) }},
		"findings": {func(c *Config) { c.Limits.MaxFindings = 3 }, func(m pcommon.Map) {
			m.PutStr("note", "a@example.com, b@example.com, c@example.com, ivan@example.com")
		}},
		"time": {func(c *Config) { c.Limits.MaxValueTime = time.Millisecond }, func(m pcommon.Map) {
			m.PutStr("note", "ivan@example.com"+strings.Repeat(" 4111 1111 1111 1112", 1<<15))
		}},
	} {
		r, tel := limited(t, c.change)
		s := blank()
		m := span(s.td).Attributes()
		c.value(m)
		walkTraces(r, s)
		want := "REDACTED"
		if reason == "depth" { // where JSON was, JSON is
			want = `"REDACTED"`
		}
		if v, _ := m.Get("note"); v.Str() != want {
			t.Errorf("%s: %.80q is left", reason, v.Str())
		}
		if n := counted(t, tel, "pii_redact_budget_exceeded", "reason", reason); n != 1 {
			t.Errorf("%s: counted %d times", reason, n)
		}
	}
}

func TestALongDocumentIsMaskedAsAWholeWhenItsTimeIsUp(t *testing.T) {
	r, tel := limited(t, func(c *Config) { c.Limits.MaxValueTime = time.Millisecond })
	s := blank()
	m := span(s.td).Attributes()
	m.PutStr("note", "["+strings.Repeat(`"ivan@example.com 4111 1111 1111 1112",`, 1<<14)+`"x"]`)
	walkTraces(r, s)
	if v, _ := m.Get("note"); v.Str() != `"REDACTED"` || counted(t, tel, "pii_redact_budget_exceeded", "reason", "time") != 1 {
		t.Errorf("%.80q is left", v.Str())
	}
}

// TestHostilePatternsAreStoppedByTheClock: a pattern that costs thousands of steps a byte is cut off within a window.
func TestHostilePatternsAreStoppedByTheClock(t *testing.T) {
	r, tel := limited(t, func(c *Config) {
		c.Limits.MaxValueTime = 20 * time.Millisecond
		for i := range 20 {
			c.Rules = append(c.Rules, RuleConfig{Name: "r" + strconv.Itoa(i), Pattern: "(?:a?){300}a{300}b"})
		}
	})
	took := func(length int) time.Duration {
		s := blank()
		m := span(s.td).Attributes()
		m.PutStr("note", strings.Repeat("a", length))
		start := time.Now()
		walkTraces(r, s)
		d := time.Since(start)
		if v, _ := m.Get("note"); v.Str() != "REDACTED" {
			t.Errorf("%.80q is left", v.Str())
		}
		return d
	}
	// The clock is looked at every 32 KiB: all that follows those costs nothing.
	short := took(32 << 10)
	if long := took(1 << 20); long > 10*short {
		t.Errorf("1 MiB took %v, 32 KiB %v", long, short)
	}
	if n := counted(t, tel, "pii_redact_budget_exceeded", "reason", "time"); n != 2 {
		t.Errorf("%d are counted", n)
	}
}

func TestAMillionKeysAreReadInBoundedMemory(t *testing.T) {
	r, tel := limited(t, func(*Config) {})
	must(t, r.start(context.Background(), nil))
	defer func() { must(t, r.shutdown(context.Background())) }()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := range 1000 {
		s := blank()
		m := span(s.td).Attributes()
		m.EnsureCapacity(1000)
		for i := range 1000 {
			m.PutStr("key."+strconv.Itoa(n*1000+i)+".x", "ivan@example.com")
		}
		walkTraces(r, s)
		m.Range(func(k string, v pcommon.Value) bool {
			if strings.Contains(v.Str(), "ivan") {
				t.Fatalf("%s is left", k)
			}
			return true
		})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 { //nolint:gosec // below 2^63
		t.Errorf("%d MiB are kept", grown>>20)
	}
	if counted(t, tel, "pii_redact_key_cache_full", "", "") == 0 {
		t.Error("that the keys were not all remembered was not counted")
	}
}

// TestInvalidTextIsReadToo: secrets between bytes that are no UTF-8 are found, and what was edited is valid.
func TestInvalidTextIsReadToo(t *testing.T) {
	r, _ := limited(t, func(*Config) {})
	for _, text := range []string{"\xff ivan@example.com \xfe", "\xc3 card 4111111111111111\x80", "\xed\xa0\x80 password=hunter2 \xf8"} {
		s := blank()
		m := span(s.td).Attributes()
		m.PutStr("note", text)
		m.PutEmptyBytes("blob").FromRaw([]byte(text))
		walkTraces(r, s)
		v, _ := m.Get("note")
		b, _ := m.Get("blob")
		for _, out := range []string{v.Str(), string(b.Bytes().AsRaw())} {
			if strings.Contains(out, "ivan") || strings.Contains(out, "41111111") || strings.Contains(out, "hunter2") || !utf8.ValidString(out) {
				t.Errorf("%q became %q", text, out)
			}
		}
	}
}

// TestTimeGrowsWithTheLengthOnly: eight times the text takes eight times the CPU time; a quadratic finder takes 64 times.
// Neighbours on the machine make that vague.
func TestTimeGrowsWithTheLengthOnly(t *testing.T) {
	r, _ := limited(t, func(c *Config) { c.Limits.MaxValueTime, c.Limits.MaxFindings = time.Minute, 1<<20 })
	se := r.engine.Session()
	d := se.Key("", "note")
	for _, unit := range []string{"a@b.co ", "4111 1111 1111 1111 ", "password=x ", "+7 999 123 45 67 ", "eyJhbGciOiJIUzI1NiJ9.", "http://a:b@c/ ", "тел 89991234567 ", "%40", "a: ", "'", `{"a":"b"},`} {
		took := func(size int) time.Duration {
			text, best := strings.Repeat(unit, size/len(unit)), time.Hour
			for range 3 {
				start := cpu()
				se.Text(d, text, 0)
				best = min(best, cpu()-start)
			}
			return best
		}
		short, long := took(128<<10), took(1<<20)
		if long > 28*short+30*time.Millisecond {
			t.Errorf("%q: 128 KiB take %v, 1 MiB %v", unit, short, long)
		}
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
