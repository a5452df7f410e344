// Package table reads tables of references from CSV files: a partner's reference or a job's number, and the order behind it.
//
// A File is read whole, checked whole and put in place whole: whoever looks up sees the table before or the one after. A
// file that is wrong changes nothing.
package table

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

const (
	// MaxBytes is the largest file that is read.
	MaxBytes = 64 << 20
	// MaxRows is how many rows a table can have.
	MaxRows = 1_000_000
	// MaxField is the longest key or value, in bytes.
	MaxField = 255
)

// Spec says what to read.
type Spec struct {
	File       string
	Key, Value string // names of columns
	// Valid says whether a value is one of the identifier; nil: every value is.
	Valid func(value string) bool
}

// File is a table and where it comes from. Find may be called by anyone; Load belongs to one goroutine at a time.
type File struct {
	spec    Spec
	seen    fs.FileInfo // of the latest attempt
	missing bool        // at the latest attempt
	rows    atomic.Pointer[map[string]string]
}

// Open reads a table for the first time.
func Open(spec Spec) (*File, error) {
	f := &File{spec: spec}
	f.rows.Store(&map[string]string{})
	_, err := f.Load()
	return f, err
}

// Find returns the value of a key.
func (f *File) Find(key string) (value string, ok bool) {
	value, ok = (*f.rows.Load())[strings.TrimSpace(key)]
	return value, ok
}

// Rows is how many keys the table has.
func (f *File) Rows() int { return len(*f.rows.Load()) }

// Load reads the file if it is another one than at the last attempt, and puts it in place if nothing is wrong with it.
// What is wrong is said once, not at every attempt.
func (f *File) Load() (changed bool, err error) {
	info, err := os.Stat(f.spec.File)
	if err != nil {
		if f.missing {
			return false, nil
		}
		f.missing = true
		return false, fmt.Errorf("%w: create it, or remove the table from the configuration", err)
	}
	f.missing = false
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.Size() == info.Size() && f.seen.ModTime().Equal(info.ModTime()) {
		return false, nil
	}
	f.seen = info
	file, err := os.Open(f.spec.File)
	if err != nil {
		return false, fmt.Errorf("%w: let the collector's user read it", err)
	}
	defer func() { _ = file.Close() }()
	rows, err := Parse(file, f.spec)
	if err != nil {
		return false, err
	}
	f.rows.Store(&rows)
	return true, nil
}

// Parse reads a whole table. Rows without a key or a value are left out: the reference has no order yet.
func Parse(r io.Reader, spec Spec) (map[string]string, error) {
	limited := &io.LimitedReader{R: r, N: MaxBytes + 1}
	in := bufio.NewReader(limited)
	if mark, _, err := in.ReadRune(); err == nil && mark != '\ufeff' { // as spreadsheets write it
		_ = in.UnreadRune()
	}
	c := csv.NewReader(in)
	c.ReuseRecord = true
	c.TrimLeadingSpace = true
	c.Comment = '#'
	head, err := c.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty; its first line must name the columns")
		}
		return nil, explain(spec, 1, err)
	}
	key, value, err := columns(head, spec)
	if err != nil {
		return nil, explain(spec, 1, err)
	}
	rows := map[string]string{}
	for {
		row, err := c.Read()
		line := 0 // what is no CSV brings its own
		switch {
		case limited.N <= 0:
			return nil, fmt.Errorf("%s: larger than %d MiB; split it into several tables", spec.File, MaxBytes>>20)
		case errors.Is(err, io.EOF):
			return rows, nil
		case err == nil:
			line, _ = c.FieldPos(0)
			err = add(rows, strings.TrimSpace(row[key]), strings.TrimSpace(row[value]), spec)
		}
		if err != nil {
			return nil, explain(spec, line, err)
		}
	}
}

func columns(head []string, spec Spec) (key, value int, err error) {
	for i := range head {
		head[i] = strings.TrimSpace(head[i])
	}
	key, value = slices.Index(head, spec.Key), slices.Index(head, spec.Value)
	var errs []error
	for _, name := range []string{spec.Key, spec.Value} {
		switch at := slices.Index(head, name); {
		case at < 0:
			errs = append(errs, fmt.Errorf("no column %q; the first line must name it, separated by commas", name))
		case slices.Contains(head[at+1:], name):
			errs = append(errs, fmt.Errorf("two columns %q; rename one of them", name))
		}
	}
	return key, value, errors.Join(errs...)
}

func add(rows map[string]string, key, value string, spec Spec) error {
	switch have, twice := rows[key]; {
	case key == "" || value == "":
		return nil
	case !utf8.ValidString(key) || !utf8.ValidString(value):
		return errors.New("no UTF-8; store the file in this encoding")
	case len(key) > MaxField || len(value) > MaxField:
		return fmt.Errorf("a field of more than %d bytes; shorten it", MaxField)
	case spec.Valid != nil && !spec.Valid(value):
		return fmt.Errorf("what column %q says does not match the identifier's pattern; correct the line", spec.Value)
	case twice && have != value:
		return fmt.Errorf("the same %q as on a line above, with another %q; keep one of them", spec.Key, spec.Value)
	case len(rows) == MaxRows && !twice:
		return fmt.Errorf("more than %d rows; remove old ones", MaxRows)
	}
	rows[strings.Clone(key)] = strings.Clone(value) // not the whole line
	return nil
}

// explain names file and line, and for what is no CSV what to do.
func explain(spec Spec, line int, err error) error {
	var parse *csv.ParseError
	switch {
	case !errors.As(err, &parse):
		return fmt.Errorf("%s:%d: %w", spec.File, line, err)
	case errors.Is(parse.Err, csv.ErrFieldCount):
		return fmt.Errorf("%s:%d: not as many fields as the first line names columns; add or remove some, or put a field with commas in quotes", spec.File, parse.Line)
	}
	return fmt.Errorf("%s:%d: %w; put a field with quotes into quotes and double them", spec.File, parse.Line, parse.Err)
}
