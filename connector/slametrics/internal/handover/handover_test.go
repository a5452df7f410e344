package handover

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func open(t *testing.T, path, mark string) *Folder {
	t.Helper()
	f, err := Open(path, mark)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func take(t *testing.T, f *Folder, shard int) (orders, events string, files []string) {
	t.Helper()
	o, e, files, err := f.Take(shard)
	if err != nil {
		t.Fatal(err)
	}
	join := func(parts [][]byte) string {
		var all []string
		for _, p := range parts {
			all = append(all, string(p))
		}
		slices.Sort(all)
		return strings.Join(all, ",")
	}
	return join(o), join(e), files
}

func TestWhatSeveralJudgesPutIsTakenTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hand", "over")
	a, b := open(t, path, "a"), open(t, path, "b")
	for _, err := range []error{
		a.Put(7, []byte("old")), a.Put(7, []byte("orders")), a.Put(17, []byte("others")),
		a.Append(7, []byte("1")), b.Append(7, []byte("2")), a.Append(7, nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	orders, events, files := take(t, b, 7)
	if orders != "orders" || events != ",1,2" || len(files) != 3 {
		t.Errorf("%q, %q in %d files", orders, events, len(files))
	}
	if err := Remove(files); err != nil {
		t.Error(err)
	}
	if err := Remove(files); err != nil {
		t.Errorf("again: %v", err)
	}
	if orders, events, files = take(t, b, 7); orders+events != "" || len(files) != 0 {
		t.Error("taken twice")
	}
	if orders, _, _ = take(t, b, 17); orders != "others" {
		t.Error("another shard's orders are gone")
	}
}

func TestAnEventThatWasCutShortIsNoEvent(t *testing.T) {
	path := t.TempDir()
	f := open(t, path, "a")
	for _, e := range []string{"first", "second"} {
		if err := f.Append(3, []byte(e)); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(path, "shard-3-a.events")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(text) {
		if err := os.WriteFile(name, text[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, events, _ := take(t, f, 3); events != "" && events != "first" {
			t.Fatalf("%q after %d bytes", events, cut)
		}
	}
}

func TestDamagedOrdersAreRefused(t *testing.T) {
	path := t.TempDir()
	f := open(t, path, "a")
	if err := f.Put(3, []byte("orders")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(path, "shard-3-a.orders")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		damaged := slices.Clone(text)
		damaged[i] ^= 4
		if err := os.WriteFile(name, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := f.Take(3); err == nil || !strings.Contains(err.Error(), "bring it again") {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

func TestEventsAreBounded(t *testing.T) {
	f := open(t, t.TempDir(), "a")
	f.size = MaxBytes - 20
	if err := f.Append(1, make([]byte, 100)); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
}
