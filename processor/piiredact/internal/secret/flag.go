package secret

import (
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

// User reads "-u name:password" and "--user name:password" at the dash, as curl has it.
func User(s string, i int) (finding.Finding, bool) {
	j := i + 2
	if strings.HasPrefix(s[i:], "--user") {
		j = i + len("--user")
	}
	if j+2 >= len(s) || s[j-1] != 'u' && s[j-1] != 'r' || s[j] != ' ' && s[j] != '=' || i > 0 && s[i-1] != ' ' {
		return finding.Finding{}, false
	}
	f, _ := value(s, j, finding.Password)
	_, pass, ok := strings.Cut(s[f.Start:f.End], ":")
	return f, ok && !masked(pass) && !strings.HasPrefix(pass, "//")
}

// Short reads the one-letter flags that carry passwords, at the dash: "mysql -psecret", "sshpass -p secret",
// "docker login -p secret", "redis-cli -a secret". The command on the line says whether they do.
func Short(s string, i int) (finding.Finding, bool) {
	if i == 0 || s[i-1] != ' ' || i+3 >= len(s) {
		return finding.Finding{}, false
	}
	before := s[max(0, i-maxTag):i]
	before = before[strings.LastIndexByte(before, '\n')+1:]
	j, apart := i+2, s[i+2] == ' '
	switch {
	case s[i+1] == 'a' && apart && strings.Contains(before, "redis-cli "):
	case s[i+1] == 'p' && apart && (strings.Contains(before, "sshpass ") || strings.Contains(before, " login ")):
	case s[i+1] == 'p' && !apart && (strings.Contains(before, "mysql") || strings.Contains(before, "mariadb") || strings.Contains(before, "sshpass ")):
		j--
	default:
		return finding.Finding{}, false
	}
	f, _ := value(s, j, finding.Secret)
	v := s[f.Start:f.End]
	return f, v != "" && v[0] != '-' && !masked(v) && !placeholder(v)
}

// Flag reads "--name value" and "-name value" at the first dash.
func Flag(s string, i int, classify Classify) (finding.Finding, bool) {
	lo := i + 1
	if s[lo] == '-' {
		lo++
	} else if !isLetter(s[lo]) || i > 0 && s[i-1] != ' ' {
		return finding.Finding{}, false
	}
	hi := span(s, lo, &dashed)
	if hi-lo < i+3-lo || hi+1 >= len(s) || s[hi] != ' ' {
		return finding.Finding{}, false
	}
	e := classify(s[lo:hi]).Whole
	if e != finding.Secret && e != finding.Authorization && e != finding.Cookie {
		return finding.Finding{}, false
	}
	f, _ := value(s, hi, finding.Secret)
	v := s[f.Start:f.End]
	return f, v != "" && v[0] != '-' && !masked(v)
}
