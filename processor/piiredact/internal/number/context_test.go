package number

import (
	"strings"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/text"
)

func TestEveryWordOfTheLexiconIsSeenInEveryCase(t *testing.T) {
	var starts text.Starts
	for _, w := range ContextWords() {
		starts.Add(text.Context, w)
	}
	a := text.NewAnchors(&starts, Context)
	n := 0
	for topic, list := range lexicon {
		for w := range strings.SplitSeq(list, ",") {
			w = strings.TrimSuffix(w, "*")
			title := strings.ToUpper(w[:len(string([]rune(w)[:1]))]) + w[len(string([]rune(w)[:1])):]
			for _, word := range []string{w, strings.ToUpper(w), title, strings.ReplaceAll(w, "i", "İ"), strings.ReplaceAll(w, "k", "\u212a")} {
				for _, s := range []string{word + " 1", "- " + word + ": 1", "4" + word + "=1", strings.Repeat("x", 62) + " " + word + "\n1"} {
					n++
					a.Read(s)
					if at := strings.Index(s, word); a.Contexts().Next(0, len(s)) != at {
						t.Errorf("topic %d: %q is not seen in %q", topic, word, s)
					}
				}
			}
		}
	}
	t.Logf("%d forms", n)
}

func TestOrdinaryWordsGiveNumbersNoMeaning(t *testing.T) {
	for _, s := range []string{"order 12", "telemetry", "panic", "ipsum", "callback", "заказ", "миру", "телеграф", "inner", ""} {
		if m := Context(s); m != 0 {
			t.Errorf("%q: %b", s, m)
		}
	}
	if Context("from there") != text.Context|text.Address || Context("phone") != text.Context {
		t.Error("words for addresses are told from others")
	}
}
