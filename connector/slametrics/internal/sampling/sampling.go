// Package sampling says how many requests a span stands for that was kept by consistent probability sampling.
//
// A sampler that keeps a trace writes its rejection threshold T, of 56 bits, into the W3C trace state as ot=th:<hex>,
// trailing zeros left out: it keeps one in 2^56/(2^56-T). That is the span's adjusted count.
package sampling

import "strings"

const (
	digits = 14 // of a whole threshold
	whole  = 1 << (4 * digits)
	// MaxWeight bounds what one span can claim to stand for: a sender that errs must not drown what is counted.
	MaxWeight = 1 << 20
)

// Weight is the adjusted count of a span, rounded up or down by chance so that sums are right on average; random are
// bits that nothing else depends on. Without a threshold, or with one that cannot be read, it is 1.
func Weight(traceState string, random uint64) uint64 {
	threshold, ok := threshold(traceState)
	if !ok || threshold == 0 {
		return 1
	}
	kept := whole - threshold
	n, rest := whole/kept, whole%kept
	if n >= MaxWeight {
		return MaxWeight
	}
	if rest > random%kept {
		n++
	}
	return n
}

// threshold finds th in the entry of OpenTelemetry.
func threshold(traceState string) (uint64, bool) {
	for entry := range strings.SplitSeq(traceState, ",") {
		fields, ok := strings.CutPrefix(strings.TrimSpace(entry), "ot=")
		if !ok {
			continue
		}
		for field := range strings.SplitSeq(fields, ";") {
			if hex, ok := strings.CutPrefix(field, "th:"); ok {
				return parse(hex)
			}
		}
		return 0, false
	}
	return 0, false
}

func parse(hex string) (n uint64, ok bool) {
	if len(hex) == 0 || len(hex) > digits {
		return 0, false
	}
	for i := range digits {
		n <<= 4
		if i >= len(hex) {
			continue
		}
		switch c := hex[i]; {
		case c >= '0' && c <= '9':
			n |= uint64(c - '0')
		case c >= 'a' && c <= 'f':
			n |= uint64(c-'a') + 10
		default:
			return 0, false
		}
	}
	return n, true
}
