package piiredact

import (
	"bytes"
	"context"
	"fmt"
	maps2 "maps"
	"slices"
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

func TestNoCanarySurvivesInAnyFieldOfAnySignal(t *testing.T) {
	run := newPipeline(t, createDefaultConfig())
	cells := map[string]map[string]int{} // field kind, detector: survivors
	check := func(where string, c canary, s signals) {
		t.Helper()
		if cells[where] == nil {
			cells[where] = map[string]int{}
		}
		cells[where][c.detector] = 0
		if before := marshal(t, s); !bytes.Contains(before, []byte(c.secret)) {
			t.Fatalf("%s: %s was not planted", where, c.detector)
		}
		run(s)
		if out := marshal(t, s); bytes.Contains(out, []byte(c.secret)) {
			t.Errorf("%s: %s survived", where, c.detector)
			cells[where][c.detector]++
		}
	}
	for _, c := range canaries {
		for _, m := range maps {
			for _, shape := range shapes {
				s := blank()
				for _, at := range m.of(s) {
					shape.put(at, c.key, c.value)
				}
				check(m.name+" "+shape.name, c, s)
			}
		}
		if c.text == "" {
			continue
		}
		for _, f := range texts {
			s := blank()
			f.put(s, c.text)
			check(f.name, c, s)
		}
	}
	printMatrix(t, cells)
}

// printMatrix prints how many canaries survived, by field kind and detector; every cell must be filled.
func printMatrix(t *testing.T, cells map[string]map[string]int) {
	var head strings.Builder
	for _, c := range canaries {
		fmt.Fprintf(&head, " %.5s", c.detector+"     ")
	}
	t.Logf("%-34s%s", "canaries left in", head.String())
	for _, where := range slices.Sorted(maps2.Keys(cells)) {
		var row strings.Builder
		for _, c := range canaries {
			n, filled := cells[where][c.detector]
			if !filled && c.text != "" {
				t.Errorf("%s, %s: not tried", where, c.detector)
			}
			cell := fmt.Sprint(n)
			if !filled { // a coordinate is one by its key only
				cell = "-"
			}
			fmt.Fprintf(&row, " %5s", cell)
		}
		t.Logf("%-34s%s", where, row.String())
	}
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
	for _, f := range texts {
		f.put(s, canaries[0].text)
	}
	for _, shape := range shapes {
		shape.put(span(s.td).Attributes(), canaries[0].key, canaries[0].value)
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

func FuzzNoCanarySurvives(f *testing.F) {
	for i := range canaries {
		f.Add(i, uint(0), "before ", " after")
	}
	f.Fuzz(func(t *testing.T, which int, where uint, before, after string) {
		run := newPipeline(t, createDefaultConfig())
		c := canaries[uint(which)%uint(len(canaries))]
		if c.text == "" || !utf8.ValidString(before) || strings.Contains(before+after, c.secret) {
			return
		}
		s := blank()
		texts[where%uint(len(texts))].put(s, before+"\n"+c.text+"\n"+after)
		run(s)
		out := marshal(t, s)
		if c.detector != "ru_passport" && c.detector != "inn" && c.detector != "ogrn" && c.detector != "ip" && bytes.Contains(out, []byte(c.secret)) {
			t.Errorf("%s survived", c.detector)
		}
		run(s)
		if !bytes.Equal(out, marshal(t, s)) {
			t.Error("a second pass changed the batch")
		}
	})
}
