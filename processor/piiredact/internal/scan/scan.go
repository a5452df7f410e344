// Package scan passes once over a text and hands each anchor to its finder: '@' to mail, a digit to numbers,
// ':' and '=' to named values, a word's first letter to credentials. What it returns are facts: which bytes
// are what. It changes nothing.
package scan

import (
	"slices"
	"time"
	"unsafe"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/number"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/secret"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/statement"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/text"
)

// Scanner holds the buffers of one goroutine.
type Scanner struct {
	classify secret.Classify
	rules    []Rule
	numbers  number.Finder
	folded   text.Folded
	anchors  text.Anchors
	looked   bool // anchors are those of the string that was looked at last; buffers are reused, so once only
	found    []finding.Finding
	// Kept are entities that nothing is done about: they hide nothing that stands inside them.
	Kept finding.Set
	// inner reads what was base64; it is made when the first is met and has none of its own.
	inner  *Scanner
	nested bool
	plain  []byte
	// Until, unless zero, is when to stop; Late says that this was before the end, so that the findings are not all.
	Until time.Time
	Late  bool
}

// New makes a scanner; classify tells what a name in a text means, and is shared and safe for concurrent use.
func New(classify secret.Classify, rules []Rule) *Scanner {
	sc := &Scanner{classify: classify, rules: rules, anchors: text.NewAnchors(starts, number.Context)}
	sc.numbers.Names = classify
	return sc
}

// starts are the words that finders look for.
var starts = func() *text.Starts {
	s := &text.Starts{}
	for as, words := range map[text.Mark][]string{text.Credential: secret.Beginnings(), text.Context: number.ContextWords(), text.Verb: statement.Verbs()} {
		for _, w := range words {
			s.Add(as, w)
		}
	}
	return s
}()

type kind uint8

const (
	other kind = iota
	letter
	digit
	at
	colon
	equals
	greater
	dash
)

var kinds = func() (k [256]kind) {
	for c := range k {
		switch b := byte(c); {
		case b|0x20 >= 'a' && b|0x20 <= 'z':
			k[c] = letter
		case b >= '0' && b <= '9':
			k[c] = digit
		}
	}
	k['@'], k[':'], k['='], k['>'], k['-'] = at, colon, equals, greater, dash
	return k
}()

// Look is the gate of s. It remembers what it saw, for the Find that follows.
func (sc *Scanner) Look(s string) text.Gate {
	sc.looked = true
	return sc.anchors.Read(s)
}

// Statement is where a statement begins in s, the string that was looked at last; -1 without one.
func (sc *Scanner) Statement(s string) int {
	for i := sc.anchors.Verb(0); i < len(s); i = sc.anchors.Verb(i + 1) {
		if statement.Begins(s, i) {
			return i
		}
	}
	return -1
}

// Find returns what is in s, sorted and without overlaps; the slice is valid until the next call. g is s's gate.
func (sc *Scanner) Find(s string, g text.Gate, env *number.Env) []finding.Finding {
	sc.found = sc.found[:0]
	if g&^text.Quote == 0 && len(sc.rules) == 0 {
		return nil
	}
	if g&(text.Escape|text.Wide) == 0 || !sc.folded.Fold(s, g) {
		if !sc.looked || !sc.anchors.Of(s) {
			sc.anchors.Read(s)
		}
		sc.looked = false
		sc.scan(s, g, env)
		return sc.merged()
	}
	t := unsafe.String(unsafe.SliceData(sc.folded.Text), len(sc.folded.Text))
	sc.scan(t, sc.anchors.Read(t), env)
	for i, f := range sc.found {
		sc.found[i].Start, sc.found[i].End = int(sc.folded.Off[f.Start]), int(sc.folded.Off[f.End])
	}
	return sc.merged()
}

func (sc *Scanner) merged() []finding.Finding {
	if sc.Kept != 0 {
		sc.found = slices.DeleteFunc(sc.found, func(f finding.Finding) bool { return sc.Kept.Has(f.Entity) })
	}
	return finding.Merge(sc.found)
}

