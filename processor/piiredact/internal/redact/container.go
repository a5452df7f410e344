package redact

// isContainer is a cheap look for JSON whose whole is somebody's: a list of header values, a string in quotes.
func isContainer(s string) bool {
	if len(s) < 2 {
		return false
	}
	switch last := s[len(s)-1]; s[0] {
	case '{':
		return last == '}'
	case '[':
		return last == ']'
	case '"':
		return last == '"'
	}
	return false
}

// container redacts a value whose key says what the whole is, and which is JSON: it stays JSON. A key that hands its
// meaning down to what lies below has it redacted leaf by leaf; under any other the value becomes one string.
func (se *Session) container(d *Decision, s string, depth int) (string, Verdict) {
	if s[0] == '"' || !d.Place && d.Under(&se.e.text) == d {
		if out, v, ok := se.json(d, s, depth, false); ok {
			se.nested()
			return out, v
		}
	}
	out, v := se.whole(d, s)
	if v == Changed && valid(s) {
		out, se.settled = quote(out), false
	}
	return out, v
}
