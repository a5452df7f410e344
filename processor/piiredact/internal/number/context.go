package number

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/text"
)

// topic is what a word nearby says of a number.
type topic uint8

const (
	phoneWord topic = iota
	cardWord
	cvvWord
	innWord
	snilsWord
	ogrnWord
	passportWord
	accountWord
	bikWord
	ipWord
	productWord
	birthWord
	dialWord
	placeWord
	oneTimeWord
	topics
)

// lexicon: lower case, separated by commas. A trailing '*' matches any ending (Russian declines its nouns);
// other words end where the text's word ends.
var lexicon = [topics]string{
	phoneWord: `phone*,tel,telephone*,mobile,mob,cell,cellphone,fax,whatsapp,viber,msisdn,sms,телефон*,тел,моб*,сотов*,звон*,позвон*,перезвон*,факс*,смс,` +
		`call me,dial,number is,my number,contact number,telefon*,tél*,handy,móvil,reach me,text me`,
	cardWord:     `card*,visa*,mastercard,amex,maestro,pan,cc,credit,debit,карт*,мир,unionpay,diners,discover,jcb`,
	cvvWord:      `cvv*,cvc*,csc,cvn,security code,код безопасности,код карты`,
	innWord:      `inn,инн,иннюл,иннфл,иннип,taxpayer*,tax id,налогоплательщик*,tin`,
	snilsWord:    `snils,снилс*,страхов*,индивидуального лицевого`,
	ogrnWord:     `ogrn*,огрн*,егрюл,егрип,регистрационн*`,
	passportWord: `passport*,паспорт*,серия,серии`,
	accountWord:  `счет*,счёт*,р/с,рс,к/с,account,acct,a/c,settlement,расчетн*,расчётн*,лицев*`,
	bikWord:      `бик,bik,bic`,
	ipWord:       `client*,клиент*,ip,remote*,from,visitor,x-forwarded-for,forwarded,addr,src,peer,адрес*`,
	productWord:  `ean*,isbn*,imei*,gtin*,upc,barcode*,штрихкод*,issn,sscc,артикул*,sku,iccid,imsi,серийный,serial*,tracking*`,
	birthWord:    `рожден*,рождён*,родил*,рожд.,д.р.,др,г.р.,born,dob,birth*,geboren*,geburt*,nacid*`,
	dialWord:     `call,dial,позвони*`,
	placeWord:    `широт*,долгот*,координат*,геолокац*,местоположен*,latitude,longitude,lat,lon,lng,coordinates,gps,point(*,geo:*`,
	oneTimeWord: `otp,totp,one-time*,one time*,verification code,confirmation code,login code,access code,auth code,sms code,pin code,passcode,` +
		`код подтвержд*,код из смс,код доступа,код авториз*,код для входа,одноразов*,пин-код`,
}

type entry struct {
	word   []rune
	first  int // slots of the first two letters
	second int
	open   bool
	of     topic
}

// byFirst groups the lexicon by the first letter: Latin ones as they are, Cyrillic ones (U+0400 to U+047F) behind them.
var byFirst = func() (m [2 * 128][]entry) {
	for t, list := range lexicon {
		for w := range strings.SplitSeq(list, ",") {
			rs := []rune(strings.TrimSuffix(w, "*"))
			e := entry{rs, slot(rs[0]), slot(rs[1]), strings.HasSuffix(w, "*"), topic(t)} //nolint:gosec // few topics
			m[slot(rs[0])] = append(m[slot(rs[0])], e)
		}
	}
	return m
}()

// byPair groups the lexicon by the first two letters; few share a place with others.
var byPair = func() (m [1 << 9][]entry) {
	for _, es := range byFirst {
		for _, e := range es {
			m[pair(e.first, e.second)] = append(m[pair(e.first, e.second)], e)
		}
	}
	return m
}()

func pair(first, second int) int { return (first<<4 ^ second) & (1<<9 - 1) }

// codeReach is how many characters before a verification code its word begins at most.
const codeReach = 12

// codeWords has, by the first letter, a bit for the second letter of the words for a verification code that are ASCII.
var codeWords = func() (m [utf8.RuneSelf][2]uint64) {
	for first := range m {
		for _, e := range byFirst[first] {
			if e.of == cvvWord && e.second < utf8.RuneSelf {
				m[first][e.second>>6] |= 1 << (e.second & 63)
			}
		}
	}
	return m
}()

// slot is a letter's place in byFirst. The lexicon has no words that begin in other scripts.
func slot(r rune) int {
	switch {
	case r < 0x80:
		return int(r)
	case r >= 0x400 && r < 0x480:
		return int(r) - 0x400 + 0x80
	}
	return 0
}

// ContextWords are the beginnings of the lexicon's words, three letters of them or four bytes, in every case.
func ContextWords() (list []string) {
	for _, es := range byFirst {
		for _, e := range es {
			list = append(list, spelled("", e.word, e.open)...)
		}
	}
	return list
}

// Context says whether s begins with a word of the lexicon, and whether it speaks of addresses only.
func Context(s string) text.Mark {
	var found text.Mark
	first, second := slots(s)
	for i := range byPair[pair(first, second)] {
		if e := &byPair[pair(first, second)][i]; e.first == first && e.second == second && (e.of != ipWord || found == 0) && e.begins(s, len(s)) {
			if e.of != ipWord {
				return text.Context
			}
			found = text.Context | text.Address
		}
	}
	return found
}

