package scan

import (
	"net/netip"
	"strings"
)

func isHex(c byte) bool { return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'f' }

// maybeMAC looks at the separator that a hardware address would have.
func maybeMAC(t string, i int) bool {
	return i+14 <= len(t) && (t[i+2] == ':' || t[i+2] == '-' || t[i+4] == '.')
}

// grouped says that a pair or a four of hex digits with its separator stands before i: what begins there is no beginning.
func grouped(t string, i int) bool {
	if t[i-1] != ':' && t[i-1] != '-' && t[i-1] != '.' {
		return false
	}
	k := i - 1
	for k > 0 && i-k < 7 && isHex(t[k-1]) {
		k--
	}
	n := i - 1 - k
	return (n == 2 || n == 4) && (k == 0 || kinds[t[k-1]] != letter && kinds[t[k-1]] != digit)
}

// mac reads a hardware address at i: six pairs with ':' or '-', or three fours with '.'; it returns its end or 0.
// named: the key says that it is one.
func mac(t string, i int, named bool) int {
	if i+14 > len(t) || i > 0 && (kinds[t[i-1]] == letter || kinds[t[i-1]] == digit || grouped(t, i)) {
		return 0
	}
	width, groups, sep := 2, 6, t[i+2]
	if sep != ':' && sep != '-' {
		if sep = t[i+4]; sep != '.' {
			return 0
		}
		width, groups = 4, 3
	}
	j := i
	letters := false
	for g := range groups {
		if g > 0 {
			if j >= len(t) || t[j] != sep {
				return 0
			}
			j++
		}
		for range width {
			if j >= len(t) || !isHex(t[j]) {
				return 0
			}
			letters = letters || kinds[t[j]] == letter
			j++
		}
	}
	if j < len(t) && (kinds[t[j]] == letter || kinds[t[j]] == digit || t[j] == sep && j+1 < len(t) && isHex(t[j+1])) {
		return 0
	}
	if !letters && sep == '-' && !named || t[i:j] == "00:00:00:00:00:00" || t[i:j] == "ff:ff:ff:ff:ff:ff" {
		return 0
	}
	return j
}

// ipv6 reads an address around the colon at i. An address of our own networks is recognised and left alone.
func ipv6(t string, i int) (lo, hi int) {
	lo, hi = i, i
	for lo > 0 && i-lo < 40 && (isHex(t[lo-1]) || t[lo-1] == ':') {
		lo--
	}
	for hi < len(t) && hi-i < 46 && (isHex(t[hi]) || t[hi] == ':' || t[hi] == '.') {
		hi++
	}
	for hi > i+1 && (t[hi-1] == '.' || t[hi-1] == ':' && (hi < 2 || t[hi-2] != ':')) {
		hi--
	}
	if hi-lo < 6 || lo > 0 && (kinds[t[lo-1]] == letter || t[lo-1] == '_') || hi < len(t) && (kinds[t[hi]] == letter || t[hi] == '_') {
		return 0, 0
	}
	if n := strings.Count(t[lo:hi], ":"); n < 6 && !strings.Contains(t[lo:hi], "::") { // a time, a ratio
		return 0, 0
	}
	a, err := netip.ParseAddr(t[lo:hi])
	if err != nil || !a.Is6() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() {
		return 0, 0
	}
	return lo, hi
}

// ipv6 reads an address where another colon is no farther than a group of four hex digits.
func (sc *Scanner) ipv6(t string, i int) (lo, hi int) {
	if !sc.anchors.Colons(i) {
		return 0, 0
	}
	return ipv6(t, i)
}

// bot reads a Telegram bot's token around the colon at i: its number, then 35 characters.
func bot(t string, i int) int {
	lo := i
	for lo > 0 && kinds[t[lo-1]] == digit {
		lo--
	}
	if n := i - lo; n < 8 || n > 10 {
		return 0
	}
	j := i + 1
	for j < len(t) && (kinds[t[j]] == letter || kinds[t[j]] == digit || t[j] == '-' || t[j] == '_') {
		j++
	}
	if n := j - i - 1; n < 34 || n > 36 {
		return 0
	}
	return j
}

// visitor says that an address is the first field of an access log's line.
func visitor(t string, lo, hi int) bool {
	return (lo == 0 || t[lo-1] == '\n') && strings.HasPrefix(t[hi:], " - ")
}
