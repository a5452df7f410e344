// Package checksum holds the check digits of numbers that people and accounts have.
// Every function takes ASCII digits (or, for an IBAN, letters) without separators.
package checksum

// Luhn is ISO/IEC 7812: payment cards.
func Luhn(d []byte) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return len(d) > 0 && sum%10 == 0
}

// GTIN is the check of EAN-8, UPC-A, EAN-13, GTIN-14 and SSCC: goods, never people.
func GTIN(d []byte) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			v *= 3
		}
		sum += v
	}
	return len(d) > 0 && sum%10 == 0
}

// Mod97 is ISO 7064: an IBAN without blanks, upper case.
func Mod97(iban []byte) bool {
	if len(iban) < 5 {
		return false
	}
	rem := 0
	for i := range iban {
		c := iban[(i+4)%len(iban)]
		switch {
		case c >= '0' && c <= '9':
			rem = (rem*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rem = (rem*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rem == 1
}

func weighted(d []byte, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += w * int(d[i]-'0')
	}
	return sum
}

// INN is the Russian taxpayer number: 10 digits of a company, 12 of a person.
func INN(d []byte) bool {
	if zeros(d) {
		return false
	}
	switch len(d) {
	case 10:
		return weighted(d, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10 == int(d[9]-'0')
	case 12:
		return weighted(d, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10 == int(d[10]-'0') &&
			weighted(d, 3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10 == int(d[11]-'0')
	}
	return false
}

// SNILS is the Russian insurance number: 9 digits and two of check.
func SNILS(d []byte) bool {
	if len(d) != 11 || zeros(d) {
		return false
	}
	check := int(d[9]-'0')*10 + int(d[10]-'0')
	sum := weighted(d, 9, 8, 7, 6, 5, 4, 3, 2, 1) % 101
	return sum%100 == check
}

// OGRN is the Russian register number: 13 digits of a company, 15 of an entrepreneur.
func OGRN(d []byte) bool {
	mod := 11
	switch len(d) {
	case 13:
	case 15:
		mod = 13
	default:
		return false
	}
	rem := 0
	for _, c := range d[:len(d)-1] {
		rem = (rem*10 + int(c-'0')) % mod
	}
	return rem%10 == int(d[len(d)-1]-'0') && !zeros(d)
}

// Account is a Russian bank account (20 digits) under its bank's БИК (9 digits).
func Account(account, bik []byte) bool {
	if len(account) != 20 || len(bik) != 9 {
		return false
	}
	var head [3]byte
	if bik[6] == '0' && bik[7] == '0' { // an account at the central bank itself
		head = [3]byte{'0', bik[4], bik[5]}
	} else {
		head = [3]byte(bik[6:9])
	}
	weights := [3]int{7, 1, 3}
	sum := 0
	for i := range 23 {
		c := account[max(i-3, 0)]
		if i < 3 {
			c = head[i]
		}
		sum += int(c-'0') * weights[i%3]
	}
	return sum%10 == 0
}

func zeros(d []byte) bool {
	for _, c := range d {
		if c != '0' {
			return false
		}
	}
	return true
}
