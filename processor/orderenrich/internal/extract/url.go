package extract

import (
	"net/url"
	"strings"

	"github.com/ordertrace/ordertrace/internal/binding"
)

// url reads a path, a whole URL or a query string. http.target is a path that may carry a query, and a whole URL at a proxy.
func (r *Reader) url(a action, rule *rule, value string) {
	if len(value) > maxURL {
		return
	}
	path, query := "", strings.TrimPrefix(value, "?")
	if a.kind != kindQuery {
		path, query = withoutHost(value), ""
		if len(rule.query) > 0 {
			query = queryOf(path)
		}
	}
	if path != "" && rule.paths != nil {
		seg, ok := rule.paths.match(path)
		if !ok && strings.IndexByte(path, '%') >= 0 {
			seg, ok = rule.paths.match(plain(path))
		}
		if ok {
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
		if strings.IndexByte(k, '%') >= 0 {
			k, _ = url.QueryUnescape(k)
		}
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

// withoutHost cuts scheme and host off a whole URL. A :// behind the path is another URL, which was handed over.
func withoutHost(u string) string {
	if u == "" || u[0] == '/' {
		return u // most are paths
	}
	i := strings.IndexAny(u, ":/?#")
	if i < 0 || !strings.HasPrefix(u[i:], "://") {
		return u
	}
	rest := u[i+len("://"):]
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[i:]
	}
	return ""
}

// plain decodes escapes of what needs none: /%6frders is /orders (RFC 3986, 6.2.2.2). An escaped / stays.
func plain(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			high, low := unhex(path[i+1]), unhex(path[i+2])
			if c := high<<4 | low; high < 16 && low < 16 && unreserved(c) {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
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
