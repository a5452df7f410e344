package number

import (
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/checksum"
)

// ibanForms is the IBAN registry: a country's BBAN as runs of digits (n), letters (a) or both (c).
var ibanForms = map[string]string{
	"AD": "n8c12", "AE": "n19", "AL": "n8c16", "AT": "n16", "AZ": "a4c20", "BA": "n16", "BE": "n12", "BG": "a4n6c8", "BH": "a4c14",
	"BI": "n23", "BR": "n23a1c1", "BY": "c4n4c16", "CH": "n5c12", "CR": "n18", "CY": "n8c16", "CZ": "n20", "DE": "n18", "DJ": "n23",
	"DK": "n14", "DO": "c4n20", "EE": "n16", "EG": "n25", "ES": "n20", "FI": "n14", "FK": "a2n12", "FO": "n14", "FR": "n10c11n2",
	"GB": "a4n14", "GE": "a2n16", "GI": "a4c15", "GL": "n14", "GR": "n7c16", "GT": "c4c20", "HN": "a4n20", "HR": "n17", "HU": "n24",
	"IE": "a4n14", "IL": "n19", "IQ": "a4n15", "IS": "n22", "IT": "a1n10c12", "JO": "a4n4c18", "KW": "a4c22", "KZ": "n3c13",
	"LB": "n4c20", "LC": "a4c24", "LI": "n5c12", "LT": "n16", "LU": "n3c13", "LV": "a4c13", "LY": "n21", "MC": "n10c11n2",
	"MD": "c20", "ME": "n18", "MK": "n3c10n2", "MN": "n16", "MR": "n23", "MT": "a4n5c18", "MU": "a4n19a3", "NI": "a4n20",
	"NL": "a4n10", "NO": "n11", "OM": "n3c16", "PK": "a4c16", "PL": "n24", "PS": "a4c21", "PT": "n21", "QA": "a4c21", "RO": "a4c16",
	"RS": "n18", "RU": "n14c15", "SA": "n2c18", "SC": "a4n20a3", "SD": "n14", "SE": "n20", "SI": "n15", "SK": "n20", "SM": "a1n10c12",
	"SO": "n19", "ST": "n21", "SV": "a4n20", "TL": "n19", "TN": "n20", "TR": "n6c16", "UA": "n6c19", "VA": "n18", "VG": "a4n16",
	"XK": "n16", "YE": "a4n4c18",
}

// forms spells every country's BBAN out, one byte a character.
var forms = func() map[string]string {
	m := map[string]string{}
	for country, runs := range ibanForms {
		var b []byte
		for i := 0; i < len(runs); {
			kind, n := runs[i], 0
			for i++; i < len(runs) && isDigit(runs[i]); i++ {
				n = n*10 + int(runs[i]-'0')
			}
			for range n {
				b = append(b, kind)
			}
		}
		m[country] = "aann" + string(b)
	}
	for _, of := range [...]string{"AX FI", "BL FR", "GF FR", "GP FR", "MF FR", "MQ FR", "NC FR", "PF FR", "PM FR", "RE FR", "TF FR", "WF FR", "YT FR", "GG GB", "IM GB", "JE GB"} {
		m[of[:2]] = m[of[3:]] // territories whose banks use the form of their country
	}
	return m
}()

// banks has a bit for the second letter of every country, by its first.
var banks = func() (m [26]uint32) {
	for country := range forms {
		m[country[0]-'A'] |= 1 << (country[1] - 'A')
	}
	return m
}()

// maxIBAN is the longest IBAN there is.
const maxIBAN = 34

// IBAN reads an account number at s[i], which is a letter: country, length, digits where they must be, mod 97.
// It returns its end, or 0.
func IBAN(s string, i int) int {
	if i+15 > len(s) || !isLetter(s[i]) || !isLetter(s[i+1]) || !isDigit(s[i+3]) || !isDigit(s[i+2]) && (s[i+2] != ' ' || !isDigit(s[i+4])) ||
		i > 0 && (isLetter(s[i-1]) && (i < 4 || !strings.EqualFold(s[i-4:i], "iban")) || isDigit(s[i-1])) {
		return 0
	}
	country := [2]byte{s[i] &^ 0x20, s[i+1] &^ 0x20}
	if banks[country[0]-'A']&(1<<(country[1]-'A')) == 0 {
		return 0
	}
	form := forms[string(country[:])]
	if form == "" {
		return 0
	}
	var b [maxIBAN]byte
	n, j := 0, i
	for ; j < len(s) && n < len(form); j++ {
		switch c := s[j]; {
		case isDigit(c) && form[n] != 'a':
			b[n] = c
			n++
		case isLetter(c) && form[n] != 'n':
			b[n] = c &^ 0x20
			n++
		case (c == ' ' || c == '-' || c == '.' || c == '+') && (n%4 == 0 || n == 2 && c == ' ') && j > i && (s[j-1] != c || c == ' ' && s[j-2] != c):
		default:
			return 0
		}
	}
	if n != len(form) || j < len(s) && (isLetter(s[j]) || isDigit(s[j])) || !checksum.Mod97(b[:n]) {
		return 0
	}
	return j
}
