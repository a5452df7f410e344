package relay

import (
	"errors"
	"sync"
	"time"

	"github.com/ordertrace/ordertrace/internal/binding"
)

// maxSenders bounds the gateways whose numbering is followed. Each start of a gateway is a new one.
const maxSenders = 1024

// Inbox applies packs of other gateways. The mutex guards everything.
type Inbox struct {
	index *binding.Index
	self  [8]byte

	mu    sync.Mutex
	next  map[[8]byte]uint64 // the number that a sender's next pack should begin with
	stats InboxStats
}

// InboxStats is what became of the packs of others.
type InboxStats struct {
	Applied uint64 // news
	Missed  uint64 // news that were sent, and gone before they were read
	Damaged uint64 // packs that were not understood, or not to their end
	Foreign uint64 // packs of another version
	Unfit   uint64 // values that were not taken: with control characters, or no text
	Lag     time.Duration
}

// NewInbox makes an Inbox.
func NewInbox(index *binding.Index, self [8]byte) *Inbox {
	return &Inbox{index: index, self: self, next: map[[8]byte]uint64{}}
}

// Take applies a pack that was sent at a moment.
func (i *Inbox) Take(pack []byte, sent, now time.Time) {
	o, err := i.index.Open(pack, i.self, now)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stats.Lag = max(now.Sub(sent), 0)
	i.stats.Unfit += uint64(o.Unfit)
	switch {
	case errors.Is(err, binding.ErrPackVersion):
		i.stats.Foreign++
		return
	case err != nil:
		i.stats.Damaged++
		i.stats.Applied += uint64(o.Count - o.Unfit)
		return
	case o.Sender == i.self:
		return
	}
	i.stats.Applied += uint64(o.Count - o.Unfit)
	want, known := i.next[o.Sender]
	if known && o.First > want {
		i.stats.Missed += o.First - want
	}
	if !known && len(i.next) >= maxSenders {
		clear(i.next)
	}
	if end := o.First + uint64(o.Count); end > want {
		i.next[o.Sender] = end
	}
}

// Idle says that nothing waits to be read.
func (i *Inbox) Idle() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stats.Lag = 0
}

// Stats counts.
func (i *Inbox) Stats() InboxStats {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.stats
}
