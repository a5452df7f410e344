package number

import (
	"unicode/utf8"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/meaning"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/text"
)

// named are the topics that a pair's name can speak of.
var named = [topics]finding.Entity{
	phoneWord: finding.Phone, cardWord: finding.Card, innWord: finding.INN, snilsWord: finding.SNILS, ogrnWord: finding.OGRN,
	passportWord: finding.Passport, accountWord: finding.Account, bikWord: finding.Account, ipWord: finding.IP,
}

// maxName bounds how much of a name before a number is read.
const maxName = 48

// counted says that the name before a number speaks of a time, a size, an id or a product: seq=, "offset": "…".
func (f *Finder) counted(w window) bool {
	c := f.name(f.c.start[w.a])
	return c != nil && c.Quantity
}

// name is what the name of the pair whose value begins at lo means, or nil.
func (f *Finder) name(lo int) *meaning.Class {
	if f.nameAt == lo {
		return f.names
	}
	f.nameAt, f.names = lo, nil
	if f.Names == nil {
		return nil
	}
	s := f.c.s
	i := separator(s, lo)
	if i < 0 {
		return nil
	}
	hi := i
	for hi > 0 && i-hi < 4 && (s[hi-1] == '"' || s[hi-1] == '\'' || s[hi-1] == '\\' || s[hi-1] == ' ') {
		hi--
	}
	from := hi
	for from > 0 && hi-from < maxName && (isLetter(s[from-1]) || isDigit(s[from-1]) || s[from-1] == '_' || s[from-1] == '-' || s[from-1] == '.' || s[from-1] >= utf8.RuneSelf) {
		from--
	}
	if hi-from > 2 && hi-from < maxName {
		f.names = f.Names(s[from:hi])
	}
	return f.names
}

// separator is where the separator of a pair stands whose value begins at lo, or -1.
func separator(s string, lo int) int {
	i := lo
	for i > 0 && lo-i < text.Pairing && (s[i-1] == ' ' || s[i-1] == '"' || s[i-1] == '\'' || s[i-1] == '\\' || s[i-1] == '+' || s[i-1] == '(') {
		i--
	}
	if i == 0 || s[i-1] != '=' && s[i-1] != ':' {
		return -1
	}
	return i - 1
}

// paired says that a name stands before the number at i.
func paired(s string, i int) bool { return separator(s, i) >= 0 }

// units stand behind sizes and counts.
var units = map[string]bool{
	"bytes": true, "byte": true, "kb": true, "kib": true, "mb": true, "mib": true, "ns": true, "us": true, "ms": true, "nanoseconds": true, "rows": true,
	"items": true, "messages": true, "records": true, "requests": true, "байт": true, "байта": true, "нс": true, "мс": true, "строк": true, "шт": true,
}

// unit says that a unit stands behind hi: the number is a size, a time or a count.
func (f *Finder) unit(hi int) bool {
	s := f.c.s
	if hi+2 >= len(s) || s[hi] != ' ' {
		return false
	}
	end := hi + 1
	for end < len(s) && end-hi < 16 && isWord(s[end]) {
		end++
	}
	return units[s[hi+1:end]]
}
