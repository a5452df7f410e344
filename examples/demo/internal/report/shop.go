package report

import (
	"context"
	"database/sql"
	"fmt"
)

// Shop reads the shop's own database: what it says about orders is the truth that telemetry is measured by.
type Shop struct{ DB *sql.DB }

// GroundTruth returns the traces of each order, as the services noted them outside of telemetry.
func (s Shop) GroundTruth(ctx context.Context) (map[string][]string, error) {
	rows, err := s.DB.QueryContext(ctx, `SELECT DISTINCT order_id, trace_id FROM ground_truth`)
	if err != nil {
		return nil, fmt.Errorf("read the shop's ground truth: %w", err)
	}
	defer rows.Close()
	truth := map[string][]string{}
	for rows.Next() {
		var order, trace string
		if err := rows.Scan(&order, &trace); err != nil {
			return nil, err
		}
		truth[order] = append(truth[order], trace)
	}
	return truth, rows.Err()
}

// Stages counts the orders by their status.
func (s Shop) Stages(ctx context.Context) (map[string]int, error) {
	rows, err := s.DB.QueryContext(ctx, `SELECT status, count(*) FROM orders GROUP BY status`)
	if err != nil {
		return nil, fmt.Errorf("count the shop's orders: %w", err)
	}
	defer rows.Close()
	stages := map[string]int{}
	for rows.Next() {
		var status string
		var n int
		if err := rows.Scan(&status, &n); err != nil {
			return nil, err
		}
		stages[status] = n
	}
	return stages, rows.Err()
}

// Orders counts the orders by how they ended.
func (s Shop) Orders(ctx context.Context) (Orders, error) {
	stages, err := s.Stages(ctx)
	if err != nil {
		return Orders{}, err
	}
	var o Orders
	for status, n := range stages {
		o.Created += n
		switch status {
		case "CLOSED":
			o.Closed += n
		case "CANCELLED":
			o.Cancelled += n
		default:
			o.Open += n
		}
	}
	return o, nil
}

// CheckOrders counts the shop's orders; a run in which none closed shows nothing.
func (r *Report) CheckOrders(ctx context.Context, s Sources) (err error) {
	if r.Orders, err = s.Shop.Orders(ctx); err != nil {
		return err
	}
	if r.Orders.Closed == 0 {
		r.Complain("no order was closed")
	}
	return nil
}
