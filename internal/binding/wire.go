package binding

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The form in which indexes tell each other news. A pack is
//
//	version (1), sender (8), number of its first piece of news (uvarint),
//	names (1), and for each: its number in this pack (1), length (1), text,
//	then news until the end: what (1), id (16), and
//	  for a binding: name (1), source (1), hops and ambiguity (1), tag (2), length (1), value
//	  for a link: the other id (16)
//
// The number lets a reader count what it missed. All of it may come from strangers.

const (
	packVersion  = 1
	packedLink   = 0x80 // or a Space
	maxPackNames = 32
)

// wireSources numbers the sources on the wire. It only ever grows at its end, so that gateways of two versions agree.
var wireSources = [...]Source{
	NoSource, LogBody, Statement, Parameter, Link, Conversation, Message, Query, URL, Baggage, Header, Resource, LinkAttribute,
	Event, Attribute, Canonical, Order, Table,
}

var wireCodes = func() (codes [sourceCount]byte) {
	for code, s := range wireSources {
		codes[s] = byte(code)
	}
	return codes
}()

// The reasons why a pack is not taken.
var (
	ErrPackVersion = errors.New("the pack is of another version")
	ErrPackDamaged = errors.New("the pack is damaged")
)

// Pack collects news.
type Pack struct {
	Count int
	names uint32 // a bit for each that is used
	body  []byte
}

// Size is about how many bytes the pack takes.
func (p *Pack) Size() int { return len(p.body) }

// Add puts news into the pack.
func (p *Pack) Add(n News) {
	p.Count++
	if n.Binding.Value == "" {
		p.body = append(p.body, packedLink)
		p.body = append(p.body, n.Node.ID[:]...)
		p.body = append(p.body, n.To.ID[:]...)
		return
	}
	b := n.Binding
	p.names |= 1 << b.Name
	flags := b.Hops
	if b.Several {
		flags |= several
	}
	p.body = append(p.body, byte(n.Node.Space))
	p.body = append(p.body, n.Node.ID[:]...)
	p.body = append(p.body, byte(b.Name), wireCodes[b.Source], flags)
	p.body = binary.LittleEndian.AppendUint16(p.body, b.Tag)
	p.body = append(p.body, byte(len(b.Value)))
	p.body = append(p.body, b.Value...)
}

// Seal returns the pack as it is sent. first is how many news the sender had told before.
func (x *Index) Seal(p *Pack, sender [8]byte, first uint64) []byte {
	x.names.RLock()
	defer x.names.RUnlock()
	out := append([]byte{packVersion}, sender[:]...)
	out = binary.AppendUvarint(out, first)
	count := len(out)
	out = append(out, 0)
	for i, name := range x.names.list {
		if p.names&(1<<i) != 0 {
			out[count]++
			out = append(out, byte(i), byte(len(name)))
			out = append(out, name...)
		}
	}
	return append(out, p.body...)
}

// Opened is what stood in a pack.
type Opened struct {
	Sender [8]byte
	First  uint64
	Count  int // news, applied or not
	Unfit  int // of them, values that no identifier has: with control characters, or no text
}

// Open applies a pack; what is damaged is applied as far as it goes. Names that this index does not know are left out: it
// has no use for them. A pack of self is not applied.
func (x *Index) Open(pack []byte, self [8]byte, now time.Time) (o Opened, err error) {
	r := segmentReader{b: pack, ok: true}
	if v := r.byte(); v != packVersion {
		if len(pack) == 0 {
			return o, ErrPackDamaged
		}
		return o, ErrPackVersion
	}
	copy(o.Sender[:], r.take(8))
	first, n := binary.Uvarint(r.b)
	if !r.ok || n <= 0 {
		return o, ErrPackDamaged
	}
	r.take(n)
	o.First = first
	if o.Sender == self {
		return o, nil
	}
	names, ok := x.packNames(&r)
	if !ok {
		return o, ErrPackDamaged
	}
	for len(r.b) > 0 {
		news, known := r.news(&names)
		if !r.ok {
			return o, ErrPackDamaged
		}
		o.Count++
		switch {
		case !known || x.keepsToSelf(&news):
		case !fit(news.Binding.Value):
			o.Unfit++
		default:
			x.Apply(news, now)
		}
	}
	return o, nil
}

// fit says that a value may be stamped on spans. Its length is one byte on the wire.
func fit(value string) bool {
	return utf8.ValidString(value) && !strings.ContainsFunc(value, unicode.IsControl)
}

// packNames reads the names of a pack: by number, 1 + the number that this index has for it.
func (x *Index) packNames(r *segmentReader) (names [256]uint8, ok bool) {
	count := int(r.byte())
	if count > maxPackNames {
		return names, false
	}
	x.names.RLock()
	defer x.names.RUnlock()
	for range count {
		number, text := r.byte(), string(r.take(int(r.byte())))
		for i, have := range x.names.list {
			if have == text {
				names[number] = uint8(i) + 1
			}
		}
	}
	return names, r.ok
}

// news reads one piece; known is false if this index has no use for it. What cannot be makes the reader fail.
func (r *segmentReader) news(names *[256]uint8) (n News, known bool) {
	what := r.byte()
	copy(n.Node.ID[:], r.take(16))
	if what == packedLink {
		copy(n.To.ID[:], r.take(16))
		return n, r.ok && n.Node != n.To
	}
	name, source, flags := names[r.byte()], r.byte(), r.byte()
	tag := uint16(r.byte()) | uint16(r.byte())<<8
	value := r.take(int(r.byte()))
	if Space(what) >= spaces || len(value) == 0 {
		r.ok = false
		return n, false
	}
	n.Node.Space = Space(what)
	if name == 0 || int(source) >= len(wireSources) {
		return n, false
	}
	n.Binding = Binding{
		Name: Name(name - 1), Source: wireSources[source], Hops: min(flags&^several, MaxHops), Several: flags&several != 0, Tag: tag, Value: string(value),
	}
	return n, n.Binding.Source != NoSource
}
