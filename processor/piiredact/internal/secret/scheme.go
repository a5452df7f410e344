package secret

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

// scheme reads "Bearer …", "Basic …", "Digest …", "Token …" and "ApiKey …" at i and takes the credential, not the scheme.
func scheme(s string, i int) (finding.Finding, bool) {
	none := finding.Finding{}
	var n int
	switch {
	case foldPrefix(s[i:], "bearer"), foldPrefix(s[i:], "digest"):
		n = 6
	case foldPrefix(s[i:], "basic"):
		n = 5
	case strings.HasPrefix(s[i:], "Token "), foldPrefix(s[i:], "apikey "):
		return made(s, i+strings.IndexByte(s[i:], ' ')+1)
	default:
		return none, false
	}
	j := i + n
	for j < len(s) && (s[j] == ' ' || s[j] == '\t' || s[j] == '+' || s[j] == ':' || s[j] == '=') && j < i+n+3 {
		j++
	}
	if j == i+n {
		return none, false
	}
	f := finding.Finding{Start: j, Entity: finding.Authorization}
	if s[i]|0x20 == 'd' { // Digest username="…", response="…"
		if !strings.Contains(s[j:], "response=") {
			return none, false
		}
		f.End = lineEnd(s, j)
		return f, true
	}
	if n == 5 {
		f.End = span(s[:min(len(s), j+maxBasic)], j, &token68)
		return f, basic(s[f.Start:f.End])
	}
	f.End = span(s, j, &token68)
	t := s[f.Start:f.End]
	if at := strings.IndexByte(t, '='); at >= 0 && at < minPadded && strings.Trim(t[at:], "=") != "" {
		return none, false // the next pair: "Bearer took=12ms"
	}
	return f, len(t) >= 8 && (len(t) >= 24 || strings.ContainsAny(t, digits) || strings.ContainsAny(t, "._~+/=")) && !masked(t)
}

// made is a credential behind a scheme that is a word of prose, too: long, with digits and letters.
func made(s string, j int) (finding.Finding, bool) {
	f := finding.Finding{Start: j, End: span(s, j, &base64s), Entity: finding.Authorization}
	t := s[f.Start:f.End]
	return f, len(t) >= 20 && strings.ContainsAny(t, digits) && strings.Trim(t, digits) != "" && !masked(t)
}

// minPadded is how long a token is at least that has an equals sign inside; what is shorter is a name.
const minPadded = 20

// maxBasic bounds a name and a password in base64.
const maxBasic = 2048

// basic: base64 of user:password.
func basic(t string) bool {
	if len(t) < 4 {
		return false
	}
	var buf [512]byte
	t = strings.TrimRight(t[:min(len(t), 600)], "=")
	t = t[:len(t)-len(t)%4+sub(len(t)%4)]
	n, err := base64.RawStdEncoding.Decode(buf[:min(len(buf), base64.RawStdEncoding.DecodedLen(len(t)))], []byte(t))
	if err != nil {
		n, err = base64.RawURLEncoding.Decode(buf[:], []byte(t))
	}
	return err == nil && n > 2 && strings.IndexByte(string(buf[:n]), ':') >= 0 && utf8.Valid(buf[:n-n%2])
}

// sub is how much of an incomplete last group of base64 can be decoded.
func sub(rest int) int {
	if rest == 1 {
		return 0
	}
	return rest
}

// pem takes a private key from its first line to its last, or to the end of the text when that is missing.
// "+" is a blank in a form's encoding; SSH2 keys have four dashes and a blank.
func pem(s string, i int) (finding.Finding, bool) {
	dash := span(s, i, &dashes)
	if dash-i < 4 || dash+1 >= len(s) {
		return finding.Finding{}, false
	}
	if s[dash] == ' ' {
		dash++
	}
	head, ok := strings.CutPrefix(s[dash:min(len(s), dash+80)], "BEGIN")
	if !ok {
		return finding.Finding{}, false
	}
	title, _, ok := strings.Cut(head, "----")
	if !ok || !strings.Contains(strings.ReplaceAll(title, "+", " "), " PRIVATE KEY") {
		return finding.Finding{}, false
	}
	f := finding.Finding{Start: i, End: len(s), Entity: finding.PrivateKey}
	for _, last := range [...]string{"-----END", "---- END"} {
		if at := strings.Index(s[i:], last); at >= 0 {
			f.End = i + at + len(last)
			if tail := strings.Index(s[f.End:], "----"); tail >= 0 && tail < 64 {
				f.End = span(s, f.End+tail, &dashes)
			}
			break
		}
	}
	return f, true
}

var dashes = letters("-")

// encodedKey is a private key's PEM in base64: LS0tLS1CRUdJTi….
func encodedKey(s string, i int) int {
	if !strings.HasPrefix(s[i:], "LS0tLS1CRUdJTi") {
		return 0
	}
	end := span(s, i, &base64s)
	var head [48]byte
	n, _ := base64.StdEncoding.Decode(head[:], []byte(s[i:i+min(end-i, 64)/4*4]))
	if !strings.Contains(string(head[:n]), "PRIVATE K") {
		return 0
	}
	return end
}

func foldPrefix(s, p string) bool { return len(s) > len(p) && strings.EqualFold(s[:len(p)], p) }

func lineEnd(s string, i int) int {
	if at := strings.IndexAny(s[i:], "\r\n"); at >= 0 {
		return i + at
	}
	return len(s)
}

// masked: what this processor, or another before it, wrote in place of a secret.
func masked(v string) bool {
	if v == "" {
		return true
	}
	if strings.Trim(v, "*") == "" || strings.Trim(v, "xX") == "" && len(v) >= 3 || strings.Trim(v, "?") == "" {
		return true
	}
	switch strings.ToLower(strings.Trim(v, "[]<>{}()'\"")) {
	case "redacted", "masked", "hidden", "filtered", "null", "nil", "none", "undefined", "true", "false", "redacted:redacted", "removed":
		return true
	}
	return false
}
