package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"modernc.org/sqlite"
)

// Query is a statement with what its span is named by. Parameters are written
// $1, $2, … for both databases.
type Query struct{ Op, Table, Text string }

type quietKey struct{}

// Quiet returns a context whose statements make no spans: polling, and the
// bookkeeping that must not be seen by telemetry.
func Quiet(ctx context.Context) context.Context { return context.WithValue(ctx, quietKey{}, true) }

// Exec runs a statement and returns how many rows it changed.
func (db *DB) Exec(ctx context.Context, q Query, args ...any) (changed int64, err error) {
	err = db.traced(ctx, q, func(ctx context.Context, text string) (int64, error) {
		result, err := db.sql.ExecContext(ctx, text, args...)
		if err != nil {
			return 0, err
		}
		changed, err = result.RowsAffected()
		return changed, err
	})
	return changed, err
}

// Row reads one row into dest; sql.ErrNoRows is returned and is no failure of
// the statement.
func (db *DB) Row(ctx context.Context, q Query, args []any, dest ...any) error {
	return db.traced(ctx, q, func(ctx context.Context, text string) (int64, error) {
		err := db.sql.QueryRowContext(ctx, text, args...).Scan(dest...)
		if err != nil {
			return 0, err
		}
		return 1, nil
	})
}

// Rows calls scan for each row.
func (db *DB) Rows(ctx context.Context, q Query, args []any, scan func(*sql.Rows) error) error {
	return db.traced(ctx, q, func(ctx context.Context, text string) (n int64, err error) {
		rows, err := db.sql.QueryContext(ctx, text, args...)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for ; rows.Next(); n++ {
			if err := scan(rows); err != nil {
				return n, err
			}
		}
		return n, rows.Err()
	})
}

func (db *DB) traced(ctx context.Context, q Query, run func(context.Context, string) (int64, error)) error {
	text := q.Text
	if db.System == "sqlite" {
		text = numbered(text)
	}
	if ctx.Value(quietKey{}) != nil {
		_, err := run(ctx, text)
		return err
	}
	ctx, span := db.tracer.Start(ctx, q.Op+" "+q.Table, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(db.attrs...), trace.WithAttributes(
			attribute.String("db.operation.name", q.Op),
			attribute.String("db.collection.name", q.Table),
			attribute.String("db.query.summary", q.Op+" "+q.Table),
			attribute.String("db.query.text", q.Text),
		))
	defer span.End()
	rows, err := run(ctx, text)
	outcome := "ok"
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		outcome = "error"
		code := Code(err)
		span.SetAttributes(attribute.String("db.response.status_code", code), attribute.String("error.type", code))
		span.SetStatus(codes.Error, err.Error())
	} else {
		span.SetAttributes(attribute.Int64("db.response.returned_rows", rows))
	}
	db.count(q.Op, q.Table, outcome)
	return err
}

// Code is the database's own error code: an SQLSTATE, or SQLite's number.
func Code(err error) string {
	var pg *pgconn.PgError
	var lite *sqlite.Error
	switch {
	case errors.As(err, &pg):
		return pg.Code
	case errors.As(err, &lite):
		return fmt.Sprintf("SQLITE_%d", lite.Code())
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "_OTHER"
}

// Locked tells whether a statement gave up waiting for somebody else's lock.
func Locked(err error) bool {
	code := Code(err)
	return code == "55P03" || strings.HasPrefix(code, "SQLITE_5") // lock_not_available; SQLITE_BUSY and its kin
}

// numbered turns $1 into SQLite's ?1, outside of literals.
func numbered(text string) string {
	var out strings.Builder
	quoted := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'':
			quoted = !quoted
			out.WriteByte(c)
		case c == '$' && !quoted:
			out.WriteByte('?')
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// Literal quotes a text for SQL, as the older parts of the shop build their
// statements.
func Literal(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), "'", "''") + "'"
}
