// Package mesapi is the manufacture: it measures and prices models, makes the
// pieces and packs them. It is the oldest of the three: it calls an order
// orderId, writes literals into its SQL, and one of its messages carries no
// trace context.
package mesapi

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/examples/shop/internal/order"
	"github.com/ordertrace/ordertrace/examples/shop/internal/queue"
	"github.com/ordertrace/ordertrace/examples/shop/internal/service"
	"github.com/ordertrace/ordertrace/examples/shop/internal/stl"
	"github.com/ordertrace/ordertrace/examples/shop/internal/store"
	"github.com/ordertrace/ordertrace/instrumentation/orderamqp"
)

// Name is the service's name, IDKey its word for an order's number.
const (
	Name  = "mes-api"
	IDKey = "orderId"
)

// App is the MES API.
type App struct{ *service.Service }

var _ service.App = App{}

// New makes the app of a running service.
func New(s *service.Service) service.App { return App{s} }

// Routes adds the API.
func (a App) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/orders/{id}/progress", a.progress)
}

// Jobs are the steps that take a machine's time.
func (a App) Jobs() map[string]func(context.Context, string) error {
	return map[string]func(context.Context, string) error{"complete": a.complete, "pack": a.pack}
}

// Start consumes new and approved orders. An approved one may wait for a
// machine, so its manufacture is a trace of its own.
func (a App) Start(ctx context.Context) {
	a.Bus.Consume(ctx, "mes.submitted", 16, a.distribute)
	a.Bus.Consume(ctx, "mes.approved", 16, a.start, orderamqp.Link())
}

func (a App) progress(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !order.ValidID(id) {
		http.Error(w, "no such order", http.StatusNotFound)
		return
	}
	a.Truth(r.Context(), id)
	o, err := a.DB.Get(r.Context(), id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		http.Error(w, "no such order", http.StatusNotFound)
	case err != nil:
		http.Error(w, "the MES cannot do that now", http.StatusInternalServerError)
	default:
		service.WriteJSON(w, http.StatusOK, map[string]any{"id": id, "status": o.Status})
	}
}

// distribute gives a new order to a price worker.
func (a App) distribute(ctx context.Context, m queue.Message) error {
	a.Truth(ctx, m.OrderID)
	if a.Faults.Strikes("f1", "undistributed", "", m.OrderID) != nil {
		return nil
	}
	o, err := a.DB.Get(ctx, m.OrderID)
	if err != nil {
		return err
	}
	volume, err := a.measure(ctx, o)
	if err != nil {
		a.Log.ErrorContext(ctx, "no price for the model of "+o.Email, "error", err)
		if errors.Is(err, stl.ErrNotSTL) {
			return nil // it will not be a model the next time either
		}
		return err
	}
	if err := a.DB.SetPrice(ctx, o.ID, volume, cents(volume, o.Material)); err != nil {
		return err
	}
	if err := a.Move(ctx, o.ID, order.Priced); err != nil {
		return acceptable(err)
	}
	a.Log.InfoContext(ctx, "price calculated", IDKey, o.ID, "volume_mm3", volume)
	return a.Bus.Publish(ctx, queue.Orders, "order.priced", queue.Message{OrderID: o.ID, Status: string(order.Priced)})
}

// measure is the price worker: it reads the model and measures its volume.
func (a App) measure(ctx context.Context, o store.Order) (volume float64, err error) {
	ctx, span := a.Tracer.Start(ctx, "price.calculate", trace.WithAttributes(attribute.String(IDKey, o.ID)))
	defer func() {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}()
	if hang := a.Faults.Strikes("f1", "hang", "", o.ID); hang != nil {
		<-hang.Done() // cleared, too, when the service stops
	}
	if slow := a.Faults.Strikes("f1", "slow", "", o.ID); slow != nil && slow.Once(o.ID) {
		select {
		case <-time.After(slow.Delay()):
		case <-a.Stopping():
		}
	}
	file, err := os.Open(o.ModelPath)
	if err != nil {
		return 0, fmt.Errorf("open the model: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	if volume, err = stl.Volume(file); err != nil {
		return 0, err
	}
	a.Work(ctx, spread(o.ID, "price", 500*time.Millisecond, time.Second))
	span.SetAttributes(attribute.Float64("model.volume_mm3", volume))
	return volume, nil
}

// start puts an approved order on a machine.
func (a App) start(ctx context.Context, m queue.Message) error {
	a.Truth(ctx, m.OrderID)
	a.Work(ctx, 200*time.Millisecond)
	if err := a.Move(ctx, m.OrderID, order.Started); err != nil {
		return acceptable(err)
	}
	return a.Later(ctx, m.OrderID, "complete", a.Paced(spread(m.OrderID, "make", time.Second, 3*time.Second)))
}

func (a App) complete(ctx context.Context, id string) error {
	if err := a.Move(ctx, id, order.Completed); err != nil {
		return acceptable(err)
	}
	return a.Later(ctx, id, "pack", a.Paced(spread(id, "pack", 300*time.Millisecond, 800*time.Millisecond)))
}

// pack hands the piece over, by a message that an old program sends: its span
// knows the message's id, the message knows nothing of the span.
func (a App) pack(ctx context.Context, id string) error {
	if err := a.Move(ctx, id, order.Packaging); err != nil {
		return acceptable(err)
	}
	messageID := "packed-" + id
	ctx, span := a.Tracer.Start(ctx, "crm.packed send", trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("messaging.system", "rabbitmq"), attribute.String("messaging.operation.type", "send"),
		attribute.String("messaging.destination.name", "orders:order.packed"), attribute.String("messaging.message.id", messageID)))
	defer span.End()
	err := a.Bus.PublishRaw(ctx, queue.Orders, "order.packed", messageID, queue.Message{OrderID: id})
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	return err
}

// acceptable lets a message go whose order took another way: a customer may
// cancel while the MES works.
func acceptable(err error) error {
	if errors.Is(err, store.ErrIllegal) {
		return nil
	}
	return err
}

// cents is the price of the metal and the work.
func cents(volume float64, material string) int64 {
	perMM3 := map[string]float64{"silver": 3, "gold": 120, "platinum": 95}[material]
	if perMM3 == 0 {
		perMM3 = 3
	}
	return 4_900 + int64(volume*perMM3)
}

// spread gives each order its own time for a step, the same in each run.
func spread(id, step string, from, to time.Duration) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id + step)) // never fails
	return from + time.Duration(float64(to-from)*float64(h.Sum32()%1000)/1000)
}