// slots are those of the first two letters.
func slots(s string) (first, second int) {
	if len(s) > 1 && s[0]|s[1] < utf8.RuneSelf {
		return int(lowered[s[0]]), int(lowered[s[1]])
	}
	r, size := utf8.DecodeRuneInString(s)
	first = slot(lower(r))
	r, _ = utf8.DecodeRuneInString(s[size:])
	return first, slot(lower(r))
}

// none are the distances of words where there are none.
var none = func() (d [topics]uint8) {
	for t := range d {
		d[t] = far
	}
	return d
}()

// spelled goes on with the ways to write a word's beginning.
func spelled(begun string, word []rune, open bool) (list []string) {
	if n := len(begun); n >= 6 || n == 3 && begun[0] < utf8.RuneSelf || n >= 4 && begun[0] >= utf8.RuneSelf && (len(word) == 0 || word[0] < utf8.RuneSelf) {
		return []string{begun}
	}
	if len(word) == 0 { // what follows is no letter; behind an open word it is anything
		for c := range 256 {
			if open || !isWord(byte(c)) {
				list = append(list, spelled(begun+string([]byte{byte(c)}), nil, open)...)
			}
		}
		return list
	}
	for _, r := range [...]rune{word[0], unicode.ToUpper(word[0]), sameAs[word[0]]} {
		if r != 0 {
			list = append(list, spelled(begun+string(r), word[1:], open)...)
		}
	}
	return list
}

// sameAs are letters of no alphabet of the lexicon whose lower case is one of it.
var sameAs = map[rune]rune{'i': 'İ', 'k': '\u212a'}

const (
	// reach and reachRight are how many characters before and behind a number are read for context.
	reach      = text.Before
	reachRight = text.Behind
	far        = 255
)

// surroundings remembers how far from a position each topic's nearest word begins. One number asks many topics.
type surroundings struct {
	at   int
	dist [topics]uint8
}

// begin forgets what stood around another position.
func (k *surroundings) begin(at int) {
	k.at = at
	k.dist = none
}

// near says whether a word of the topic begins within left characters before the window, or right behind it.
func (f *Finder) near(w window, t topic, left, right int) bool {
	return f.around(f.c.start[w.a], f.c.end[w.b], t, left, right)
}

// around is near for what stands at [lo, hi). A name of a pair before it counts as a word: companyInn=, "taxId": "…".
func (f *Finder) around(lo, hi int, t topic, left, right int) bool {
	if f.worded {
		if f.left.at != lo {
			f.readLeft(lo)
		}
		if int(f.left.dist[t]) <= left {
			return true
		}
	}
	if e := named[t]; e != finding.None && left >= reach-8 && f.name(lo) != nil && f.names.Hint.Has(e) {
		return true
	}
	if !f.worded || right == 0 || hi >= len(f.c.s) {
		return false
	}
	if f.right.at != hi {
		f.readRight(hi)
	}
	return int(f.right.dist[t]) <= right
}

// readLeft notes every word of the lexicon before lo, whatever its case.
func (f *Finder) readLeft(lo int) {
	f.left.begin(lo)
	from := max(0, lo-reach*f.width)
	for i := f.words.Next(from, lo); i < lo; i = f.words.Next(i+1, lo) {
		n := lo - i
		if f.width > 1 {
			n = utf8.RuneCountInString(f.c.s[i:lo])
		}
		if n <= reach {
			f.left.word(f.c.s[i:], lo-i, n)
		}
	}
}

// readRight does the same for the characters from hi.
func (f *Finder) readRight(hi int) {
	f.right.begin(hi)
	until := min(hi+reachRight, len(f.c.s))
	if f.width > 1 {
		until = hi
		for n := 0; n < reachRight && until < len(f.c.s); n++ {
			_, size := utf8.DecodeRuneInString(f.c.s[until:])
			until += size
		}
	}
	for i := f.words.Next(hi, until); i < until; i = f.words.Next(i+1, until) {
		f.right.word(f.c.s[i:], until-i, 1+utf8.RuneCountInString(f.c.s[hi:i]))
	}
}

// word notes the topics of the lexicon's words in the first most bytes of s, so many characters from the number.
func (k *surroundings) word(s string, most, from int) {
	first, second := slots(s)
	for i := range byPair[pair(first, second)] {
		if e := &byPair[pair(first, second)][i]; e.first == first && e.second == second && e.begins(s, most) {
			k.dist[e.of] = min(k.dist[e.of], uint8(min(from, far-1))) //nolint:gosec // bounded
		}
	}
}

var lowered = func() (m [utf8.RuneSelf]byte) {
	for c := range m {
		m[c] = byte(lower(rune(c))) //nolint:gosec // ASCII
	}
	return m
}()

func lower(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		if r >= 'A' && r <= 'Z' {
			return r | 0x20
		}
		return r
	case r >= 'А' && r <= 'Я':
		return r + 0x20
	}
	return unicode.ToLower(r)
}

// begins says that s begins with the entry's word within its first most bytes, and that the word ends there unless the
// entry is open.
func (e *entry) begins(s string, most int) bool {
	i := 0
	for _, want := range e.word {
		if i >= len(s) {
			return false
		}
		if c := s[i]; c < utf8.RuneSelf {
			if rune(lowered[c]) != want {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if lower(r) != want {
			return false
		}
		i += size
	}
	return i <= most && (e.open || i == len(s) || !isWord(s[i]))
}

// isWord: letters of any script; digits and underscores part words, so "phone_1" and "tel2" still count.
func isWord(c byte) bool { return isLetter(c) || c >= utf8.RuneSelf }
