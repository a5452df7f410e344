package piiredact

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/pseudonym"
)

func TestCopiesOfAFanOutAreRedactedSideBySideWhileKeysRotate(t *testing.T) {
	r := newTestRedactor(t, createDefaultConfig().(*Config))
	source := blank()
	m := span(source.td).Attributes()
	for _, c := range canaries {
		m.PutStr(c.key+"."+c.detector, c.value)
		m.PutEmptyBytes("bytes." + c.detector).FromRaw([]byte(c.text))
	}
	before := marshal(t, source)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 30 {
				s := blank()
				source.td.CopyTo(s.td)
				if _, err := r.traces(context.Background(), s.td); err != nil {
					t.Error(err)
				}
				if out := marshal(t, s); bytes.Contains(out, []byte("ivan.petrov")) || bytes.Contains(out, []byte("hunter2")) {
					t.Error("a canary survived")
				}
			}
		})
	}
	all.Go(func() {
		for range 100 {
			r.keys.ring.Replace(pseudonym.Random())
		}
	})
	all.Wait()
	if !bytes.Equal(before, marshal(t, source)) {
		t.Error("redacting a copy changed what it was copied from")
	}
}
