// Package fault holds what is to be broken, and in which orders. It knows
// nothing of telemetry: a fault is seen by what the broken shop does.
package fault

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is a wish to break something. See examples/shop/README.md for the
// faults and their modes.
type Fault struct {
	Name    string `json:"fault"`
	Mode    string `json:"mode"`
	Order   string `json:"order"` // next, all, or an order number
	Count   int    `json:"count"` // with next: how many orders
	ForMS   int64  `json:"for_ms"`
	DelayMS int64  `json:"delay_ms"`
	Queue   string `json:"queue"`
}

// Hit is an order that a fault has struck.
type Hit struct {
	Fault   string `json:"fault"`
	Mode    string `json:"mode"`
	Order   string `json:"order"`
	Service string `json:"service"`
	AtMS    int64  `json:"at_ms"`
}

// Modes lists what each fault can do; the first is the default.
var Modes = map[string][]string{
	"f1": {"hang", "undistributed", "slow"},
	"f2": {"drop", "duplicate", "delay", "consumer", "queue"},
	"f3": {"disk"},
	"f4": {"fail", "stuck"},
	"f5": {"lock"},
}

// Queues names the service that consumes each queue.
var Queues = map[string]string{
	"mes.submitted": "mes-api", "crm.priced": "crm-api", "mes.approved": "mes-api",
	"crm.packed": "crm-api", "shop.status": "shop-api",
}

// Owner is the service in which the fault happens, once Complete has checked it.
func (f Fault) Owner() string {
	switch f.Name {
	case "f1":
		return "mes-api"
	case "f2":
		return Queues[f.Queue]
	case "f4":
		return "crm-api"
	}
	return "shop-api"
}

// Complete fills in the defaults and says what is wrong with f.
func (f Fault) Complete() (Fault, error) {
	modes, known := Modes[f.Name]
	if !known {
		return f, fmt.Errorf("unknown fault %q: use f1 to f5", f.Name)
	}
	if f.Mode == "" {
		f.Mode = modes[0]
	}
	if !slices.Contains(modes, f.Mode) {
		return f, fmt.Errorf("unknown mode %q of %s: use %s", f.Mode, f.Name, strings.Join(modes, ", "))
	}
	if f.Order == "" {
		f.Order = "next"
	}
	if f.Count == 0 {
		f.Count = 1
	}
	if f.Queue == "" {
		f.Queue = "mes.submitted"
	}
	if f.DelayMS == 0 {
		f.DelayMS = 20_000
	}
	switch {
	case Queues[f.Queue] == "":
		return f, fmt.Errorf("unknown queue %q", f.Queue)
	case f.Count < 0 || f.ForMS < 0 || f.DelayMS < 0:
		return f, fmt.Errorf("count, for and delay of %s must not be negative", f.Name)
	}
	return f, nil
}

// Active is a fault that stands.
type Active struct {
	Fault
	set    *Set
	chosen map[string]bool // orders that it has struck; guarded by set.mu
	once   map[string]bool // guarded by set.mu
	done   chan struct{}
	timer  *time.Timer
}

// Done is closed when the fault is cleared or its time is over.
func (a *Active) Done() <-chan struct{} { return a.done }

// Delay is the time by which slow and delay are late.
func (a *Active) Delay() time.Duration { return time.Duration(a.DelayMS) * time.Millisecond }

// Once is true the first time that it is asked about an order.
func (a *Active) Once(order string) bool {
	a.set.mu.Lock()
	defer a.set.mu.Unlock()
	first := !a.once[order]
	a.once[order] = true
	return first
}

// Strike notes by hand that the fault has hit an order.
func (a *Active) Strike(order string) {
	a.set.mu.Lock()
	defer a.set.mu.Unlock()
	a.set.hitLocked(a, order)
}

// maxHits bounds what Hits remembers.
const maxHits = 1000

// Set holds the faults of one service.
type Set struct {
	service string
	record  func(Hit)

	mu      sync.Mutex // guards the rest
	active  []*Active
	hits    []Hit // the newest, at most maxHits
	changed chan struct{}
}

// NewSet returns an empty set. record is called for each order that is struck;
// it must neither block nor call the set.
func NewSet(service string, record func(Hit)) *Set {
	return &Set{service: service, record: record, changed: make(chan struct{})}
}

// Inject lets a fault begin.
func (s *Set) Inject(f Fault) (*Active, error) {
	f, err := f.Complete()
	if err != nil {
		return nil, err
	}
	if f.Owner() != s.service {
		return nil, fmt.Errorf("%s happens in %s, not in %s", f.Name, f.Owner(), s.service)
	}
	a := &Active{Fault: f, set: s, chosen: map[string]bool{}, once: map[string]bool{}, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = append(s.active, a)
	close(s.changed)
	s.changed = make(chan struct{})
	if f.ForMS > 0 {
		a.timer = time.AfterFunc(time.Duration(f.ForMS)*time.Millisecond, func() { s.end(a) })
	}
	return a, nil
}

// Clear ends all faults.
func (s *Set) Clear() {
	s.mu.Lock()
	standing := slices.Clone(s.active)
	s.mu.Unlock()
	for _, a := range standing {
		s.end(a)
	}
}

func (s *Set) end(a *Active) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.active, a)
	if i < 0 {
		return
	}
	s.active = slices.Delete(s.active, i, i+1)
	if a.timer != nil {
		a.timer.Stop()
	}
	close(a.done)
}

// Changed is closed when the next fault begins.
func (s *Set) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Strikes returns the fault that strikes this order here and now, or nil. A
// fault for the next order chooses it by this, and stays with those it chose.
func (s *Set) Strikes(name, mode, queue, order string) *Active {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.active {
		if a.is(name, mode, queue) && a.wantsLocked(order) {
			s.hitLocked(a, order)
			return a
		}
	}
	return nil
}

// Standing returns a fault that concerns no single order, or nil.
func (s *Set) Standing(name, mode, queue string) *Active {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.active {
		if a.is(name, mode, queue) {
			return a
		}
	}
	return nil
}

// Active lists what stands, and Hits whom it has struck.
func (s *Set) Active() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Fault{}
	for _, a := range s.active {
		out = append(out, a.Fault)
	}
	return out
}

// Hits lists the orders that were struck, the oldest first.
func (s *Set) Hits() []Hit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Hit{}, s.hits...)
}

func (s *Set) hitLocked(a *Active, order string) {
	if a.chosen[order] {
		return
	}
	a.chosen[order] = true
	hit := Hit{Fault: a.Name, Mode: a.Mode, Order: order, Service: s.service, AtMS: time.Now().UnixMilli()}
	s.hits = append(s.hits, hit)
	if len(s.hits) > maxHits {
		s.hits = slices.Delete(s.hits, 0, 1)
	}
	s.record(hit)
}

func (a *Active) is(name, mode, queue string) bool {
	return a.Name == name && a.Mode == mode && (queue == "" || a.Queue == queue)
}

func (a *Active) wantsLocked(order string) bool {
	switch a.Order {
	case "all":
		return true
	case "next":
		return a.chosen[order] || len(a.chosen) < a.Count
	}
	return a.Order == order
}
