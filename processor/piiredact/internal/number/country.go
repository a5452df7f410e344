package number

// plan is the least and the greatest length of a country's national number, without the country code.
type plan struct{ lo, hi uint8 }

// plans by country code, from ITU-T E.164 national numbering plans; a code that is not here is not assigned.
var plans = map[int]plan{
	1: {10, 10}, 7: {10, 10}, 20: {8, 10}, 27: {9, 9}, 30: {10, 10}, 31: {9, 9}, 32: {8, 9}, 33: {9, 9}, 34: {9, 9}, 36: {8, 9},
	39: {6, 11}, 40: {9, 9}, 41: {9, 9}, 43: {6, 13}, 44: {9, 10}, 45: {8, 8}, 46: {7, 10}, 47: {8, 8}, 48: {9, 9}, 49: {6, 12},
	51: {8, 9}, 52: {10, 11}, 53: {8, 8}, 54: {10, 11}, 55: {10, 11}, 56: {9, 9}, 57: {8, 10}, 58: {10, 10}, 60: {7, 10}, 61: {9, 9},
	62: {7, 12}, 63: {8, 10}, 64: {7, 10}, 65: {8, 8}, 66: {8, 9}, 81: {9, 10}, 82: {7, 11}, 84: {9, 10}, 86: {10, 12}, 90: {10, 10},
	91: {10, 10}, 92: {9, 10}, 93: {9, 9}, 94: {9, 9}, 95: {7, 10}, 98: {10, 10}, 350: {8, 8}, 351: {9, 9}, 352: {6, 11}, 353: {7, 9},
	354: {7, 9}, 355: {8, 9}, 356: {8, 8}, 357: {8, 8}, 358: {6, 11}, 359: {7, 9}, 370: {8, 8}, 371: {8, 8}, 372: {7, 8}, 373: {8, 8},
	374: {8, 8}, 375: {9, 9}, 376: {6, 9}, 377: {8, 9}, 378: {6, 10}, 380: {9, 9}, 381: {8, 9}, 382: {8, 8}, 383: {8, 9}, 385: {8, 9},
	386: {8, 8}, 387: {8, 9}, 389: {8, 8}, 420: {9, 9}, 421: {9, 9}, 423: {7, 9}, 852: {8, 8}, 853: {8, 8}, 855: {8, 9}, 856: {8, 10},
	880: {8, 10}, 886: {8, 9}, 960: {7, 7}, 961: {7, 8}, 962: {8, 9}, 963: {8, 9}, 964: {8, 10}, 965: {8, 8}, 966: {9, 9}, 967: {7, 9},
	968: {8, 8}, 970: {8, 9}, 971: {8, 9}, 972: {8, 9}, 973: {8, 8}, 974: {8, 8}, 975: {7, 8}, 976: {8, 8}, 977: {8, 10}, 992: {9, 9},
	993: {8, 8}, 994: {9, 9}, 995: {9, 9}, 996: {9, 9}, 998: {9, 9}, 800: {8, 8},
}

// other ranges: Africa, the Atlantic, Latin America's and Oceania's three-digit codes.
func planOf(code int) (plan, bool) {
	if p, ok := plans[code]; ok {
		return p, true
	}
	switch {
	case code == 247, code == 290, code == 500: // Ascension, Saint Helena, Falkland Islands
		return plan{4, 6}, true
	case code >= 211 && code <= 269, code >= 290 && code <= 299:
		return plan{6, 10}, true
	case code >= 500 && code <= 509, code >= 590 && code <= 599:
		return plan{6, 10}, true
	case code == 683, code == 690: // Niue, Tokelau
		return plan{4, 7}, true
	case code >= 670 && code <= 692, code == 808, code == 850, code >= 870 && code <= 888, code == 979:
		return plan{5, 10}, true
	}
	return plan{}, false
}

// international reads the country code at the start of the digits: one to three of them.
func international(d []byte) (p plan, n int, ok bool) {
	code := 0
	for n = 1; n <= 3 && n <= len(d); n++ {
		code = code*10 + int(d[n-1]-'0')
		if p, ok = planOf(code); ok {
			return p, n, true
		}
	}
	return plan{}, 0, false
}
