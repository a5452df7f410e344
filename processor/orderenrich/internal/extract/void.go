package extract

import "strings"

// void says that a value names nothing: zeros and separators only, as the nil UUID; what programs write for nothing; or what
// redaction leaves, which is the same for everybody or another one every time.
func void(v string) bool {
	if blank(v) {
		return true
	}
	switch c := v[0]; {
	case c == '*':
		return true // ****1111
	case c == '[' || c == '<' || c == '(' || c == '{':
		v = strings.Trim(v, "[]<>(){}")
	case len(v) > 9 && c != 'e':
		return false
	}
	switch strings.ToLower(v) {
	case "", "redacted", "null", "nil", "none", "undefined", "nan", "masked", "filtered", "removed":
		return true
	}
	return strings.HasPrefix(v, "enc:v")
}

func blank(v string) bool {
	for i := range len(v) {
		if c := v[i]; c != '0' && c != '-' && c != '_' && c != ' ' {
			return false
		}
	}
	return true
}

// replaced says that a value already stands for another one: a pseudonym or a token of pii_redact. What is derived from it
// would be a second name of the same user.
func replaced(v string) bool {
	if strings.HasPrefix(v, "tok:v") {
		return true
	}
	at := strings.LastIndexByte(v, '_') // anonemail_<key>_<32 letters>
	return strings.HasPrefix(v, "anon") && at > len("anon") && len(v)-at > 32 &&
		strings.Contains(v[:at], "_") && strings.Trim(v[at:], "_bcdfghjklmnpqrst") == ""
}
