package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errDisk = errors.New("no space left on device")

// disk is a store that outlives the journal. fail makes a commit fail after some of its operations.
type disk struct {
	mu      sync.Mutex
	m       map[string][]byte
	commits atomic.Int64
	took    time.Duration // what a commit takes
	fail    func() (after int, fails bool)
}

func newDisk() *disk { return &disk{m: map[string][]byte{}} }

func (d *disk) Commit(_ context.Context, ops []Op) error {
	d.commits.Add(1)
	time.Sleep(d.took)
	d.mu.Lock()
	defer d.mu.Unlock()
	n, fails := len(ops), false
	if d.fail != nil {
		if n, fails = d.fail(); n > len(ops) || !fails {
			n = len(ops)
		}
	}
	for _, o := range ops[:n] {
		if o.Value == nil {
			delete(d.m, o.Key)
		} else {
			d.m[o.Key] = o.Value
		}
	}
	if fails {
		return errDisk
	}
	return nil
}

func (d *disk) Read(_ context.Context, keys []string) ([][]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	values := make([][]byte, len(keys))
	for i, k := range keys {
		if strings.HasSuffix(string(d.m[k]), "unreadable") {
			return nil, errDisk
		}
		values[i] = d.m[k]
	}
	return values, nil
}

// after is what a process finds after the one that writes to d was killed.
func (d *disk) after() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &disk{m: maps.Clone(d.m)}
}

func (d *disk) keys() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.m))
}

func open(t *testing.T, d *disk, limit int64) *Journal {
	t.Helper()
	j, found, err := Open(context.Background(), d, limit)
	if err != nil || found != nil {
		t.Fatal(err, found)
	}
	return j
}

// replayed reads all that is left, and fails on what cannot be read.
func replayed(t *testing.T, j *Journal) (payloads []string, records []*Record) {
	t.Helper()
	j.Replay(context.Background(), func(r *Record, p []byte) bool {
		payloads = append(payloads, string(p))
		records = append(records, r)
		return true
	}, func(key string, err error) { t.Errorf("%s: %v", key, err) })
	return payloads, records
}

func TestWhatWasNotHandedOnComesBackInOrder(t *testing.T) {
	d := newDisk()
	j := open(t, d, 1<<20)
	var all []*Record
	for i := range 5 {
		r, err := j.Append(context.Background(), fmt.Append(nil, "p", i), 2)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	all[1].Done(1)
	all[1].Done(1)
	all[3].Done(1)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, d, 1<<20)
	if _, err := j.Append(context.Background(), []byte("new"), 1); err != nil {
		t.Fatal(err)
	}
	got, records := replayed(t, j)
	if want := []string{"p0", "p2", "p3", "p4"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, r := range records {
		r.Done(r.Items())
	}
	_ = j.Close()
	j = open(t, d, 1<<20)
	got, records = replayed(t, j)
	if want := []string{"new"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	records[0].Done(1)
	if j.Bytes() != 0 {
		t.Errorf("%d bytes of nothing", j.Bytes())
	}
	_ = j.Close()
	if got := d.keys(); !slices.Equal(got, []string{headKey}) {
		t.Errorf("left in the store: %v", got)
	}
}

func TestPayloadsOfOneMomentShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.took = 5 * time.Millisecond
		j := open(t, d, 1<<20)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				r, err := j.Append(context.Background(), []byte("x"), 1)
				if err != nil {
					t.Error(err)
				}
				r.Done(1)
			})
		}
		began := time.Now()
		wg.Wait()
		if n := d.commits.Load(); n > 2 || time.Since(began) > 10*time.Millisecond {
			t.Errorf("%d commits in %v", n, time.Since(began))
		}
		time.Sleep(2 * idle)
		if got := d.keys(); !slices.Equal(got, []string{headKey}) {
			t.Errorf("not deleted by itself: %v", got)
		}
		_ = j.Close()
	})
}

