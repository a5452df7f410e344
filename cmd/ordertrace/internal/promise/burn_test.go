package promise

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	minute = time.Minute
	hour   = time.Hour
)

// The factors are those of the Site Reliability Workbook, chapter 5, "Alerting on SLOs": 2 % of a month's budget in an
// hour, 5 % in six, 10 % in a day, 10 % in three days.
func TestTheWorkbooksWindowsForItsExample(t *testing.T) {
	require.Equal(t, []Burn{
		{Long: hour, Short: 5 * minute, Factor: 14.4, Fast: true, Ratio: 0.0144, Floor: 139},
		{Long: 6 * hour, Short: 30 * minute, Factor: 6, Fast: true, Ratio: 0.006, Floor: 334},
		{Long: 24 * hour, Short: 2 * hour, Factor: 3, Ratio: 0.003, Floor: 667},
		{Long: 72 * hour, Short: 6 * hour, Factor: 1, Ratio: 0.001, Floor: 2000},
	}, Burns(0.999, month, 0))
}

func TestWindowsFitTheObjective(t *testing.T) {
	for name, tc := range map[string]struct {
		target           float64
		window, deadline time.Duration
		want             []Burn
	}{
		"a deadline of minutes lengthens the short windows": {0.99, month, 10 * minute, []Burn{
			{Long: hour, Short: 10 * minute, Factor: 14.4, Fast: true, Ratio: 0.144, Floor: 14},
			{Long: 6 * hour, Short: 30 * minute, Factor: 6, Fast: true, Ratio: 0.06, Floor: 34},
			{Long: 24 * hour, Short: 2 * hour, Factor: 3, Ratio: 0.03, Floor: 67},
			{Long: 72 * hour, Short: 6 * hour, Factor: 1, Ratio: 0.01, Floor: 200},
		}},
		"a deadline of days leaves what can burn faster than allowed": {0.99, month, 48 * hour, []Burn{
			{Long: 72 * hour, Short: 48 * hour, Factor: 1, Ratio: 0.01, Floor: 200},
		}},
		"a deadline of weeks leaves one": {0.95, month, 336 * hour, []Burn{
			{Long: 504 * hour, Short: 336 * hour, Factor: 1, Ratio: 0.05, Floor: 40},
		}},
		"a deadline as long as the window": {0.95, month, month, []Burn{
			{Long: month, Short: month, Factor: 1, Ratio: 0.05, Floor: 40},
		}},
		"failing altogether must fire": {0.9, month, 0, []Burn{
			{Long: 108 * minute, Short: 5 * minute, Factor: 8, Fast: true, Ratio: 0.8, Floor: 3},
			{Long: 6 * hour, Short: 30 * minute, Factor: 6, Fast: true, Ratio: 0.6, Floor: 4},
			{Long: 24 * hour, Short: 2 * hour, Factor: 3, Ratio: 0.3, Floor: 7},
			{Long: 72 * hour, Short: 6 * hour, Factor: 1, Ratio: 0.1, Floor: 20},
		}},
		"a quarter keeps the share of the budget": {0.99, 3 * month, 0, []Burn{
			{Long: hour, Short: 5 * minute, Factor: 43.2, Fast: true, Ratio: 0.432, Floor: 5},
			{Long: 6 * hour, Short: 30 * minute, Factor: 18, Fast: true, Ratio: 0.18, Floor: 12},
			{Long: 24 * hour, Short: 2 * hour, Factor: 9, Ratio: 0.09, Floor: 23},
			{Long: 72 * hour, Short: 6 * hour, Factor: 3, Ratio: 0.03, Floor: 67},
		}},
		"a tenth of a month shrinks the windows": {0.99, 72 * hour, 0, []Burn{
			{Long: 6 * minute, Short: 2 * minute, Factor: 14.4, Fast: true, Ratio: 0.144, Floor: 14},
			{Long: 36 * minute, Short: 3 * minute, Factor: 6, Fast: true, Ratio: 0.06, Floor: 34},
			{Long: 144 * minute, Short: 12 * minute, Factor: 3, Ratio: 0.03, Floor: 67},
			{Long: 432 * minute, Short: 36 * minute, Factor: 1, Ratio: 0.01, Floor: 200},
		}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, Burns(tc.target, tc.window, tc.deadline)) })
	}
}

func TestEveryObjectiveGetsWindowsThatCanFire(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		target := (1 + r.Float64()*9998) / 10_000
		window := hour + time.Duration(r.Int64N(int64(2160*hour))).Round(minute)
		deadline := time.Duration(r.Int64N(int64(window))).Round(minute)
		if r.IntN(3) == 0 {
			deadline = 0
		}
		burns := Burns(target, window, deadline)
		require.NotEmpty(t, burns)
		for _, b := range burns {
			require.GreaterOrEqual(t, b.Short, deadline, "%v %v %v: %+v", target, window, deadline, b)
			require.LessOrEqual(t, b.Short, b.Long)
			require.LessOrEqual(t, b.Long, window)
			require.GreaterOrEqual(t, b.Factor, 1.0)
			require.Less(t, b.Ratio, 1.0, "failing altogether fires: %v %v %v: %+v", target, window, deadline, b)
			require.Greater(t, float64(LeastBad), float64(b.Floor)*b.Ratio, "one failure fewer than LeastBad is no trend at the floor")
		}
	}
}

func TestSpansReadAsPrometheusWritesThem(t *testing.T) {
	for want, d := range map[string]time.Duration{"30d": month, "1h": hour, "90m": 90 * minute, "5m": 5 * minute, "45s": 45 * time.Second, "1500ms": 1500 * time.Millisecond} {
		require.Equal(t, want, Span(d))
	}
}
