// Package shopapi is the shop's front: customers and partners place, watch,
// approve and cancel their orders here.
package shopapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/examples/shop/internal/order"
	"github.com/ordertrace/ordertrace/examples/shop/internal/queue"
	"github.com/ordertrace/ordertrace/examples/shop/internal/service"
	"github.com/ordertrace/ordertrace/examples/shop/internal/store"
	"github.com/ordertrace/ordertrace/instrumentation/orderamqp"
	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

// Name is the service's name.
const Name = "shop-api"

// App is the shop API.
type App struct{ *service.Service }

var _ service.App = App{}

// New makes the app of a running service.
func New(s *service.Service) service.App { return App{s} }

// Routes adds the API.
func (a App) Routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/orders", a.place)
	mux.HandleFunc("GET /api/orders", a.list)
	mux.HandleFunc("GET /api/orders/{id}", a.show)
	mux.HandleFunc("POST /api/orders/{id}/approve", a.approve)
	mux.HandleFunc("POST /api/orders/{id}/cancel", a.cancel)
	mux.HandleFunc("GET /api/orders/{id}/address", a.address)
	mux.HandleFunc("POST /partner/orders", a.placeForPartner)
	mux.HandleFunc("GET /partner/orders/{id}", a.showPartner)
	mux.HandleFunc("POST /partner/orders/{id}/approve", a.approve)
}

// Jobs are none: the shop waits for nobody.
func (a App) Jobs() map[string]func(context.Context, string) error { return nil }

// Start consumes the changes of status. They reach the shop whenever the
// others make them, so each is a trace of its own.
func (a App) Start(ctx context.Context) {
	a.Bus.Consume(ctx, "shop.status", 8, a.notify, orderamqp.Link())
}

// notify tells the customer, by a mail that goes nowhere. Neither the span nor
// the statement names the order as such: the message id is all there is.
func (a App) notify(ctx context.Context, m queue.Message) error {
	a.Truth(ctx, m.OrderID)
	var email, phone string
	err := a.DB.Row(ctx, store.Query{Op: "SELECT", Table: "orders", Text: "SELECT email, phone FROM orders WHERE id = $1"},
		[]any{m.OrderID}, &email, &phone)
	if err != nil {
		return err
	}
	_, span := a.Tracer.Start(ctx, "mail.send")
	defer span.End()
	span.SetAttributes(attribute.String("mail.to", email))
	span.AddEvent("mail.queued", trace.WithAttributes(
		attribute.String("message", "to "+email+", text message to "+phone)))
	a.Log.InfoContext(ctx, "mail to "+email+": news of your order", "status", m.Status)
	return nil
}

func (a App) show(w http.ResponseWriter, r *http.Request) {
	o, ok := a.find(w, r)
	if !ok {
		return
	}
	out := view(o)
	if o.Status == order.Started || o.Status == order.Completed {
		out["progress"] = a.progress(r.Context(), o.ID)
	}
	service.WriteJSON(w, http.StatusOK, out)
}

