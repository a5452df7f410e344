package orderindex

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// packField is the field of an entry that holds the pack.
	packField = "b"
	// blockFor is how long a read waits for something new.
	blockFor = 2 * time.Second
	// readEntries is how many entries are read at once.
	readEntries = 256
	fromStart   = "0-0"
)

// server is what a URL says.
type server struct {
	addr      string
	db        int
	encrypted bool
}

func parseRedis(text string) (s server, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return s, errors.New("not a URL; write rediss://host:6379") // the error would repeat a password
	}
	switch u.Scheme {
	case "rediss":
		s.encrypted = true
	case "redis":
	default:
		return s, fmt.Errorf("scheme %q; write rediss://host:6379, or redis:// for a server on this machine", u.Scheme)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return s, errors.New("more than server and database; user and password go into username and password")
	}
	host, port := u.Hostname(), u.Port()
	if host == "" {
		return s, errors.New("names no server; write rediss://host:6379")
	}
	if port == "" {
		port = "6379"
	}
	s.addr = net.JoinHostPort(host, port)
	if path := strings.Trim(u.Path, "/"); path != "" {
		if s.db, err = strconv.Atoi(path); err != nil || s.db < 0 {
			return s, fmt.Errorf("database %q; a number", path)
		}
	}
	return s, nil
}

// stream is one Redis or Valkey stream. last is owned by the goroutine that reads.
type stream struct {
	client *redis.Client
	key    string
	max    int64
	last   string
}

func openStream(ctx context.Context, c *BroadcastConfig) (*stream, error) {
	s, err := parseRedis(c.Redis)
	if err != nil {
		return nil, fmt.Errorf("broadcast::redis: %w", err)
	}
	var secure *tls.Config
	if s.encrypted {
		if secure, err = c.TLS.LoadTLSConfig(ctx); err != nil {
			return nil, fmt.Errorf("broadcast::tls: %w", err)
		}
		if secure.ServerName == "" {
			secure.ServerName, _, _ = net.SplitHostPort(s.addr)
		}
	}
	logging.Disable() // what it says goes past the collector's log, and is said there too
	return &stream{key: c.Stream, max: c.MaxEntries, last: fromStart, client: redis.NewClient(&redis.Options{
		Addr: s.addr, DB: s.db, Username: c.Username, Password: string(c.Password), TLSConfig: secure,
		Protocol: 2, DisableIdentity: true, // what Redis 5 and every Valkey understand
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		MaxRetries:               -1, DialerRetries: 1, // broadcast itself tries again
		DialTimeout: 3 * time.Second, ReadTimeout: 3 * time.Second, WriteTimeout: 3 * time.Second,
		PoolSize: 3, ContextTimeoutEnabled: true,
	})}, nil
}

// add appends a pack; the server forgets the oldest ones.
func (s *stream) add(ctx context.Context, pack []byte) error {
	return s.client.XAdd(ctx, &redis.XAddArgs{Stream: s.key, MaxLen: s.max, Approx: true, Values: []any{packField, pack}}).Err()
}

// read waits for entries behind the last one that was read; none after blockFor is no error.
func (s *stream) read(ctx context.Context, take func(pack []byte, sent time.Time)) (n int, err error) {
	got, err := s.client.XRead(ctx, &redis.XReadArgs{Streams: []string{s.key, s.last}, Count: readEntries, Block: blockFor}).Result()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, one := range got {
		for _, e := range one.Messages {
			pack, _ := e.Values[packField].(string)
			take([]byte(pack), timeOf(e.ID))
			s.last = e.ID
			n++
		}
	}
	return n, nil
}

// resume reads from the start again if the server has lost what was read: its numbering then begins anew.
func (s *stream) resume(ctx context.Context) error {
	info, err := s.client.XInfoStream(ctx, s.key).Result()
	switch {
	case err != nil && strings.Contains(err.Error(), "no such key"):
		s.last = fromStart
	case err != nil:
		return err
	case before(info.LastGeneratedID, s.last):
		s.last = fromStart
	}
	return nil
}

// before compares ids of entries: milliseconds, a dash, a number.
func before(a, b string) bool {
	am, an := split(a)
	bm, bn := split(b)
	return am < bm || am == bm && an < bn
}

func split(id string) (ms, n uint64) {
	left, right, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(left, 10, 64)
	n, _ = strconv.ParseUint(right, 10, 64)
	return ms, n
}

func timeOf(id string) time.Time {
	ms, _ := split(id)
	return time.UnixMilli(int64(ms))
}

func (s *stream) close() error { return s.client.Close() }
