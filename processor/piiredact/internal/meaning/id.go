package meaning

// General appends name to dst with a zero for every id in it: what "order 4711" means does not depend on which order it
// is. So a text with an id before each colon is no flood of names.
func General(dst []byte, name string) []byte {
	for i := 0; i < len(name); i++ {
		from := i
		for i < len(name) && inWord(name[i]) {
			i++
		}
		if w := name[from:i]; isID(w) {
			dst = append(dst, '0')
		} else {
			dst = append(dst, w...)
		}
		if i < len(name) {
			dst = append(dst, name[i])
		}
	}
	return dst
}

func inWord(c byte) bool { return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }

// isID: four digits or more, or eight hex digits in lower case with a letter behind a decimal one. No word is spelled so.
func isID(w string) bool {
	digits, mixed := 0, false
	for i := range len(w) {
		switch c := w[i]; {
		case c-'0' <= 9:
			digits++
		case c >= 'a' && c <= 'f':
			mixed = mixed || digits > 0
		default:
			return false
		}
	}
	return digits >= 4 && digits == len(w) || mixed && len(w) >= 8
}
