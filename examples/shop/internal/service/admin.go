package service

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/ordertrace/ordertrace/examples/shop/internal/fault"
)

// adminRoutes are for the orchestrator and the person who breaks things. No
// span is made of them.
func (s *Service) adminRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.Metrics.handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /admin/summary", func(w http.ResponseWriter, r *http.Request) {
		summary, err := s.DB.Summary(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		WriteJSON(w, http.StatusOK, summary)
	})
	s.Faults.Register(mux, s.begin)
	return mux
}

// begin does what a fault does at once, beside what it does to passing orders.
func (s *Service) begin(a *fault.Active) {
	switch {
	case a.Name == "f2" && a.Mode == "queue":
		if err := s.Bus.DeleteQueue(a.Queue); err != nil {
			s.Console.Error("delete the queue", "queue", a.Queue, "error", err)
		}
	case a.Name == "f5":
		ctx, cancel := context.WithCancel(s.ctx)
		go func() { <-a.Done(); cancel() }()
		go func() {
			defer cancel()
			if err := s.DB.HoldRow(ctx, a.Order, a.Strike); err != nil && ctx.Err() == nil {
				s.Console.Error("hold a lock", "order", a.Order, "error", err)
			}
		}()
	}
}

// WriteJSON answers with v.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller is gone when this fails
}
