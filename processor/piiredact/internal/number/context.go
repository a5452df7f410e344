package number

import (
	"strings"
	"unicode"
	"unicode/utf8"
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
	topics
)

// lexicon: lower case, separated by commas. A trailing '*' matches any ending (Russian declines its nouns);
// other words end where the text's word ends.
var lexicon = [topics]string{
	phoneWord: `phone*,tel,telephone*,mobile,mob,cell,cellphone,fax,whatsapp,viber,msisdn,sms,телефон*,тел,моб*,сотов*,звон*,позвон*,перезвон*,факс*,смс,` +
		`call me,dial,number is,my number,contact number,telefon*,tél*,handy,móvil,reach me,text me`,
	cardWord:     `card*,visa*,mastercard,amex,maestro,pan,cc,credit,debit,карт*,мир,unionpay,diners,discover,jcb`,
	cvvWord:      `cvv*,cvc*,csc,cvn,security code,код безопасности,код карты`,
	innWord:      `inn,инн,taxpayer*,tax id,налогоплательщик*,tin`,
	snilsWord:    `snils,снилс*,страхов*,индивидуального лицевого`,
	ogrnWord:     `ogrn*,огрн*,егрюл,егрип,регистрационн*`,
	passportWord: `passport*,паспорт*,серия,серии`,
	accountWord:  `счет*,счёт*,р/с,рс,к/с,account,acct,a/c,settlement,расчетн*,расчётн*,лицев*`,
	bikWord:      `бик,bik,bic`,
	ipWord:       `client*,ip,remote*,from,visitor,x-forwarded-for,forwarded,addr,src,peer,адрес*`,
	productWord:  `ean*,isbn*,imei*,gtin*,upc,barcode*,штрихкод*,issn,sscc,артикул*,sku,iccid,imsi,серийный,serial*,tracking*`,
	birthWord:    `рожден*,рождён*,родил*,д.р.,др,г.р.,born,dob,birth*,geboren*,geburt*,nacid*`,
	dialWord:     `call,dial,позвони*`,
}

type entry struct {
	word string
	open bool
	of   topic
}

// byByte groups the lexicon by a word's first byte that tells words apart: Cyrillic letters share theirs.
var byByte = func() (m [256][]entry) {
	for t, list := range lexicon {
		for w := range strings.SplitSeq(list, ",") {
			e := entry{strings.TrimSuffix(w, "*"), strings.HasSuffix(w, "*"), topic(t)} //nolint:gosec // few topics
			at := e.word[0]
			if at >= utf8.RuneSelf {
				at = e.word[1]
			}
			m[at] = append(m[at], e)
		}
	}
	return m
}()

const (
	// reach is how many characters around a number are read for context.
	reach = 40
	far   = 255
)

// surroundings remembers how far from a position each topic's nearest word begins. One number asks many topics.
type surroundings struct {
	at   int
	dist [topics]uint8
	buf  [reach*utf8.UTFMax + 16]byte
	pos  [reach*utf8.UTFMax + 16]uint8 // character's distance from the number, by byte of buf
}

// near says whether a word of the topic begins within left characters before the window, or right behind it.
func (f *Finder) near(w window, t topic, left, right int) bool {
	lo, hi := f.c.start[w.a], f.c.end[w.b]
	if f.left.at != lo {
		f.left.at = lo
		from, n := lo, 0
		for ; n < reach && from > 0; n++ {
			_, size := utf8.DecodeLastRuneInString(f.c.s[:from])
			from -= size
		}
		f.left.read(f.c.s[from:lo], n, -1, from > 0 && isWord(f.c.s[from-1]))
	}
	if int(f.left.dist[t]) <= left {
		return true
	}
	if right == 0 || hi >= len(f.c.s) {
		return false
	}
	if f.right.at != hi {
		f.right.at = hi
		until := hi
		for n := 0; n < right && until < len(f.c.s); n++ {
			_, size := utf8.DecodeRuneInString(f.c.s[until:])
			until += size
		}
		f.right.read(f.c.s[hi:until], 1, 1, false)
	}
	return int(f.right.dist[t]) <= right
}

// read lower-cases the text and notes every word of the lexicon in it. from is the first character's distance.
func (k *surroundings) read(s string, from, step int, midword bool) {
	for t := range k.dist {
		k.dist[t] = far
	}
	n := 0
	for _, r := range s {
		if n+utf8.UTFMax > len(k.buf) {
			break
		}
		start := n
		if r < utf8.RuneSelf {
			if k.buf[n] = byte(r); r >= 'A' && r <= 'Z' {
				k.buf[n] |= 0x20
			}
			n++
		} else {
			n += utf8.EncodeRune(k.buf[n:], unicode.ToLower(r))
		}
		for ; start < n; start++ {
			k.pos[start] = uint8(min(from, far-1)) //nolint:gosec // bounded
		}
		from += step
	}
	inside := midword
	for i := 0; i < n; i++ {
		c := k.buf[i]
		if inside || c == ' ' {
			inside = isWord(c)
			continue
		}
		inside = isWord(c)
		if c >= utf8.RuneSelf && i+1 < n {
			c = k.buf[i+1]
		}
		for _, e := range byByte[c] {
			if hasPrefix(k.buf[i:n], e) {
				k.dist[e.of] = min(k.dist[e.of], k.pos[i])
			}
		}
	}
}

func hasPrefix(text []byte, e entry) bool {
	n := len(e.word)
	return len(text) >= n && string(text[:n]) == e.word && (e.open || len(text) == n || !isWord(text[n]))
}

// isWord: letters of any script; digits and underscores part words, so "phone_1" and "tel2" still count.
func isWord(c byte) bool { return isLetter(c) || c >= utf8.RuneSelf }
