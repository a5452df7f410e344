package binding

import (
	"encoding/binary"
	"math/bits"
)

const (
	bucketSlots = 8
	bucketBytes = bucketSlots * 8
	// firstBuckets is where a directory begins; those of one table begin at different sizes, so that they do not all grow at once.
	firstBuckets = 8
	// fullAt is how many slots of a hundred are taken when a directory grows, and growBy the percentage by which it does.
	fullAt, growBy = 85, 25
	// sparseAt is how few of a hundred are taken when it shrinks.
	sparseAt = 40
	// pageBuckets fill a page of the allocator; larger directories take whole pages, so that nothing is taken uncounted.
	pageBuckets = 8192 / bucketBytes
)

// bucket is one cache line. A slot is the fingerprint of an id and, below it, the reference to its first record; 0 means free.
// The slots of a bucket are taken from the first on.
type bucket [bucketSlots]uint64

// directory is where the entries of a part of a table are, by the fingerprint of their id. It is ordered by fingerprint: an entry
// is in the bucket of its fingerprint or, if that was full, in the next that was not, and never before it. Behind the last bucket
// are some spare ones for what runs over. The table that holds it owns it.
type directory struct {
	buckets []bucket
	main    int // without the spare ones
	used    int
}

func (d *directory) bytes() int { return len(d.buckets) * bucketBytes }

func (d *directory) begin(print uint32) int { return int(uint64(print) * uint64(d.main) >> 32) }

// insert takes a free slot; false if there is none where it may be.
func (d *directory) insert(slot uint64) bool {
	if d.main == 0 {
		return false
	}
	for i := d.begin(uint32(slot >> 32)); i < len(d.buckets); i++ {
		b := &d.buckets[i]
		for k := range b {
			if b[k] == 0 {
				b[k] = slot
				d.used++
				return true
			}
		}
	}
	return false
}

// full says that one more entry makes it too full.
func (d *directory) full() bool { return (d.used+1)*100 > d.main*bucketSlots*fullAt }

// fitted is how many buckets, without the spare ones, hold so many entries and some more.
func fitted(used int) int { return used*100/(bucketSlots*(fullAt-growBy/2)) + 1 }

// size is how many buckets a directory of main ones takes with the spare ones, and how many of them are then no spare ones.
func size(main int) (n, rounded int) {
	spare := 2 + min(main/16, 14)
	n = main + spare
	if n >= 4*pageBuckets {
		n = (n + pageBuckets - 1) / pageBuckets * pageBuckets
	}
	return n, n - spare
}

func sized(main int) directory {
	n, main := size(main)
	return directory{buckets: make([]bucket, n), main: main}
}

// fill puts everything of an older directory into an empty one; false if it does not fit.
func (d *directory) fill(from *directory) bool {
	for i := range from.buckets {
		for _, slot := range from.buckets[i] {
			if slot == 0 {
				break
			}
			if !d.insert(slot) {
				return false
			}
		}
	}
	return true
}

// sweep takes out what is not kept. Bucket by bucket, what is left is put back; it finds room there or before, since nothing
// stands before its place and all before has been put back already.
func (d *directory) sweep(keep func(ref uint32) bool) {
	d.used = 0
	for i := range d.buckets {
		old := d.buckets[i]
		d.buckets[i] = bucket{}
		for _, slot := range old {
			if slot == 0 {
				break
			}
			if keep(uint32(slot)) {
				d.insert(slot)
			}
		}
	}
}

// hash mixes all 16 bytes of an id, since ids may be zero-padded or time-prefixed; the seed is random so that a sender cannot
// choose ids that collide.
func hash(seed [2]uint64, id [16]byte) uint64 {
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(id[:8])^seed[0], binary.LittleEndian.Uint64(id[8:])^seed[1])
	h := (hi ^ lo) * 0x9e3779b97f4a7c15
	return h ^ h>>32
}
