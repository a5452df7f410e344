package scan

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/secret"
)

// maxLocal is RFC 5321's 64 octets, doubled for sloppy software.
const maxLocal = 128

// at reads what an at sign stands in: a DSN without a scheme, or an address.
func (sc *Scanner) at(t string, i int) int {
	if f, ok := secret.DSN(t, i); ok && !sc.Kept.Has(f.Entity) {
		sc.found = append(sc.found, f)
		return i + 1
	}
	if lo, hi := email(t, i); hi > 0 {
		sc.found = append(sc.found, finding.Finding{Start: lo, End: hi, Entity: finding.Email})
		return hi
	}
	return sc.anchors.Next(i + 1)
}

// email grows from the at sign at i both ways; hi is 0 when that is no address.
func email(t string, i int) (lo, hi int) {
	if lo = local(t, i); lo == i || t[lo:i] == finding.Fixed {
		return 0, 0
	}
	if hi = domain(t, i+1); hi == 0 {
		return 0, 0
	}
	if t[lo:i] == "git" && (hi < len(t) && t[hi] == ':' || strings.HasSuffix(t[:lo], "ssh://")) { // git@host:path
		return 0, 0
	}
	if node(t[lo:i], t[i+1:hi]) {
		return 0, 0
	}
	return lo, hi
}

// node: rabbit@mq-0.mq.default.svc.cluster.local is a machine's process, as Erlang and Celery name them.
func node(user, host string) bool {
	switch user {
	case "rabbit", "celery", "emqx", "ejabberd", "couchdb", "riak", "kafka":
		return strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal") || strings.HasSuffix(host, ".svc")
	}
	return false
}

func local(t string, i int) int {
	if i > 1 && t[i-1] == '"' { // "john doe"@example.com
		if open := strings.LastIndexByte(t[max(0, i-maxLocal):i-1], '"'); open >= 0 && i-1-max(0, i-maxLocal)-open > 1 {
			return max(0, i-maxLocal) + open
		}
	}
	lo := i
	for lo > 0 && i-lo < maxLocal {
		c := t[lo-1]
		if c < utf8.RuneSelf {
			if kinds[c] != letter && kinds[c] != digit && !localPunct(t, lo-1, i) {
				break
			}
			lo--
			continue
		}
		r, n := utf8.DecodeLastRuneInString(t[:lo])
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) {
			break
		}
		lo -= n
	}
	for lo < i && (t[lo] == '.' || t[lo] == '\'' || t[lo] == '-' && lo+1 < i) {
		lo++
	}
	return lo
}

// localPunct: punctuation of a local part; an apostrophe only between letters, so that quotes stay outside.
func localPunct(t string, k, i int) bool {
	switch t[k] {
	case '.', '_', '%', '+', '-', '!', '#', '$', '*', '~', '^':
		return t[k] != '*' || k+1 < i && k > 0 && kinds[t[k-1]] == letter
	case '=': // bounce+ivan=mail.ru@lists.example
		p := k
		for p > 0 && k-p < 64 && (kinds[t[p-1]] == letter || kinds[t[p-1]] == digit || t[p-1] == '.' || t[p-1] == '-' || t[p-1] == '_') {
			p--
		}
		return p < k && p > 1 && t[p-1] == '+' && (kinds[t[p-2]] == letter || kinds[t[p-2]] == digit)
	case '\'':
		return k > 0 && k+1 < i && kinds[t[k-1]] == letter && kinds[t[k+1]] == letter
	}
	return false
}

// domain reads a host name with a dot, or an address literal, from i; it returns its end or 0.
func domain(t string, i int) int {
	if i < len(t) && t[i] == '[' {
		if end := strings.IndexByte(t[i:], ']'); end > 3 && end < 50 && strings.Trim(t[i+1:i+end], "0123456789abcdefABCDEF.:IPv") == "" {
			return i + end + 1
		}
		return 0
	}
	j := i
	for j < len(t) && j-i < 256 {
		c := t[j]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(t[j:])
			if !unicode.IsLetter(r) && !unicode.IsMark(r) {
				break
			}
			j += n
			continue
		}
		if kinds[c] != letter && kinds[c] != digit && c != '-' && c != '.' && c != '_' {
			break
		}
		if c == '.' && (j == i || j+1 < len(t) && t[j+1] == '.') {
			break
		}
		j++
	}
	for j > i && (t[j-1] == '.' || t[j-1] == '-' || t[j-1] == '_') {
		j--
	}
	host := t[i:j]
	dot := strings.LastIndexByte(host, '.')
	if dot <= 0 {
		return 0
	}
	end := tld(host[dot+1:])
	if end == 0 || version(host[:dot]) {
		return 0
	}
	return i + dot + 1 + end
}

// tld returns how much of the last label is a top-level domain: letters, at least two, or xn--….
func tld(label string) int {
	n := 0
	for n < len(label) && (kinds[label[n]] == letter || label[n] >= utf8.RuneSelf) {
		n++
	}
	if len(label) > 4 && strings.EqualFold(label[:4], "xn--") {
		return len(label)
	}
	if n < 2 || n < len(label) && label[n] != '_' && label[n] != '-' {
		return 0
	}
	switch strings.ToLower(label[:n]) {
	case "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "js", "mjs", "cjs", "jsx", "tsx", "css", "scss", "html", "htm", "json", "xml",
		"yaml", "yml", "txt", "java", "jar", "war", "kt", "dll", "exe", "tgz", "gz", "tar", "whl", "log", "conf", "cfg", "lock", "min", "rc",
		"beta", "alpha", "snapshot", "release", "final":
		return 0
	}
	return n
}

// version: "2x" of image@2x.png, "1.0.0-rc" of package@1.0.0-rc.final.
func version(host string) bool {
	first, _, _ := strings.Cut(host, ".")
	first = strings.TrimPrefix(first, "v")
	digits := 0
	for digits < len(first) && kinds[first[digits]] == digit {
		digits++
	}
	if digits == 0 {
		return false
	}
	return first[digits:] == "x" || digits == len(first) && strings.Count(host, ".") >= 1 && host[len(first)+1]-'0' <= 9
}
