package extract

import (
	"errors"
	"fmt"
	"strings"
)

// trie matches URL paths against templates, segment by segment: a literal is preferred to {name}, {name} to *, and * to
// a final **, which stands for any number of segments, none included. Matching looks at no more segments than the
// longest template has.
type trie struct {
	root node
}

type node struct {
	literal []branch
	capture *node
	any     *node
	rest    bool // a template ends here with **
	end     bool // a template ends here
}

// branch is a literal segment. Templates have few at one place, so that they are compared one by one.
type branch struct {
	text string
	next *node
}

func (n *node) branch(text string) *node {
	for i := range n.literal {
		if n.literal[i].text == text {
			return n.literal[i].next
		}
	}
	return nil
}

const maxSegments = 32

func newTrie(name string, templates []string) (*trie, []error) {
	if len(templates) == 0 {
		return nil, nil
	}
	t := &trie{}
	var errs []error
	for _, s := range templates {
		if err := t.add(name, s); err != nil {
			errs = append(errs, fmt.Errorf("url_path: %q: %w", s, err))
		}
	}
	return t, errs
}

func (t *trie) add(name, template string) error {
	if !strings.HasPrefix(template, "/") {
		return errors.New("must begin with /")
	}
	segments := strings.Split(strings.Trim(template, "/"), "/")
	if len(segments) > maxSegments {
		return fmt.Errorf("at most %d segments", maxSegments)
	}
	captures := 0
	n := &t.root
	for i, s := range segments {
		switch {
		case s == "**":
			if i != len(segments)-1 {
				return errors.New("** must be the last segment")
			}
		case s == "{"+name+"}":
			captures++
			n = child(&n.capture)
		case s == "*":
			n = child(&n.any)
		case s == "" || strings.ContainsAny(s, "{}*?#"):
			return fmt.Errorf("segment %q: write text, *, a final ** or {%s}", s, name)
		default:
			next := n.branch(s)
			if next == nil {
				next = &node{}
				n.literal = append(n.literal, branch{s, next})
			}
			n = next
		}
	}
	if captures != 1 {
		return fmt.Errorf("must contain {%s} once", name)
	}
	last := &n.end
	if segments[len(segments)-1] == "**" {
		last = &n.rest
	}
	if *last {
		return errors.New("is there twice")
	}
	*last = true
	return nil
}

func child(p **node) *node {
	if *p == nil {
		*p = &node{}
	}
	return *p
}

// match returns the captured segment of the most specific template that matches. A ? or # ends the path; what is behind the
// segments that templates know is not read.
func (t *trie) match(path string) (string, bool) {
	return t.root.match(strings.TrimPrefix(path, "/"), "")
}

func (n *node) match(path, captured string) (string, bool) {
	if path == "" || path[0] == '?' || path[0] == '#' {
		return captured, n.end || n.rest
	}
	for i := range n.literal {
		if rest, ok := after(path, n.literal[i].text); ok {
			if v, ok := n.literal[i].next.match(rest, captured); ok {
				return v, true
			}
			break
		}
	}
	if n.capture == nil && n.any == nil {
		return captured, n.rest
	}
	segment, rest := cut(path)
	if segment != "" {
		if n.capture != nil {
			if v, ok := n.capture.match(rest, segment); ok {
				return v, true
			}
		}
		if n.any != nil {
			if v, ok := n.any.match(rest, captured); ok {
				return v, true
			}
		}
	}
	return captured, n.rest
}

// after says whether a path begins with a segment, and what comes behind it.
func after(path, segment string) (rest string, ok bool) {
	if !strings.HasPrefix(path, segment) {
		return "", false
	}
	switch rest = path[len(segment):]; {
	case rest == "":
		return "", true
	case rest[0] == '/':
		return rest[1:], true
	}
	return "", rest[0] == '?' || rest[0] == '#'
}

// cut takes the first segment off a path.
func cut(path string) (segment, rest string) {
	for i := range len(path) {
		switch path[i] {
		case '/':
			return path[:i], path[i+1:]
		case '?', '#':
			return path[:i], ""
		}
	}
	return path, ""
}
