package fault

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestNextChoosesThatManyOrdersAndStaysWithThem(t *testing.T) {
	var recorded []Hit
	s := NewSet("mes-api", func(h Hit) { recorded = append(recorded, h) })
	inject(t, s, Fault{Name: "f2", Count: 2})
	for i, tt := range []struct {
		order string
		want  bool
	}{{"A", true}, {"B", true}, {"C", false}, {"A", true}, {"C", false}} {
		if got := s.Strikes("f2", "drop", "mes.submitted", tt.order) != nil; got != tt.want {
			t.Errorf("%d: %s struck: %v, want %v", i, tt.order, got, tt.want)
		}
	}
	if len(recorded) != 2 || len(s.Hits()) != 2 || recorded[1].Order != "B" || recorded[1].Service != "mes-api" {
		t.Errorf("recorded %v", recorded)
	}
}

func TestAFaultForOneOrderLeavesTheOthers(t *testing.T) {
	s := NewSet("crm-api", func(Hit) {})
	inject(t, s, Fault{Name: "f4", Mode: "stuck", Order: "ORD-10000007"})
	if s.Strikes("f4", "stuck", "", "ORD-10000006") != nil || s.Strikes("f4", "fail", "", "ORD-10000007") != nil {
		t.Error("struck somebody else, or in another way")
	}
	if s.Strikes("f4", "stuck", "", "ORD-10000007") == nil {
		t.Error("did not strike its order")
	}
}

func TestAFaultEndsByItsTimeOrByClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet("mes-api", func(Hit) {})
		timed := inject(t, s, Fault{Name: "f1", ForMS: 500})
		open := inject(t, s, Fault{Name: "f1", Mode: "slow"})
		time.Sleep(499 * time.Millisecond)
		synctest.Wait()
		if ended(timed) {
			t.Error("ended too early")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if !ended(timed) || ended(open) {
			t.Errorf("timed ended: %v, open ended: %v", ended(timed), ended(open))
		}
		s.Clear()
		s.Clear()
		if !ended(open) || len(s.Active()) != 0 {
			t.Error("clear left a fault")
		}
	})
}

func TestWhatCannotBeBrokenHereIsRefused(t *testing.T) {
	for _, tt := range []struct {
		fault Fault
		want  string
	}{
		{Fault{Name: "f9"}, "unknown fault"},
		{Fault{Name: "f1", Mode: "drop"}, "unknown mode"},
		{Fault{Name: "f2", Queue: "none"}, "unknown queue"},
		{Fault{Name: "f3"}, "happens in shop-api"},
		{Fault{Name: "f2", Queue: "crm.priced"}, "happens in crm-api"},
		{Fault{Name: "f1", Count: -1}, "negative"},
	} {
		if _, err := NewSet("mes-api", func(Hit) {}).Inject(tt.fault); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.fault, err, tt.want)
		}
	}
}

func TestOnceIsOnce(t *testing.T) {
	a := inject(t, NewSet("mes-api", func(Hit) {}), Fault{Name: "f2", Mode: "duplicate"})
	if !a.Once("A") || a.Once("A") || !a.Once("B") {
		t.Error("not once")
	}
}

func TestTheAdminPortInjectsListsAndClears(t *testing.T) {
	s, mux, begun := NewSet("mes-api", func(Hit) {}), http.NewServeMux(), 0
	s.Register(mux, func(*Active) { begun++ })
	call := func(method, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(method, "/admin/faults", strings.NewReader(body)))
		return w
	}
	for body, want := range map[string]int{
		`{"fault":"f1","mode":"slow","delay_ms":5}`: 201, `{"fault":"f1","moed":"slow"}`: 400, `{`: 400, `{"fault":"f5"}`: 400,
	} {
		if got := call("POST", body).Code; got != want {
			t.Errorf("%s: %d, want %d", body, got, want)
		}
	}
	if got := call("GET", "").Body.String(); begun != 1 || !strings.Contains(got, `"delay_ms":5`) || !strings.Contains(got, `"hits":[]`) {
		t.Errorf("begun %d, %s", begun, got)
	}
	if call("DELETE", "").Code != 204 || len(s.Active()) != 0 {
		t.Error("not cleared")
	}
}

func inject(t *testing.T, s *Set, f Fault) *Active {
	t.Helper()
	a, err := s.Inject(f)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func ended(a *Active) bool {
	select {
	case <-a.Done():
		return true
	default:
		return false
	}
}
