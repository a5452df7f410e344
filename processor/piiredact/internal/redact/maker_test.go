package redact

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/checksum"
)

// maker makes labelled cases: values with check digits computed here, in the ways that people write them.
type maker struct{ *rand.Rand }

func (m maker) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + m.IntN(10))
	}
	return string(b)
}

func (m maker) pick(of ...string) string { return of[m.IntN(len(of))] }

// until draws until ok holds.
func until(draw func() string, ok func([]byte) bool) string {
	for {
		if s := draw(); ok([]byte(s)) {
			return s
		}
	}
}

func grouped(d, sep string, sizes ...int) string {
	var parts []string
	for _, n := range sizes {
		n = min(n, len(d))
		parts, d = append(parts, d[:n]), d[n:]
	}
	if d != "" {
		parts = append(parts, d)
	}
	return strings.Join(parts, sep)
}

func (m maker) card() string {
	type brand struct {
		prefix string
		n      int
	}
	b := []brand{{"4", 16}, {"51", 16}, {"55", 16}, {"2221", 16}, {"2720", 16}, {"34", 15}, {"37", 15}, {"6011", 16}, {"65", 16}, {"3528", 16},
		{"3589", 16}, {"36", 14}, {"305", 14}, {"2200", 16}, {"2204", 16}, {"62", 16}, {"62", 19}, {"6759", 16}, {"5018", 16}, {"8600", 16}, {"4", 19}, {"38", 14}, {"5020", 12}, {"6304", 13}}[m.IntN(24)]
	d := until(func() string { return b.prefix + m.digits(b.n-len(b.prefix)) }, func(d []byte) bool {
		return checksum.Luhn(d) && (len(d) > 13 || !checksum.GTIN(d))
	})
	sep := m.pick("", " ", "-", "", " ")
	switch {
	case sep == "":
		return d
	case b.n == 15:
		return grouped(d, sep, 4, 6, 5)
	case b.n == 14:
		return grouped(d, sep, 4, 6, 4)
	}
	return grouped(d, sep, 4, 4, 4, 4)
}

func (m maker) phone() string {
	n := m.digits
	area := func() string { return m.pick("9", "4", "8") + n(2) }
	us := func() (string, string) { return m.pick("2", "4", "7", "9") + n(2), m.pick("2", "5", "8") + n(2) }
	a, x := us()
	return m.pick(
		"+7"+area()+n(7), "+7 ("+area()+") "+n(3)+"-"+n(2)+"-"+n(2), "8 ("+area()+") "+n(3)+"-"+n(2)+"-"+n(2), "8-"+area()+"-"+n(3)+"-"+n(2)+"-"+n(2),
		"+7 "+area()+" "+n(3)+" "+n(2)+" "+n(2), "8 "+area()+" "+n(3)+" "+n(2)+" "+n(2), "8("+area()+")"+n(7), "+7-"+area()+"-"+n(3)+"-"+n(4), "79"+n(9), "89"+n(9),
		"+7("+area()+")"+n(3)+"-"+n(2)+"-"+n(2), "+1 ("+a+") "+x+"-"+n(4), "("+a+") "+x+"-"+n(4), a+"-"+x+"-"+n(4), "+1-"+a+"-"+x+"-"+n(4), "+1"+a+x+n(4),
		"1-"+a+"-"+x+"-"+n(4), a+"."+x+"."+n(4), "+44 20 "+n(4)+" "+n(4), "+44 7"+n(3)+" "+n(6), "+4915"+n(9), "+49 30 "+n(6), "+33 6 "+n(2)+" "+n(2)+" "+n(2)+" "+n(2),
		"+39 06 "+n(4)+" "+n(4), "+34 6"+n(2)+" "+n(3)+" "+n(3), "+380 67 "+n(3)+" "+n(2)+" "+n(2), "+375 29 "+n(3)+"-"+n(2)+"-"+n(2), "+998 90 "+n(3)+" "+n(2)+" "+n(2),
		"+86 138 "+n(4)+" "+n(4), "+91 98"+n(3)+" "+n(5), "+81 90-"+n(4)+"-"+n(4), "+55 11 9"+n(4)+"-"+n(4), "+61 4"+n(2)+" "+n(3)+" "+n(3), "+971 50 "+n(3)+" "+n(4),
		"tel. "+area()+n(7), "phone: "+a+x+n(4), "тел.: "+area()+"-"+n(2)+"-"+n(2)+"-"+n(3), "телефон "+n(3)+"-"+n(2)+"-"+n(2), "mobile 07"+n(9), "phone 030 "+n(8), "моб. 9"+n(9), "0044 20 "+n(4)+" "+n(4))
}

