// Package crmapi is the company's customer relations: it keeps the customers'
// files, takes their approval, ships, and closes orders. It uses the span
// processor of instrumentation/orderctx, so all its spans name their order.
package crmapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/examples/shop/internal/order"
	"github.com/ordertrace/ordertrace/examples/shop/internal/queue"
	"github.com/ordertrace/ordertrace/examples/shop/internal/service"
	"github.com/ordertrace/ordertrace/examples/shop/internal/store"
	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

// Name is the service's name.
const Name = "crm-api"

// App is the CRM API.
type App struct{ *service.Service }

var _ service.App = App{}

// New makes the app of a running service.
func New(s *service.Service) service.App { return App{s} }

// Routes adds the API.
func (a App) Routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/orders/{id}/approve", a.approve)
}

// Jobs is the delivery to the customer.
func (a App) Jobs() map[string]func(context.Context, string) error {
	return map[string]func(context.Context, string) error{"close": a.close}
}

// Start consumes priced and packed orders.
func (a App) Start(ctx context.Context) {
	a.Bus.Consume(ctx, "crm.priced", 8, a.offer)
	a.Bus.Consume(ctx, "crm.packed", 8, a.ship)
}

// offer opens the customer's file and sends the price.
func (a App) offer(ctx context.Context, m queue.Message) error {
	a.Truth(ctx, m.OrderID)
	o, err := a.DB.Get(ctx, m.OrderID)
	if err != nil {
		return err
	}
	if err := a.DB.AddContact(ctx, o); err != nil {
		return fmt.Errorf("open the file of %s: %w", o.Email, err)
	}
	a.Work(ctx, 100*time.Millisecond)
	a.Log.InfoContext(ctx, fmt.Sprintf("offer of %d.%02d sent to %s (%s)", o.PriceCents/100, o.PriceCents%100, o.Email, o.Phone),
		"customer.name", o.Name)
	return nil
}

// approve starts the manufacture.
func (a App) approve(w http.ResponseWriter, r *http.Request) {
	id, ctx := r.PathValue("id"), r.Context()
	if !order.ValidID(id) {
		http.Error(w, "no such order", http.StatusNotFound)
		return
	}
	a.Truth(ctx, id)
	if a.Faults.Strikes("f4", "fail", "", id) != nil {
		a.Log.ErrorContext(ctx, "the customer's file cannot be read")
		http.Error(w, "the customer's file cannot be read", http.StatusServiceUnavailable)
		return
	}
	if a.Faults.Strikes("f4", "stuck", "", id) != nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	a.Work(ctx, 100*time.Millisecond)
	err := a.Move(ctx, id, order.Approved)
	if err == nil {
		err = a.Bus.Publish(ctx, queue.Orders, "order.approved", queue.Message{OrderID: id, Status: string(order.Approved)})
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		http.Error(w, "no such order", http.StatusNotFound)
	case errors.Is(err, store.ErrIllegal):
		http.Error(w, err.Error(), http.StatusConflict)
	case err != nil:
		a.Log.ErrorContext(ctx, "approval failed", "error", err)
		trace.SpanFromContext(ctx).RecordError(err)
		http.Error(w, "the CRM cannot do that now", http.StatusInternalServerError)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// ship takes the parcel. The message comes from a program without tracing, so
// that the order is known only after its body was read.
func (a App) ship(ctx context.Context, m queue.Message) error {
	ctx, err := orderctx.WithOrder(ctx, m.OrderID)
	if err != nil {
		return err
	}
	a.Truth(ctx, m.OrderID)
	if err := a.fetchAddress(ctx, m.OrderID); err != nil {
		return err
	}
	a.Work(ctx, 500*time.Millisecond)
	if err := a.Move(ctx, m.OrderID, order.Shipped); err != nil {
		return err
	}
	return a.Later(ctx, m.OrderID, "close", a.Paced(700*time.Millisecond))
}

// fetchAddress asks the shop, and prints a label that it should not print.
func (a App) fetchAddress(ctx context.Context, id string) error {
	shop, err := service.Find(a.Config.Dir, "shop-api")
	if err != nil {
		return err
	}
	ctx, span := a.Tracer.Start(ctx, "label.print")
	defer span.End()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, shop.Internal+"/api/orders/"+id+"/address", http.NoBody)
	if err != nil {
		return err
	}
	response, err := a.Client.Do(request)
	if err != nil {
		span.SetStatus(codes.Error, "the shop does not answer")
		return err
	}
	defer func() { _ = response.Body.Close() }()
	label, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil || response.StatusCode != http.StatusOK {
		span.SetStatus(codes.Error, "no address")
		return errors.Join(fmt.Errorf("fetch the address of %s: status %d", id, response.StatusCode), err)
	}
	span.SetAttributes(attribute.Int("label.bytes", len(label)))
	return nil
}

func (a App) close(ctx context.Context, id string) error {
	return a.Move(ctx, id, order.Closed)
}
