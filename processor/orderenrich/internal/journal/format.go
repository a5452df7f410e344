package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

const (
	headKey = "head"
	version = 1

	// version (1), items (4), length of the payload (4), checksum of these and of the payload (4).
	recordHead = 13
	// partBytes is how much of a record one key holds: stores that keep keys in pages, several in one, write the
	// neighbours of what changes, too.
	partBytes = 16 << 10
	// maxRecord bounds what a damaged length can ask for.
	maxRecord = 1 << 30
	// version (1), first (8), next (8), checksum of both (4).
	headBytes = 21
)

// castagnoli has an instruction of its own on all processors that matter.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errVersion = errors.New("written by another version")
	errDamaged = errors.New("damaged")
)

// recordKey is where a part of a record is. The first part is written last: if it is there, all are.
func recordKey(seq uint64, part int) string { return fmt.Sprintf("record/%016x/%04x", seq, part) }

func parts(bytes int64) int { return int((bytes + partBytes - 1) / partBytes) }

// encode puts the head of a record in front of its payload, which is copied: stores keep what they are given.
func encode(payload []byte, items int) []byte {
	b := make([]byte, recordHead+len(payload))
	b[0] = version
	binary.BigEndian.PutUint32(b[1:], uint32(items))
	binary.BigEndian.PutUint32(b[5:], uint32(len(payload)))
	copy(b[recordHead:], payload)
	binary.BigEndian.PutUint32(b[9:], checksum(b))
	return b
}

func checksum(record []byte) uint32 {
	return crc32.Update(crc32.Checksum(record[:9], castagnoli), castagnoli, record[recordHead:])
}

func decode(b []byte) (payload []byte, items int, err error) {
	length, err := total(b)
	if err != nil {
		return nil, 0, err
	}
	if length != int64(len(b)) || binary.BigEndian.Uint32(b[9:]) != checksum(b) {
		return nil, 0, errDamaged
	}
	return b[recordHead:], int(binary.BigEndian.Uint32(b[1:])), nil
}

// total is the length of a whole record, as its first part says.
func total(first []byte) (int64, error) {
	if len(first) > 0 && first[0] != version {
		return 0, fmt.Errorf("%w (%d, this is %d)", errVersion, first[0], version)
	}
	if len(first) < recordHead {
		return 0, errDamaged
	}
	n := recordHead + int64(binary.BigEndian.Uint32(first[5:]))
	if n > maxRecord {
		return 0, errDamaged
	}
	return n, nil
}

func encodeHead(first, next uint64) []byte {
	b := make([]byte, headBytes)
	b[0] = version
	binary.BigEndian.PutUint64(b[1:], first)
	binary.BigEndian.PutUint64(b[9:], next)
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[:17], castagnoli))
	return b
}

func decodeHead(b []byte) (first, next uint64, err error) {
	if len(b) > 0 && b[0] != version {
		return 0, 0, fmt.Errorf("%w (%d, this is %d)", errVersion, b[0], version)
	}
	if len(b) != headBytes || binary.BigEndian.Uint32(b[17:]) != crc32.Checksum(b[:17], castagnoli) {
		return 0, 0, errDamaged
	}
	first, next = binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:])
	if first > next {
		return 0, 0, errDamaged
	}
	return first, next, nil
}
