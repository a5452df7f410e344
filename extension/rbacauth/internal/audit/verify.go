package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Summary is what Verify found in a file that is whole.
type Summary struct {
	First, Last uint64
	Lines       int
	Torn        int // lines that a crash cut short; the chain goes on behind them
	Hash        string
}

// Verify reads a file line by line and returns the first break of its chain as an error. A torn line is accepted
// only when the next one says that it resumed behind it.
func Verify(r io.Reader) (Summary, error) {
	var s Summary
	lines := bufio.NewReader(r)
	torn := false
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			if torn {
				return s, fmt.Errorf("line %d is torn and nothing resumes behind it", number-1)
			}
			return s, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return s, fmt.Errorf("read line %d: %w", number, err)
		}
		record, hash, err := open(line)
		if errors.Is(err, errTorn) {
			torn = true
			s.Torn++
			continue
		}
		if err != nil {
			return s, fmt.Errorf("line %d %w", number, err)
		}
		if torn && record.Decision != Resumed {
			return s, fmt.Errorf("line %d is torn and line %d does not resume behind it", number-1, number)
		}
		torn = false
		if s.Lines > 0 && (record.Sequence != s.Last+1 || record.Previous != s.Hash) {
			return s, fmt.Errorf("line %d does not follow sequence %d", number, s.Last)
		}
		if s.Lines == 0 {
			s.First = record.Sequence
		}
		s.Last, s.Hash = record.Sequence, hash
		s.Lines++
	}
}
