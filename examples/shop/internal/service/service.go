package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/examples/shop/internal/fault"
	"github.com/ordertrace/ordertrace/examples/shop/internal/order"
	"github.com/ordertrace/ordertrace/examples/shop/internal/queue"
	"github.com/ordertrace/ordertrace/examples/shop/internal/store"
	"github.com/ordertrace/ordertrace/instrumentation/orderhttp"
)

// Service is one running service of the shop.
type Service struct {
	Name    string
	IDKey   string // the attribute under which the service names orders on its status spans, or ""
	Config  Config
	DB      *store.DB
	Bus     *queue.Bus
	Faults  *fault.Set
	Log     *slog.Logger // to the collector
	Console *slog.Logger // to the person at the terminal
	Tracer  trace.Tracer
	Metrics *Metrics
	Client  *http.Client

	ctx   context.Context // done when the service is to stop
	books *books
	jobs  map[string]func(ctx context.Context, orderID string) error
}

// App is what makes a service the shop, the CRM or the MES.
type App interface {
	// Routes adds the public API, which shop-api also serves to its own.
	Routes(*http.ServeMux)
	// Start begins to consume; ctx is done when the service stops.
	Start(ctx context.Context)
	// Jobs names the work that waits for its time.
	Jobs() map[string]func(ctx context.Context, orderID string) error
}

// Run runs a service until ctx is done.
func Run(ctx context.Context, name, idKey string, cfg Config, build func(*Service) App) (err error) {
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return err
	}
	tel, err := startTelemetry(ctx, name, cfg)
	if err != nil {
		return err
	}
	defer tel.flush(name)
	s := &Service{
		Name: name, IDKey: idKey, Config: cfg, ctx: ctx, Metrics: newMetrics(name), Log: tel.log, Tracer: otel.Tracer("shop/" + name),
		Console: slog.New(slog.NewTextHandler(os.Stderr, nil)).With("service", name),
		Client:  &http.Client{Transport: orderhttp.Transport(nil), Timeout: 15 * time.Second},
	}
	s.DB, err = store.Open(ctx, cfg.Database, cfg.Dir, func(op, table, outcome string) {
		s.Metrics.queries.WithLabelValues(op, table, outcome).Inc()
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.DB.Close()) }()
	s.books = openBooks(s.DB, s.Console.Warn)
	defer s.books.close()
	s.Faults = fault.NewSet(name, func(h fault.Hit) { s.books.fault(h.Fault, h.Mode, h.Order, h.Service) })
	return s.serve(build)
}

// serve has everything but the listeners, and ends in the opposite order:
// requests, then consumers and jobs, then books and telemetry.
func (s *Service) serve(build func(*Service) App) error {
	url, kind, err := s.brokerURL()
	if err != nil {
		return err
	}
	s.Bus = queue.New(url, s.Faults, func(queue, outcome string) { s.Metrics.messages.WithLabelValues(queue, outcome).Inc() }, s.Console.Warn)
	starting, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	if err := s.Bus.Connect(starting); err != nil {
		return err
	}
	app := build(s)
	s.jobs = app.Jobs()
	servers, where, err := s.listen(app)
	if err != nil {
		return err
	}
	app.Start(s.ctx)
	finished := make(chan struct{})
	go func() { s.runJobs(s.ctx); close(finished) }()
	where.Broker, where.Database = kind, s.DB.System
	retract, err := Announce(s.Config.Dir, where)
	if err != nil {
		return err
	}
	s.Console.Info("ready", "http", where.HTTP, "admin", where.Admin, "broker", kind, "database", s.DB.System)
	<-s.ctx.Done()
	retract()
	return s.stop(servers, finished)
}

func (s *Service) stop(servers []*http.Server, jobs <-chan struct{}) error {
	s.Faults.Clear() // what hangs on a fault must come to its end
	stopping, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var errs []error
	for _, server := range servers {
		errs = append(errs, server.Shutdown(stopping))
	}
	<-jobs
	errs = append(errs, s.Bus.Close())
	s.Console.Info("stopped")
	return errors.Join(errs...)
}

