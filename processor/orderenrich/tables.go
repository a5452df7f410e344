package orderenrich

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/extract"
	"github.com/ordertrace/ordertrace/processor/orderenrich/internal/table"
)

// tablesEvery is how often the files of tables are looked at.
const tablesEvery = 5 * time.Second

// shelf owns the tables of an instance. One goroutine reads them again when they change.
type shelf struct {
	e       *enricher
	tables  []shelved
	stop    chan struct{}
	stopped sync.WaitGroup
}

type shelved struct {
	identifier, path string
	file             *table.File
}

// open reads the tables of one identifier.
func (s *shelf) open(name string, id IdentifierConfig) ([]extract.Table, error) {
	var valid func(string) bool
	if id.Pattern != "" {
		re, err := regexp.Compile("^(?:" + id.Pattern + ")$")
		if err != nil {
			return nil, fmt.Errorf("identifiers::%s::pattern: %w", name, err)
		}
		valid = re.MatchString
	}
	var out []extract.Table
	for i, t := range id.Tables {
		f, err := table.Open(table.Spec{File: t.File, Key: t.Key, Value: t.column(name), Valid: valid})
		if err != nil {
			return nil, fmt.Errorf("identifiers::%s::tables::%d: %w", name, i, err)
		}
		s.e.meters.tableRead(context.Background(), true)
		s.tables = append(s.tables, shelved{name, t.File, f})
		out = append(out, extract.Table{Attributes: t.names(), Find: f.Find})
	}
	return out, nil
}

// watch begins to look for changes.
func (s *shelf) watch() error {
	if len(s.tables) == 0 {
		return nil
	}
	s.stop = make(chan struct{})
	s.stopped.Go(func() {
		t := time.NewTicker(tablesEvery)
		defer t.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-t.C:
				s.refresh()
			}
		}
	})
	return s.e.meters.observeTables(func() (rows int) {
		for _, t := range s.tables {
			rows += t.file.Rows()
		}
		return rows
	})
}

func (s *shelf) refresh() {
	for _, t := range s.tables {
		changed, err := t.file.Load()
		switch {
		case err != nil:
			s.e.meters.tableRead(context.Background(), false)
			s.e.set.Logger.Warn("A table cannot be used as it is now; the one before stays.", zap.String("identifier", t.identifier), zap.Error(err))
		case changed:
			s.e.meters.tableRead(context.Background(), true)
			s.e.set.Logger.Info("A table was read again.", zap.String("identifier", t.identifier), zap.String("file", t.path), zap.Int("rows", t.file.Rows()))
		}
	}
}

func (s *shelf) close() {
	if s.stop != nil {
		close(s.stop)
		s.stopped.Wait()
		s.stop = nil
	}
}

// column is the name of the column with the identifier's value.
func (t TableConfig) column(identifier string) string {
	if t.Value == "" {
		return identifier
	}
	return t.Value
}

// names are those under which services write the reference.
func (t TableConfig) names() []string {
	if len(t.Attributes) == 0 {
		return []string{t.Key}
	}
	return t.Attributes
}
