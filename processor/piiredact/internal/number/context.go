package number

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
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
	second int // slot of the second letter
	open   bool
	of     topic
}

// byFirst groups the lexicon by the first letter: Latin ones as they are, Cyrillic ones (U+0400 to U+047F) behind them.
var byFirst = func() (m [2 * 128][]entry) {
	for t, list := range lexicon {
		for w := range strings.SplitSeq(list, ",") {
			rs := []rune(strings.TrimSuffix(w, "*"))
			e := entry{rs, slot(rs[1]), strings.HasSuffix(w, "*"), topic(t)} //nolint:gosec // few topics
			m[slot(rs[0])] = append(m[slot(rs[0])], e)
		}
	}
	return m
}()

// pairs has a bit for the first two letters of every word: one load tells most words of a text from the lexicon's.
var pairs = func() (m [1 << 10]uint64) {
	for first, es := range byFirst {
		for _, e := range es {
			n := first<<8 | e.second
			m[n>>6] |= 1 << (n & 63)
		}
	}
	return m
}()

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

const (
	// reach is how many characters around a number are read for context.
	reach = 40
	far   = 255
)

// surroundings remembers how far from a position each topic's nearest word begins. One number asks many topics.
type surroundings struct {
	at   int
	dist [topics]uint8
}

// near says whether a word of the topic begins within left characters before the window, or right behind it.
func (f *Finder) near(w window, t topic, left, right int) bool {
	return f.around(f.c.start[w.a], f.c.end[w.b], t, left, right)
}

// around is near for what stands at [lo, hi). A name of a pair before it counts as a word: companyInn=, "taxId": "…".
func (f *Finder) around(lo, hi int, t topic, left, right int) bool {
	if f.left.at != lo {
		f.left.at = lo
		from, n := before(f.c.s, lo)
		f.left.read(f.c.s[from:lo], n, -1, from > 0 && isWord(f.c.s[from-1]))
	}
	if int(f.left.dist[t]) <= left {
		return true
	}
	if e := named[t]; e != finding.None && left >= reach-8 && f.name(lo).Has(e) {
		return true
	}
	if right == 0 || hi >= len(f.c.s) {
		return false
	}
	if f.right.at != hi {
		f.right.at = hi
		until := hi
		for n := 0; n < right && until < len(f.c.s); n++ {
			size := 1
			if f.c.s[until] >= utf8.RuneSelf {
				_, size = utf8.DecodeRuneInString(f.c.s[until:])
			}
			until += size
		}
		f.right.read(f.c.s[hi:until], 1, 1, false)
	}
	return int(f.right.dist[t]) <= right
}

// before is where the text begins that is read for the context of what stands at lo, and its length in characters.
func before(s string, lo int) (from, n int) {
	if from = max(0, lo-reach); ascii(s[from:lo]) {
		return from, lo - from
	}
	for from = lo; n < reach && from > 0; n++ {
		_, size := utf8.DecodeLastRuneInString(s[:from])
		from -= size
	}
	return from, n
}

func ascii(s string) bool {
	var seen byte
	for i := range len(s) {
		seen |= s[i]
	}
	return seen < utf8.RuneSelf
}

// read notes every word of the lexicon in s, whatever its case. from is the first character's distance from the number,
// midword says that the text before s ends in a letter.
func (k *surroundings) read(s string, from, step int, midword bool) {
	for t := range k.dist {
		k.dist[t] = far
	}
	for i := 0; i+1 < len(s); i, from = i+1, from+step {
		c := s[i]
		if c >= utf8.RuneSelf || s[i+1] >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			begins := !midword
			if midword = isWord(c); begins && midword && i+size < len(s) {
				second, _ := utf8.DecodeRuneInString(s[i+size:])
				k.word(s[i:], slot(lower(r)), slot(lower(second)), from)
			}
			i += size - 1
			continue
		}
		begins := !midword
		if midword = isLetter(c); begins && midword {
			k.word(s[i:], int(c|0x20), int(lowered[s[i+1]]), from)
		}
	}
}

// word notes the topics of the lexicon's words that s begins with; first and second are the slots of its letters.
func (k *surroundings) word(s string, first, second, from int) {
	if n := first<<8 | second; pairs[n>>6]&(1<<(n&63)) == 0 {
		return
	}
	for i := range byFirst[first] {
		if e := &byFirst[first][i]; e.second == second && e.begins(s) {
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

// begins says that s begins with the entry's word, and that the word ends there unless the entry is open.
func (e *entry) begins(s string) bool {
	i := 0
	for _, want := range e.word {
		if i >= len(s) {
			return false
		}
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		if lower(r) != want {
			return false
		}
		i += size
	}
	return e.open || i == len(s) || !isWord(s[i])
}

// isWord: letters of any script; digits and underscores part words, so "phone_1" and "tel2" still count.
func isWord(c byte) bool { return isLetter(c) || c >= utf8.RuneSelf }
