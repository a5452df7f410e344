package report

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// Coverage says how well Jaeger knows the orders of a random sample.
type Coverage struct {
	Orders  int     `json:"orders"`
	Traces  int     `json:"traces"` // that the shop says belong to them
	Absent  int     `json:"traces_not_in_jaeger"`
	Spans   int     `json:"spans"`
	Right   int     `json:"spans_with_the_right_order_id"`
	Wrong   int     `json:"spans_with_another_order_id"`
	Share   float64 `json:"share_right"`
	Session float64 `json:"share_with_session_id"`
	// Bare counts the spans without an order id by service and name, to find who does not teach.
	Bare    map[string]int  `json:"spans_without,omitempty"`
	Samples []OrderCoverage `json:"samples"`

	sessions int // spans with a session id
}

// OrderCoverage is one order of the sample.
type OrderCoverage struct {
	OrderID string `json:"order_id"`
	Traces  int    `json:"traces"`
	Spans   int    `json:"spans"`
	Right   int    `json:"right"`
}

// leastShare is the promise. The collector holds spans for seconds until something of their trace, or of the trace that
// they link to, names the order; what arrives later still stays bare.
const leastShare = 0.99

// CheckCoverage compares Jaeger with the shop's ground truth for n orders chosen at random.
func (r *Report) CheckCoverage(ctx context.Context, s Sources, n int) error {
	truth, err := s.Shop.GroundTruth(ctx)
	if err != nil {
		return err
	}
	orders := make([]string, 0, len(truth))
	for order := range truth {
		orders = append(orders, order)
	}
	rand.Shuffle(len(orders), func(i, j int) { orders[i], orders[j] = orders[j], orders[i] })
	orders = orders[:min(n, len(orders))]
	c := Coverage{Orders: len(orders), Bare: map[string]int{}}
	for _, order := range orders {
		if err := c.look(ctx, s, order, truth[order]); err != nil {
			return err
		}
	}
	c.Share, c.Session = share(c.Right, c.Spans), share(c.sessions, c.Spans)
	r.Coverage = c
	if c.Orders < n {
		r.Complain("only %d orders to sample, not %d", c.Orders, n)
	}
	if c.Absent > 0 {
		r.Complain("%d of %d traces of the sampled orders are not in Jaeger", c.Absent, c.Traces)
	}
	if c.Wrong > 0 {
		r.Complain("%d spans carry the id of another order", c.Wrong)
	}
	if c.Share < leastShare {
		r.Complain("%.1f %% of the sampled orders' spans carry the order id, less than %.0f %%", 100*c.Share, 100*leastShare)
	}
	return nil
}

// look reads all traces of one order.
func (c *Coverage) look(ctx context.Context, s Sources, order string, ids []string) error {
	one := OrderCoverage{OrderID: order, Traces: len(ids)}
	for _, id := range ids {
		traces, err := s.Jaeger.Trace(ctx, id)
		if err != nil {
			return err
		}
		spans := ask.Spans(traces)
		if len(spans) == 0 {
			c.Absent++
		}
		for _, span := range spans {
			one.Spans++
			if span.Attr("session.id") != "" {
				c.sessions++
			}
			switch span.Attr("order.id") {
			case order:
				one.Right++
			case "":
				c.Bare[span.Service()+" "+span.Name()]++
			default:
				c.Wrong++
			}
		}
	}
	c.Traces, c.Spans, c.Right = c.Traces+one.Traces, c.Spans+one.Spans, c.Right+one.Right
	c.Samples = append(c.Samples, one)
	return nil
}

// WaitForTraces returns once every trace that the shop says belongs to an order is in Jaeger, or at the limit.
func WaitForTraces(ctx context.Context, s Sources, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	arrived := map[string]bool{}
	for {
		truth, err := s.Shop.GroundTruth(ctx)
		if err != nil {
			return err
		}
		absent := 0
		for _, ids := range truth {
			for _, id := range ids {
				if arrived[id] {
					continue
				}
				trace, err := s.Jaeger.Trace(ctx, id)
				if err != nil {
					return err
				}
				if arrived[id] = trace.SpanCount() > 0; !arrived[id] {
					absent++
				}
			}
		}
		if absent == 0 && len(arrived) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d traces of orders did not reach Jaeger within %s", absent, limit)
		case <-time.After(time.Second):
		}
	}
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
