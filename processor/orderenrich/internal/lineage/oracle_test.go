package lineage

import (
	"slices"
	"strings"
)

// oracle reads the rules of doc.go as they are written, by walking up and down from each span. It answers only for
// payloads without circles and with unique ids.
func oracle(spans []s, i int) (string, bool) {
	at := map[int]int{}
	for k, sp := range spans {
		if sp.id == 0 {
			continue
		}
		if _, twice := at[sp.id]; twice {
			return "", false
		}
		at[sp.id] = k
	}
	for k := range spans { // no circles
		for p, steps := k, 0; ; steps++ {
			if steps > len(spans) {
				return "", false
			}
			next, ok := parentOf(spans, at, p)
			if !ok {
				break
			}
			p = next
		}
	}
	return resolve(spans, at, i), true
}

func parentOf(spans []s, at map[int]int, k int) (int, bool) {
	if spans[k].parent == 0 {
		return 0, false
	}
	p, ok := at[spans[k].parent]
	return p, ok && p != k
}

func resolve(spans []s, at map[int]int, i int) string {
	own := strings.Fields(spans[i].names)
	if len(own) == 1 {
		return own[0]
	}
	if len(own) == 0 {
		if p, ok := parentOf(spans, at, i); ok {
			if v := resolve(spans, at, p); v != "" && v[0] != '[' {
				return v
			}
		}
	}
	set := slices.Clone(own)
	for k := range spans {
		for p := k; ; {
			next, ok := parentOf(spans, at, p)
			if !ok {
				break
			}
			if next == i {
				set = append(set, strings.Fields(spans[k].names)...)
				break
			}
			p = next
		}
	}
	slices.Sort(set)
	set = slices.Compact(set)
	switch len(set) {
	case 0:
		return ""
	case 1:
		return set[0]
	}
	return "[" + strings.Join(set, " ") + "]"
}
