// Package relay is what stands between an index and a stream that gateways share: an Outbox packs what the index tells, within
// a bound, and an Inbox applies what others told and counts what it missed.
//
// It knows nothing of the stream itself.
package relay

import (
	"sync"

	"github.com/ordertrace/ordertrace/internal/binding"
)

const (
	// packBytes is where a pack ends: small enough that one is never a burden to anybody.
	packBytes = 4 << 10
	// OutboxBytes bounds what waits to be sent: some 100,000 news, a minute at a very busy gateway.
	OutboxBytes = 4 << 20
)

// Outbox collects news until they are sent. The mutex guards everything; ready holds a token while there may be news.
type Outbox struct {
	index *binding.Index
	self  [8]byte
	ready chan struct{}

	mu    sync.Mutex
	packs []*binding.Pack
	bytes int
	told  uint64 // news that were taken, ever
	lost  uint64 // news for which there was no room, ever
	sent  uint64 // news in packs that Sent confirmed
	first uint64 // number of the first piece in the oldest pack
}

// NewOutbox makes an Outbox. self tells the gateway from all others.
func NewOutbox(index *binding.Index, self [8]byte) *Outbox {
	return &Outbox{index: index, self: self, ready: make(chan struct{}, 1)}
}

// Put adds news, or counts them as lost when the box is full. It never waits.
func (o *Outbox) Put(n binding.News) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bytes >= OutboxBytes {
		o.lost++
		return
	}
	if k := len(o.packs); k == 0 || o.packs[k-1].Size() >= packBytes {
		o.packs = append(o.packs, &binding.Pack{})
	}
	p := o.packs[len(o.packs)-1]
	before := p.Size()
	p.Add(n)
	o.bytes += p.Size() - before
	o.told++
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// Ready yields when there may be something to send.
func (o *Outbox) Ready() <-chan struct{} { return o.ready }

// Next returns the oldest pack; nil if there is none. It stays until Sent; what is told meanwhile goes into another one.
func (o *Outbox) Next() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.packs) == 0 {
		return nil
	}
	if len(o.packs) == 1 {
		o.packs = append(o.packs, &binding.Pack{})
	}
	return o.index.Seal(o.packs[0], o.self, o.first)
}

// Sent removes the pack that Next returned.
func (o *Outbox) Sent() {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.packs[0]
	o.packs[0] = nil
	o.packs = o.packs[1:]
	if len(o.packs) == 1 && o.packs[0].Count == 0 {
		o.packs = nil
	}
	o.bytes -= p.Size()
	o.first += uint64(p.Count)
	o.sent += uint64(p.Count)
}

// OutboxStats is what became of the news that were put.
type OutboxStats struct {
	Bytes int
	// Sent, Lost and Waiting count news.
	Sent, Lost, Waiting uint64
}

// Stats counts.
func (o *Outbox) Stats() OutboxStats {
	o.mu.Lock()
	defer o.mu.Unlock()
	return OutboxStats{Bytes: o.bytes, Sent: o.sent, Lost: o.lost, Waiting: o.told - o.sent}
}
