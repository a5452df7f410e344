package scan

// opaque says that s is nothing but a UUID or a trace id: hex digits that no finder reads, however many of them look
// like a number. A run of decimal digits alone is left to the finders.
func opaque(s string) bool {
	if len(s) != 32 && len(s) != 36 {
		return false
	}
	letters := false
	for i := range len(s) {
		c := s[i]
		if len(s) == 36 && (i == 8 || i == 13 || i == 18 || i == 23) {
			if c != '-' {
				return false
			}
			continue
		}
		if !isHex(c) {
			return false
		}
		letters = letters || c > '9'
	}
	return letters || len(s) == 36
}
