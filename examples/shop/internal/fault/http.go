package fault

import (
	"encoding/json"
	"net/http"
)

// State is what GET /admin/faults answers.
type State struct {
	Active []Fault `json:"active"`
	Hits   []Hit   `json:"hits"`
}

// Register adds the endpoints of the admin port. begun is called with each
// fault that was injected; it must not block.
func (s *Set) Register(mux *http.ServeMux, begun func(*Active)) {
	mux.HandleFunc("GET /admin/faults", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, State{Active: s.Active(), Hits: s.Hits()})
	})
	mux.HandleFunc("DELETE /admin/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /admin/faults", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		a, err := s.Inject(f)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		begun(a)
		answer(w, http.StatusCreated, a.Fault)
	})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller is gone when this fails
}