// brokerURL waits a little for the stand-in: an orchestrator may start it with us.
func (s *Service) brokerURL() (url, kind string, err error) {
	if s.Config.AMQP != "" {
		return s.Config.AMQP, "rabbitmq", nil
	}
	for range 100 {
		var a Announcement
		if a, err = Find(s.Config.Dir, "broker"); err == nil {
			return a.AMQP, "stand-in", nil
		}
		select {
		case <-s.ctx.Done():
			return "", "", s.ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return "", "", fmt.Errorf("no broker: set AMQP_URL, or run shop broker: %w", err)
}

func (s *Service) listen(app App) (servers []*http.Server, where Announcement, err error) {
	mux := http.NewServeMux()
	app.Routes(mux)
	api := s.Metrics.observe(mux)
	where = Announcement{Name: s.Name}
	front := orderhttp.Handler(api)
	if s.Config.Internal != "" {
		front = orderhttp.Handler(api, orderhttp.PublicEdge(), orderhttp.SessionHeader("X-Session-Id"))
	}
	for _, door := range []struct {
		address string
		url     *string
		handler http.Handler
		base    context.Context
	}{
		{s.Config.HTTP, &where.HTTP, front, context.Background()},
		{s.Config.Internal, &where.Internal, orderhttp.Handler(api), context.WithValue(context.Background(), insideKey{}, true)},
		{s.Config.Admin, &where.Admin, s.adminRoutes(), context.Background()},
	} {
		if door.address == "" {
			continue
		}
		listener, err := net.Listen("tcp", door.address)
		if err != nil {
			return nil, where, fmt.Errorf("%s: %w", s.Name, err)
		}
		server := &http.Server{
			Handler: door.handler, ReadHeaderTimeout: 5 * time.Second,
			BaseContext: func(net.Listener) context.Context { return door.base },
		}
		servers = append(servers, server)
		*door.url = "http://" + listener.Addr().String()
		go func() { _ = server.Serve(listener) }() // ends with ErrServerClosed when stop is called
	}
	return servers, where, nil
}

type insideKey struct{}

// Inside tells whether the request came through the internal door.
func Inside(r *http.Request) bool { return r.Context().Value(insideKey{}) != nil }

// Truth notes, outside telemetry, that the trace of ctx works for an order.
func (s *Service) Truth(ctx context.Context, orderID string) { s.books.truth(ctx, orderID) }

// Move takes an order to a status, counts it and tells everybody.
func (s *Service) Move(ctx context.Context, orderID string, to order.Status) error {
	moved, err := s.DB.Move(ctx, s.Name, s.IDKey, orderID, to)
	if err != nil || !moved {
		return err
	}
	s.Reached(ctx, orderID, to)
	return nil
}

// Reached counts a status and publishes it to whom it may concern. Nobody's
// order fails because that message does.
func (s *Service) Reached(ctx context.Context, orderID string, status order.Status) {
	s.Metrics.moves.WithLabelValues(string(status)).Inc()
	if err := s.Bus.Publish(ctx, queue.Events, "", queue.Message{OrderID: orderID, Status: string(status)}); err != nil {
		s.Log.ErrorContext(ctx, "nobody learns of a change of status", "status", string(status), "error", err)
	}
}

// Work passes the time that a piece of work takes: so much at a pace of 1.
func (s *Service) Work(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-s.ctx.Done():
	case <-time.After(s.Paced(d)):
	}
}

// Paced applies the pace to a time.
func (s *Service) Paced(d time.Duration) time.Duration {
	return time.Duration(float64(d) * s.Config.Pace)
}

// Stopping is closed when the service is to stop.
func (s *Service) Stopping() <-chan struct{} { return s.ctx.Done() }

// stamped tells whether the service names its orders on all its spans.
func (s *Service) stamped() bool {
	return s.Config.Stamp == "all" || s.Config.Stamp == "some" && s.Name == "crm-api"
}
