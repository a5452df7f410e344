package customers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ordertrace/ordertrace/examples/shop/internal/people"
)

// Ledger is the file that lists every personal value that was sent.
type Ledger struct{ file *os.File }

// OpenLedger appends to planted.jsonl in dir.
func OpenLedger(dir string) (*Ledger, error) {
	file, err := os.OpenFile(filepath.Join(dir, "planted.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the list of planted values: %w", err)
	}
	return &Ledger{file}, nil
}

// Add writes one line.
func (l *Ledger) Add(p people.Planted) error {
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = l.file.Write(append(line, '\n'))
	return err
}

// Close closes the file.
func (l *Ledger) Close() error { return l.file.Close() }
