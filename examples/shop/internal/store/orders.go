package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"github.com/ordertrace/ordertrace/examples/shop/internal/order"
)

// ErrNotFound says that there is no such order.
var ErrNotFound = errors.New("no such order")

// ErrIllegal says that the order took another way (it was cancelled).
var ErrIllegal = errors.New("the order cannot take this step")

// Order is a row of the table orders.
type Order struct {
	ID, Source, Name, Email, Phone, Card, Address, Note, Session, Material, ModelPath string
	ModelBytes                                                                        int64
	Volume                                                                            float64
	PriceCents                                                                        int64
	Status                                                                            order.Status
}

// NextID takes the next order number.
func (db *DB) NextID(ctx context.Context) (string, error) {
	var n int64
	err := db.Row(ctx, Query{"UPDATE", "counters", "UPDATE counters SET value = value + 1 WHERE name = 'order' RETURNING value"}, nil, &n)
	return order.ID(n), err
}

// Insert stores a new order as SUBMITTED, in a span that says so.
func (db *DB) Insert(ctx context.Context, service string, o Order) error {
	ctx, span := db.tracer.Start(ctx, "order.status")
	defer span.End()
	if err := db.insert(ctx, service, o); err != nil {
		span.SetAttributes(attribute.String("error.type", Code(err)))
		span.SetStatus(codes.Error, err.Error())
		return err
	}
	span.SetAttributes(attribute.String("order.status", string(order.Submitted)))
	return nil
}

func (db *DB) insert(ctx context.Context, service string, o Order) error {
	const text = `INSERT INTO orders (id, source, customer_name, email, phone, card, address, note, session_id, material, model_path, model_bytes, status, created_ms, updated_ms)
 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)`
	now := Now()
	_, err := db.Exec(ctx, Query{"INSERT", "orders", text}, o.ID, o.Source, o.Name, o.Email, o.Phone, o.Card, o.Address,
		o.Note, o.Session, o.Material, o.ModelPath, o.ModelBytes, string(order.Submitted), now)
	if err != nil {
		return fmt.Errorf("store order %s: %w", o.ID, err)
	}
	return db.reached(ctx, service, o.ID, order.Submitted)
}

// Get reads one order.
func (db *DB) Get(ctx context.Context, id string) (Order, error) {
	o := Order{ID: id}
	err := db.Row(ctx, Query{"SELECT", "orders", `SELECT source, customer_name, email, phone, card, address, note, session_id, material, model_path, model_bytes, volume_mm3, price_cents, status FROM orders WHERE id = $1`},
		[]any{id}, &o.Source, &o.Name, &o.Email, &o.Phone, &o.Card, &o.Address, &o.Note, &o.Session, &o.Material,
		&o.ModelPath, &o.ModelBytes, &o.Volume, &o.PriceCents, &o.Status)
	if errors.Is(err, sql.ErrNoRows) {
		return o, fmt.Errorf("order %s: %w", id, ErrNotFound)
	}
	return o, err
}

// ByEmail lists the newest orders of a customer.
func (db *DB) ByEmail(ctx context.Context, email string) (orders []Order, err error) {
	text := "SELECT id, status FROM orders WHERE email = " + Literal(email) + " ORDER BY created_ms DESC LIMIT 20"
	err = db.Rows(ctx, Query{"SELECT", "orders", text}, nil, func(rows *sql.Rows) error {
		var o Order
		if err := rows.Scan(&o.ID, &o.Status); err != nil {
			return err
		}
		orders = append(orders, o)
		return nil
	})
	return orders, err
}

// Move takes an order to a status, in a span of its own that carries the
// status when the database has taken it. moved is false when the order was
// there already. idKey is the attribute under which the service names orders,
// or "".
func (db *DB) Move(ctx context.Context, service, idKey, id string, to order.Status) (moved bool, err error) {
	ctx, span := db.tracer.Start(ctx, "order.status")
	defer span.End()
	if idKey != "" {
		span.SetAttributes(attribute.String(idKey, id))
	}
	moved, err = db.move(ctx, service, id, to)
	switch {
	case err != nil:
		span.SetAttributes(attribute.String("error.type", errorType(err)))
		span.SetStatus(codes.Error, err.Error())
	case moved:
		span.SetAttributes(attribute.String("order.status", string(to)))
	default:
		span.SetAttributes(attribute.Bool("order.status.repeated", true))
	}
	return moved, err
}

func (db *DB) move(ctx context.Context, service, id string, to order.Status) (bool, error) {
	var from []string
	for _, s := range order.Before(to) {
		from = append(from, Literal(string(s)))
	}
	text := fmt.Sprintf("UPDATE orders SET status = %s, updated_ms = %d WHERE id = %s AND status IN (%s)",
		Literal(string(to)), Now(), Literal(id), strings.Join(from, ", "))
	changed, err := db.Exec(ctx, Query{"UPDATE", "orders", text})
	if err != nil {
		return false, fmt.Errorf("move order %s to %s: %w", id, to, err)
	}
	if changed > 0 {
		return true, db.reached(ctx, service, id, to)
	}
	current, err := db.Get(ctx, id)
	if err != nil {
		return false, err
	}
	if order.Check(current.Status, to) == order.Already {
		return false, nil
	}
	return false, fmt.Errorf("move order %s from %s to %s: %w", id, current.Status, to, ErrIllegal)
}

func errorType(err error) string {
	switch {
	case errors.Is(err, ErrIllegal):
		return "illegal_step"
	case errors.Is(err, ErrNotFound):
		return "not_found"
	}
	return Code(err)
}

func (db *DB) reached(ctx context.Context, service, id string, s order.Status) error {
	_, err := db.Exec(Quiet(ctx), Query{Text: "INSERT INTO order_events (order_id, status, service, at_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"},
		id, string(s), service, Now())
	return err
}

// SetPrice stores what the MES calculated.
func (db *DB) SetPrice(ctx context.Context, id string, volume float64, cents int64) error {
	text := fmt.Sprintf("UPDATE orders SET volume_mm3 = %.3f, price_cents = %d WHERE id = %s", volume, cents, Literal(id))
	_, err := db.Exec(ctx, Query{"UPDATE", "orders", text})
	return err
}

// AddContact writes a customer's file, with the literals in the statement.
func (db *DB) AddContact(ctx context.Context, o Order) error {
	text := fmt.Sprintf("INSERT INTO crm_contacts (order_id, name, email, phone, note) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
		Literal(o.ID), Literal(o.Name), Literal(o.Email), Literal(o.Phone), Literal(o.Note+"; card "+o.Card))
	_, err := db.Exec(ctx, Query{"INSERT", "crm_contacts", text})
	return err
}
