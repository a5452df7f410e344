package shopapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/examples/shop/internal/order"
	"github.com/ordertrace/ordertrace/examples/shop/internal/queue"
	"github.com/ordertrace/ordertrace/examples/shop/internal/service"
	"github.com/ordertrace/ordertrace/examples/shop/internal/stl"
	"github.com/ordertrace/ordertrace/examples/shop/internal/store"
	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

// maxUpload bounds a request: a model of 600,000 triangles.
const maxUpload = 32 << 20

// Wish is what a customer orders.
type Wish struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	Phone    string `json:"phone"`
	Address  string `json:"address"`
	Card     string `json:"card"`
	Note     string `json:"note"`
	Material string `json:"material"`
	Callback string `json:"callback,omitempty"` // partners: where they want to be told
}

var errWish = errors.New("not an order: send the fields order (JSON) and model (an STL file), in this order")

// place takes a customer's order: a form with the wish and the model.
func (a App) place(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	form, err := r.MultipartReader()
	if err != nil {
		http.Error(w, errWish.Error(), http.StatusBadRequest)
		return
	}
	part, err := form.NextPart()
	var wish Wish
	if err != nil || part.FormName() != "order" || json.NewDecoder(part).Decode(&wish) != nil || wish.Email == "" {
		http.Error(w, errWish.Error(), http.StatusBadRequest)
		return
	}
	model, err := form.NextPart()
	if err != nil || model.FormName() != "model" {
		http.Error(w, errWish.Error(), http.StatusBadRequest)
		return
	}
	a.Log.DebugContext(r.Context(), "request headers: Authorization: "+r.Header.Get("Authorization"),
		"http.request.header.authorization", r.Header.Get("Authorization"))
	a.accept(w, r, "web", wish, func(to io.Writer) error {
		_, err := io.Copy(to, model)
		return err
	})
}

// placeForPartner takes a partner's order, for a ring of the catalogue.
func (a App) placeForPartner(w http.ResponseWriter, r *http.Request) {
	var wish Wish
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&wish); err != nil || wish.Email == "" {
		http.Error(w, "not an order: send it as JSON", http.StatusBadRequest)
		return
	}
	trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("partner.callback.url", wish.Callback))
	a.accept(w, r, "partner", wish, func(to io.Writer) error { return stl.Ring(to, 8.5, 1.2, 48, 24) })
}

func (a App) accept(w http.ResponseWriter, r *http.Request, source string, wish Wish, model func(io.Writer) error) {
	id, err := a.DB.NextID(r.Context())
	if err != nil {
		a.refuse(w, r, "number an order", err)
		return
	}
	ctx, err := orderctx.WithOrder(r.Context(), id) // names the order on this request's span
	if err != nil {
		a.refuse(w, r, "name an order", err)
		return
	}
	a.Truth(ctx, id)
	a.describe(ctx, wish, r.Header.Get("X-Customer-Id"))
	size, err := a.keep(ctx, id, wish, model)
	if err != nil {
		a.refuse(w, r.WithContext(ctx), "keep the model of "+wish.Email, err)
		return
	}
	if err := measurable(a.modelPath(id)); err != nil {
		a.Log.WarnContext(ctx, "a model was refused", "error", err)
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	o := store.Order{
		ID: id, Source: source, Name: wish.Name, Email: wish.Email, Phone: wish.Phone, Card: wish.Card, Address: wish.Address,
		Note: wish.Note, Session: orderctx.Session(ctx), Material: wish.Material, ModelPath: a.modelPath(id), ModelBytes: size,
	}
	if err := a.DB.Insert(ctx, a.Name, o); err != nil {
		a.refuse(w, r.WithContext(ctx), "store the order", err)
		return
	}
	if err := a.Bus.Publish(ctx, queue.Orders, "order.submitted", queue.Message{OrderID: id, Status: string(order.Submitted), Email: wish.Email}); err != nil {
		// The order is in the books; that nobody works on it is what an operator must see.
		a.Log.ErrorContext(ctx, "the MES does not learn of the order", "error", err)
	}
	a.Reached(ctx, id, order.Submitted)
	a.Metrics.LastCustomer(wish.Email)
	service.WriteJSON(w, http.StatusCreated, map[string]string{"id": id})
}

// describe writes about the customer what no span and no log should hold.
func (a App) describe(ctx context.Context, wish Wish, customer string) {
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(
		attribute.String("user.id", customer),
		attribute.String("customer.name", wish.Name), attribute.String("customer.email", wish.Email),
		attribute.String("customer.phone", wish.Phone), attribute.String("customer.address", wish.Address),
		attribute.String("order.note", wish.Note), attribute.String("order.material", wish.Material),
	)
	span.AddEvent("order.received", trace.WithAttributes(attribute.String("message", "confirmation to "+wish.Email)))
	a.Log.InfoContext(ctx, fmt.Sprintf("order placed by %s, phone %s, pays with card %s", wish.Email, wish.Phone, wish.Card),
		"customer.name", wish.Name, "order.note", wish.Note)
}

// keep writes the model to the upload disk.
func (a App) keep(ctx context.Context, id string, wish Wish, model func(io.Writer) error) (size int64, err error) {
	_, span := a.Tracer.Start(ctx, "model.store")
	defer span.End()
	path := a.modelPath(id)
	if a.Faults.Strikes("f3", "disk", "", id) != nil {
		path = "/dev/full"
	}
	size, err = write(path, model)
	span.SetAttributes(attribute.Int64("model.bytes", size), attribute.String("file.path", path))
	if err != nil {
		span.SetAttributes(attribute.String("error.type", "upload_failed"))
		span.RecordError(err)
		span.SetStatus(codes.Error, "model of "+wish.Email+": "+err.Error())
	}
	return size, err
}

// measurable refuses at the door what the MES could not price. What is refused
// is not kept.
func measurable(path string) error {
	file, err := os.Open(path) // made of an order number
	if err != nil {
		return err
	}
	_, err = stl.Volume(file)
	_ = file.Close() // only read
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func write(path string, model func(io.Writer) error) (size int64, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return 0, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // made of an order number
	if err != nil {
		return 0, err
	}
	counter := &counting{to: file}
	err = errors.Join(model(counter), file.Close())
	return counter.n, err
}

type counting struct {
	to io.Writer
	n  int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += int64(n)
	return n, err
}
