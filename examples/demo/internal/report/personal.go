package report

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Personal says whether values that the load driver planted can be read anywhere. It never holds a value.
type Personal struct {
	Planted  map[string]int   `json:"planted"`        // distinct values by kind
	Searched map[string]int64 `json:"searched_bytes"` // by place
	// NotSearched counts the values, by kind, that are too short to tell from other text.
	NotSearched map[string]int `json:"not_searched,omitempty"`
	Readable    int            `json:"readable"` // distinct values found
	Found       map[string]int `json:"found,omitempty"`
}

// allTraces is more than a run makes.
const allTraces = 100_000

// CheckPersonal searches Jaeger, Prometheus and the collector's files for everything that was planted.
func (r *Report) CheckPersonal(ctx context.Context, s Sources) error {
	words, err := planted(s.Planted)
	if err != nil {
		return err
	}
	p := Personal{Planted: counts(words.all), NotSearched: counts(words.short), Searched: map[string]int64{}, Found: map[string]int{}}
	readable := map[string]bool{}
	search := func(place string, text []byte) {
		p.Searched[place] += int64(len(text))
		for value, kind := range words.in(text) {
			readable[value] = true
			p.Found[place+": "+kind]++
		}
	}
	if err := searchEverywhere(ctx, s, search); err != nil {
		return err
	}
	p.Readable = len(readable)
	r.Personal = p
	if p.Readable > 0 {
		r.Complain("%d planted personal values can be read: %s", p.Readable, strings.Join(slices.Sorted(maps.Keys(p.Found)), ", "))
	}
	if len(p.NotSearched) > 0 {
		r.Complain("planted values too short to search for: %v", p.NotSearched)
	}
	if len(words.byStart) == 0 {
		r.Complain("nothing personal was planted, so finding none shows nothing")
	}
	for _, place := range []string{"jaeger", "prometheus", "files"} {
		if p.Searched[place] == 0 {
			r.Complain("nothing to search in %s", place)
		}
	}
	return nil
}

// searchEverywhere hands over all that the back ends and the collector's files hold, as they hold it.
func searchEverywhere(ctx context.Context, s Sources, search func(place string, text []byte)) error {
	services, err := s.Jaeger.Services(ctx)
	if err != nil {
		return err
	}
	for _, service := range services {
		search("jaeger", []byte(service))
		_, raw, err := s.Jaeger.Find(ctx, searchAll(s, service))
		if err != nil {
			return err
		}
		search("jaeger", raw)
	}
	metrics, err := s.Prometheus.Everything(ctx, s.Since)
	if err != nil {
		return err
	}
	search("prometheus", metrics)
	for _, pattern := range s.LogFiles {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			search("files", text)
		}
	}
	return nil
}

// wordStart is how many first bytes index a planted value; shorter values are too common to search for.
const wordStart = 6

type word struct{ form, value, kind string }

type wordList struct {
	byStart    map[string][]word
	all, short map[string]string // values with their kinds: every one, and those that are not searched for
}

// planted reads the load driver's file. Each value is searched for as it is, without case, as JSON and as URLs
// escape it, and, when it is a number, without its separators.
func planted(file string) (*wordList, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read what was planted: %w", err)
	}
	defer f.Close()
	list := &wordList{byStart: map[string][]word{}, all: map[string]string{}, short: map[string]string{}}
	seen := map[string]bool{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var entry struct{ Kind, Value string }
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			return nil, fmt.Errorf("read what was planted: %w", err)
		}
		list.all[entry.Value] = entry.Kind
		if len(entry.Value) < wordStart {
			list.short[entry.Value] = entry.Kind
		}
		for _, form := range forms(entry.Value) {
			if len(form) < wordStart || seen[form] {
				continue
			}
			seen[form] = true
			list.byStart[form[:wordStart]] = append(list.byStart[form[:wordStart]], word{form, entry.Value, entry.Kind})
		}
	}
	return list, lines.Err()
}

func forms(value string) []string {
	value = strings.ToLower(value)
	quoted, err := json.Marshal(value)
	if err != nil {
		return []string{value}
	}
	all := []string{
		value, strings.Trim(string(quoted), `"`),
		strings.ToLower(url.QueryEscape(value)), strings.ToLower(url.PathEscape(value)),
	}
	if digits := separators.Replace(value); len(digits) >= 10 && strings.Trim(digits, "0123456789") == "" {
		all = append(all, digits) // a phone or a card
	}
	return all
}

var separators = strings.NewReplacer(" ", "", "-", "", "+", "", "(", "", ")", "", ".", "")

func counts(kindOf map[string]string) map[string]int {
	n := map[string]int{}
	for _, kind := range kindOf {
		n[kind]++
	}
	return n
}

// in returns the values that the text holds, with their kinds.
func (l *wordList) in(text []byte) map[string]string {
	text = bytes.ToLower(text)
	found := map[string]string{}
	for i := 0; i+wordStart <= len(text); i++ {
		for _, w := range l.byStart[string(text[i:i+wordStart])] {
			if bytes.HasPrefix(text[i:], []byte(w.form)) {
				found[w.value] = w.kind
			}
		}
	}
	return found
}
