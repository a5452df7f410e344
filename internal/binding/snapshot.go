package binding

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

const (
	snapshotMagic = "otidx2\n"
	segmentBytes  = 1 << 20 // a segment ends with the entry that reaches it
	sumBytes      = 4       // at the end of a segment, CRC-32C of what is before
)

// castagnoli has an instruction of its own on all processors that matter.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func seal(segment []byte) []byte {
	return binary.LittleEndian.AppendUint32(segment, crc32.Checksum(segment, castagnoli))
}

// unseal returns what was sealed; false if it is not whole.
func unseal(segment []byte) ([]byte, bool) {
	n := len(segment) - sumBytes
	if n < 0 || crc32.Checksum(segment[:n], castagnoli) != binary.LittleEndian.Uint32(segment[n:]) {
		return nil, false
	}
	return segment[:n], true
}

// Snapshot writes everything that is live as segments, each of which can be restored on its own. A shard is locked while it
// is read, so that each entry is whole; the snapshot as a whole is not of one moment, which does not matter, because
// restoring is merging.
func (x *Index) Snapshot(now time.Time, emit func(segment []byte) error) error {
	head := x.snapshotHead()
	seg := append([]byte(nil), head...)
	for i := range x.shards {
		var full [][]byte
		sh := &x.shards[i]
		sh.Lock()
		for space := range sh.tables {
			t := &sh.tables[space]
			t.age(now.UnixNano())
			t.each(func(first uint32) {
				seg = appendEntry(seg, Space(space), t, first)
				if len(seg) >= segmentBytes {
					full = append(full, seg)
					seg = append([]byte(nil), head...)
				}
			})
		}
		sh.Unlock()
		for _, f := range full {
			if err := emit(seal(f)); err != nil {
				return err
			}
		}
	}
	if len(seg) > len(head) {
		return emit(seal(seg))
	}
	return nil
}

// each visits the entries by their first records.
func (t *table) each(f func(head uint32)) {
	for i := range t.dirs {
		for _, b := range t.dirs[i].buckets {
			for _, slot := range b {
				if slot != 0 {
					f(uint32(slot))
				}
			}
		}
	}
}

// snapshotHead carries the names behind the numbers, which may be others in the next process.
func (x *Index) snapshotHead() []byte {
	x.names.RLock()
	defer x.names.RUnlock()
	b := []byte(snapshotMagic)
	b = append(b, byte(len(x.names.list)))
	for i, n := range x.names.list {
		b = append(b, byte(x.names.joins[i]), byte(len(n)))
		b = append(b, n...)
	}
	b = append(b, byte(sourceCount))
	for _, n := range sourceNames {
		b = append(b, byte(len(n)))
		b = append(b, n...)
	}
	return b
}

func appendEntry(b []byte, space Space, t *table, head uint32) []byte {
	id := t.id(head)
	b = append(b, byte(space))
	b = append(b, id[:]...)
	count := len(b)
	b = append(b, 0)
	for ref := head; ref != 0; {
		r := t.read(ref)
		if r.name != nameDead && b[count] < 255 {
			b[count]++
			flags := r.hops
			if r.several {
				flags |= several
			}
			b = append(b, r.name, byte(r.source), flags)
			b = binary.LittleEndian.AppendUint16(b, r.tag)
			b = append(b, byte(len(r.value)))
			b = append(b, r.value...)
		}
		ref = r.next
	}
	return b
}

var errSnapshot = errors.New("the segment is damaged or of another version")

// Restore merges a segment into the index. What was learnt meanwhile stands; of a damaged segment nothing is read.
func (x *Index) Restore(segment []byte, now time.Time) (entries int, err error) {
	content, whole := unseal(segment)
	if !whole {
		return 0, errSnapshot
	}
	r := segmentReader{b: content, ok: true}
	if string(r.take(len(snapshotMagic))) != snapshotMagic {
		return 0, errSnapshot
	}
	var names [256]int16
	var sources [256]Source
	for i := range int(r.byte()) {
		joins, name := Joins(r.byte()), string(r.take(int(r.byte())))
		n, err := x.Name(name, joins&7)
		names[i] = int16(n) + 1
		if err != nil {
			names[i] = 0
		}
	}
	for i := range int(r.byte()) {
		sources[i] = ParseSource(string(r.take(int(r.byte()))))
	}
	for r.ok && len(r.b) > 0 {
		node := Node{Space: Space(r.byte())}
		copy(node.ID[:], r.take(16))
		for range int(r.byte()) {
			name, source, flags := r.byte(), sources[r.byte()], r.byte()
			tag := uint16(r.byte()) | uint16(r.byte())<<8
			value := r.take(int(r.byte()))
			if !r.ok || node.Space >= spaces {
				return entries, errSnapshot
			}
			x.restoreRecord(node, name, names[name], record{source: source, hops: flags & 7, several: flags&several != 0, tag: tag, value: value}, now)
		}
		entries++
	}
	if !r.ok {
		return entries, errSnapshot
	}
	return entries, nil
}

func (x *Index) restoreRecord(node Node, raw uint8, name int16, r record, now time.Time) {
	switch {
	case raw == nameEdge:
		if len(r.value) == 17 && Space(r.value[0]) < spaces && r.source >= Link && r.source <= Message {
			e := decodeEdge(r)
			x.connect(node, e.to, e.via, now.UnixNano())
		}
	case name > 0:
		x.Bind(node, Binding{Name: Name(name - 1), Source: r.source, Hops: min(r.hops, MaxHops), Several: r.several, Tag: r.tag, Value: string(r.value)}, now)
	}
}

// segmentReader reads without ever going beyond the end.
type segmentReader struct {
	b  []byte
	ok bool
}

func (r *segmentReader) take(n int) []byte {
	if n > len(r.b) {
		r.ok, r.b = false, nil
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *segmentReader) byte() byte {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}