// scan reads t, which is as a reader sees it.
func (sc *Scanner) scan(t string, g text.Gate, env *number.Env) {
	if env.Number != finding.None && secret.Bare(env.Number, t) {
		sc.found = append(sc.found, finding.Finding{End: len(t), Entity: env.Number})
		return
	}
	if !g.Quiet() || g&text.Long != 0 {
		if end := sc.encoded(t, 0); end > 0 {
			return
		}
		if env.Hint != 0 || env.Loose {
			sc.anchors.All()
		}
		sc.numbers.Begin(sc.anchors.Contexts(), g&text.Wide != 0)
		for i, n := sc.anchors.Next(0), 0; i < len(t); n++ {
			if n%stride == stride-1 && sc.expired() {
				return
			}
			switch kinds[t[i]] {
			case letter:
				if ordinary(t, i) {
					i = sc.anchors.Next(i + 1)
				} else {
					i = sc.word(t, i, env)
				}
			case digit:
				i = sc.digits(t, i, g, env)
			case at:
				i = sc.at(t, i)
			case colon, equals:
				i = sc.separator(t, i, env)
			case greater:
				i = sc.tag(t, i)
			case dash:
				i = sc.dashes(t, i)
			default:
				i = sc.anchors.Next(i)
			}
		}
	}
	sc.match(t, env)
}

func (sc *Scanner) tag(t string, i int) int {
	if f, ok := secret.Tag(t, i, sc.classify); ok && !sc.Kept.Has(f.Entity) {
		sc.found = append(sc.found, f)
		return f.End
	}
	return sc.anchors.Next(i + 1)
}

// third has the bytes that word does not look for in third place: a digit, a hardware address's separator, IBAN's 'a'.
var third = func() (m [256]bool) {
	for c := range m {
		m[c] = kinds[c] != digit && c != ':' && c != '-' && c != 'a' && c != 'A'
	}
	return m
}()

// ordinary says that nothing begins at the word's first letter that word would find.
func ordinary(t string, i int) bool {
	return i+4 < len(t) && !secret.Opens(t[i], t[i+1]) && third[t[i+2]] && t[i+4] != '.' && (t[i+2] != ' ' || kinds[t[i+3]] != digit)
}

// word looks at a word's first letter: a credential's prefix, an account's country, a hardware address.
func (sc *Scanner) word(t string, i int, env *number.Env) int {
	if i == 0 || kinds[t[i-1]] != digit {
		if i+1 < len(t) && secret.Opens(t[i], t[i+1]) {
			if f, ok := secret.Token(t, i); ok {
				sc.found = append(sc.found, f)
				return f.End
			}
			if end := sc.opened(t, i); end > 0 {
				return end
			}
		}
		if i+3 < len(t) {
			c := t[i+2]
			if (c-'0' <= 9 || c == ' ' && t[i+3]-'0' <= 9) && !env.Skip {
				if end := number.IBAN(t, i); end > 0 {
					sc.found = append(sc.found, finding.Finding{Start: i, End: end, Entity: finding.IBAN})
					return end
				}
			} else if t[i]|0x20 == 'i' && c|0x20 == 'a' && !env.Skip && i+8 < len(t) && t[i+6]-'0' <= 9 { // IBANGB29…
				if end := number.IBAN(t, i+4); end > 0 {
					sc.found = append(sc.found, finding.Finding{Start: i + 4, End: end, Entity: finding.IBAN})
					return end
				}
			}
			if maybeMAC(t, i) {
				if end := mac(t, i, env.Hint.Has(finding.MAC)); end > 0 {
					sc.found = append(sc.found, finding.Finding{Start: i, End: end, Entity: finding.MAC})
					return end
				}
			}
		}
	}
	return sc.anchors.Next(i + 1)
}

