package extract

import (
	"net/url"
	"strings"

	"github.com/ordertrace/ordertrace/internal/binding"
)

// url reads a path, a whole URL or a query string. http.target is a path that may carry a query.
func (r *Reader) url(a action, rule *rule, value string) {
	if len(value) > maxURL {
		return
	}
	path, query := value, ""
	switch a.kind {
	case kindQuery:
		path, query = "", strings.TrimPrefix(value, "?")
	case kindFull:
		path = withoutHost(value)
		fallthrough
	default:
		if len(rule.query) > 0 {
			query = queryOf(path)
		}
	}
	if path != "" && rule.paths != nil {
		if seg, ok := rule.paths.match(path); ok {
			if strings.IndexByte(seg, '%') >= 0 {
				seg, _ = url.PathUnescape(seg) // an invalid escape gives "", which is no value
			}
			r.fact(a, binding.URL, seg, true)
		}
	}
	if query == "" || len(rule.query) == 0 {
		return
	}
	for pair := range strings.SplitSeq(query, "&") {
		k, v, _ := strings.Cut(pair, "=")
		if v == "" || !has(rule.query, k) {
			continue
		}
		if strings.ContainsAny(v, "%+") {
			v, _ = url.QueryUnescape(v)
		}
		r.fact(a, binding.Query, v, true)
	}
}

// queryOf is what stands between the ? of a URL and its fragment.
func queryOf(u string) string {
	from := strings.IndexByte(u, '?')
	if from < 0 {
		return ""
	}
	if to := strings.IndexByte(u, '#'); to > from {
		return u[from+1 : to]
	} else if to >= 0 {
		return ""
	}
	return u[from+1:]
}

func withoutHost(u string) string {
	_, rest, ok := strings.Cut(u, "://")
	if !ok {
		return u
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[i:]
	}
	return ""
}

// baggage reads a captured W3C baggage header: k=v;property, k2=v2.
func (r *Reader) baggage(a action, rule *rule, value string) {
	if len(value) > maxURL {
		return
	}
	for member := range strings.SplitSeq(value, ",") {
		member, _, _ = strings.Cut(member, ";")
		k, v, _ := strings.Cut(member, "=")
		if !has(rule.baggage, strings.TrimSpace(k)) {
			continue
		}
		if strings.IndexByte(v, '%') >= 0 {
			v, _ = url.PathUnescape(v)
		}
		r.fact(a, binding.Baggage, v, true)
	}
}

// has looks a name up regardless of its case and of - or _.
func has(set map[string]bool, name string) bool {
	if len(name) == 0 || len(name) > maxKey {
		return false
	}
	var buf [maxKey]byte
	for i := range len(name) {
		buf[i] = foldByte(name[i])
	}
	return set[string(buf[:len(name)])]
}
