package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// shelf is a store in memory that remembers what a process that was killed after each write would leave behind.
type shelf struct {
	data map[string][]byte
	past []map[string][]byte
	full bool
}

func (s *shelf) Get(_ context.Context, key string) ([]byte, error) { return s.data[key], nil }

func (s *shelf) Write(_ context.Context, changes ...Change) error {
	if s.full {
		return errors.New("no space left on device")
	}
	for _, c := range changes {
		if c.Value == nil {
			delete(s.data, c.Key)
		} else {
			s.data[c.Key] = c.Value
		}
	}
	s.past = append(s.past, maps.Clone(s.data))
	return nil
}

func save(t *testing.T, f *File, head string, sections ...string) {
	t.Helper()
	ctx, w := context.Background(), f.Begin()
	for i, text := range sections {
		w.Section(fmt.Sprint("flow ", i))
		for piece := range slices.Chunk([]byte(text), 300_000) {
			if err := w.Write(ctx, piece); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left, err := w.Commit(ctx, []byte(head)); left != nil || err != nil {
		t.Fatal(left, err)
	}
}

func load(t *testing.T, s *shelf) (f *File, head string, sections map[string][]byte) {
	t.Helper()
	f = New(s)
	h, sections, why, err := f.Load(context.Background())
	if why != nil || err != nil {
		t.Fatal(why, err)
	}
	return f, string(h), sections
}

func TestAKillAtAnyWriteLeavesOneWholeCheckpoint(t *testing.T) {
	large := func(c string, n int) string { return strings.Repeat(c, n<<20) }
	s := &shelf{data: map[string][]byte{}}
	f := New(s)
	states := map[string][]string{"one": {large("a", 5), "x"}, "two": {large("b", 40), large("c", 3)}, "three": {"", large("d", 2)}, "four": {"small", ""}}
	for _, head := range []string{"one", "two", "three", "four"} {
		save(t, f, head, states[head]...)
	}
	if len(s.past) < 60 {
		t.Fatalf("%d writes", len(s.past))
	}
	heads := map[string]int{}
	for n, left := range s.past {
		killed := &shelf{data: maps.Clone(left)}
		f, head, sections := load(t, killed)
		heads[head]++
		for i, want := range states[head] {
			if string(sections[fmt.Sprint("flow ", i)]) != want {
				t.Fatalf("write %d: section %d of %q is another", n, i, head)
			}
		}
		if err := f.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		keys := int(f.parts)
		if head != "" {
			keys++
		}
		if len(killed.data) != keys {
			t.Fatalf("write %d: %d keys are left of %q, of %d parts", n, len(killed.data), head, f.parts)
		}
		save(t, f, "next", "after", large("e", 1))
		if _, head, sections := load(t, killed); head != "next" || string(sections["flow 0"]) != "after" {
			t.Fatalf("write %d: the checkpoint after it is %q", n, head)
		}
	}
	for _, head := range []string{"", "one", "two", "three", "four"} {
		if heads[head] == 0 {
			t.Errorf("no kill left %q", head)
		}
	}
}

func TestDamageIsFound(t *testing.T) {
	s := &shelf{data: map[string][]byte{}}
	save(t, New(s), "head", strings.Repeat("a", 3<<20), "b")
	for key := range s.data {
		for name, damage := range map[string]func([]byte) []byte{
			"a flipped bit": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
			"cut":           func(b []byte) []byte { return b[:len(b)/2] },
			"gone":          func([]byte) []byte { return nil },
		} {
			hurt := &shelf{data: maps.Clone(s.data)}
			if hurt.data[key] = damage(bytes.Clone(s.data[key])); hurt.data[key] == nil {
				delete(hurt.data, key)
			}
			head, _, why, err := New(hurt).Load(context.Background())
			if err != nil || head != nil || why == nil && !(key == headKey && name == "gone") {
				t.Errorf("%s, %s: %q, %v, %v", key, name, head, why, err)
			}
		}
	}
}

func TestAFullDiskLeavesTheCheckpointBefore(t *testing.T) {
	s := &shelf{data: map[string][]byte{}}
	f := New(s)
	save(t, f, "one", "x")
	s.full = true
	w := f.Begin()
	if err := errors.Join(w.Write(context.Background(), make([]byte, 3<<20))); err == nil {
		t.Fatal("the disk is full")
	}
	s.full = false
	if _, head, _ := load(t, s); head != "one" {
		t.Fatal(head)
	}
	save(t, f, "two", "y")
	if _, head, sections := load(t, s); head != "two" || string(sections["flow 0"]) != "y" {
		t.Fatal(head)
	}
}

func TestAJournalIsReadAgainAndForgotten(t *testing.T) {
	ctx, s := context.Background(), &shelf{data: map[string][]byte{}}
	l := Journal{Store: s, Taken: time.Unix(0, 0)}
	for n := range 2500 {
		if err := l.Append(ctx, fmt.Append(nil, n)); err != nil {
			t.Fatal(err)
		}
	}
	again := Journal{Store: s}
	for n := range 2500 {
		entry, err := again.Read(ctx)
		r, bad := Open(entry)
		if err != nil || bad != nil || string(r.Rest()) != fmt.Sprint(n) {
			t.Fatalf("entry %d: %q, %v, %v", n, entry, err, bad)
		}
	}
	if entry, err := again.Read(ctx); entry != nil || err != nil || again.Next != 2500 {
		t.Fatal("there is no more")
	}
	if _, err := Open([]byte{1, 2, 3}); !errors.Is(err, ErrEntry) {
		t.Fatal(err)
	}
	at := time.Unix(61, 0)
	if !l.Due(at) || l.Due(time.Unix(59, 0)) {
		t.Error("a checkpoint is due after a minute")
	}
	by := l.Begin(at)
	if l.Due(at.Add(time.Second)) {
		t.Error("one that has been begun is left alone")
	}
	s.full = true
	if l.Append(ctx, []byte("missed")) == nil {
		t.Fatal("the disk is full")
	}
	s.full = false
	l.Covered(by)
	if err := l.Forget(ctx, by.First, by.Next); err != nil || len(s.data) != 0 || l.Size != 0 || l.First != 2500 {
		t.Fatal(err, len(s.data), l.Size)
	}
	if !l.Due(at.Add(5 * time.Second)) {
		t.Error("what could not be journaled since is made up for by the next checkpoint")
	}
	if l.Covered(l.Begin(at.Add(5 * time.Second))); l.Due(at.Add(20 * time.Second)) {
		t.Error("it has been")
	}
}
