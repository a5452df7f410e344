package promise

import (
	"math"
	"time"
)

// Burn is a pair of windows in which a budget is used up Factor times faster than it may be.
type Burn struct {
	Long, Short time.Duration
	Factor      float64
	Fast        bool
	// Ratio is the share of failures above which the budget burns that fast.
	Ratio float64
	// Floor is the least number of events in Long for which a ratio means anything: below, failures are counted.
	Floor int
}

// LeastBad is how many failures an alert needs, whatever their share: one of one is 100 %, and no trend.
const LeastBad = 3

// workbook are the windows of the Site Reliability Workbook (O'Reilly 2018), chapter 5, "Alerting on SLOs", approach 6, for
// a window of 30 days: share is the part of the budget that is used up within long.
var workbook = []struct {
	share       float64
	long, short time.Duration
	fast        bool
}{
	{0.02, time.Hour, 5 * time.Minute, true},
	{0.05, 6 * time.Hour, 30 * time.Minute, true},
	{0.10, 24 * time.Hour, 2 * time.Hour, false},
	{0.10, 72 * time.Hour, 6 * time.Hour, false},
}

const (
	month = 720 * time.Hour
	// leastShort holds several samples at any usual interval.
	leastShort = 2 * time.Minute
	// total is the share of failures that must always suffice to fire.
	total = 0.8
)

// Burns makes the workbook's windows fit an objective. They shrink with its window. None is shorter than the deadline:
// what fails within a window must have begun within it. A budget so large that failing altogether would not burn fast
// enough gets a lower factor. Whatever changes, the share of the budget stays, by a longer window or a lower factor; where
// that would be less than burning at all (factor 1), the pair is left out. One pair is always left.
func Burns(target float64, window, deadline time.Duration) []Burn {
	budget := round(1 - target)
	most := max(1, total/budget)
	var all []Burn
	for _, w := range workbook {
		long, short := w.long, w.short
		if window < month {
			long, short = scale(long, window), scale(short, window)
		}
		b := Burn{Short: max(short, deadline, leastShort), Fast: w.fast}
		b.Factor = min(w.share*window.Hours()/long.Hours(), most)
		b.Long = whole(time.Duration(w.share * float64(window) / b.Factor))
		if least := b.Short * 3 / 2; b.Long < least {
			b.Long = least
			b.Factor = w.share * window.Hours() / least.Hours()
		}
		b.Factor = round(b.Factor)
		if n := len(all); b.Factor < 1 || b.Long > window || n > 0 && all[n-1].Long == b.Long && all[n-1].Short == b.Short {
			continue
		}
		all = append(all, b)
	}
	if len(all) == 0 {
		short := max(deadline, leastShort)
		all = append(all, Burn{Long: min(short*3/2, window), Short: short, Factor: 1})
	}
	for i := range all {
		all[i].Settle(target)
	}
	return all
}

// Settle derives what follows from the factor.
func (b *Burn) Settle(target float64) {
	b.Ratio = round(b.Factor * (1 - target))
	b.Floor = int(math.Ceil(float64(LeastBad-1) / b.Ratio))
}

func scale(d, window time.Duration) time.Duration {
	return whole(time.Duration(float64(d) * float64(window) / float64(month)))
}

// whole rounds to minutes, beyond a day to hours, so that windows read well.
func whole(d time.Duration) time.Duration {
	if d > 24*time.Hour {
		return d.Round(time.Hour)
	}
	return max(d.Round(time.Minute), time.Minute)
}

// round drops what is only noise of floating point.
func round(x float64) float64 { return math.Round(x*1e9) / 1e9 }
