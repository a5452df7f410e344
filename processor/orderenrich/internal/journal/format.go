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

	// version (1), items (4), checksum of items and payload (4).
	recordHead = 9
	// version (1), first (8), next (8), checksum of both (4).
	headBytes = 21
)

// castagnoli has an instruction of its own on all processors that matter.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errVersion = errors.New("written by another version")
	errDamaged = errors.New("damaged")
)

func recordKey(seq uint64) string { return fmt.Sprintf("record/%016x", seq) }

// encode puts the head of a record in front of its payload, which is copied: stores keep what they are given.
func encode(payload []byte, items int) []byte {
	b := make([]byte, recordHead+len(payload))
	b[0] = version
	binary.BigEndian.PutUint32(b[1:], uint32(items))
	copy(b[recordHead:], payload)
	binary.BigEndian.PutUint32(b[5:], checksum(b))
	return b
}

func checksum(record []byte) uint32 {
	return crc32.Update(crc32.Checksum(record[:5], castagnoli), castagnoli, record[recordHead:])
}

func decode(b []byte) (payload []byte, items int, err error) {
	if len(b) > 0 && b[0] != version {
		return nil, 0, fmt.Errorf("%w (%d, this is %d)", errVersion, b[0], version)
	}
	if len(b) < recordHead || binary.BigEndian.Uint32(b[5:]) != checksum(b) {
		return nil, 0, errDamaged
	}
	return b[recordHead:], int(binary.BigEndian.Uint32(b[1:])), nil
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
