package number

import "github.com/ordertrace/ordertrace/processor/piiredact/internal/checksum"

// ibanLengths is the IBAN registry: country code, length.
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28, "CH": 21,
	"CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18,
	"FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
	"IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24,
	"ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
	"PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23,
	"ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}

// maxIBAN is the longest IBAN there is.
const maxIBAN = 34

// IBAN reads an account number at s[i], which is a letter: country, length, digits where they must be, mod 97.
// It returns its end, or 0.
func IBAN(s string, i int) int {
	if i+15 > len(s) || !isLetter(s[i]) || !isLetter(s[i+1]) || !isDigit(s[i+2]) || !isDigit(s[i+3]) ||
		i > 0 && (isLetter(s[i-1]) || isDigit(s[i-1])) {
		return 0
	}
	country := [2]byte{s[i] &^ 0x20, s[i+1] &^ 0x20}
	want := ibanLengths[string(country[:])]
	if want == 0 {
		return 0
	}
	var b [maxIBAN]byte
	n, j, digits := 0, i, 0
	for ; j < len(s) && n < want; j++ {
		switch c := s[j]; {
		case isDigit(c):
			b[n] = c
			n++
			digits++
		case isLetter(c):
			b[n] = c &^ 0x20
			n++
		case (c == ' ' || c == '-' || c == '.') && n%4 == 0 && j > i && s[j-1] != c:
		default:
			return 0
		}
	}
	if n != want || digits < want/2-2 || j < len(s) && (isLetter(s[j]) || isDigit(s[j])) || !checksum.Mod97(b[:n]) {
		return 0
	}
	return j
}