func (m maker) email() string {
	user := m.pick("ivan.petrov", "i.petrov", "john_doe", "anna+shop", "x", "o'neil", "olga-77", "1234567", "иван", "JOHN.DOE", "first.last.middle", "a.b%c") + m.pick("", m.digits(2))
	return user + "@" + m.pick("example.com", "mail.ru", "gmail.com", "sub.example.co.uk", "почта.рф", "xn--80a1acny.xn--p1ai", "shop.example", "company.local", "yandex.ru", "a-b.io", "test.museum", "bücher.de")
}

func (m maker) iban() string {
	body := m.pick("DE"+"00"+m.digits(18), "GB00WEST"+m.digits(14), "FR00"+m.digits(23), "NL00ABNA"+m.digits(10), "KZ00"+m.digits(16), "AT00"+m.digits(16), "ES00"+m.digits(20), "CH00"+m.digits(17), "NO00"+m.digits(11), "PL00"+m.digits(24))
	for i := range 100 {
		s := body[:2] + fmt.Sprintf("%02d", i) + body[4:]
		if i > 1 && checksum.Mod97([]byte(s)) {
			if m.IntN(2) == 0 {
				return strings.TrimSpace(grouped(s, " ", 4, 4, 4, 4, 4, 4, 4, 4))
			}
			return s
		}
	}
	return m.iban()
}

func (m maker) inn() string {
	if m.IntN(2) == 0 {
		return m.pick("ИНН ", "инн: ", "INN ", "ИНН:", "ИНН клиента ") + until(func() string { return m.digits(10) }, checksum.INN)
	}
	return until(func() string { return m.pick("77", "50", "78", "16") + m.digits(10) }, checksum.INN)
}

func (m maker) snils() string {
	d := until(func() string { return m.digits(11) }, checksum.SNILS)
	return m.pick("СНИЛС "+d, d[:3]+"-"+d[3:6]+"-"+d[6:9]+" "+d[9:], "СНИЛС: "+d[:3]+" "+d[3:6]+" "+d[6:9]+" "+d[9:], d[:3]+"-"+d[3:6]+"-"+d[6:9]+"-"+d[9:], "снилс "+d[:9]+" "+d[9:])
}

func (m maker) ogrn() string {
	if m.IntN(2) == 0 {
		return m.pick("ОГРН ", "ОГРН: ", "ogrn=") + until(func() string { return "1" + m.digits(12) }, checksum.OGRN)
	}
	return m.pick("ОГРНИП ", "ОГРНИП: ") + until(func() string { return "3" + m.digits(14) }, checksum.OGRN)
}

func (m maker) passport() string {
	return m.pick("паспорт ", "Паспорт: ", "паспорт РФ ", "passport ", "паспортные данные: серия ") + m.pick(m.digits(4)+" "+m.digits(6), m.digits(10), m.digits(2)+" "+m.digits(2)+" "+m.digits(6), m.digits(4)+"-"+m.digits(6), m.digits(4)+" № "+m.digits(6))
}

func (m maker) account() string {
	return m.pick("", "р/с ", "счет ", "account ", "счёт № ") + m.pick("40817810", "40802810", "40702810", "42301840", "40820978") + m.digits(12)
}

// around puts a value into a sentence, a log line, JSON or a query.
func (m maker) around(v string) (text, core string) {
	switch m.IntN(9) {
	case 0:
		return v, v
	case 1:
		return "user said: " + v + ", please check", v
	case 2:
		return "level=info msg=\"saved\" value=\"" + v + "\" took=12ms", v
	case 3:
		return `{"note": "` + v + `", "n": 5}`, v
	case 4:
		return "Клиент указал " + v + " в заявке", v
	case 5:
		return "(" + v + ")", v
	case 6:
		return "[" + v + "] ok", v
	case 7:
		return "a;" + v + ";b", v
	}
	return "Contact:\t" + v + ".\nThanks", v
}

// left says how many of the longest digit or letter runs of the value are still there.
func survives(v, out string) bool {
	clean := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, s)
	}
	if at := strings.IndexByte(v, '@'); at > 0 {
		return strings.Contains(out, v[:at+1])
	}
	d := clean(v)
	return len(d) > 4 && strings.Contains(clean(out), d[:len(d)-4])
}

func (m maker) hex(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[m.IntN(16)]
	}
	return string(b)
}

func (m maker) checked(n int, prefix string, ok func([]byte) bool) string {
	return until(func() string { return prefix + m.digits(n-len(prefix)) }, ok)
}
