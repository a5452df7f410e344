package number

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// Words that give context, lower case. A trailing '*' matches any ending (Russian declines its nouns);
// others must end where the word ends.
var (
	phoneWords = []string{"phone*", "tel", "tel.", "telephone*", "mobile", "mob", "cell", "cellphone", "fax", "whatsapp", "viber",
		"msisdn", "sms", "телефон*", "тел", "моб*", "сотов*", "звон*", "факс*", "смс", "call me", "dial", "contact number", "telefon*", "tél*", "handy", "móvil"}
	cardWords = []string{"card*", "visa", "mastercard", "amex", "maestro", "pan", "cc", "credit", "debit", "карт*", "мир", "unionpay", "visa*", "diners"}
	cvvWords  = []string{"cvv", "cvn", "код карты", "cvc", "cvv2", "cvc2", "csc", "security code", "код безопасности"}
	innWords  = []string{"inn", "инн", "taxpayer*", "tax id", "налогоплательщик*", "tin"}
	snilsWord = []string{"snils", "снилс", "страхов*"}
	ogrnWords = []string{"ogrn*", "огрн*", "егрюл", "егрип"}
	passWords = []string{"passport*", "паспорт*", "серия", "серии"}
	acctWords = []string{"счет*", "счёт*", "р/с", "рс", "к/с", "account", "acct", "a/c", "settlement", "расчетн*", "расчётн*", "лицев*"}
	bikWords  = []string{"бик", "bik", "bic"}
	ipWords   = []string{"client", "client_ip", "clientip", "ip", "remote", "remote_addr", "from", "visitor", "x-forwarded-for", "forwarded", "addr"}

	productWords = []string{"ean*", "isbn*", "imei*", "gtin*", "upc", "barcode*", "штрихкод*", "issn", "sscc", "артикул*", "sku", "iccid", "imsi", "серийный", "serial*", "tracking*"}
)

// near looks for one of the words within left characters before the window or right characters behind it.
func (f *Finder) near(w window, words []string, left, right int) bool {
	lo, hi := f.c.start[w.a], f.c.end[w.b]
	k := &f.kw
	k.n = 0
	from := lo
	for n := 0; n < left && from > 0; n++ {
		_, size := utf8.DecodeLastRuneInString(f.c.s[:from])
		from -= size
	}
	k.lowered(f.c.s[from:lo])
	if contains(k.buf[:k.n], words) {
		return true
	}
	if right == 0 || hi == len(f.c.s) {
		return false
	}
	k.n = 0
	until := hi
	for n := 0; n < right && until < len(f.c.s); n++ {
		_, size := utf8.DecodeRuneInString(f.c.s[until:])
		until += size
	}
	k.lowered(f.c.s[hi:until])
	return contains(k.buf[:k.n], words)
}

func (k *window32) lowered(s string) {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			if k.n < len(k.buf) {
				k.buf[k.n] = c
				k.n++
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if k.n+utf8.UTFMax <= len(k.buf) {
			k.n += utf8.EncodeRune(k.buf[k.n:], unicode.ToLower(r))
		}
	}
}

// contains looks for words that begin at a word's start.
func contains(text []byte, words []string) bool {
	for _, w := range words {
		open := w[len(w)-1] == '*'
		if open {
			w = w[:len(w)-1]
		}
		for at := 0; at < len(text); {
			i := index(text[at:], w)
			if i < 0 {
				break
			}
			i += at
			end := i + len(w)
			if (i == 0 || !wordByte(text[i-1])) && (open || end == len(text) || !wordByte(text[end])) {
				return true
			}
			at = end
		}
	}
	return false
}

// index avoids a conversion of w: words are short and text shorter than a cache line or three.
func index(text []byte, w string) int {
	for at := 0; ; {
		i := bytes.IndexByte(text[at:], w[0])
		if i < 0 || at+i+len(w) > len(text) {
			return -1
		}
		if at += i; string(text[at:at+len(w)]) == w {
			return at
		}
		at++
	}
}

// wordByte: letters of any script; digits and underscores part words, so "phone_1" and "tel2" still count.
func wordByte(c byte) bool { return isLetter(c) || c >= 0x80 }
