package extract

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/ordertrace/ordertrace/internal/binding"
)

const (
	maxText    = 8192 // how much of a text is searched, in bytes
	maxMatches = 16   // how many values are taken from one text
)

// compileTexts compiles expressions of which the only group, or else the whole match, is the value.
func compileTexts(field string, list []string) ([]*regexp.Regexp, error) {
	var out []*regexp.Regexp
	var errs []error
	for _, s := range list {
		re, err := regexp.Compile(s)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
			continue
		case re.NumSubexp() > 1:
			errs = append(errs, fmt.Errorf("%s: %q has %d groups; at most one, around the value", field, s, re.NumSubexp()))
		case re.MatchString(""):
			errs = append(errs, fmt.Errorf("%s: %q matches nothing at all", field, s))
		}
		out = append(out, re)
	}
	return out, errors.Join(errs...)
}

// Body reads a log body that is text.
func (r *Reader) Body(text string) {
	for i := range r.m.rules {
		if body := r.m.rules[i].body; len(body) > 0 {
			r.text(action{rule: uint8(i)}, binding.LogBody, body, text)
		}
	}
}

// text takes every value that one of the expressions finds. A match that ends where a long text was cut is not taken,
// because the value may go on there.
func (r *Reader) text(a action, s binding.Source, list []*regexp.Regexp, text string) {
	long := len(text) > maxText
	if long {
		text = text[:maxText]
	}
	for _, re := range list {
		for _, m := range re.FindAllStringSubmatchIndex(text, maxMatches) {
			from, to := m[0], m[1]
			if len(m) > 2 {
				from, to = m[2], m[3]
			}
			if from >= 0 && (!long || to < maxText) {
				r.fact(a, s, text[from:to], true)
			}
		}
	}
}
