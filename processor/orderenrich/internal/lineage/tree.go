package lineage

import (
	"slices"

	"github.com/ordertrace/ordertrace/internal/binding"
)

// forest is the working memory for one trace with several values.
type forest struct {
	at       map[[8]byte]int32
	members  []int32 // spans of the group, by ordinal
	parent   []int32 // by ordinal; none for a root
	children []int32 // how many of a node's children are not yet folded into it
	below    [][]string
	source   []binding.Source // best source of what is below
	order    []int32          // leaves first
}

// grow decides every span of a group by its place in the tree.
func (b *Batch) grow(gi int32, rule uint8, fallback Decision) {
	g := &b.groups[gi]
	w := &b.work
	w.reset(int(g.spans))
	w.members = b.membersOf(gi)
	b.plant()
	offset := len(b.trees)
	for range g.spans {
		b.trees = append(b.trees, Decision{})
	}
	g.tree[rule], g.grown = int32(offset)+1, true
	out := b.trees[offset:]
	for i, m := range w.members {
		out[i], _, _ = b.own(m, rule)
	}
	w.climb(out)
	w.descend(out, int(g.spans), fallback)
	w.release()
}

// membersOf lists the spans of a group; the first call of a payload sorts all spans by group.
func (b *Batch) membersOf(gi int32) []int32 {
	if len(b.byGroup) == 0 {
		b.byGroup = slices.Grow(b.byGroup, len(b.spans))[:len(b.spans)]
		at := int32(0)
		for g := range b.groups {
			b.groups[g].first = at
			at += b.groups[g].spans
		}
		for i := range b.spans {
			sp := &b.spans[i]
			b.byGroup[b.groups[sp.group].first+sp.ordinal] = int32(i)
		}
	}
	g := &b.groups[gi]
	return b.byGroup[g.first : g.first+g.spans]
}

func (w *forest) reset(n int) {
	if w.at == nil {
		w.at = map[[8]byte]int32{}
	}
	clear(w.at)
	w.order = w.order[:0]
	w.parent, w.children = w.parent[:0], w.children[:0]
	w.below, w.source = w.below[:0], w.source[:0]
	for range n {
		w.node()
	}
}

func (w *forest) release() { clear(w.below) }

func (w *forest) node() int32 {
	w.parent = append(w.parent, none)
	w.children = append(w.children, 0)
	w.below = append(w.below, nil)
	w.source = append(w.source, binding.NoSource)
	return int32(len(w.parent) - 1)
}

// plant connects children and parents. Of two spans with one id the first is the parent.
func (b *Batch) plant() {
	w := &b.work
	for i, m := range w.members {
		if id := b.spans[m].id; id != ([8]byte{}) {
			if _, taken := w.at[id]; !taken {
				w.at[id] = int32(i)
			}
		}
	}
	for i, m := range w.members {
		p := b.spans[m].parent
		if p == ([8]byte{}) {
			continue
		}
		at, ok := w.at[p]
		if !ok && b.siblings {
			at = w.node()
			w.at[p] = at
			ok = true
		}
		if ok && at != int32(i) {
			w.parent[i] = at
			w.children[at]++
		}
	}
}

// climb folds what spans name into their parents, leaves first. Nodes in a circle never become leaves: they are cut loose
// from each other and become roots.
func (w *forest) climb(own []Decision) {
	for i := range w.parent {
		if w.children[i] == 0 {
			w.order = append(w.order, int32(i))
		}
	}
	for done := 0; done < len(w.order); done++ {
		i := w.order[done]
		p := w.parent[i]
		if p == none {
			continue
		}
		if int(i) < len(own) {
			w.fold(p, own[i])
		}
		w.below[p] = merge(w.below[p], w.below[i])
		w.source[p] = max(w.source[p], w.source[i])
		if w.children[p]--; w.children[p] == 0 {
			w.order = append(w.order, p)
		}
	}
	for i := range w.parent {
		if w.children[i] > 0 {
			w.parent[i] = none
			w.order = append(w.order, int32(i))
		}
	}
}

func (w *forest) fold(p int32, d Decision) {
	switch {
	case d.Value != "":
		w.below[p] = insert(w.below[p], d.Value)
	case d.Set != nil:
		w.below[p] = merge(w.below[p], d.Set)
	default:
		return
	}
	w.source[p] = max(w.source[p], d.Source)
}

// descend decides, roots first. Entries of out hold what each span names itself and become what it belongs to; nodes from
// n on are missing spans that only stand between records.
func (w *forest) descend(out []Decision, n int, fallback Decision) {
	extra := make([]Decision, len(w.parent)-n)
	at := func(i int32) *Decision {
		if int(i) < n {
			return &out[i]
		}
		return &extra[int(i)-n]
	}
	for k := len(w.order) - 1; k >= 0; k-- {
		i := w.order[k]
		d := at(i)
		if d.Value != "" {
			continue
		}
		if p := w.parent[i]; d.Set == nil && p != none && at(p).Value != "" {
			*d = *at(p)
			continue
		}
		set := merge(slices.Clone(d.Set), w.below[i])
		switch {
		case len(set) > 1:
			*d = Decision{Set: set, Source: max(d.Source, w.source[i])}
		case len(set) == 1:
			*d = Decision{Value: set[0], Source: w.source[i]}
		}
	}
	if fallback.Value == "" {
		return
	}
	for i := range out {
		if out[i].Value == "" && out[i].Set == nil {
			out[i] = fallback
		}
	}
}

// insert adds a value to a sorted set of at most MaxSet.
func insert(set []string, v string) []string {
	i, found := slices.BinarySearch(set, v)
	if found || i >= MaxSet {
		return set
	}
	set = slices.Insert(set, i, v)
	return set[:min(len(set), MaxSet)]
}

// merge adds the values of b to a; a is changed, b is not.
func merge(a, b []string) []string {
	if len(a) == 0 && len(b) > 0 {
		return slices.Clone(b)
	}
	for _, v := range b {
		a = insert(a, v)
	}
	return a
}
