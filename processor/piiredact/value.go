package piiredact

import (
	"strconv"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/redact"
)

// walk is one pass over a batch. In a dry run it looks and counts, and sets nothing.
type walk struct {
	se   *redact.Session
	dry  bool
	text *redact.Decision // of fields without a key
}

func (r *redactor) walk() walk {
	se := r.engine.Session()
	return walk{se: se, dry: r.dry, text: r.engine.Plain()}
}

// field redacts a string that has no key: a name, a message.
func (w *walk) field(s string, set func(string)) {
	if clean, v := w.se.Text(w.text, s, 0); v != redact.Same && !w.dry {
		set(clean)
	}
}

// attributes redacts a map's values, then its keys.
func (w *walk) attributes(m pcommon.Map, depth int, parent string, above *redact.Decision) {
	drop, rename := false, false
	var indexes []string // key, value, key, value
	for k, v := range m.All() {
		if depth == 0 {
			w.se.At(k)
		}
		d := w.se.Key("", k)
		if _, verdict := w.se.NameOf(d, k); verdict != redact.Same {
			rename = true
		}
		if parent != "" {
			d = w.se.Key(parent, k)
		}
		if above != nil {
			d = above.Under(d)
		}
		if w.value(v, depth, k, d) == redact.Dropped {
			drop = true
		}
		if index := w.se.Index(); index != "" {
			indexes = append(indexes, k+indexSuffix, index)
		}
	}
	if depth == 0 {
		w.se.At("")
	}
	if w.dry {
		return
	}
	if drop {
		m.RemoveIf(func(_ string, v pcommon.Value) bool { return v.Type() == pcommon.ValueTypeStr && v.Str() == dropMark })
	}
	for i := 0; i < len(indexes); i += 2 {
		if _, taken := m.Get(indexes[i]); !taken {
			m.PutStr(indexes[i], indexes[i+1])
		}
	}
	if rename {
		w.rename(m)
	}
}

// indexSuffix names the attribute that holds the blind index of an encrypted one.
const indexSuffix = ".idx"

// dropMark stands in a value between its being dropped and its map's being swept. It is no UTF-8, so no sender's value.
const dropMark = "\xff\xfepii_redact:drop\xff"

// rename rebuilds a map in which keys hold data. Duplicate keys stay; clean keys that clash get a number.
func (w *walk) rename(m pcommon.Map) {
	fresh := pcommon.NewMap()
	fresh.EnsureCapacity(m.Len())
	for k, v := range m.All() {
		clean, verdict := w.se.Name(k)
		if verdict == redact.Same {
			clean = k
		}
		name := clean
		for n := 2; verdict != redact.Same; n++ {
			if _, taken := fresh.Get(name); !taken {
				break
			}
			name = clean + "_" + strconv.Itoa(n)
		}
		v.MoveTo(fresh.PutEmpty(name))
	}
	fresh.MoveTo(m)
}

// value redacts any value. parent is the key that it stands under, d what that key means.
func (w *walk) value(v pcommon.Value, depth int, parent string, d *redact.Decision) redact.Verdict {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		clean, verdict := w.se.Text(d, v.Str(), depth)
		return w.set(v, clean, verdict)
	case pcommon.ValueTypeInt:
		clean, verdict := w.se.Int(d, v.Int())
		return w.set(v, clean, verdict)
	case pcommon.ValueTypeDouble:
		clean, number, verdict := w.se.Double(d, v.Double())
		if verdict == redact.Changed && clean == "" {
			if !w.dry {
				v.SetDouble(number)
			}
			return verdict
		}
		return w.set(v, clean, verdict)
	case pcommon.ValueTypeBytes:
		return w.bytes(v, depth, d)
	case pcommon.ValueTypeMap:
		if depth >= w.se.MaxDepth() {
			return w.set(v, w.se.TooDeep(), redact.Changed)
		}
		w.attributes(v.Map(), depth+1, parent, d)
	case pcommon.ValueTypeSlice:
		if depth >= w.se.MaxDepth() {
			return w.set(v, w.se.TooDeep(), redact.Changed)
		}
		w.slice(v.Slice(), depth+1, parent, d)
	}
	return redact.Same
}

// slice: an element behind a flag that announces a secret ("--password", "x") is one.
func (w *walk) slice(s pcommon.Slice, depth int, parent string, d *redact.Decision) {
	for i := range s.Len() {
		el, own := s.At(i), d
		if i > 0 && el.Type() == pcommon.ValueTypeStr && s.At(i-1).Type() == pcommon.ValueTypeStr {
			own = w.se.Flagged(s.At(i-1).Str(), el.Str(), d)
		}
		if w.value(el, depth, parent, own) == redact.Dropped && !w.dry {
			el.SetStr("")
		}
	}
}

func (w *walk) set(v pcommon.Value, clean string, verdict redact.Verdict) redact.Verdict {
	if w.dry {
		return redact.Same
	}
	switch verdict {
	case redact.Changed:
		v.SetStr(clean)
	case redact.Dropped:
		v.SetStr(dropMark)
	}
	return verdict
}

// bytes are read as text. They are never edited in place: copies of a value share the array behind it.
func (w *walk) bytes(v pcommon.Value, depth int, d *redact.Decision) redact.Verdict {
	b := v.Bytes()
	if b.Len() == 0 {
		return redact.Same
	}
	raw := b.AsRaw()
	clean, verdict := w.se.Text(d, unsafe.String(unsafe.SliceData(raw), len(raw)), depth)
	if w.dry || verdict == redact.Same {
		return redact.Same
	}
	if verdict == redact.Dropped {
		v.SetStr(dropMark)
		return verdict
	}
	v.SetEmptyBytes().FromRaw([]byte(clean))
	return verdict
}
