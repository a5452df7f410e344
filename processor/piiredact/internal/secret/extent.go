package secret

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

// authorizationEnd takes the scheme and its credential; schemes with parameters take the line.
func authorizationEnd(s string, i int) int {
	end := softEnd(s, i)
	if end >= len(s) || s[end] != ' ' {
		return end
	}
	switch sch := strings.ToLower(s[i:end]); {
	case sch == "digest" || strings.HasPrefix(sch, "aws4-") || sch == "signature" || sch == "hawk" || sch == "oauth" || sch == "scram-sha-256":
		return lineEnd(s, end)
	case sch == "bearer" || sch == "basic" || sch == "token" || sch == "apikey" || sch == "api-key" || sch == "negotiate" || sch == "ntlm" || sch == "key":
		for end < len(s) && s[end] == ' ' {
			end++
		}
		return softEnd(s, end)
	}
	if next := softEnd(s, end+1); isScheme(s[i:end]) && credential(s[end+1:next]) {
		return next
	}
	return end
}

// isScheme: one word that begins like a name (DPoP, GoogleLogin, SharedKey): a credential stands behind it.
func isScheme(v string) bool {
	for i := range len(v) {
		if !isLetter(v[i]) && v[i] != '-' {
			return false
		}
	}
	return len(v) > 2 && len(v) <= 24
}

// credential: long enough, and no word: it has a digit, or a parameter's sign.
func credential(v string) bool {
	return len(v) >= 12 && strings.ContainsAny(v, digits+"=")
}

// begins: names begin with a capital, or in a script that has none.
func begins(r rune) bool { return unicode.IsLetter(r) && !unicode.IsLower(r) }

// maxParticles is how many words stand before a family name: "de la", "von und zu".
const maxParticles = 4

// particle is the length of a word that stands before a family name ("van", "de la", "bin"), or 0.
func particle(s string, i int) int {
	first := particleWord(s, i)
	for n, size := 0, first; n < maxParticles && size > 0; n++ {
		i += size + 1
		if r, _ := utf8.DecodeRuneInString(s[i:]); begins(r) {
			return first
		}
		size = particleWord(s, i)
	}
	return 0
}

// particleWord is the length of one of these words, if another word may follow.
func particleWord(s string, i int) int {
	end := i
	for end < len(s) && end-i < 4 && s[end] >= 'a' && s[end] <= 'z' {
		end++
	}
	switch s[i:end] {
	case "van", "von", "der", "den", "de", "da", "del", "della", "di", "du", "dos", "la", "le", "el", "al", "bin", "ibn", "ter", "zu":
		if end+1 < len(s) && s[end] == ' ' {
			return end - i
		}
	}
	return 0
}

// personEnd takes up to five words that begin like a name's, with the particles between them.
func personEnd(s string, i int) int {
	end := i
	for n := 0; n < 5 && i < len(s); n++ {
		r, _ := utf8.DecodeRuneInString(s[i:])
		if n > 0 && !begins(r) && particle(s, i) == 0 {
			break
		}
		for i < len(s) && !hardStop(s[i]) && strings.IndexByte(",;&)}](=:", s[i]) < 0 {
			i++
		}
		if i < len(s) && (s[i] == '=' || s[i] == ':') && n > 0 { // the next pair's name
			break
		}
		end = i
		if i >= len(s) || s[i] != ' ' {
			break
		}
		i++
	}
	return end
}

// clauseEnd runs to the end of the clause: a line, a semicolon, a quote, or the next pair.
func clauseEnd(s string, i, most int) int {
	start := i
	for ; i < len(s) && i-start < most; i++ {
		switch s[i] {
		case '\n', '\r', ';', '"', '\'', '|', '<', '>', '&', '}', '\t':
			return i
		case ' ':
			if pairAhead(s, i+1) {
				return i
			}
		}
	}
	for end := i + maxTag; i < len(s) && i < end && !hardStop(s[i]); i++ { // no word is cut in two
	}
	for i < len(s) && !utf8.RuneStart(s[i]) {
		i++
	}
	return i
}

// prose: what stands behind "password:" in messages about passwords.
var prose = map[string]bool{
	"is": true, "was": true, "not": true, "must": true, "invalid": true, "incorrect": true, "too": true, "required": true, "expired": true,
	"missing": true, "cannot": true, "failed": true, "the": true, "has": true, "should": true, "unexpected": true, "does": true, "wrong": true,
	"changed": true, "mismatch": true, "unknown": true, "empty": true, "ok": true, "yes": true, "no": true, "error": true, "valid": true,
	"string": true, "bearer": true, "basic": true, "unauthorized": true, "denied": true, "enabled": true, "disabled": true, "n/a": true,
	"неверный": true, "неверен": true, "не": true, "изменен": true, "изменён": true, "обязателен": true, "истек": true, "истёк": true, "отсутствует": true,
	"сброшен": true, "верный": true, "пустой": true, "нет": true, "есть": true, "просрочен": true, "недействителен": true, "устарел": true,
	"-": true, "[]": true, "{}": true,
}

// placeholder: a variable to be filled in later, not a value.
func placeholder(v string) bool {
	return strings.HasPrefix(v, "${") || strings.HasPrefix(v, "{{") || strings.HasPrefix(v, "$(") || v == "%s" || v == "%v" || v == "%d" ||
		v == "?" || strings.HasPrefix(v, "<") && strings.HasSuffix(v, ">")
}

func weakName(name string) bool {
	switch strings.ToLower(name) {
	case "key", "code", "auth", "sid", "ticket", "otp":
		return true
	}
	return false
}

// plausible drops values that cannot be what the name promises.
func plausible(e finding.Entity, v string, quoted bool) bool {
	switch e {
	case finding.BirthDate:
		return strings.ContainsAny(v, digits)
	case finding.Person:
		r, _ := utf8.DecodeRuneInString(v)
		return len(v) > 1 && (quoted || begins(r) || particle(v, 0) > 0) && !strings.ContainsAny(v, "/{}@=")
	case finding.Address:
		return len(v) > 1
	}
	return v != ""
}