func (sc *Scanner) digits(t string, i int, g text.Gate, env *number.Env) int {
	n := i + 1
	for n < len(t) && kinds[t[n]] == digit {
		n++
	}
	if n < len(t) && t[n] == ':' && n-i >= 8 {
		if end := bot(t, n); end > 0 {
			sc.found = append(sc.found, finding.Finding{Start: i, End: end, Entity: finding.APIKey})
			return end
		}
	}
	if glued := i > 0 && kinds[t[i-1]] == letter || n < len(t) && kinds[t[n]] == letter; glued && n-i < 10 {
		if n-i > 4 || !maybeMAC(t, i) {
			return n
		}
	} else if n-i < 3 && (n+1 >= len(t) || kinds[t[n]] == colon || kinds[t[n+1]] != digit && !maybeMAC(t, i)) && (i == 0 || t[i-1] != '+') {
		if n+1 >= len(t) || !maybeMAC(t, i) && !spaced(t, n) {
			return n
		}
	}
	if (i == 0 || kinds[t[i-1]] != letter) && maybeMAC(t, i) {
		if end := mac(t, i, env.Hint.Has(finding.MAC)); end > 0 {
			sc.found = append(sc.found, finding.Finding{Start: i, End: end, Entity: finding.MAC})
			return end
		}
	}
	if n+1 < len(t) && (t[n] == ' ' || t[n] == '\t') && maybeMAC(t, n+1) && mac(t, n+1, env.Hint.Has(finding.MAC)) > 0 {
		return n // a number before a hardware address is not of it
	}
	next := i + 1
	if g&text.Digits != 0 && (sc.anchors.Digits(i, number.Shortest) || sc.numbers.Meant(t, i, n, env)) {
		sc.found, next = sc.numbers.Find(t, i, env, sc.found)
	} else {
		for next < len(t) && kinds[t[next]] == digit {
			next++
		}
	}
	return next
}

// spaced says that another digit follows behind a separator or two: the number goes on.
func spaced(t string, i int) bool {
	for k := i; k < len(t) && k < i+4; k++ {
		if kinds[t[k]] == digit {
			return true
		}
	}
	return false
}

func (sc *Scanner) separator(t string, i int, env *number.Env) int {
	if t[i] == ':' {
		if i+2 < len(t) && t[i+1] == '/' && t[i+2] == '/' {
			f, next, ok := secret.URL(t, i)
			switch {
			case !ok:
				return sc.anchors.Next(next)
			case sc.Kept.Has(f.Entity):
				return sc.anchors.Next(f.Start)
			}
			sc.found = append(sc.found, f)
			return next
		}
		if lo, hi := sc.ipv6(t, i); hi > 0 {
			if env.Loose || env.Hint.Has(finding.IP) || visitor(t, lo, hi) || sc.numbers.Client(t, lo, hi) {
				sc.found = append(sc.found, finding.Finding{Start: lo, End: hi, Entity: finding.IP})
			}
			return max(hi, i+1)
		}
	}
	if f, ok := secret.Pair(t, i, env.Query, sc.classify); ok && !sc.Kept.Has(f.Entity) {
		sc.found = append(sc.found, f)
		return max(f.End, i+1)
	}
	if end := sc.behind(t, i); end > 0 {
		return end
	}
	return sc.anchors.Next(i + 1)
}

func (sc *Scanner) dashes(t string, i int) int {
	if i+2 >= len(t) || i > 0 && t[i-1] == '-' {
		return sc.anchors.Next(i + 1)
	}
	f, ok := finding.Finding{}, false
	switch t[i+1] {
	case 'u':
		if f, ok = secret.User(t, i); !ok {
			f, ok = secret.Mailchimp(t, i)
		}
	case 'p', 'a':
		f, ok = secret.Short(t, i)
	case '-':
		if f, ok = secret.Token(t, i); ok {
			break
		}
		if f, ok = secret.User(t, i); !ok {
			f, ok = secret.Flag(t, i, sc.classify)
		}
	}
	if !ok && t[i+1] != '-' {
		f, ok = secret.Flag(t, i, sc.classify)
	}
	if !ok || sc.Kept.Has(f.Entity) {
		return sc.anchors.Next(i + 1)
	}
	sc.found = append(sc.found, f)
	return f.End
}
