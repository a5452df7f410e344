package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// HoldRow locks what the fault F5 asks for, in a session of its own, until ctx
// is done: the row of one order, all orders ("all"), or the next order that is
// stored from now on ("next"). held is called when the lock is taken.
// SQLite knows no row locks; there the lock is the file's write lock.
func (db *DB) HoldRow(ctx context.Context, which string, held func(orderID string)) (err error) {
	pool, err := db.connect()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	if which == "next" {
		if which, err = newest(ctx, pool, Now()); err != nil {
			return err
		}
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // lets the lock go; ctx being done does it as well
	if db.System == "postgresql" {
		if err := lockRows(ctx, tx, which); err != nil {
			return fmt.Errorf("take the lock: %w", err)
		}
	}
	held(which)
	<-ctx.Done()
	return nil
}

func lockRows(ctx context.Context, tx *sql.Tx, which string) error {
	if which == "all" {
		_, err := tx.ExecContext(ctx, "LOCK TABLE orders IN EXCLUSIVE MODE")
		return err
	}
	var id string
	return tx.QueryRowContext(ctx, "SELECT id FROM orders WHERE id = $1 FOR UPDATE", which).Scan(&id)
}

// newest waits for the first order stored after since.
func newest(ctx context.Context, pool *sql.DB, since int64) (id string, err error) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := pool.QueryRowContext(ctx, fmt.Sprintf(
			"SELECT id FROM orders WHERE created_ms >= %d AND status = 'SUBMITTED' ORDER BY created_ms LIMIT 1", since)).Scan(&id)
		switch {
		case err == nil:
			return id, nil
		case !errors.Is(err, sql.ErrNoRows):
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-ticker.C:
		}
	}
}
