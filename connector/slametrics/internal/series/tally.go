package series

import "github.com/ordertrace/ordertrace/connector/slametrics/internal/exphist"

func newTally() tally { return tally{duration: exphist.New()} }

// record counts a request that stands for n.
func (t *tally) record(e *Exemplar, n uint64) {
	t.duration.RecordN(e.Value, n)
	if e.Trace == [16]byte{} {
		return
	}
	if e.Value > t.slowest.Value || t.slowest.At == 0 {
		t.slowest = *e
	}
	t.newest = *e
}

// add counts what o has counted since it was cleared.
func (t *tally) add(o *tally) {
	t.duration.Add(&o.duration)
	if o.slowest.At != 0 && (o.slowest.Value > t.slowest.Value || t.slowest.At == 0) {
		t.slowest = o.slowest
	}
	if o.newest.At != 0 {
		t.newest = o.newest
	}
}

func (t *tally) clear() {
	t.duration.Clear()
	t.slowest, t.newest = Exemplar{}, Exemplar{}
}
