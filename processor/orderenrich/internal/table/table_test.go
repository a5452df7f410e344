package table

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func spec(path string) Spec {
	return Spec{File: path, Key: "ref", Value: "order", Valid: func(v string) bool { return strings.HasPrefix(v, "ORD-") }}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		want       map[string]string
	}{
		{"plain", "ref,order\nP-1,ORD-1\nP-2,ORD-2\n", map[string]string{"P-1": "ORD-1", "P-2": "ORD-2"}},
		{"columns anywhere, others beside them", "x, order ,ref\n1,ORD-1,P-1\n", map[string]string{"P-1": "ORD-1"}},
		{"as a spreadsheet writes it", "\ufeffref,order\r\n\"P,1\",\"ORD-1\"\r\n", map[string]string{"P,1": "ORD-1"}},
		{"comments, blank lines, no last newline", "ref,order\n# old\n\nP-1,ORD-1", map[string]string{"P-1": "ORD-1"}},
		{"rows without key or value", "ref,order\nP-1,\n,ORD-1\n", map[string]string{}},
		{"the same twice", "ref,order\nP-1,ORD-1\nP-1,ORD-1\n", map[string]string{"P-1": "ORD-1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(strings.NewReader(tt.text), spec("t.csv"))
			if err != nil || fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestWhatIsWrongIsNamedWithItsLineAndRemedy(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "t.csv:1: the file is empty; its first line must name the columns"},
		{"no such column", "ref;order\n", `t.csv:1: no column "ref"; the first line must name it`},
		{"a field too few", "ref,order\nP-1,ORD-1\nP-2\n", "t.csv:3: not as many fields"},
		{"an open quote", "ref,order\nP-1,ORD-1\nP-2,\"ORD-2\n", "t.csv:3: extraneous or missing \" in quoted-field; put"},
		{"a bare quote", "ref,order\nP\"1,ORD-1\n", "t.csv:2: bare \" in non-quoted-field; put"},
		{"no order", "ref,order\nP-1,4711\n", `t.csv:2: what column "order" says does not match the identifier's pattern; correct the line`},
		{"two orders", "ref,order\nP-1,ORD-1\nP-1,ORD-2\n", `t.csv:3: the same "ref" as on a line above`},
		{"a column twice", "ref,order,ref\n", `t.csv:1: two columns "ref"; rename one of them`},
		{"another encoding", "ref,order\n\xcf-1,ORD-1\n", "t.csv:2: no UTF-8; store the file in this encoding"},
		{"a long field", "ref,order\n" + strings.Repeat("x", 300) + ",ORD-1\n", "t.csv:2: a field of more than 255 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse(strings.NewReader(tt.text), spec("t.csv")); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
	endless := strings.NewReader("ref,order\n" + strings.Repeat("# comment of some length\n", MaxBytes/25+1))
	if _, err := Parse(endless, spec("t.csv")); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("%v for a file that is too large", err)
	}
	var many strings.Builder
	many.WriteString("ref,order\n")
	for i := range MaxRows + 1 {
		fmt.Fprintf(&many, "%d,ORD-1\n", i)
	}
	if _, err := Parse(strings.NewReader(many.String()), spec("t.csv")); err == nil || !strings.Contains(err.Error(), "more than 1000000 rows") {
		t.Errorf("%v for too many rows", err)
	}
}

func TestAFileThatBecomesWrongLeavesTheTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.csv")
	second := 0
	write := func(text string) {
		t.Helper()
		second++
		at := time.Unix(int64(second), 0)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write("ref,order\nP-1,ORD-1\n")
	f, err := Open(spec(path))
	if err != nil {
		t.Fatal(err)
	}
	check := func(wantChange, wantErr bool, want string) {
		t.Helper()
		changed, err := f.Load()
		v, _ := f.Find(" P-1 ")
		if changed != wantChange || (err != nil) != wantErr || v != want {
			t.Errorf("changed %v, error %v, %q", changed, err, v)
		}
	}
	check(false, false, "ORD-1")
	write("ref,order\nP-1,ORD-2\n")
	check(true, false, "ORD-2")
	write("ref,order\nP-1\n")
	check(false, true, "ORD-2")
	check(false, false, "ORD-2") // said once
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check(false, true, "ORD-2")
	check(false, false, "ORD-2")
	write("ref,order\n")
	check(true, false, "")
}

func FuzzParse(f *testing.F) {
	f.Add("ref,order\nP-1,ORD-1\n")
	f.Add("\ufeffref,order\r\n\"a\nb\",ORD-1\n#x")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := Parse(strings.NewReader(text), spec("t.csv"))
		if err != nil && !strings.HasPrefix(err.Error(), "t.csv:") {
			t.Errorf("%v does not name the file", err)
		}
		for k, v := range rows {
			if k == "" || !strings.HasPrefix(v, "ORD-") || len(k) > MaxField {
				t.Errorf("row %q: %q", k, v)
			}
		}
	})
}
