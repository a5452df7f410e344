package redact

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const (
	rounds  = 7 // of each contender, in turns; the median counts
	batches = 8 // a turn of contrib's
	faster  = 8 // times as many batches in a turn of ours, so that both are long enough to be measured
)

// cost is what one turn took.
type cost struct {
	nsValue, gbSecond, allocs, bytes float64 // the last two per value
}

// turn runs fresh batches through a contender and measures CPU time, not the wall's: neighbours on the machine count for
// little. Every batch is made right before it is processed, unmeasured, as a receiver decodes it in the pipeline. The
// garbage collector waits until the turn is over: what it will have to do is in the two columns of allocations.
func turn(run func(batch), m *maker, signal string, n int) (c cost) {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	values, bytes := 0, 0
	var spent time.Duration
	for range n {
		b := m.batch(signal)
		values += b.values
		bytes += b.bytes
		start := cpu()
		run(b)
		spent += cpu() - start
	}
	c.nsValue, c.gbSecond = float64(spent)/float64(values), float64(bytes)/float64(spent)
	c.allocs, c.bytes = allocations(run, m, signal, n)
	return c
}

// allocations are counted over batches that lie ready: reading the counter stops the world.
func allocations(run func(batch), m *maker, signal string, n int) (allocs, bytes float64) {
	in, values := make([]batch, n), 0
	for i := range in {
		in[i] = m.batch(signal)
		values += in[i].values
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, b := range in {
		run(b)
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(values), float64(after.TotalAlloc-before.TotalAlloc) / float64(values)
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// median of every figure on its own.
func median(cs []cost) (m cost) {
	for _, f := range []func(*cost) *float64{
		func(c *cost) *float64 { return &c.nsValue }, func(c *cost) *float64 { return &c.gbSecond },
		func(c *cost) *float64 { return &c.allocs }, func(c *cost) *float64 { return &c.bytes },
	} {
		var xs []float64
		for i := range cs {
			xs = append(xs, *f(&cs[i]))
		}
		slices.Sort(xs)
		*f(&m) = xs[len(xs)/2]
	}
	return m
}

func TestCostTable(t *testing.T) {
	ours, contrib := contenders[0].start(t), contenders[1].start(t)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "batches\tpii_redact ns/value\tredaction ns/value\tratio\tpii_redact GB/s\tredaction GB/s\tpii_redact allocs/value\tredaction allocs/value\tpii_redact B/value\tredaction B/value\t")
	for _, signal := range []string{"traces", "logs", "metrics"} {
		for _, every := range []int{0, 10} {
			var a, b []cost
			for round := range rounds + 1 {
				seed := uint64(round*2+every) + 1 //nolint:gosec // small
				x := turn(ours, &maker{Rand: rand.New(rand.NewPCG(seed, 1)), dirtyEvery: every}, signal, batches*faster)
				y := turn(contrib, &maker{Rand: rand.New(rand.NewPCG(seed, 1)), dirtyEvery: every}, signal, batches)
				if round > 0 { // the first warms both up
					a, b = append(a, x), append(b, y)
				}
			}
			x, y := median(a), median(b)
			name := signal + ", clean"
			if every > 0 {
				name = fmt.Sprintf("%s, personal data in 1 of %d", signal, every)
			}
			fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0fx\t%.2f\t%.4f\t%.3f\t%.2f\t%.1f\t%.0f\t\n", name, x.nsValue, y.nsValue, y.nsValue/x.nsValue, x.gbSecond, y.gbSecond,
				x.allocs, y.allocs, x.bytes, y.bytes)
			if ratio := y.nsValue / x.nsValue; ratio < 25 {
				t.Errorf("%s: %.0f times contrib's redaction; less than half of what it should be", name, ratio)
			}
		}
	}
	require.NoError(t, w.Flush())
}

// TestBothFindWhatThePatternsName: a contender that finds nothing would be the faster one.
func TestBothFindWhatThePatternsName(t *testing.T) {
	for _, c := range contenders {
		run := c.start(t)
		for _, signal := range []string{"traces", "logs", "metrics"} {
			m := &maker{Rand: rand.New(rand.NewPCG(1, 1)), dirtyEvery: 2}
			b := m.batch(signal)
			before := text(t, b)
			run(b)
			after := text(t, b)
			for _, secret := range []string{"ivan.petrov@", "4111 1111 1111 1111", "mF_9.B5f", "hunter2", "correct-horse"} {
				require.True(t, strings.Contains(before, secret), "%s: %s is not in the payload", signal, secret)
				require.False(t, strings.Contains(after, secret), "%s leaves %s in %s", c.name, secret, signal)
			}
		}
	}
}

func text(t *testing.T, b batch) string {
	t.Helper()
	x, err := (&ptrace.JSONMarshaler{}).MarshalTraces(b.traces)
	require.NoError(t, err)
	y, err := (&plog.JSONMarshaler{}).MarshalLogs(b.logs)
	require.NoError(t, err)
	z, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(b.metrics)
	require.NoError(t, err)
	return strings.Join([]string{string(x), string(y), string(z)}, "\n")
}
