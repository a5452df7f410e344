// Package store keeps the shop's orders, in PostgreSQL or in an SQLite file,
// and makes a client span of every statement, with its text as it was sent.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	_ "modernc.org/sqlite" // the stand-in where no PostgreSQL is given
)

// lockWait is how long a statement waits for a lock. A shop that waits longer
// has lost its customer.
const lockWait = 2 * time.Second

// DB is the shop's database.
type DB struct {
	sql    *sql.DB
	url    string
	dir    string
	System string // postgresql or sqlite, as semantic conventions call them
	attrs  []attribute.KeyValue
	tracer trace.Tracer
	count  func(op, table, outcome string)
}

// Open connects to PostgreSQL at url or, when that is empty, opens the SQLite
// file of dir, and makes the tables that are missing. count is called once per
// statement and may be nil.
func Open(ctx context.Context, url, dir string, count func(op, table, outcome string)) (*DB, error) {
	db := &DB{url: url, dir: dir, tracer: otel.Tracer("shop/store"), count: count}
	if count == nil {
		db.count = func(string, string, string) {}
	}
	pool, err := db.connect()
	if err != nil {
		return nil, err
	}
	db.sql = pool
	if err := db.insist(ctx, db.migrate); err != nil {
		return nil, errors.Join(fmt.Errorf("make tables in %s: %w", db.System, err), pool.Close())
	}
	return db, nil
}

// connect opens a pool; each caller has its own.
func (db *DB) connect() (*sql.DB, error) {
	if db.url == "" {
		return db.connectSQLite()
	}
	cfg, err := pgx.ParseConfig(db.url)
	if err != nil {
		return nil, errors.New("read DATABASE_URL: not a PostgreSQL URL") // its text holds the password
	}
	cfg.RuntimeParams["lock_timeout"] = strconv.FormatInt(lockWait.Milliseconds(), 10)
	cfg.RuntimeParams["application_name"] = "shop"
	db.System = "postgresql"
	db.attrs = []attribute.KeyValue{
		attribute.String("db.system.name", db.System),
		attribute.String("db.namespace", cfg.Database),
		attribute.String("server.address", cfg.Host),
		attribute.Int("server.port", int(cfg.Port)),
		attribute.String("network.peer.address", net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))),
	}
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(8)
	return pool, nil
}

func (db *DB) connectSQLite() (*sql.DB, error) {
	db.System = "sqlite"
	db.attrs = []attribute.KeyValue{
		attribute.String("db.system.name", db.System), attribute.String("db.namespace", "shop.db"),
	}
	pool, err := sql.Open("sqlite", fmt.Sprintf(
		"file:%s?_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_txlock=immediate",
		filepath.Join(db.dir, "shop.db"), lockWait.Milliseconds()))
	if err != nil {
		return nil, fmt.Errorf("open SQLite file: %w", err)
	}
	pool.SetMaxOpenConns(4)
	return pool, nil
}

// Close ends the pool.
func (db *DB) Close() error { return db.sql.Close() }

const schema = `
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
  id TEXT PRIMARY KEY, source TEXT NOT NULL, customer_name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL,
  card TEXT NOT NULL, address TEXT NOT NULL, note TEXT NOT NULL, session_id TEXT NOT NULL, material TEXT NOT NULL,
  model_path TEXT NOT NULL, model_bytes BIGINT NOT NULL, volume_mm3 DOUBLE PRECISION NOT NULL DEFAULT 0,
  price_cents BIGINT NOT NULL DEFAULT 0, status TEXT NOT NULL, created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS orders_email ON orders (email);
CREATE TABLE IF NOT EXISTS order_events (order_id TEXT NOT NULL, status TEXT NOT NULL, service TEXT NOT NULL, at_ms BIGINT NOT NULL, PRIMARY KEY (order_id, status));
CREATE TABLE IF NOT EXISTS ground_truth (trace_id TEXT NOT NULL, order_id TEXT NOT NULL, PRIMARY KEY (trace_id, order_id));
CREATE TABLE IF NOT EXISTS faults (at_ms BIGINT NOT NULL, fault TEXT NOT NULL, mode TEXT NOT NULL, order_id TEXT NOT NULL, service TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, service TEXT NOT NULL, order_id TEXT NOT NULL, step TEXT NOT NULL, due_ms BIGINT NOT NULL, trace TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS crm_contacts (order_id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL, note TEXT NOT NULL);
INSERT INTO counters (name, value) VALUES ('order', -1) ON CONFLICT DO NOTHING;
`

// insist tries again while another process holds SQLite's file: turning on its
// write-ahead log does not wait for locks as statements do.
func (db *DB) insist(ctx context.Context, do func(context.Context) error) error {
	for deadline := time.Now().Add(10 * time.Second); ; {
		err := do(ctx)
		if err == nil || !Locked(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// migrate is safe when the services start at once: in PostgreSQL two of them
// would otherwise race for the catalogue.
func (db *DB) migrate(ctx context.Context) error {
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if db.System == "postgresql" {
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(7201)"); err != nil {
			return err
		}
	}
	for _, statement := range strings.Split(schema, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Now is the shop's clock: Unix milliseconds.
func Now() int64 { return time.Now().UnixMilli() }
