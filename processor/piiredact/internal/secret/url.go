package secret

import (
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

const (
	// maxAuthority and maxUser bound how far a URL and a DSN are read, so that a text of anchors costs no more than its length.
	maxAuthority = 1024
	maxUser      = 256
)

// URL reads the authority behind "://" at i (the colon) and takes its user information. Passwords that
// should have been encoded, with '@' or '/' in them, are taken too. next is where to go on: behind the at sign.
func URL(s string, i int) (f finding.Finding, next int, ok bool) {
	start := i + 3
	end := start
	at := -1
	web := strings.HasSuffix(s[:i], "http") || strings.HasSuffix(s[:i], "https")
	for end < len(s) && end-start < maxAuthority && !ends(s[end]) {
		if s[end] == '@' {
			at = end
		} else if (s[end] == '/' || s[end] == '?' || s[end] == '#') && (at >= 0 && (web || s[end] != '/') || !secretAhead(s, start, end)) {
			break
		}
		end++
	}
	if at < start {
		return finding.Finding{}, start, false
	}
	return finding.Finding{Start: start, End: at, Entity: finding.Password}, at + 1, at > start && !masked(s[start:at])
}

// ends: no URL goes on here.
func ends(c byte) bool {
	return c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '`' || c == '\\' || c == '|'
}

// secretAhead decides whether the slash at i can be part of a password: "user:pa/ss@host" it can, "host:8080/a@b" not.
func secretAhead(s string, start, i int) bool {
	colon := strings.IndexByte(s[start:i], ':')
	if colon < 0 {
		return false
	}
	port := s[start+colon+1 : i]
	if port == "" || strings.Trim(port, digits) == "" || s[start] == '[' {
		return false
	}
	for j := i; j < len(s) && j-start < maxAuthority && !ends(s[j]); j++ {
		if s[j] == '@' {
			return true
		}
	}
	return false
}

// DSN recognises user:password@tcp(host) and user:password@host:port/db without a scheme; i is the at sign.
func DSN(s string, i int) (finding.Finding, bool) {
	rest := s[i+1:]
	lo := i
	for lo > 0 && i-lo < maxUser && !ends(s[lo-1]) && s[lo-1] != ',' && s[lo-1] != ';' && s[lo-1] != '=' && s[lo-1] != '(' {
		lo--
	}
	user, pass, ok := strings.Cut(s[lo:i], ":")
	if !ok { // Oracle: user/password@host:1521/service
		user, pass, ok = strings.Cut(s[lo:i], "/")
		lo += strings.LastIndexByte(user, ' ') + 1
		ok = ok && listener(strings.TrimPrefix(rest, "//")) && strings.IndexByte(pass, '/') < 0
		return finding.Finding{Start: lo, End: i, Entity: finding.Password}, ok && len(pass) > 1 && i-lo > len(pass)+1 && !masked(pass)
	}
	if user == "" || pass == "" || masked(s[lo:i]) || strings.ContainsAny(user, "/?&") || strings.HasPrefix(pass, "//") {
		return finding.Finding{}, false
	}
	f := finding.Finding{Start: lo, End: i, Entity: finding.Password}
	if strings.HasPrefix(rest, "tcp(") || strings.HasPrefix(rest, "unix(") || strings.HasPrefix(rest, "udp(") || strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, "(") {
		return f, true
	}
	host := 0
	for host < len(rest) && (dotted[rest[host]]) {
		host++
	}
	return f, host > 0 && host+1 < len(rest) && (rest[host] == ':' && rest[host+1] >= '0' && rest[host+1] <= '9' || rest[host] == '/')
}

// listener: a host, its port and what it serves.
func listener(s string) bool {
	host := span(s, 0, &dotted)
	if host == 0 || host >= len(s) || s[host] != ':' {
		return false
	}
	port := span(s, host+1, &number)
	return port-host > 3 && port-host < 7 && port+1 < len(s) && (s[port] == '/' || s[port] == ':')
}
