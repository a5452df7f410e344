package series

import (
	"fmt"
	"sync"
	"testing"
	"unsafe"
)

// record counts one request of a batch of its own.
func record(s *Store, key *Key, e *Exemplar) {
	var w Writer
	w.Begin(s)
	defer w.End()
	w.Record(s.Hash(key.Service), key, e)
}

func collectAll(s *Store) map[Key]uint64 {
	all := map[Key]uint64{}
	s.Collect(func(n *Snapshot) {
		k := n.Key
		if n.Overflow {
			k.Name = "overflow"
		}
		all[k] += n.Duration.Count
	})
	return all
}

func TestSeriesAreToldApartByEveryField(t *testing.T) {
	s := New(100)
	keys := []Key{
		{Service: "a", Name: "b"}, {Service: "b", Name: "a"}, {Service: "a", Name: "b", Kind: 1},
		{Service: "a", Name: "b", Failed: true}, {Service: "a", Name: "b", DB: "x"}, {Service: "a", Name: "b", Messaging: "x"},
	}
	for i := range keys {
		for range i + 1 {
			record(s, &keys[i], &Exemplar{Value: 1})
		}
	}
	got := collectAll(s)
	for i, k := range keys {
		if got[k] != uint64(i+1) {
			t.Errorf("%+v: %d, want %d", k, got[k], i+1)
		}
	}
}

func TestBeyondTheLimitRequestsAreCountedTogetherForGood(t *testing.T) {
	s := New(2)
	for i := range 10 {
		k := Key{Service: "a", Name: fmt.Sprint(i), Failed: i == 9}
		record(s, &k, &Exemplar{Value: 1})
	}
	for range 2 { // still there at the second collection
		got := collectAll(s)
		if got[Key{Name: "overflow"}] != 7 || got[Key{Name: "overflow", Failed: true}] != 1 || len(got) != 4 {
			t.Fatalf("got %v", got)
		}
	}
	if s.Len() != 2 || s.Overflowed() != 8 {
		t.Fatalf("len %d, overflowed %d", s.Len(), s.Overflowed())
	}
}

func TestStringsOfTheCallerAreNotKept(t *testing.T) {
	s := New(10)
	buf := []byte("service-name")
	k := Key{Service: unsafe.String(&buf[0], 7), Name: unsafe.String(&buf[8], 4)}
	record(s, &k, &Exemplar{Value: 1})
	copy(buf, "XXXXXXXXXXXX")
	if got := collectAll(s); got[Key{Service: "service", Name: "name"}] != 1 {
		t.Fatalf("got %v", got)
	}
}

func TestExemplarsAreTheSlowestAndTheNewestOfTheInterval(t *testing.T) {
	s := New(10)
	k := Key{Service: "a"}
	for i, v := range []float64{1, 9, 3} {
		record(s, &k, &Exemplar{Value: v, At: int64(i + 1), Trace: [16]byte{1}})
	}
	var got []Exemplar
	s.Collect(func(n *Snapshot) { got = append(got, n.Exemplar...) })
	if len(got) != 2 || got[0].Value != 9 || got[1].Value != 3 {
		t.Fatalf("got %+v", got)
	}
	s.Collect(func(n *Snapshot) {
		if len(n.Exemplar) != 0 {
			t.Fatal("an exemplar came twice")
		}
	})
}

func TestConcurrentRequestsAreAllCounted(t *testing.T) {
	s := New(50)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				k := Key{Service: "a", Name: fmt.Sprint(i % 100), Kind: uint8(g)}
				record(s, &k, &Exemplar{Value: 1, At: 1})
				if i%500 == 0 {
					collectAll(s)
				}
			}
		})
	}
	wg.Wait()
	var total uint64
	for _, n := range collectAll(s) {
		total += n
	}
	if total != 8000 || s.Len() != 50 {
		t.Fatalf("total %d, series %d", total, s.Len())
	}
}

func BenchmarkRecord(b *testing.B) {
	s := New(1000)
	keys := make([]Key, 100)
	for i := range keys {
		keys[i] = Key{Service: "shop-api", Name: fmt.Sprintf("GET /orders/%d", i), Kind: 2}
	}
	hash := s.Hash("shop-api")
	e := Exemplar{Value: 0.01, At: 1, Trace: [16]byte{1}}
	var w Writer
	w.Begin(s)
	defer w.End()
	for i := range keys {
		w.Record(hash, &keys[i], &e)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.Record(hash, &keys[i%100], &e)
		i++
	}
}
