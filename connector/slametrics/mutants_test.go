//go:build mutants

package slametrics_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutants are planted bugs: each must turn the oracle red, or the oracle is blind to it.
var mutants = []struct{ name, file, old, new string }{
	{"the wall clock as the watermark", "watermark/clock.go", "c.mark = max(c.mark, least-int64(c.config.Lateness))", "c.mark = max(c.mark, now)"},
	{"no allowance for lateness", "watermark/clock.go", "least-int64(c.config.Lateness)", "least"},
	{"no grace after a silence", "watermark/clock.go", "p.hold = now + int64(c.config.Grace)", "p.hold = 0"},
	{"repeats are rework", "lifecycle/judge.go", "if k == len(out)-1 || !f.CountDoubles && e.began() <= out[k].at {", "if false {"},
	{"rework is a repeat", "lifecycle/judge.go", "if k == len(out)-1 || !f.CountDoubles && e.began() <= out[k].at {", "if true {"},
	{"an enclosing span is rework", "lifecycle/judge.go", "if k == len(out)-1 || !f.CountDoubles && e.began() <= out[k].at {", "if k == len(out)-1 {"},
	{"the greatest time of a repeat counts", "lifecycle/judge.go", "fold(i, v.event)\n", "fold(i, v.event)\nv.at = e.At\n"},
	{"a deadline one nanosecond early", "lifecycle/judge.go", "ended <= deadline && in.target >= 0:", "ended < deadline && in.target >= 0:"},
	{"a deadline one nanosecond late", "lifecycle/judge.go", "deadline := after(entered, int64(tr.Deadline))", "deadline := after(entered, int64(tr.Deadline)+1)"},
	{"lost at the very instant of lost_after", "lifecycle/judge.go", "wasLost = until > lost", "wasLost = until >= lost"},
	{"lost_after counts from the deadline", "lifecycle/judge.go", "max(deadline, after(entered, int64(tr.LostAfter)))", "after(deadline, int64(tr.LostAfter))"},
	{"skewed predecessors stay where their clock puts them", "lifecycle/judge.go", "out[j] = last\n", "out[j], out[len(out)-1] = out[len(out)-1], out[j]\n"},
	{"an order lives on after its end", "lifecycle/judge.go", "ended = f.ends&(1<<v.stage) != 0", "ended = false"},
	{"an order that went elsewhere is still awaited", "lifecycle/judge.go", "if !v.moved && f.stops[t]&(1<<v.stage) != 0 {", "if false {"},
	{"late telemetry is not looked at", "lifecycle/book.go", "\t\tb.decideNow(id)\n\t\treturn\n\t}\n\tif due", "\t\treturn\n\t}\n\tif due"},
	{"the journal is lost", "../state.go", "		if entry == nil {\n", "		if entry == nil || true {\n"},
	{"all gateways are one path", "../logs.go", "	if path, ok := a.Get(\"path\"); ok {\n", "	if gateway = \"gw\"; true {\n		return gateway\n	}\n	if path, ok := a.Get(\"path\"); ok {\n"},
	{"how long work took is lost on its way to the judge", "../relay.go", "if took := e.Took(); took > 0 {", "if took := e.Took(); false {"},
	{"a relay acknowledges what its queue refused", "../relay.go", "return fmt.Errorf(\"send order events to the judge: %w\", err)", "return nil"},
	{"what is misrouted is judged as well", "../logs.go", "return j.owns == shard.All || j.owns.Has(shard.Of(key))", "return true"},
	{"events of orders that have moved are dropped", "../logs.go", "	for i := range r.strays {\n", "	for i := range r.strays[:0] {\n"},
	{"orders that have moved are not taken over", "../relay.go", "	for _, blob := range orders {\n", "	for _, blob := range orders[:0] {\n"},
	{"orders that have moved are judged by both", "lifecycle/snapshot.go", "			b.remove(id, o)\n", ""},
	{"a promise told after the deadline puts it off", "lifecycle/promise.go", "p.at > entered && p.at > deadline", "false"},
	{"the first promise holds", "lifecycle/promise.go", "		deadline = p.until\n", "		return p.until\n"},
	{"a promise is known before it is told", "lifecycle/promise.go", "if p.at > until || p.at", "if p.at"},
	{"a breach is not taken back", "lifecycle/evaluate.go", "b.decide(id, base, OutcomeRetracted)", ""},
}

func TestEveryMutantTurnsTheOracleRed(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			file, err := filepath.Abs(filepath.Join("internal", m.file))
			require.NoError(t, err)
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Contains(t, string(text), m.old, "the code has changed: plant the bug anew")
			dir := t.TempDir()
			mutant := filepath.Join(dir, "mutant.go")
			require.NoError(t, os.WriteFile(mutant, []byte(strings.Replace(string(text), m.old, m.new, 1)), 0o600))
			overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: mutant}})
			require.NoError(t, err)
			overlayFile := filepath.Join(dir, "overlay.json")
			require.NoError(t, os.WriteFile(overlayFile, overlay, 0o600))
			build := exec.Command("go", "test", "-c", "-o", filepath.Join(dir, "oracle.test"), "-overlay", overlayFile, ".")
			out, err := build.CombinedOutput()
			require.NoError(t, err, "a mutant that does not compile proves nothing: %s", out)
			out, err = exec.Command(filepath.Join(dir, "oracle.test"), "-test.run=^TestOracle$", "-test.timeout=60s", "-seeds=120").CombinedOutput()
			require.Error(t, err, "the oracle did not see it")
			require.Contains(t, string(out), "FAIL: TestOracle")
		})
	}
}