func TestFullJournalRefuses(t *testing.T) {
	j := open(t, newDisk(), 110)
	r, err := j.Append(context.Background(), make([]byte, 80), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(context.Background(), make([]byte, 80), 1); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	r.Done(1)
	if _, err := j.Append(context.Background(), make([]byte, 80), 1); err != nil {
		t.Error(err)
	}
	_ = j.Close()
	if _, err := j.Append(context.Background(), nil, 1); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestDamagedAndForeignRecordsAreToldAndLeft(t *testing.T) {
	d := newDisk()
	j := open(t, d, 1<<20)
	for i := range 12 {
		if _, err := j.Append(context.Background(), fmt.Append(nil, "p", i), 1); err != nil {
			t.Fatal(err)
		}
	}
	first := j.oldest.seq
	_ = j.Close()
	d.m[recordKey(first+1, 0)][recordHead] ^= 1
	d.m[recordKey(first+2, 0)][0] = 2
	d.m[recordKey(first+4, 0)] = d.m[recordKey(first+4, 0)][:3]
	d.m[recordKey(first+5, 0)] = []byte{}
	delete(d.m, recordKey(first+7, 0))
	j = open(t, d, 1<<20)
	var got []string
	bad := map[string]error{}
	j.Replay(context.Background(), func(r *Record, p []byte) bool {
		got = append(got, string(p))
		if string(p) == "p8" {
			r.Leave()
		} else {
			r.Done(1)
		}
		return true
	}, func(key string, err error) { bad[key] = err })
	if want := []string{"p0", "p3", "p6", "p8", "p9", "p10", "p11"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for n, want := range map[uint64]error{1: errDamaged, 2: errVersion, 4: errDamaged, 5: errDamaged} {
		if err := bad[recordKey(first+n, 0)]; !errors.Is(err, want) {
			t.Errorf("p%d: %v, want %v", n, err, want)
		}
	}
	_ = j.Close()
	if len(d.m) != 6 {
		t.Errorf("left: %v", d.keys())
	}
	if got, _ := replayed(t, open(t, d, 1<<20)); got != nil {
		t.Errorf("read again: %v", got)
	}
}

func TestLongPayloadsAreKeptInParts(t *testing.T) {
	d := newDisk()
	j := open(t, d, 1<<20)
	var want []string
	for _, n := range []int{partBytes - recordHead, partBytes - recordHead + 1, 5*partBytes + 7, 1} {
		want = append(want, strings.Repeat(string(rune('a'+len(want))), n))
		if _, err := j.Append(context.Background(), []byte(want[len(want)-1]), 1); err != nil {
			t.Fatal(err)
		}
	}
	_ = j.Close()
	if n := len(d.m); n != 1+1+2+6+1 {
		t.Errorf("%d keys", n)
	}
	for _, v := range d.m {
		if len(v) > partBytes {
			t.Errorf("%d bytes under one key", len(v))
		}
	}
	third := j.oldest.after.after.seq
	j = open(t, d.after(), 1<<20)
	got, records := replayed(t, j)
	if !slices.Equal(got, want) {
		t.Errorf("%d payloads, not as they were written", len(got))
	}
	for _, r := range records {
		r.Done(1)
	}
	_ = j.Close()
	left := j.store.(*disk).keys()
	if !slices.Equal(left, []string{headKey}) {
		t.Errorf("left: %v", left)
	}

	delete(d.m, recordKey(third, 4))
	told := ""
	open(t, d, 1<<20).Replay(context.Background(), func(*Record, []byte) bool { return true }, func(key string, err error) { told = key + err.Error() })
	if told != recordKey(third, 0)+"damaged" {
		t.Errorf("%q", told)
	}
}

func TestUnusableHeadBeginsAnewAndIsKept(t *testing.T) {
	for name, value := range map[string]string{"damaged": "\x01short", "foreign": "\x07 what comes after us"} {
		t.Run(name, func(t *testing.T) {
			d := newDisk()
			d.m[headKey] = []byte(value)
			d.m[recordKey(1, 0)] = []byte("of the old one")
			j, found, err := Open(context.Background(), d, 1<<20)
			if err != nil || found == nil {
				t.Fatal(err, found)
			}
			r, err := j.Append(context.Background(), []byte("x"), 1)
			if err != nil {
				t.Fatal(err)
			}
			r.Done(1)
			_ = j.Close()
			kept := false
			for k, v := range d.m {
				kept = kept || strings.HasPrefix(k, "head/") && string(v) == value
			}
			if !kept || string(d.m[recordKey(1, 0)]) != "of the old one" {
				t.Errorf("%v", d.keys())
			}
		})
	}
}

func TestWhoeverGoesAwayLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.took = time.Second
		j := open(t, d, 1<<20)
		for range 3 {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			if _, err := j.Append(ctx, []byte("x"), 3); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			cancel()
		}
		time.Sleep(10 * time.Second)
		if got := d.keys(); !slices.Equal(got, []string{headKey}) || j.Bytes() != 0 {
			t.Errorf("%v, %d bytes", got, j.Bytes())
		}
		_ = j.Close()
	})
}

// TestNothingAcknowledgedIsLost crashes again and again, with commits that fail half way: whatever Append promised and was
// not done comes back, and what was done before the last commits does not.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		d := newDisk()
		owed := map[string]bool{}
		for n := range 10 {
			d = d.after() // what the dead process still has in mind must not reach the store
			calls, failures := 0, rand.New(rand.NewPCG(seed, uint64(n)))
			d.fail = func() (int, bool) { calls++; return failures.IntN(4), calls%3 == int(seed%3) }
			j := open(t, d, 1<<20)
			got, records := replayed(t, j)
			back := map[string]*Record{}
			for i, p := range got {
				if back[p] != nil {
					t.Fatalf("%q came back twice", p)
				}
				back[p] = records[i]
			}
			for p := range owed {
				if back[p] == nil {
					t.Fatalf("seed %d: %q is lost", seed, p)
				}
			}
			for i := range 30 {
				p := fmt.Sprintf("%d/%d", n, i)
				if r, err := j.Append(context.Background(), []byte(p), 1); err == nil {
					owed[p], back[p] = true, r
				}
				for p, r := range back {
					if rnd.IntN(3) == 0 {
						r.Done(1)
						delete(back, p)
						delete(owed, p)
					}
				}
			}
		}
		d = d.after()
		j := open(t, d, 1<<20)
		_, records := replayed(t, j)
		for _, r := range records {
			r.Done(1)
		}
		if err := j.Close(); err != nil || j.Bytes() != 0 {
			t.Error(err, j.Bytes())
		}
		if len(d.m) > 20 { // what a failed commit left and the crash forgot to delete
			t.Errorf("seed %d: %d keys left", seed, len(d.m))
		}
	}
}

// FuzzStored reads arbitrary bytes as a record and as a head: they are what was written, or refused.
func FuzzStored(f *testing.F) {
	f.Add(encode([]byte("payload"), 3))
	f.Add(encodeHead(4, 9))
	f.Add([]byte{version})
	f.Fuzz(func(t *testing.T, b []byte) {
		if payload, items, err := decode(b); err == nil && !slices.Equal(encode(payload, items), b) {
			t.Errorf("%x is no record", b)
		}
		if first, next, err := decodeHead(b); err == nil && (first > next || !slices.Equal(encodeHead(first, next), b)) {
			t.Errorf("%x is no head", b)
		}
	})
}
