package scan

// hexOf is a byte's part in a run of hex digits: 1 a decimal digit, 2 a letter, 4 no part.
var hexOf = func() (m [256]uint8) {
	for c := range m {
		switch {
		case c >= '0' && c <= '9':
			m[c] = 1
		case isHex(byte(c)):
			m[c] = 2
		default:
			m[c] = 4
		}
	}
	return m
}()

// Opaque says that s is nothing but a UUID or a trace id: hex digits that no finder reads, however many of them look
// like a number. A run of decimal digits alone is left to the finders.
func Opaque(s string) bool {
	switch len(s) {
	case 32:
		return run(s) == 1|2
	case 36:
		return s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
			run(s[:8])|run(s[9:13])|run(s[14:18])|run(s[19:23])|run(s[24:]) < 4
	}
	return false
}

func run(s string) (seen uint8) {
	for i := range len(s) {
		seen |= hexOf[s[i]]
	}
	return seen
}
