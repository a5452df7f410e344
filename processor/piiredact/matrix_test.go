package piiredact

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/metadata"
)

// newPipeline runs batches through the three processors, in place.
func newPipeline(t testing.TB, cfg component.Config) func(signals) {
	f, ctx := NewFactory(), context.Background()
	set := processortest.NewNopSettings(metadata.Type)
	tp, err := f.CreateTraces(ctx, set, cfg, consumertest.NewNop())
	must(t, err)
	lp, err := f.CreateLogs(ctx, set, cfg, consumertest.NewNop())
	must(t, err)
	mp, err := f.CreateMetrics(ctx, set, cfg, consumertest.NewNop())
	must(t, err)
	for _, c := range []component.Component{tp, lp, mp} {
		must(t, c.Start(ctx, componenttest.NewNopHost()))
		t.Cleanup(func() { must(t, c.Shutdown(ctx)) })
	}
	return func(s signals) {
		must(t, tp.ConsumeTraces(ctx, s.td))
		must(t, lp.ConsumeLogs(ctx, s.ld))
		must(t, mp.ConsumeMetrics(ctx, s.md))
	}
}

func must(t testing.TB, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func marshal(t testing.TB, s signals) []byte {
	a, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(s.td)
	must(t, err)
	b, err := (&plog.ProtoMarshaler{}).MarshalLogs(s.ld)
	must(t, err)
	c, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(s.md)
	must(t, err)
	return bytes.Join([][]byte{a, b, c}, nil)
}

// left says whether the canary is still there, as it was written or in one of the forms.
func left(out []byte, c canary) bool {
	for _, secret := range []string{c.secret, percent(c.secret), wide(c.secret)} {
		if bytes.Contains(out, []byte(secret)) {
			return true
		}
	}
	return false
}

func TestNoCanarySurvivesInAnyFieldOfAnySignal(t *testing.T) {
	run := newPipeline(t, createDefaultConfig())
	t.Logf("canaries planted and gone, by the forms in which they stood: %d detectors × %d fields", len(canaries), len(fields))
	var head strings.Builder
	for _, c := range canaries {
		fmt.Fprintf(&head, " %.5s", c.detector+"     ")
	}
	t.Logf("%-9s%-26s%s", "signal", "field", head.String())
	planted := 0
	for _, f := range fields {
		var row strings.Builder
		for _, c := range canaries {
			n := plant(t, run, f, c)
			if planted += n; n == 0 {
				t.Errorf("%s, %s, %s: not tried", f.signal, f.name, c.detector)
			}
			fmt.Fprintf(&row, " %5d", n)
		}
		t.Logf("%-9s%-26s%s", f.signal, f.name, row.String())
	}
	t.Logf("%d canaries", planted)
}

// plant puts the canary into the field in every form it can have there, and returns how many.
func plant(t *testing.T, run func(signals), f field, c canary) (n int) {
	check := func(form string, s signals) {
		n++
		run(s)
		out := marshal(t, s)
		if left(out, c) {
			t.Errorf("%s, %s, %s: %s survived", f.signal, f.name, form, c.detector)
		}
		if run(s); !bytes.Equal(out, marshal(t, s)) {
			t.Errorf("%s, %s, %s: %s changed on a second pass", f.signal, f.name, form, c.detector)
		}
	}
	if f.of == nil {
		for _, text := range texts {
			if v := text.of(c); v != "" {
				s := blank()
				f.set(s, v)
				check(text.name, s)
			}
		}
		return n
	}
	for _, form := range forms {
		if s := blank(); form.put(f.of(s), c) {
			check(form.name, s)
		}
	}
	return n
}

func TestNumbersThatAreCardsAndPhonesAreGone(t *testing.T) {
	run := newPipeline(t, createDefaultConfig())
	s := blank()
	m := span(s.td).Attributes()
	m.PutInt("a", 4111111111111111)
	m.PutDouble("b", 4111111111111111)
	m.PutInt("c", 79991234567)
	m.PutInt("pin", 1234)
	m.PutInt("http.response.status_code", 200)
	m.PutInt("order.total", 129999)
	m.PutInt("start_ns", 1763871533123456789)
	run(s)
	for _, k := range []string{"a", "b", "c", "pin"} {
		if v, _ := m.Get(k); v.Type() != pcommon.ValueTypeStr {
			t.Errorf("%s is still a number", k)
		}
	}
	for _, k := range []string{"http.response.status_code", "order.total", "start_ns"} {
		if v, _ := m.Get(k); v.Type() != pcommon.ValueTypeInt {
			t.Errorf("%s was redacted", k)
		}
	}
}

func TestBytesThatAreSharedAreNotEditedInPlace(t *testing.T) {
	run := newPipeline(t, createDefaultConfig())
	s, other := blank(), pcommon.NewValueEmpty()
	v := span(s.td).Attributes().PutEmpty("b")
	v.SetEmptyBytes().FromRaw([]byte("mail ivan@example.com"))
	v.CopyTo(other)
	run(s)
	if got := string(other.Bytes().AsRaw()); got != "mail ivan@example.com" {
		t.Errorf("the copy became %q", got)
	}
	if got := string(v.Bytes().AsRaw()); strings.Contains(got, "ivan") {
		t.Error("the value kept the mail address")
	}
}

func TestKeysOfTwoPeopleStayTwo(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Detectors = map[string]DetectorConfig{"email": {Action: "mask"}}
	run := newPipeline(t, cfg)
	s := blank()
	m := span(s.td).Attributes()
	m.PutStr("ivan@example.com", "1")
	m.PutStr("olga@example.com", "2")
	m.PutStr("plain", "3")
	run(s)
	if got := fmt.Sprint(m.AsRaw()); got != "map[REDACTED:1 REDACTED_2:2 plain:3]" {
		t.Error(got)
	}
}

func TestDryRunCountsAndChangesNothing(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Mode = DryRun
	run := newPipeline(t, cfg)
	s := blank()
	for i, f := range fields {
		c := canaries[i%len(canaries)]
		if f.of == nil {
			f.set(s, c.text)
			continue
		}
		for k, form := range forms {
			form.put(f.of(s).PutEmptyMap(fmt.Sprint("m", k)), c)
		}
	}
	before := marshal(t, s)
	run(s)
	if !bytes.Equal(before, marshal(t, s)) {
		t.Error("a dry run changed the batch")
	}
}

func TestDeepNestingIsMaskedNotFollowed(t *testing.T) {
	run := newPipeline(t, createDefaultConfig())
	s := blank()
	m := span(s.td).Attributes()
	for range 100 {
		m = m.PutEmptyMap("m")
	}
	m.PutStr("k", "ivan@example.com")
	span(s.td).Attributes().PutStr("json", strings.Repeat("[", 100)+`"ivan@example.com"`+strings.Repeat("]", 100))
	span(s.td).Attributes().PutStr("long", strings.Repeat("x", 2<<20)+" ivan@example.com")
	run(s)
	if bytes.Contains(marshal(t, s), []byte("ivan")) {
		t.Error("what is too deep or too long was let through")
	}
}

// contextual canaries are what they are by a word near them: a fuzzed neighbour may push it away, or say that it is goods.
var contextual = map[string]bool{"ru_passport": true, "inn": true, "ogrn": true, "ip": true, "snils": true, "bank_account": true, "iban": true, "phone": true, "card": true}

func FuzzNoCanarySurvives(f *testing.F) {
	for i := range canaries {
		f.Add(uint(i), uint(i), uint(0), "before ", " after")
	}
	run := newPipeline(f, createDefaultConfig())
	f.Fuzz(func(t *testing.T, which, where, how uint, before, after string) {
		c, at := canaries[which%uint(len(canaries))], fields[where%uint(len(fields))]
		s := blank()
		planted := true
		switch {
		case at.of != nil && how%3 == 0: // the canary in one of its forms, among other attributes
			planted = forms[(how/3)%uint(len(forms))].put(at.of(s), c)
			neighbour := at.of
			if !strings.Contains(at.name, "body") {
				neighbour(s).PutStr("k"+before, after)
			}
		case !utf8.ValidString(before + after):
			return
		default: // the text between others
			v := before + "\n" + c.text + "\n" + after
			if contextual[c.detector] {
				v = c.text
			}
			if at.of != nil {
				at.of(s).PutStr("note", v)
			} else {
				at.set(s, v)
			}
		}
		if !planted || left([]byte(before+after), c) {
			return
		}
		run(s)
		out := marshal(t, s)
		if left(out, c) {
			t.Errorf("%s survived in %s, %s", c.detector, at.signal, at.name)
		}
		if run(s); !bytes.Equal(out, marshal(t, s)) {
			t.Error("a second pass changed the batch")
		}
	})
}
