package service

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordertrace/ordertrace/examples/shop/internal/store"
	"github.com/ordertrace/ordertrace/instrumentation/orderctx"
)

// maxJobs is how many jobs a service works on at once.
const maxJobs = 16

// Later stores a job of an order that is due after a time, with the headers
// that a message would carry: the trace that caused it is linked when the job
// runs, and its session goes on.
func (s *Service) Later(ctx context.Context, orderID, step string, after time.Duration) error {
	carrier := propagation.MapCarrier{}
	orderctx.Propagator().Inject(ctx, carrier)
	cause, err := json.Marshal(carrier)
	if err != nil {
		return err
	}
	return s.DB.AddJob(ctx, s.Name, store.Job{
		OrderID: orderID, Step: step, Trace: string(cause),
		DueMS: time.Now().Add(after).UnixMilli(),
	})
}

// runJobs runs due jobs until ctx is done, and waits for those that run.
func (s *Service) runJobs(ctx context.Context) {
	var (
		mu      sync.Mutex
		running = map[string]bool{} // guarded by mu
		all     sync.WaitGroup
		ticker  = time.NewTicker(50 * time.Millisecond)
	)
	defer all.Wait()
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		due, err := s.DB.DueJobs(ctx, s.Name, maxJobs)
		if err != nil {
			continue // the database is away; the next tick asks again
		}
		for _, job := range due {
			mu.Lock()
			busy := running[job.ID] || len(running) >= maxJobs
			if !busy {
				running[job.ID] = true
			}
			mu.Unlock()
			if busy {
				continue
			}
			all.Add(1)
			go func() {
				defer all.Done()
				s.runJob(context.WithoutCancel(ctx), job)
				mu.Lock()
				delete(running, job.ID)
				mu.Unlock()
			}()
		}
	}
}

// runJob runs one job in a trace of its own, with a link to the trace that
// ordered it: hours may lie between the two.
func (s *Service) runJob(ctx context.Context, job store.Job) {
	carrier := propagation.MapCarrier{}
	_ = json.Unmarshal([]byte(job.Trace), &carrier) // what cannot be read leaves the job without a link
	ctx = orderctx.Propagator().Extract(ctx, carrier)
	cause := trace.SpanContextFromContext(ctx)
	if s.stamped() { // a service that names its orders does so before the span starts
		if named, err := orderctx.WithOrder(ctx, job.OrderID); err == nil {
			ctx = named
		}
	}
	opts := []trace.SpanStartOption{trace.WithNewRoot()}
	if cause.IsValid() {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: cause}))
	}
	ctx, span := s.Tracer.Start(ctx, "job "+job.Step, opts...)
	defer span.End()
	s.Truth(ctx, job.OrderID)
	work, known := s.jobs[job.Step]
	if !known {
		span.SetStatus(codes.Error, "unknown step")
		work = func(context.Context, string) error { return nil } // of another version: it would come back for ever
	}
	err := work(ctx, job.OrderID)
	if err == nil {
		err = s.DB.FinishJob(ctx, job.ID)
	}
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		s.Log.ErrorContext(ctx, "job comes back", "step", job.Step, "error", err)
		_ = s.DB.PutOffJob(ctx, job.ID, time.Now().Add(500*time.Millisecond).UnixMilli()) // else it is due at once, which is as well
	}
}