// progress asks the MES. The customer sees the order without it, too.
func (a App) progress(ctx context.Context, id string) string {
	mes, err := service.Find(a.Config.Dir, "mes-api")
	if err != nil {
		return "unknown"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, mes.HTTP+"/api/orders/"+id+"/progress", http.NoBody)
	if err != nil {
		return "unknown"
	}
	response, err := a.Client.Do(request)
	if err != nil {
		return "unknown"
	}
	defer func() { _ = response.Body.Close() }()
	var made struct {
		Status string `json:"status"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&made); err != nil || made.Status == "" {
		return "unknown"
	}
	return made.Status
}

func (a App) showPartner(w http.ResponseWriter, r *http.Request) {
	o, ok := a.find(w, r)
	if !ok {
		return
	}
	trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("app.order.id", o.ID))
	service.WriteJSON(w, http.StatusOK, view(o))
}

// list finds a customer's orders by mail address, which is in the URL as it
// should never be. It belongs to no order.
func (a App) list(w http.ResponseWriter, r *http.Request) {
	email := r.URL.Query().Get("email")
	orders, err := a.DB.ByEmail(r.Context(), email)
	if err != nil {
		a.refuse(w, r, "list the orders of "+email, err)
		return
	}
	out := []map[string]any{}
	for _, o := range orders {
		out = append(out, view(o))
	}
	service.WriteJSON(w, http.StatusOK, out)
}

// approve passes the customer's yes on to the CRM.
func (a App) approve(w http.ResponseWriter, r *http.Request) {
	o, ok := a.find(w, r)
	if !ok {
		return
	}
	ctx, err := orderctx.WithOrder(r.Context(), o.ID)
	if err != nil {
		a.refuse(w, r, "approve", err)
		return
	}
	crm, err := service.Find(a.Config.Dir, "crm-api")
	if err != nil {
		a.refuse(w, r, "approve", err)
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, crm.HTTP+"/api/orders/"+o.ID+"/approve", http.NoBody)
	if err != nil {
		a.refuse(w, r, "approve", err)
		return
	}
	response, err := a.Client.Do(request)
	if err != nil {
		a.refuse(w, r, "ask the CRM to approve", err)
		return
	}
	_ = response.Body.Close() // nothing was read from it
	if response.StatusCode != http.StatusAccepted {
		a.Log.ErrorContext(ctx, "the CRM did not approve for "+o.Email, "http.response.status_code", response.StatusCode)
	}
	w.WriteHeader(response.StatusCode)
}

func (a App) cancel(w http.ResponseWriter, r *http.Request) {
	o, ok := a.find(w, r)
	if !ok {
		return
	}
	ctx, err := orderctx.WithOrder(r.Context(), o.ID)
	if err == nil {
		err = a.Move(ctx, o.ID, order.Cancelled)
	}
	switch {
	case errors.Is(err, store.ErrIllegal):
		http.Error(w, "too late", http.StatusConflict)
	case err != nil:
		a.refuse(w, r, "cancel", err)
	default:
		a.Log.InfoContext(ctx, "order cancelled on the telephone, caller "+o.Phone)
		w.WriteHeader(http.StatusAccepted)
	}
}

// address is for the CRM: the public door does not know it.
func (a App) address(w http.ResponseWriter, r *http.Request) {
	if !service.Inside(r) {
		http.NotFound(w, r)
		return
	}
	o, ok := a.find(w, r)
	if !ok {
		return
	}
	service.WriteJSON(w, http.StatusOK, map[string]string{"name": o.Name, "address": o.Address, "phone": o.Phone})
}

// find reads the order that the path names, and answers when there is none.
func (a App) find(w http.ResponseWriter, r *http.Request) (store.Order, bool) {
	id := r.PathValue("id")
	if !order.ValidID(id) {
		http.Error(w, "no such order", http.StatusNotFound)
		return store.Order{}, false
	}
	a.Truth(r.Context(), id)
	o, err := a.DB.Get(r.Context(), id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		http.Error(w, "no such order", http.StatusNotFound)
	case err != nil:
		a.refuse(w, r, "read the order", err)
	}
	return o, err == nil
}

// refuse answers 500, and keeps the reason for the log and the span.
func (a App) refuse(w http.ResponseWriter, r *http.Request, what string, err error) {
	trace.SpanFromContext(r.Context()).RecordError(fmt.Errorf("%s: %w", what, err))
	a.Log.ErrorContext(r.Context(), "request failed: "+what, "error", err)
	http.Error(w, "the shop cannot do that now", http.StatusInternalServerError)
}

func (a App) modelPath(id string) string {
	return filepath.Join(a.Config.Dir, "uploads", id+".stl")
}

func view(o store.Order) map[string]any {
	return map[string]any{"id": o.ID, "status": o.Status, "price_cents": o.PriceCents}
}
