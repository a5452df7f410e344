package binding

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func testTable(limit int) *table {
	return &table{seed: [2]uint64{0x1234567890abcdef, 0xfedcba0987654321}, limit: limit, count: traceGenerations, ttl: int64(time.Minute)}
}

// recount is what a table holds, by going through it.
func recount(t *testing.T, tb *table) (entries, bytes int) {
	t.Helper()
	tb.each(func(head uint32) {
		id := tb.id(head)
		if slot := tb.find(id, hash(tb.seed, id)); slot == nil || uint32(*slot) != head {
			t.Fatalf("the entry of %x is not found", id)
		}
		entries++
	})
	for _, c := range tb.chunks {
		if c.b != nil {
			bytes += chunkBytes
		}
	}
	bytes += cap(tb.chunks) * chunkSlot
	used := 0
	for i := range tb.dirs {
		bytes += cap(tb.dirs[i].buckets) * bucketBytes
		used += tb.dirs[i].used
	}
	if used != entries {
		t.Fatalf("the directories say %d entries and have %d", used, entries)
	}
	return entries, bytes
}

// TestWhatIsLeftAfterEvictionIsWhole mixes writes, reads and time in a small table: what is found is right and nothing is found
// twice, the counts are those of what is there, and the bound holds after every step.
func TestWhatIsLeftAfterEvictionIsWhole(t *testing.T) {
	for _, limit := range []int{100_000, 700_000, 3_000_000} {
		r := rand.New(rand.NewPCG(1, uint64(limit)))
		tb := testTable(limit)
		now, seen := start.UnixNano(), int64(0)
		for step := range 60_000 {
			n := uint64(r.IntN(60_000) + 1)
			k := id(n)
			if r.IntN(3) == 0 {
				if head := tb.seek(k, now); head != 0 && string(tb.read(head).value) != fmt.Sprint("v", n) {
					t.Fatalf("%d has the value %q", n, tb.read(head).value)
				}
			} else if tb.seek(k, now) == 0 {
				if !tb.add(k, record{name: 1, source: URL, value: fmt.Append(nil, "v", n)}, now) {
					t.Fatalf("step %d: refused", step)
				}
				seen++
			}
			if r.IntN(200) == 0 {
				now += int64(r.IntN(2)) * int64(time.Second) / 10
			}
			if r.IntN(20_000) == 0 {
				now += int64(5 * time.Minute)
			}
			if b := tb.bytes(); b > limit {
				t.Fatalf("step %d: %d bytes of %d", step, b, limit)
			}
			if step%10_000 == 0 {
				entries, bytes := recount(t, tb)
				if bytes != tb.bytes() || entries != tb.entries() {
					t.Fatalf("%d bytes and %d entries, counted %d and %d", bytes, entries, tb.bytes(), tb.entries())
				}
				if int64(entries) != seen-tb.evicted-tb.expired {
					t.Fatalf("%d entries are left of %d, %d evicted, %d expired", entries, seen, tb.evicted, tb.expired)
				}
			}
		}
		if tb.expired == 0 || limit < 1_000_000 && tb.evicted == 0 {
			t.Errorf("limit %d: %d expired, %d evicted", limit, tb.expired, tb.evicted)
		}
	}
}

// TestARecordStaysWithItsEntryWhenAGenerationEnds adds to one entry again and again while others push it into new generations.
func TestARecordStaysWithItsEntryWhenAGenerationEnds(t *testing.T) {
	tb := testTable(200_000)
	want := map[uint8]bool{}
	for n := range uint64(40_000) {
		now := start.UnixNano() + int64(n)
		if n%500 == 0 && len(want) < MaxNames {
			name := uint8(len(want))
			if !tb.add(id(1), record{name: name, source: URL, value: make([]byte, 200)}, now) {
				t.Fatal("refused")
			}
			want[name] = true
		}
		tb.add(id(n+2), record{name: 1, source: URL, value: []byte("ORD-10000042")}, now)
		have := 0
		for ref := tb.seek(id(1), now); ref != 0; ref = tb.read(ref).next {
			if r := tb.read(ref); !want[r.name] || len(r.value) != 200 {
				t.Fatalf("%+v", r)
			}
			have++
		}
		if have != len(want) {
			t.Fatalf("after %d: %d records of %d", n, have, len(want))
		}
	}
	if tb.evicted == 0 {
		t.Error("nothing was evicted")
	}
}

func TestADirectoryFindsWhatWasPutIntoItAndIsKept(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		d := sized(1 + r.IntN(60))
		var slots []uint64
		for !d.full() {
			slot := uint64(r.Uint32())<<32 | uint64(len(slots)+1)
			if round%3 == 0 {
				slot |= 0xf0000000 << 32 // at its end
			}
			if !d.insert(slot) {
				break // ran over its end
			}
			slots = append(slots, slot)
		}
		d.sweep(func(ref uint32) bool { return ref%3 == 0 })
		found := map[uint64]bool{}
		for _, b := range d.buckets {
			for _, s := range b {
				if s != 0 {
					found[s] = true
				}
			}
		}
		for _, s := range slots {
			if found[s] != (uint32(s)%3 == 0) || found[s] != reaches(&d, s) {
				t.Fatalf("round %d: slot %x: there %v, found %v", round, s, found[s], reaches(&d, s))
			}
		}
		if d.used != len(found) {
			t.Fatalf("%d used, %d there", d.used, len(found))
		}
	}
}

// reaches looks for a slot as a table does.
func reaches(d *directory, slot uint64) bool {
	for i := d.begin(uint32(slot >> 32)); i < len(d.buckets); i++ {
		if slices.Contains(d.buckets[i][:], slot) {
			return true
		}
		if slices.Contains(d.buckets[i][:], 0) {
			return false
		}
	}
	return false
}

// TestIdsOfEveryShapeSpread: zero-padded, time-prefixed and counted at either end, entries stand where they are looked for first, or
// close behind.
func TestIdsOfEveryShapeSpread(t *testing.T) {
	for name, shape := range map[string]func(n uint64) [16]byte{
		"zero-padded": id,
		"counted in front": func(n uint64) (k [16]byte) {
			binary.LittleEndian.PutUint64(k[:8], n)
			return k
		},
		"time in front": func(n uint64) (k [16]byte) {
			binary.BigEndian.PutUint32(k[:4], uint32(1_700_000_000+n/100))
			binary.BigEndian.PutUint64(k[8:], n*n)
			return k
		},
		"counted high": func(n uint64) (k [16]byte) {
			binary.BigEndian.PutUint64(k[:8], n<<40)
			return k
		},
	} {
		tb := testTable(256 << 20)
		const n = 60_000
		for i := range uint64(n) {
			tb.add(shape(i+1), record{name: 1, source: URL, value: []byte("v")}, start.UnixNano())
		}
		far := 0
		for i := range tb.dirs {
			d := &tb.dirs[i]
			if d.used < n/parts/2 || d.used > 2*n/parts {
				t.Errorf("%s: part %d has %d entries", name, i, d.used)
			}
			for k, b := range d.buckets {
				for _, s := range b {
					if s != 0 && k-d.begin(uint32(s>>32)) > 2 {
						far++
					}
				}
			}
		}
		if far > n/20 {
			t.Errorf("%s: %d of %d entries stand more than two buckets away", name, far, n)
		}
	}
}
