package report

import (
	"context"
	"fmt"
	"time"
)

// Comparison sets a metric in Prometheus beside what the shop's own database says.
type Comparison struct {
	What       string  `json:"what"`
	Query      string  `json:"query"`
	Prometheus float64 `json:"prometheus"`
	Shop       float64 `json:"shop"`
	Agrees     bool    `json:"agrees"`
}

// CheckMetrics compares the order metrics with the shop's database, when no order moves any more. It asks again for a
// while, until all agree, because metrics arrive seconds after what they count.
func (r *Report) CheckMetrics(ctx context.Context, s Sources, limit time.Duration) error {
	for end := time.Now().Add(limit); ; {
		all, err := compare(ctx, s)
		if err != nil {
			return err
		}
		r.Metrics = all
		wrong := disagreements(all)
		if len(wrong) == 0 {
			return nil
		}
		if time.Now().After(end) {
			r.Complaints = append(r.Complaints, wrong...)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func disagreements(all []Comparison) (wrong []string) {
	for _, c := range all {
		if !c.Agrees {
			wrong = append(wrong, fmt.Sprintf("%s: Prometheus says %g, the shop %g (%s)", c.What, c.Prometheus, c.Shop, c.Query))
		}
	}
	return wrong
}

func compare(ctx context.Context, s Sources) ([]Comparison, error) {
	orders, err := s.Shop.Orders(ctx)
	if err != nil {
		return nil, err
	}
	r := &Report{Orders: orders}
	for _, m := range []struct {
		what, query string
		shop        int
	}{
		{"orders started", `order_started_total{flow="order"}`, orders.Created},
		{"orders closed", `order_finished_total{flow="order",end="good"}`, orders.Closed},
		{"orders cancelled", `order_finished_total{flow="order",end="neutral"}`, orders.Cancelled},
		{"orders in flight", `order_in_flight{flow="order"}`, orders.Open},
		{"order durations measured", `histogram_count(order_duration_seconds{flow="order",end="good"})`, orders.Closed},
	} {
		c := Comparison{What: m.what, Query: "sum(" + m.query + ")", Shop: float64(m.shop)}
		if c.Prometheus, err = s.Prometheus.Sum(ctx, c.Query); err != nil {
			return nil, err
		}
		c.Agrees = c.Prometheus == c.Shop
		r.Metrics = append(r.Metrics, c)
	}
	return r.Metrics, nil
}
