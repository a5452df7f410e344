package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// filled is a disk with so many records of one process that was killed.
func filled(t *testing.T, n int) (d *disk, first uint64) {
	t.Helper()
	d = newDisk()
	j := open(t, d, 1<<20)
	for i := range n {
		if _, err := j.Append(context.Background(), fmt.Append(nil, "p", i), 1); err != nil {
			t.Fatal(err)
		}
	}
	first = j.oldest.seq
	_ = j.Close()
	return d, first
}

// drain replays and is done with everything that can be read; unread is what the store did not give.
func drain(t *testing.T, d *disk) (got []string, unread int) {
	t.Helper()
	j := open(t, d, 1<<20)
	j.Replay(context.Background(), func(r *Record, p []byte) bool {
		got = append(got, string(p))
		r.Done(1)
		return true
	}, func(key string, err error) {
		if !errors.Is(err, ErrUnread) || !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", key, err)
		}
		unread++
	})
	if _, err := j.Append(context.Background(), []byte("new"), 1); err != nil {
		t.Error(err)
	}
	_ = j.Close()
	return got, unread
}

func TestHeadThatIsNotGivenEndsTheStart(t *testing.T) {
	d, _ := filled(t, 3)
	head := d.m[headKey]
	d.m[headKey] = []byte("unreadable")
	before := maps.Clone(d.m)
	if j, _, err := Open(context.Background(), d, 1<<20); j != nil || !errors.Is(err, errDisk) {
		t.Fatalf("%v, %v", j, err)
	}
	if !maps.EqualFunc(before, d.m, slices.Equal) {
		t.Error("the store was written to")
	}
	d.m[headKey] = head
	if got, _ := drain(t, d); len(got) != 3 {
		t.Errorf("%v", got)
	}
}

func TestRecordThatIsNotGivenIsReadByTheNextProcess(t *testing.T) {
	d, first := filled(t, 12)
	key := recordKey(first+5, 0)
	record := d.m[key]
	d.m[key] = []byte("unreadable")
	if got, unread := drain(t, d); len(got) != 11 || unread != 1 {
		t.Errorf("%v, %d not given", got, unread)
	}
	if got, unread := drain(t, d); !slices.Equal(got, []string{"new"}) || unread != 1 {
		t.Errorf("%v, %d not given", got, unread)
	}
	d.m[key] = record
	if got, unread := drain(t, d); !slices.Equal(got, []string{"p5", "new"}) || unread != 0 {
		t.Errorf("%v, %d not given", got, unread)
	}
	if got, _ := drain(t, d); !slices.Equal(got, []string{"new"}) {
		t.Errorf("sent twice: %v", got)
	}
}

func TestRestOfALongRecordThatIsNotGivenIsReadByTheNextProcess(t *testing.T) {
	d := newDisk()
	j := open(t, d, 1<<20)
	if _, err := j.Append(context.Background(), make([]byte, 3*partBytes), 1); err != nil {
		t.Fatal(err)
	}
	key := recordKey(j.oldest.seq, 2)
	_ = j.Close()
	part := d.m[key]
	d.m[key] = []byte("unreadable")
	if got, unread := drain(t, d); len(got) != 0 || unread != 1 {
		t.Errorf("%d, %d not given", len(got), unread)
	}
	d.m[key] = part
	if got, _ := drain(t, d); len(got) != 2 || len(got[0]) != 3*partBytes {
		t.Errorf("%d", len(got))
	}
}

func TestStoreThatDoesNotAnswerEndsTheReplay(t *testing.T) {
	d, first := filled(t, 100)
	whole := maps.Clone(d.m)
	for i := range uint64(95) {
		d.m[recordKey(first+5+i, 0)] = []byte("unreadable")
	}
	if got, unread := drain(t, d); len(got) != 5 || unread != maxFailures {
		t.Errorf("%v, %d not given", got, unread)
	}
	for i := range uint64(95) {
		d.m[recordKey(first+5+i, 0)] = whole[recordKey(first+5+i, 0)]
	}
	if got, unread := drain(t, d); len(got) != 96 || unread != 0 {
		t.Errorf("%d came, %d not given", len(got), unread)
	}
}

func TestCloseDeletesAllThatIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		j := open(t, d, 64<<20)
		var all []*Record
		for range 3 * commitDeletions / 1024 {
			var batch [1024]*Record
			for i := range batch {
				batch[i] = &Record{j: j, bytes: 1, value: encode([]byte("x"), 1), done: make(chan error, 1)}
				batch[i].left.Store(1)
				j.bytes.Add(1)
				j.enqueue(batch[i])
			}
			for _, r := range batch {
				<-r.done
			}
			all = append(all, batch[:]...)
		}
		d.took = time.Minute // nothing is deleted before the journal closes
		for _, r := range all {
			r.Done(1)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if got := d.keys(); !slices.Equal(got, []string{headKey}) || j.Bytes() != 0 {
			t.Errorf("%d left", len(got))
		}
	})
}
