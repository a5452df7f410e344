package customers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/ordertrace/ordertrace/examples/shop/internal/order"
	"github.com/ordertrace/ordertrace/examples/shop/internal/stl"
)

// Web is the shop behind its HTTP API. Customers have no tracing: what they
// send starts its traces at the shop's door.
type Web struct {
	base   string
	client *http.Client
}

var _ Shop = (*Web)(nil)

// NewWeb talks to the shop at base.
func NewWeb(base string) *Web {
	return &Web{base: base, client: &http.Client{
		Timeout:   10 * time.Second, // below the time that shop up gives us to end
		Transport: &http.Transport{MaxIdleConns: maxOpen, MaxIdleConnsPerHost: maxOpen, IdleConnTimeout: time.Minute},
	}}
}

// Place sends the order: partners by JSON, the others with their model.
func (w *Web) Place(ctx context.Context, p Purchase) (string, error) {
	wish := map[string]string{
		"name": p.Name, "email": p.Email, "phone": p.Phone, "address": p.Address, "card": p.Card, "note": p.Note, "material": p.Material,
	}
	var body bytes.Buffer
	var path, kind string
	if p.Partner {
		wish["callback"] = p.Callback
		path, kind = "/partner/orders", "application/json"
		if err := json.NewEncoder(&body).Encode(wish); err != nil {
			return "", err
		}
	} else {
		form := multipart.NewWriter(&body)
		if err := fill(form, wish, p); err != nil {
			return "", err
		}
		path, kind = "/api/orders", form.FormDataContentType()
	}
	var placed struct {
		ID string `json:"id"`
	}
	err := w.call(ctx, http.MethodPost, path, kind, &body, p, &placed)
	if err == nil && !order.ValidID(placed.ID) {
		err = fmt.Errorf("the shop answered with the order number %q", placed.ID)
	}
	return placed.ID, err
}

func fill(form *multipart.Writer, wish map[string]string, p Purchase) error {
	field, err := form.CreateFormField("order")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(field).Encode(wish); err != nil {
		return err
	}
	model, err := form.CreateFormFile("model", "ring.stl")
	if err != nil {
		return err
	}
	if err := stl.Ring(model, p.Radius, 1.4, p.Segments, p.Segments/2); err != nil {
		return err
	}
	return form.Close()
}

// Status asks how the order is.
func (w *Web) Status(ctx context.Context, p Purchase, id string) (order.Status, error) {
	var view struct {
		Status order.Status `json:"status"`
	}
	err := w.call(ctx, http.MethodGet, root(p)+id, "", nil, p, &view)
	return view.Status, err
}

// Approve says yes to the price.
func (w *Web) Approve(ctx context.Context, p Purchase, id string) error {
	return w.call(ctx, http.MethodPost, root(p)+id+"/approve", "", nil, p, nil)
}

// Cancel says no to it.
func (w *Web) Cancel(ctx context.Context, p Purchase, id string) error {
	return w.call(ctx, http.MethodPost, "/api/orders/"+id+"/cancel", "", nil, p, nil)
}

// List looks for older orders, by mail address in the URL.
func (w *Web) List(ctx context.Context, p Purchase) error {
	return w.call(ctx, http.MethodGet, "/api/orders?email="+p.Email, "", nil, p, nil)
}

func root(p Purchase) string {
	if p.Partner {
		return "/partner/orders/"
	}
	return "/api/orders/"
}

// call finishes what it has begun, also when the customers are sent home: a
// request that breaks off is an error in the shop's telemetry.
func (w *Web) call(ctx context.Context, method, path, kind string, body io.Reader, p Purchase, into any) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	request, err := http.NewRequestWithContext(ctx, method, w.base+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("X-Session-Id", p.Session)
	request.Header.Set("X-Customer-Id", p.Account)
	request.Header.Set("Authorization", "Bearer "+p.Token)
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := w.client.Do(request)
	if err != nil {
		return err
	}
	defer func() {
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // so that the connection is used again
		_ = response.Body.Close()
	}()
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s: %s", method, response.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(into)
}
