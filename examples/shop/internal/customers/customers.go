// Package customers drives the shop: seeded people and partners who place
// orders, watch them, approve prices, now and then cancel, and lose patience.
package customers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ordertrace/ordertrace/examples/shop/internal/order"
	"github.com/ordertrace/ordertrace/examples/shop/internal/people"
)

// Config is what the flags say; see examples/shop/README.md.
type Config struct {
	Seed     uint64
	Rate     float64
	Orders   int
	Duration time.Duration
	Patience time.Duration
	Pace     float64
	Cancel   float64
}

// Check says what is wrong with the flags.
func (c Config) Check() error {
	var errs []error
	if c.Rate <= 0 || c.Rate > 1000 {
		errs = append(errs, errors.New("--rate must be above 0 and at most 1000"))
	}
	if c.Orders < 0 || c.Duration < 0 {
		errs = append(errs, errors.New("--orders and --duration must not be negative"))
	}
	if c.Patience <= 0 || c.Pace <= 0 {
		errs = append(errs, errors.New("--patience and --pace must be positive"))
	}
	if c.Cancel < 0 || c.Cancel > 1 {
		errs = append(errs, errors.New("--cancel is a share, from 0 to 1"))
	}
	return errors.Join(errs...)
}

// Result counts how it went.
type Result struct {
	Name      string   `json:"name"`
	Placed    int      `json:"placed"`
	Refused   int      `json:"refused"`
	Closed    int      `json:"closed"`
	Cancelled int      `json:"cancelled"`
	GivenUp   []string `json:"given_up"` // orders that did not end within the customer's patience
	Stopped   int      `json:"stopped"`  // still on their way when we were told to stop
}

// maxOpen bounds the customers who wait at once; beyond it new ones queue up.
const maxOpen = 500

// Shop is the shop as customers see it.
type Shop interface {
	Place(ctx context.Context, p Purchase) (id string, err error)
	Status(ctx context.Context, p Purchase, id string) (order.Status, error)
	Approve(ctx context.Context, p Purchase, id string) error
	Cancel(ctx context.Context, p Purchase, id string) error
	List(ctx context.Context, p Purchase) error
}

// Purchase is all that the seed decides about one order.
type Purchase struct {
	people.Person
	Partner  bool
	Cancels  bool
	Lists    bool
	Material string
	Note     string
	Callback string // of a partner, with a password in it
	Radius   float64
	Segments int
	Secrets  []people.Planted
}

// New decides about the n-th purchase, whatever happened to the others.
func New(cfg Config, n int) Purchase {
	r := rand.New(rand.NewPCG(cfg.Seed, uint64(n))) // to be repeatable, not secret; n is a count
	p := Purchase{
		Person:  people.New(r),
		Partner: r.IntN(5) == 0, Cancels: r.Float64() < cfg.Cancel, Lists: r.IntN(8) == 0,
		Material: []string{"silver", "gold", "platinum"}[r.IntN(3)],
		Radius:   7 + 4*r.Float64(), Segments: 24 + r.IntN(72),
	}
	p.Secrets = p.Planted()
	p.Note = note(r, p.Person)
	if p.Partner {
		secret := people.Secret(r)
		p.Callback = "https://partner:" + secret + "@hooks.example/orders"
		p.Secrets = append(p.Secrets, people.Planted{Kind: "password", Value: secret})
	}
	return p
}

// note is what people write into a free field.
func note(r *rand.Rand, p people.Person) string {
	switch r.IntN(4) {
	case 0:
		return "please charge " + p.Card + ", not the other card"
	case 1:
		return "it is a surprise: do not write to " + p.Email + ", call " + p.Phone
	case 2:
		return "engrave inside; refunds to " + p.IBAN + "; questions to " + p.Phone
	default:
		return "as discussed by mail (" + p.Email + "), card on file " + p.Card
	}
}

// Run sends customers until their number or time is over, or ctx is done, and
// waits for those on their way.
func Run(ctx context.Context, cfg Config, shop Shop, planted func(people.Planted) error) (Result, error) {
	d := &driver{cfg: cfg, shop: shop, result: Result{Name: "customers", GivenUp: []string{}}}
	open := make(chan struct{}, maxOpen)
	ticker := time.NewTicker(time.Duration(float64(time.Second) / cfg.Rate))
	defer ticker.Stop()
	var over <-chan time.Time
	if cfg.Duration > 0 {
		over = time.After(cfg.Duration)
	}
	var all sync.WaitGroup
	err := func() error {
		for n := 0; cfg.Orders == 0 || n < cfg.Orders; n++ {
			p := New(cfg, n)
			for _, value := range p.Secrets { // written first: what is not listed cannot be searched for
				if err := planted(value); err != nil {
					return err
				}
			}
			select {
			case <-ctx.Done():
				return nil
			case <-over:
				return nil
			case open <- struct{}{}:
			}
			all.Add(1)
			go func() {
				defer all.Done()
				d.live(ctx, p)
				<-open
			}()
			select {
			case <-ctx.Done():
				return nil
			case <-over:
				return nil
			case <-ticker.C:
			}
		}
		return nil
	}()
	all.Wait()
	return d.result, err
}

type driver struct {
	cfg  Config
	shop Shop

	mu     sync.Mutex // guards result
	result Result
}

func (d *driver) count(change func(*Result)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.result)
}

// live is one customer's way through the shop.
func (d *driver) live(ctx context.Context, p Purchase) {
	if p.Lists {
		_ = d.shop.List(ctx, p) // curiosity; whether it worked shows in the shop's own telemetry
	}
	id, err := d.shop.Place(ctx, p)
	if err != nil {
		d.count(func(r *Result) { r.Refused++ })
		return
	}
	d.count(func(r *Result) { r.Placed++ })
	patient, cancel := context.WithTimeout(ctx, d.cfg.Patience)
	defer cancel()
	end, err := d.follow(patient, p, id)
	d.count(func(r *Result) {
		switch {
		case err == nil && end == order.Closed:
			r.Closed++
		case err == nil:
			r.Cancelled++
		case ctx.Err() != nil:
			r.Stopped++
		default:
			r.GivenUp = append(r.GivenUp, id)
		}
	})
}

// follow watches an order to its end. Errors of the shop are met with patience.
func (d *driver) follow(ctx context.Context, p Purchase, id string) (order.Status, error) {
	decided := false
	for {
		status, err := d.shop.Status(ctx, p, id)
		if err == nil {
			if order.Ended(status) {
				return status, nil
			}
			if status == order.Priced && !decided {
				decided = d.decide(ctx, p, id) == nil
			}
		}
		wait := 800 * time.Millisecond
		if decided {
			wait = 1200 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("wait for order %s: %w", id, ctx.Err())
		case <-time.After(time.Duration(float64(wait) * d.cfg.Pace)):
		}
	}
}

func (d *driver) decide(ctx context.Context, p Purchase, id string) error {
	if p.Cancels {
		return d.shop.Cancel(ctx, p, id)
	}
	return d.shop.Approve(ctx, p, id)
}
