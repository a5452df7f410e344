package journal

import (
	"context"
	"time"
)

// write commits what was appended at once, and what is to be deleted with it, or alone after a moment.
func (j *Journal) write() {
	t := time.NewTicker(idle)
	defer t.Stop()
	for {
		select {
		case <-j.wake:
		case <-t.C:
		case <-j.closes:
			return
		}
		for more := true; more; {
			more, _ = j.commit(context.Background())
		}
	}
}

// commit writes one batch and tells those who wait for it. It reports whether more records are to be written.
func (j *Journal) commit(ctx context.Context) (more bool, err error) {
	j.mu.Lock()
	records, dead := j.cut()
	if len(records)+len(dead) == 0 {
		j.mu.Unlock()
		return false, nil
	}
	head := encodeHead(j.first(), j.next)
	more = len(j.queue) > 0
	j.mu.Unlock()

	var ops []Op
	for _, r := range records {
		for part := parts(r.bytes) - 1; part >= 0; part-- {
			ops = append(ops, Op{recordKey(r.seq, part), r.value[part*partBytes : min((part+1)*partBytes, len(r.value))]})
		}
	}
	for _, g := range dead {
		for part := range g.parts {
			ops = append(ops, Op{recordKey(g.seq, part), nil})
		}
	}
	err = j.store.Commit(ctx, append(ops, Op{headKey, head}))
	j.mu.Lock()
	if err != nil { // nobody knows how much of it was written: all of it is deleted later
		for _, r := range records {
			j.forget(r, true)
		}
		j.bury(dead...)
	}
	for _, r := range records {
		r.value = nil
	}
	j.mu.Unlock()
	for _, r := range records {
		r.done <- err
	}
	return more, err
}

// cut takes the next batch out of what is to be written and deleted. The caller holds mu.
func (j *Journal) cut() (records []*Record, dead []grave) {
	n, bytes := 0, int64(0)
	for ; n < len(j.queue) && len(records) < commitRecords; n++ {
		r := j.queue[n]
		if r.gone { // whoever waited has gone away
			continue
		}
		if bytes += r.bytes; bytes > commitBytes && len(records) > 0 {
			break
		}
		records = append(records, r)
	}
	if j.queue = j.queue[n:]; len(j.queue) == 0 {
		j.queue = nil
	}
	n = min(len(j.dead), commitDeletions)
	dead, j.dead = j.dead[:n:n], j.dead[n:]
	if len(j.dead) == 0 {
		j.dead = nil
	}
	return records, dead
}
