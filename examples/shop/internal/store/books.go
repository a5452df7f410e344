package store

import (
	"context"
	"database/sql"
)

// Summary is the shop's own truth, for the demo's progress and its report.
type Summary struct {
	ByStatus map[string]int `json:"by_status"`
	Orders   int            `json:"orders"`
	Traces   int            `json:"traces"`
	Lost     int            `json:"lost"` // orders hit by an F2 drop
}

// Summary counts.
func (db *DB) Summary(ctx context.Context) (Summary, error) {
	ctx = Quiet(ctx)
	s := Summary{ByStatus: map[string]int{}}
	err := db.Rows(ctx, Query{Text: "SELECT status, count(*) FROM orders GROUP BY status"}, nil, func(rows *sql.Rows) error {
		var status string
		var n int
		if err := rows.Scan(&status, &n); err != nil {
			return err
		}
		s.ByStatus[status] = n
		s.Orders += n
		return nil
	})
	if err != nil {
		return s, err
	}
	if err := db.Row(ctx, Query{Text: "SELECT count(DISTINCT trace_id) FROM ground_truth"}, nil, &s.Traces); err != nil {
		return s, err
	}
	err = db.Row(ctx, Query{Text: "SELECT count(DISTINCT order_id) FROM faults WHERE fault = 'f2' AND mode = 'drop'"}, nil, &s.Lost)
	return s, err
}

// NoteTruth writes which trace worked for which order.
func (db *DB) NoteTruth(ctx context.Context, traceID, orderID string) error {
	_, err := db.Exec(Quiet(ctx), Query{Text: "INSERT INTO ground_truth (trace_id, order_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"}, traceID, orderID)
	return err
}

// NoteFault writes which order a fault has hit.
func (db *DB) NoteFault(ctx context.Context, fault, mode, orderID, service string) error {
	_, err := db.Exec(Quiet(ctx), Query{Text: "INSERT INTO faults (at_ms, fault, mode, order_id, service) VALUES ($1, $2, $3, $4, $5)"},
		Now(), fault, mode, orderID, service)
	return err
}

// Job is work that waits for its time.
type Job struct {
	ID, OrderID, Step, Trace string
	DueMS                    int64
}

// AddJob stores a job; the same step of the same order is stored once.
func (db *DB) AddJob(ctx context.Context, service string, j Job) error {
	_, err := db.Exec(ctx, Query{"INSERT", "jobs", "INSERT INTO jobs (id, service, order_id, step, due_ms, trace) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"},
		j.OrderID+"/"+j.Step, service, j.OrderID, j.Step, j.DueMS, j.Trace)
	return err
}

// DueJobs lists what is due, the longest due first.
func (db *DB) DueJobs(ctx context.Context, service string, limit int) (jobs []Job, err error) {
	err = db.Rows(Quiet(ctx), Query{Text: "SELECT id, order_id, step, due_ms, trace FROM jobs WHERE service = $1 AND due_ms <= $2 ORDER BY due_ms LIMIT $3"},
		[]any{service, Now(), limit}, func(rows *sql.Rows) error {
			var j Job
			if err := rows.Scan(&j.ID, &j.OrderID, &j.Step, &j.DueMS, &j.Trace); err != nil {
				return err
			}
			jobs = append(jobs, j)
			return nil
		})
	return jobs, err
}

// FinishJob removes a job that was done.
func (db *DB) FinishJob(ctx context.Context, id string) error {
	_, err := db.Exec(Quiet(ctx), Query{Text: "DELETE FROM jobs WHERE id = $1"}, id)
	return err
}

// PutOffJob makes a job due later, after a failure.
func (db *DB) PutOffJob(ctx context.Context, id string, dueMS int64) error {
	_, err := db.Exec(Quiet(ctx), Query{Text: "UPDATE jobs SET due_ms = $1 WHERE id = $2"}, dueMS, id)
	return err
}
