// Package shard spreads orders over 64 virtual shards, the unit in which they are handed from one judge to another.
package shard

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Count is the number of shards. It never changes: gateways and judges of all versions must agree on it.
const Count = 64

// Of is the shard of an order: FNV-1a over its id. It is part of the order events' format.
func Of(key string) int {
	hash := uint64(14695981039346656037)
	for i := range len(key) {
		hash = (hash ^ uint64(key[i])) * 1099511628211
	}
	return int(hash % Count)
}

// Set is a set of shards.
type Set uint64

// All is every shard.
const All = ^Set(0)

// Has says whether the shard is in the set.
func (s Set) Has(n int) bool { return s&(1<<n) != 0 }

// Len is the number of shards in the set.
func (s Set) Len() int { return bits.OnesCount64(uint64(s)) }

// Parse reads numbers and ranges: "0-31", "0-15, 40, 48-63". Nothing is every shard.
func Parse(text string) (Set, error) {
	if strings.TrimSpace(text) == "" {
		return All, nil
	}
	var set Set
	var errs []error
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			last = first
		}
		from, err1 := strconv.ParseUint(strings.TrimSpace(first), 10, 8)
		to, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 8)
		if err1 != nil || err2 != nil || from > to || to >= Count {
			errs = append(errs, fmt.Errorf("%q: write numbers from 0 to %d and ranges of them, such as 0-31", strings.TrimSpace(part), Count-1))
			continue
		}
		for n := from; n <= to; n++ {
			set |= 1 << n
		}
	}
	return set, errors.Join(errs...)
}

// String writes the set as Parse reads it.
func (s Set) String() string {
	var parts []string
	for n := 0; n < Count; n++ {
		if !s.Has(n) {
			continue
		}
		first := n
		for n+1 < Count && s.Has(n+1) {
			n++
		}
		if first == n {
			parts = append(parts, strconv.Itoa(n))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", first, n))
		}
	}
	return strings.Join(parts, ",")
}
