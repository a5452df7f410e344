package extract

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/ordertrace/ordertrace/internal/binding"
)

// MaxText is how much of a text is searched, in bytes.
const MaxText = 8192

// maxMatches is how many values are taken from one text by each expression.
const maxMatches = 16

// compileTexts compiles expressions of which the only group, or else the whole match, is the value.
func compileTexts(field string, list []string) (out []*regexp.Regexp, errs []error) {
	for _, s := range list {
		re, err := regexp.Compile(s)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %q: %w; %s", field, s, err, writeRE2))
			continue
		case re.NumSubexp() > 1:
			errs = append(errs, fmt.Errorf("%s: %q has %d groups; at most one, around the value: write (?:…) for the others", field, s, re.NumSubexp()))
		case re.MatchString(""):
			errs = append(errs, fmt.Errorf("%s: %q matches the empty text; say what stands around the value", field, s))
		}
		out = append(out, re)
	}
	return out, errs
}

const writeRE2 = "write an RE2 expression: no lookaround, no back references"

// Body reads a log body that is text: what it says as a JSON object, and what expressions find in it.
func (r *Reader) Body(text string) {
	r.members(text[:min(len(text), MaxText)])
	r.Search(text)
}

// Searches says that there are expressions for log bodies.
func (r *Reader) Searches() bool { return r.m.bodies }

// Search applies the expressions for log bodies to a text.
func (r *Reader) Search(text string) {
	for i := range r.m.rules {
		if body := r.m.rules[i].body; len(body) > 0 {
			r.text(action{rule: uint8(i)}, binding.LogBody, body, text)
		}
	}
}

// text takes every value that one of the expressions finds. A match that ends where a long text was cut is not taken,
// because the value may go on there.
func (r *Reader) text(a action, s binding.Source, list []*regexp.Regexp, text string) {
	long := len(text) > MaxText
	if long {
		text = text[:MaxText]
	}
	for _, re := range list {
		for _, m := range re.FindAllStringSubmatchIndex(text, maxMatches) {
			from, to := m[0], m[1]
			if len(m) > 2 {
				from, to = m[2], m[3]
			}
			if from >= 0 && (!long || to < MaxText) && (s != binding.Statement || !placeholder(text[from:to])) {
				r.fact(a, s, text[from:to], true)
			}
		}
	}
}

// placeholder says that a statement names a parameter, or nothing, where a value could be: $1, ?, :id, @id, %s, %(id)s, NULL.
func placeholder(v string) bool {
	if v == "" {
		return true
	}
	switch v[0] {
	case '?', '$', ':', '@', '%':
		return strings.Trim(v[1:], wordBytes+"()") == ""
	}
	return strings.EqualFold(v, "null")
}

const wordBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
