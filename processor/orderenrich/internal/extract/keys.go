package extract

// keys finds the actions of an attribute key regardless of its case and of - or _. Almost all keys are none of ours: they
// are told by their length, and if that fits by two of their bytes, which is all that is read of them.
type keys struct {
	lengths [maxKey + 1]bool
	// filter has a bit for each length, chosen by two bytes as they may be written.
	filter [256]uint64
	list   [256][]entry // by the two bytes, in lower case
}

type entry struct {
	key     string // folded
	actions []action
}

// add adds an action to a folded key. A second place in one list is a repetition: the first, the better one, stands. Each
// table is a list of its own.
func (k *keys) add(key string, a action) {
	bucket := &k.list[digest(foldByte(key[len(key)-1]), foldByte(key[len(key)/2]))]
	for i := range *bucket {
		e := &(*bucket)[i]
		if e.key != key {
			continue
		}
		for _, o := range e.actions {
			if o.kind == a.kind && o.rule == a.rule && (a.kind != kindTable || o.order == a.order) {
				return
			}
		}
		e.actions = append(e.actions, a)
		return
	}
	*bucket = append(*bucket, entry{key, []action{a}})
	k.lengths[len(key)] = true
	for _, last := range written(key[len(key)-1]) {
		for _, mid := range written(key[len(key)/2]) {
			k.filter[digest(last, mid)] |= 1 << (len(key) & 63)
		}
	}
}

// written lists the forms of a folded byte.
func written(c byte) []byte {
	switch {
	case c >= 'a' && c <= 'z':
		return []byte{c, c - 'a' + 'A'}
	case c == '_':
		return []byte{'_', '-'}
	}
	return []byte{c}
}

func digest(last, mid byte) uint8 { return last*31 + mid }

// maybe is false for almost all keys that mean nothing.
func (k *keys) maybe(key string) bool {
	n := len(key)
	return n-1 < maxKey && n > 0 && k.lengths[n] && k.filter[digest(key[n-1], key[n/2])]&(1<<(n&63)) != 0
}

// find returns what a key can hold, of which maybe said yes.
func (k *keys) find(key string) []action {
	for _, e := range k.list[digest(foldByte(key[len(key)-1]), foldByte(key[len(key)/2]))] {
		if len(e.key) == len(key) && same(e.key, key) {
			return e.actions
		}
	}
	return nil
}

// same compares a key with a folded one of the same length.
func same(folded, key string) bool {
	for i := range len(key) {
		if c := key[i]; c != folded[i] && foldByte(c) != folded[i] {
			return false
		}
	}
	return true
}
