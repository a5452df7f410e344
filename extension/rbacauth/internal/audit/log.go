package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	queueLen   = 4096    // events between a denial and the disk
	tailWindow = 1 << 20 // how far back the last whole line is looked for at start
	fileMode   = 0o600
	dirMode    = 0o700
)

// Resumed is the decision of the first line behind a torn one.
const Resumed = "resumed"

// Log appends records to a file. Add never blocks: a gRPC transport may be waiting. One goroutine owns the file.
type Log struct {
	path     string
	maxBytes int64
	instance string
	onError  func(error)

	queue      chan Record
	lost       atomic.Uint64 // since the last written line
	lostTotal  atomic.Uint64
	written    atomic.Uint64
	suppressed atomic.Uint64 // since the last written line
	closing    chan struct{}
	done       chan struct{}
	once       sync.Once

	// Owned by the writing goroutine from Open on.
	file     *os.File
	size     int64
	sequence uint64
	previous string
	torn     bool // the file does not end with a whole line and its newline
}

// Open continues the chain of the file at path, or starts one. onError is called by the writing goroutine.
func Open(path string, maxBytes int64, instance string, onError func(error)) (*Log, error) {
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return nil, fmt.Errorf("make the audit's directory: %w", err)
	}
	l := &Log{
		path: path, maxBytes: maxBytes, instance: instance, onError: onError,
		queue: make(chan Record, queueLen), closing: make(chan struct{}), done: make(chan struct{}),
	}
	first, err := l.resume()
	if err != nil {
		return nil, err
	}
	if err := l.write([]Record{first}); err != nil {
		_ = l.file.Close()
		return nil, err
	}
	go l.run()
	return l, nil
}

// resume opens the file and finds the end of its chain.
func (l *Log) resume() (Record, error) {
	first := Record{Time: time.Now(), Category: "audit", Decision: "started", Reason: "start"}
	if err := l.openFile(); err != nil {
		return first, err
	}
	start := max(0, l.size-tailWindow)
	tail := make([]byte, l.size-start)
	reader, err := os.Open(l.path)
	if err != nil {
		return first, fmt.Errorf("read audit: %w", err)
	}
	defer func() { _ = reader.Close() }()
	if _, err := reader.ReadAt(tail, start); err != nil && !errors.Is(err, io.EOF) {
		return first, fmt.Errorf("read the end of the audit: %w", err)
	}
	if len(tail) == 0 {
		return first, nil
	}
	l.torn = tail[len(tail)-1] != '\n'
	for len(tail) > 0 {
		line := tail
		if i := bytes.LastIndexByte(bytes.TrimSuffix(tail, []byte("\n")), '\n'); i >= 0 {
			line = tail[i+1:]
		}
		if record, hash, err := open(line); err == nil {
			l.sequence, l.previous = record.Sequence, hash
			break
		}
		l.torn = true
		tail = tail[:len(tail)-len(line)]
	}
	if l.previous == "" {
		return first, fmt.Errorf("audit %q holds no whole line; move it away, do not delete it", l.path)
	}
	return first, nil
}

func (l *Log) openFile() error {
	file, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, fileMode)
	if err != nil {
		return fmt.Errorf("open audit: %w", err)
	}
	info, err := file.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0) {
		err = fmt.Errorf("audit %q has mode %v: it must be a regular file that only its owner can read (chmod 600)", l.path, info.Mode())
	}
	if err != nil {
		_ = file.Close()
		return err
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Add queues a record without waiting; what does not fit is counted and named by the next line.
func (l *Log) Add(r Record) {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	select {
	case l.queue <- r:
	default:
		l.lost.Add(1)
		l.lostTotal.Add(1)
	}
}

// Suppress counts an event that gets no line of its own.
func (l *Log) Suppress() { l.suppressed.Add(1) }

// Counts returns how many lines were written and how many events were lost.
func (l *Log) Counts() (written, lost uint64) { return l.written.Load(), l.lostTotal.Load() }

// Close writes what is queued and closes the file. It may be called twice.
func (l *Log) Close() error {
	l.once.Do(func() { close(l.closing) })
	<-l.done
	return nil
}

func (l *Log) run() {
	defer close(l.done)
	defer func() { _ = l.file.Close() }()
	tick := time.NewTicker(time.Minute) // so that suppressed events get their line soon
	defer tick.Stop()
	for {
		select {
		case r := <-l.queue:
			l.flush(l.batch(r))
		case <-tick.C:
			l.aggregate()
		case <-l.closing:
			for len(l.queue) > 0 {
				l.flush(l.batch(<-l.queue))
			}
			l.aggregate()
			return
		}
	}
}

// batch takes what else is queued, so that one sync serves them all.
func (l *Log) batch(first Record) []Record {
	records := []Record{first}
	for range min(len(l.queue), 255) {
		records = append(records, <-l.queue)
	}
	return records
}

func (l *Log) aggregate() {
	if l.suppressed.Load() > 0 || l.lost.Load() > 0 {
		l.flush([]Record{{Time: time.Now(), Category: "send", Decision: "limited", Reason: "aggregate"}})
	}
}

func (l *Log) flush(records []Record) {
	if err := l.write(records); err != nil {
		l.lost.Add(uint64(len(records)))
		l.lostTotal.Add(uint64(len(records)))
		l.onError(err)
	}
}

// write seals and appends the records and syncs once.
func (l *Log) write(records []Record) error {
	if l.torn {
		records = append([]Record{{Time: time.Now(), Category: "audit", Decision: Resumed, Reason: "the last line was cut short"}}, records...)
	}
	lost, suppressed := l.lost.Swap(0), l.suppressed.Swap(0)
	records[0].Lost, records[0].Suppressed = lost, suppressed
	text, err := l.encode(records)
	if err == nil {
		err = l.rotate(int64(len(text)))
	}
	if err == nil {
		var n int
		n, err = l.file.Write(text)
		l.size += int64(n)
		l.advance(text[:n])
		if err == nil {
			err = l.file.Sync()
		}
	}
	if err != nil {
		l.lost.Add(lost)
		l.suppressed.Add(suppressed)
		return fmt.Errorf("write audit: %w", err)
	}
	l.written.Add(uint64(len(records)))
	return nil
}

// encode chains the records behind the last line that is known to be in the file.
func (l *Log) encode(records []Record) ([]byte, error) {
	var text []byte
	if l.torn {
		text = append(text, '\n')
	}
	sequence, previous := l.sequence, l.previous
	for _, r := range records {
		sequence++
		r.Sequence, r.Previous, r.Instance = sequence, previous, l.instance
		line, hash, err := seal(r)
		if err != nil {
			return nil, err
		}
		text, previous = append(text, line...), hash
	}
	return text, nil
}

// advance moves the end of the chain over the whole lines that reached the file, however many did.
func (l *Log) advance(text []byte) {
	for len(text) > 0 {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if record, hash, err := open(line); err == nil {
			l.sequence, l.previous = record.Sequence, hash
		}
		l.torn = !whole
		text = rest
	}
}

// rotate moves a full file aside under its last sequence number. Nothing is ever deleted.
func (l *Log) rotate(more int64) error {
	if l.size == 0 || l.size+more <= l.maxBytes {
		return nil
	}
	aside := fmt.Sprintf("%s.%020d", l.path, l.sequence)
	if err := os.Rename(l.path, aside); err != nil {
		return fmt.Errorf("move the full file aside: %w", err)
	}
	_ = l.file.Close()
	return l.openFile()
}
