package relay

import (
	"fmt"
	"testing"
	"time"

	"github.com/ordertrace/ordertrace/internal/binding"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func gateway(t *testing.T, n byte) (*binding.Index, binding.Name, *Outbox, *Inbox) {
	t.Helper()
	x := binding.New(binding.Options{})
	order, err := x.Name("order.id", binding.Joins(0).With(binding.Message))
	if err != nil {
		t.Fatal(err)
	}
	out := NewOutbox(x, [8]byte{n})
	x.Share(out.Put)
	return x, order, out, NewInbox(x, [8]byte{n})
}

func tell(x *binding.Index, order binding.Name, i int) {
	x.Tell(binding.MessageOf(binding.Message, fmt.Sprint(i)), binding.Binding{Name: order, Source: binding.Message, Value: fmt.Sprint("ORD-", i)}, now)
}

func TestPacksThatAreMissedAreCountedInNews(t *testing.T) {
	x, order, out, _ := gateway(t, 1)
	_, _, _, in := gateway(t, 2)
	var packs [][]byte
	i := 0
	for _, n := range []int{3, 2, 4, 1} {
		for range n {
			tell(x, order, i)
			i++
		}
		pack := out.Next()
		if again := out.Next(); string(again) != string(pack) {
			t.Fatal("a pack that was not confirmed changed")
		}
		tell(x, order, 1000+i) // goes into the next one
		i++
		packs = append(packs, pack)
		out.Sent()
	}
	in.Take(packs[0], now.Add(-time.Minute), now)
	in.Take(packs[0], now.Add(-time.Minute), now) // sent twice, because the answer to the first was lost
	if s := in.Stats(); s.Missed != 0 || s.Lag != time.Minute {
		t.Errorf("%+v", s)
	}
	in.Take(packs[3], now.Add(time.Second), now)
	if s := in.Stats(); s.Missed != 3+5 || s.Lag != 0 || s.Applied != 3+3+2 {
		t.Errorf("%+v", s)
	}
	in.Take([]byte("garbage"), now, now)
	in.Take([]byte{1, 2}, now, now)
	in.Take(nil, now, now)
	if s := in.Stats(); s.Foreign != 1 || s.Damaged != 2 {
		t.Errorf("%+v", s)
	}
}

func TestTheOutboxIsBounded(t *testing.T) {
	x, order, out, _ := gateway(t, 1)
	for i := range 200_000 {
		tell(x, order, i)
	}
	s := out.Stats()
	if s.Bytes > OutboxBytes+binding.MaxValue+64 || s.Lost == 0 || s.Waiting+s.Lost != 200_000 || s.Sent != 0 {
		t.Errorf("%+v", s)
	}
	largest := 0
	for pack := out.Next(); pack != nil; pack = out.Next() {
		largest = max(largest, len(pack))
		out.Sent()
	}
	if after := out.Stats(); after.Bytes != 0 || after.Waiting != 0 || after.Sent != s.Waiting || largest > packBytes+512 {
		t.Errorf("%+v, largest pack %d bytes", after, largest)
	}
	tell(x, order, 300_000)
	if out.Next() == nil {
		t.Error("it does not recover")
	}
}

func TestGatewaysThatComeAndGoAreBounded(t *testing.T) {
	_, _, _, in := gateway(t, 0)
	for i := range 3000 {
		x := binding.New(binding.Options{MaxBytes: binding.MinBytes})
		in.Take(x.Seal(&binding.Pack{}, [8]byte{1, byte(i), byte(i >> 8)}, uint64(i)), now, now)
	}
	if len(in.next) > maxSenders || in.Stats().Missed != 0 {
		t.Errorf("%d senders, %+v", len(in.next), in.Stats())
	}
}
